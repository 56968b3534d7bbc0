//! The lasting lines: one for each thing done, the same on a terminal and in a pipe.

use std::time::Duration;

use crate::base::text::one_line;
use crate::issues::attempt::Outcome;
use crate::model::CommitId;
use crate::record::event::{EventKind, FiledTask};
use crate::report::numbers::{counted, duration, usage};
use crate::sandbox::guarantee::GuaranteeReport;

/// How much of a commit's id a person needs.
const SHORT_ID: usize = 10;

/// Returns the beginning of a commit's id.
pub(crate) fn short_id(id: &str) -> &str {
    &id[..SHORT_ID.min(id.len())]
}

/// Returns the lasting line of an event; `None` for one that only changes the live line.
pub(super) fn lasting(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::RunStarted {
            run,
            generation,
            engine,
            image,
        } => {
            format!("Run {run} on {generation}: {engine}, image {image}.")
        }
        EventKind::Recovered { what } => format!("Recovered: {what}."),
        EventKind::Warned { what } => format!("Warning: {what}."),
        EventKind::MeasureStarted { .. }
        | EventKind::MeasureRefused { .. }
        | EventKind::MeasureEnded { .. }
        | EventKind::MeasureFailed { .. } => of_measure(event)?,
        EventKind::TaskClaimed { task, title, attempt } => {
            format!("{task}: {}{}.", one_line(title, 100), nth_attempt(*attempt))
        }
        EventKind::SessionResumed { call, .. } => format!("  {call}: continuing its session."),
        EventKind::AgentSaid { call, text } => format!("  {call}: {}", one_line(text, 200)),
        EventKind::GateEnded { .. } | EventKind::GateTried { .. } => of_gate(event)?,
        EventKind::AttemptEnded { .. } => attempt_ended(event)?,
        EventKind::TaskHeld { task, reason } => format!("  {task}: held for a person: {}.", one_line(reason, 500)),
        EventKind::Paused { until, reason } => format!("Paused until {until}: {}.", one_line(reason, 300)),
        EventKind::PauseLifted { reason } => format!("Continuing: {}.", one_line(reason, 300)),
        EventKind::RunEnded {
            reason,
            merged,
            blocked,
            open,
            usage: used,
        } => format!(
            "Run ended: {}. {} merged, {blocked} held, {open} open; {}.",
            one_line(reason, 500),
            counted(usize::try_from(*merged).unwrap_or(usize::MAX), "task"),
            usage(used)
        ),
        EventKind::Sealed { .. } | EventKind::Denied { .. } | EventKind::MeterDiffered { .. } => {
            return of_gateway(event);
        }
        EventKind::Reached { .. }
        | EventKind::StepStarted { .. }
        | EventKind::AgentStarted { .. }
        | EventKind::ToolUsed { .. }
        | EventKind::AgentProgress { .. }
        | EventKind::AgentEnded { .. } => return None,
    })
}

/// Returns the lines about a measure.
fn of_measure(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::MeasureStarted { cycle } => format!("Measure {cycle}: asking for tasks."),
        EventKind::MeasureRefused { filed, problems } => {
            let rest = match filed.len() {
                0 => String::new(),
                count => format!("{} filed. ", counted(count, "task")),
            };
            format!(
                "  {rest}The answer has {}; asking once more:{}",
                counted(problems.len(), "problem"),
                bullets(problems)
            )
        }
        EventKind::MeasureEnded {
            filed,
            dropped,
            problems,
            usage: used,
        } => {
            let mut text = format!("  {} filed ({}).", counted(filed.len(), "task"), usage(used));
            for task in filed {
                text.push_str(&format!(
                    "
  + {}",
                    filed_task(task)
                ));
            }
            for one in dropped {
                text.push_str(&format!(
                    "\n  - dropped \"{}\": it repeats {}",
                    one_line(&one.title, 100),
                    one.repeats
                ));
            }
            if !problems.is_empty() {
                text.push_str(&format!("\n  Not filed:{}", bullets(problems)));
            }
            text
        }
        EventKind::MeasureFailed {
            reason,
            records,
            usage: used,
        } => {
            format!(
                "  Measure failed: {} ({}). The answer is kept in {records}.",
                one_line(reason, 1000),
                usage(used)
            )
        }
        _ => return None,
    })
}

/// Returns the line about the result of a gate.
fn of_gate(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::GateEnded {
            task,
            gate,
            not_yet: Some(why),
            ..
        } => format!(
            "  {task}: gate `{}` does not pass yet: {}.",
            one_line(gate, 60),
            one_line(why, 300)
        ),
        EventKind::GateEnded { task, gate, passed, .. } => {
            let said = if *passed { "passed" } else { "failed" };
            format!("  {task}: gate `{}` {said}.", one_line(gate, 60))
        }
        EventKind::GateTried {
            gate,
            commit,
            passed,
            how,
            not_yet,
        } => {
            let (gate, at, how) = (one_line(gate, 60), short_id(commit.as_str()), one_line(how, 300));
            match (passed, not_yet) {
                (true, _) => format!("Gate `{gate}` passed on {at}, before any work."),
                (false, true) => format!("Gate `{gate}` does not pass yet, on {at}: {how}."),
                (false, false) => format!(
                    "Warning: gate `{gate}` is red on {at}, before any work ({how}): only a task that makes it pass is merged."
                ),
            }
        }
        _ => return None,
    })
}

/// Returns how an attempt ended.
fn attempt_ended(event: &EventKind) -> Option<String> {
    let EventKind::AttemptEnded {
        task,
        outcome,
        reason,
        commit,
        changed,
        usage: used,
        seconds,
        ..
    } = event
    else {
        return None;
    };
    let changed = changed.filter(|_| *outcome == Outcome::Merged);
    let changed = changed.map(|stat| format!("{stat}, ")).unwrap_or_default();
    let time = duration(Duration::try_from_secs_f64(*seconds).unwrap_or_default());
    let said = outcome_line(*outcome, reason, commit.as_ref().map(CommitId::as_str));
    Some(format!("  {task}: {said} ({changed}{time}, {}).", usage(used)))
}

/// Returns what a gateway reports of its container.
fn of_gateway(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::Sealed { call, engine, report } => format!("  {call}: {}", weaker(engine, report)?),
        EventKind::Denied { call, what } => format!("  {call}: refused: {what}."),
        EventKind::MeterDiffered { call, client, gateway } => format!(
            "Warning: {call}: the client reports {}, and the model's API {}.",
            usage(client),
            usage(gateway)
        ),
        _ => return None,
    })
}

/// Returns what a container lacks; `None` where it lacks nothing.
fn weaker(engine: &str, report: &GuaranteeReport) -> Option<String> {
    if let Some(refusal) = report.refusal(engine) {
        return Some(format!("{refusal}."));
    }
    let relaxed: Vec<&str> = report.relaxed().map(|guarantee| guarantee.item.name()).collect();
    let names = relaxed.join("`, `");
    (!relaxed.is_empty()).then(|| format!("the container lacks `{names}`, which `container.relax` allows."))
}

fn bullets(problems: &[String]) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&format!(
            "
  ! {}",
            one_line(problem, 300)
        ));
    }
    text
}

fn filed_task(task: &FiledTask) -> String {
    let title = one_line(&task.title, 100);
    if task.depends_on.is_empty() {
        return format!("{}: {title}", task.id);
    }
    let waits: Vec<_> = task.depends_on.iter().map(ToString::to_string).collect();
    format!("{}: {title} (after {})", task.id, waits.join(", "))
}

fn nth_attempt(attempt: u32) -> String {
    if attempt == 1 {
        String::new()
    } else {
        format!(" (attempt {attempt})")
    }
}

fn outcome_line(outcome: Outcome, reason: &str, commit: Option<&str>) -> String {
    match (commit, reason) {
        (Some(commit), _) => format!("{outcome} as {}", short_id(commit)),
        (None, "") => outcome.to_string(),
        (None, reason) => format!("{outcome}: {}", one_line(reason, 500)),
    }
}
