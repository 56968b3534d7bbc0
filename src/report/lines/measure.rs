//! The lines about a measure.

use crate::base::text::{one_line, sentence};
use crate::record::event::{Action, Change, EventKind, FiledTask, MeasureFailed, ProposalsReviewed};
use crate::report::lines::groups;
use crate::report::numbers::{counted, usage};

/// Returns the lines about a measure.
pub(super) fn of_measure(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::MeasureStarted { cycle, group: None } => format!("Measure {cycle}: asking for tasks."),
        EventKind::MeasureStarted {
            cycle,
            group: Some(group),
        } => {
            format!("Measure {cycle}: asking for the tasks of the group `{group}`.")
        }
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
        EventKind::ProposalsReviewed(ProposalsReviewed {
            kept,
            changes,
            problems,
            ..
        }) => reviewed_proposals(*kept, changes, problems),
        EventKind::MeasureEnded {
            filed,
            dropped,
            problems,
            usage: used,
        } => {
            let mut text = format!("  {} filed ({}).", counted(filed.len(), "task"), usage(used));
            for task in filed {
                text.push_str(&format!("\n  + {}", filed_task(task)));
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
        EventKind::MeasurePlanned(planned) => {
            let tasks = counted(planned.tasks, "task");
            let mut text = format!("  {tasks} planned, and none filed ({}).", usage(&planned.usage));
            if !planned.problems.is_empty() {
                text.push_str(&format!("\n  Not planned:{}", bullets(&planned.problems)));
            }
            text
        }
        EventKind::MeasureFailed(failed) => of_failure(failed),
        _ => return groups::line(event),
    })
}

fn of_failure(failed: &MeasureFailed) -> String {
    let reason = format!("  Measure failed: {}", one_line(&failed.reason, 1000));
    let records = format!("`cordwainer transcript {}` shows what the agent did", failed.records);
    format!("{} {}; {records}.", sentence(&reason), usage(&failed.usage))
}

/// Returns the lines about a review of proposals.
fn reviewed_proposals(kept: usize, changes: &[Change], problems: &[String]) -> String {
    if !problems.is_empty() {
        return format!("  Their review came to nothing:{}", bullets(problems));
    }
    let mut text = format!("  Reviewed: {} as proposed.", counted(kept, "task"));
    for change in changes {
        let (mark, done) = match change.action {
            Action::Ok => continue,
            Action::Change => ("~", "changed"),
            Action::Split => ("~", "split"),
            Action::Drop => ("-", "dropped"),
            Action::Add => ("+", "added"),
        };
        let title = one_line(&change.title, 100);
        text.push_str(&format!("\n  {mark} {done} \"{title}\""));
        if change.action == Action::Split {
            let into: Vec<String> = change
                .into
                .iter()
                .map(|title| format!("\"{}\"", one_line(title, 100)))
                .collect();
            text.push_str(&format!(" into {}", into.join(", ")));
        }
        if !change.reason.is_empty() {
            text.push_str(&format!(": {}", one_line(&change.reason, 200)));
        }
    }
    text
}

pub(super) fn bullets(problems: &[String]) -> String {
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

pub(super) fn filed_task(task: &FiledTask) -> String {
    let title = one_line(&task.title, 100);
    if task.depends_on.is_empty() {
        return format!("{}: {title}", task.id);
    }
    let waits: Vec<_> = task.depends_on.iter().map(ToString::to_string).collect();
    format!("{}: {title} (after {})", task.id, waits.join(", "))
}
