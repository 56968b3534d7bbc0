//! The lines about gates, reviews and stages.

use super::parts::{last_lines, short_id};
use crate::base::text::one_line;
use crate::model::IssueId;
use crate::record::event::{CheckKind, EventKind, GateFlaked, MergeJudged, StageEnded, TestCounts, Verdict};
use crate::report::tone::Tone;

/// Returns the tone of the line about a gate.
pub(super) fn tone(event: &EventKind) -> Option<Tone> {
    match event {
        EventKind::GateTried {
            passed,
            not_yet,
            verdict,
            ..
        } => match (passed, not_yet) {
            (true, _) => Some(Tone::Good),
            (false, true) => None,
            (false, false) if *verdict == Some(Verdict::StillFailing) => None,
            (false, false) => Some(Tone::Warning),
        },
        EventKind::GateEnded { passed: true, .. }
        | EventKind::ReviewEnded { passed: true, .. }
        | EventKind::StageEnded(StageEnded { passed: true, .. }) => Some(Tone::Good),
        EventKind::GateEnded {
            verdict: Some(Verdict::NotYet | Verdict::StillFailing),
            ..
        } => None,
        EventKind::GateEnded { advisory: true, .. }
        | EventKind::StageEnded(StageEnded { required: false, .. })
        | EventKind::GateFlaked(_) => Some(Tone::Warning),
        EventKind::MergeJudged(judged) => Some(if judged.passed { Tone::Good } else { Tone::Warning }),
        EventKind::GateEnded { not_yet: None, .. } | EventKind::ReviewEnded { .. } | EventKind::StageEnded(_) => {
            Some(Tone::Bad)
        }
        _ => None,
    }
}

/// Returns the line about the result of a gate, or about the round that is to make it pass.
pub(super) fn line(event: &EventKind) -> Option<String> {
    match event {
        EventKind::RoundStarted {
            task,
            candidate,
            round,
            of,
            by,
            gate,
            how,
            onto,
            ..
        } => {
            let (gate, how) = (one_line(gate, 60), one_line(how, 300));
            let task = named(task, *candidate);
            let what = match by {
                CheckKind::Gate => format!("gate `{gate}`"),
                CheckKind::Review | CheckKind::Merge => by.subject(&gate),
            };
            Some(match onto {
                None => format!("  {task}: fix round {round} of {of}: {what} {how}."),
                Some(_) if *by == CheckKind::Merge => {
                    format!("  {task}: conflict round {round} of {of}: {what} {how}.")
                }
                Some(_) => format!("  {task}: conflict round {round} of {of}: with newer work {what} {how}."),
            })
        }
        EventKind::ReviewEnded {
            task,
            candidate,
            number,
            passed,
            how,
            weightiest,
            ..
        } => Some(reviewed((&named(task, *candidate), *number), *passed, how, weightiest)),
        EventKind::StageEnded(event) => Some(stage_ended(event)),
        EventKind::GateEnded { .. } => ended(event),
        EventKind::GateTried { .. } => tried(event),
        EventKind::GateFlaked(event) => Some(flaked(event)),
        EventKind::MergeJudged(event) => Some(judged_together(event)),
        _ => None,
    }
}

/// Returns the line about a stage of the project's own.
fn stage_ended(event: &StageEnded) -> String {
    let (stage, how) = (one_line(&event.stage, 60), one_line(&event.how, 400));
    let goes_on = if event.passed || event.required {
        ""
    } else {
        "; the work goes on without its changes"
    };
    let task = named(&event.task, event.candidate);
    format!("  {task}: stage `{stage}` {how}{goes_on}.")
}

/// Names a task, and the candidate of its attempt where it has several.
fn named(task: &IssueId, candidate: u32) -> String {
    match candidate {
        0 => task.to_string(),
        candidate => format!("{task}.{candidate}"),
    }
}

/// Returns the line about a review, and those of its weightiest findings.
fn reviewed((task, number): (&str, u32), passed: bool, how: &str, weightiest: &[String]) -> String {
    let passed = if passed { "passed" } else { "did not pass" };
    let mut text = format!("  {task}: review {number} {passed}: it {}.", one_line(how, 300));
    for finding in weightiest {
        text.push_str(&format!("\n    {}", one_line(finding, 300)));
    }
    text
}

fn ended(event: &EventKind) -> Option<String> {
    let EventKind::GateEnded {
        task,
        candidate,
        gate,
        passed,
        verdict,
        advisory,
        why,
        counts,
        not_yet,
        output,
        ..
    } = event
    else {
        return None;
    };
    let task = named(task, *candidate);
    let begins = format!("  {task}: gate `{}`", one_line(gate, 60));
    let why = one_line(why, 400);
    let counts = in_brackets(*counts);
    if *passed {
        let why = if why.is_empty() { why } else { format!(": {why}") };
        return Some(format!("{begins} passed{counts}{why}."));
    }
    if let Some(not_yet) = not_yet {
        return Some(format!("{begins} does not pass yet: {}.", one_line(not_yet, 300)));
    }
    let how = match verdict {
        Some(Verdict::StillFailing) => return Some(format!("{begins} is still failing: {why}.")),
        Some(Verdict::NotRun) => "could not be run",
        _ => "failed",
    };
    let advisory = if *advisory { ", which is advisory" } else { "" };
    // What its tests came to is not in its last lines; where there are none, nothing else says it.
    let why = if counts.is_empty() && !output.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    Some(format!("{begins} {how}{advisory}{why}{}", last_lines(output, "    ")))
}

/// Returns the line about a gate whose verdict depends on chance.
fn flaked(event: &GateFlaked) -> String {
    let GateFlaked {
        task,
        gate,
        how,
        trees,
        quarantine,
    } = event;
    let (gate, how) = (one_line(gate, 60), one_line(how, 300));
    let quarantine = match quarantine {
        Some(most) if trees >= most => "; it is in quarantine now, and advisory",
        _ => "",
    };
    format!(
        "  {task}: gate `{gate}` {how} with newer work, and passed when it ran again: its verdict depends on chance, as on \
         {trees} of its last trees{quarantine}."
    )
}

/// Returns the line about the work of several tasks that was judged together.
fn judged_together(MergeJudged { tasks, passed, how }: &MergeJudged) -> String {
    let names: Vec<_> = tasks.iter().map(ToString::to_string).collect();
    let names = names.join(", ");
    if *passed {
        return format!("  {names}: together with newer work, every gate lets them pass.");
    }
    format!(
        "  {names}: together with newer work, {}; they are judged in halves.",
        one_line(how, 300)
    )
}

fn tried(event: &EventKind) -> Option<String> {
    let EventKind::GateTried {
        gate,
        commit,
        passed,
        verdict,
        advisory,
        counts,
        how,
        not_yet,
        output,
    } = event
    else {
        return None;
    };
    let (gate, at, how) = (one_line(gate, 60), short_id(commit.as_str()), one_line(how, 300));
    if *passed {
        let counts = in_brackets(*counts);
        return Some(format!("Gate `{gate}` passed{counts} on {at}, before any work."));
    }
    if *not_yet {
        return Some(format!("Gate `{gate}` does not pass yet, on {at}: {how}."));
    }
    let red = format!("gate `{gate}` is red on {at}, before any work ({how})");
    Some(match (verdict, advisory) {
        (Some(Verdict::StillFailing), _) => {
            format!("Note: {red}: what failed may still fail, and nothing else.")
        }
        (_, true) => format!("Warning: {red}; it is advisory{}", last_lines(output, "  ")),
        (_, false) => format!(
            "Warning: {red}: only a task that makes it pass is merged{}",
            last_lines(output, "  ")
        ),
    })
}

/// Returns how many tests ended in which way, in brackets after a space; nothing where that is not reported.
fn in_brackets(counts: Option<TestCounts>) -> String {
    counts.map(|counts| format!(" ({counts})")).unwrap_or_default()
}
