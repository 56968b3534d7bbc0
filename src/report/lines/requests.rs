//! The lines about what other processes requested of a run, and what its agents ask of people.

use crate::base::text::one_line;
use crate::record::event::{EventKind, PersonSaid, QuestionAsked, StopRequested};

/// Returns the line about what an agent asks; why its task is held says the question in short.
pub(super) fn question(asked: &QuestionAsked) -> String {
    let task = &asked.task;
    format!("  {task}: `cordwainer issues answer {task} TEXT` answers it, and the next run goes on with that.")
}

/// Returns the line about what another process requested.
pub(super) fn line(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::RunPaused { at_work: 0 } => {
            "Paused by `cordwainer runs pause`; `cordwainer runs resume` lets the run go on.".to_owned()
        }
        EventKind::RunPaused { at_work } => {
            let at_work = match at_work {
                1 => "what is in progress comes to its end".to_owned(),
                more => format!("the {more} tasks in progress come to their end"),
            };
            format!("Pausing, as requested by `cordwainer runs pause`: nothing new begins, and {at_work}.")
        }
        EventKind::Reloaded { keys } => {
            let keys: Vec<_> = keys.iter().map(|key| format!("`{}`", one_line(key, 100))).collect();
            format!("Reloaded the configuration: {}.", keys.join(", "))
        }
        EventKind::PersonSaid(PersonSaid { call, text }) => format!("  {call}: you said: {}", one_line(text, 300)),
        EventKind::StopRequested(StopRequested { now: false }) => {
            "Stopping, as requested by `cordwainer runs stop`: nothing new begins, and what is in progress has \
             `stop_grace` before its session is suspended."
                .to_owned()
        }
        EventKind::StopRequested(StopRequested { now: true }) => {
            "Stopping, as requested by `cordwainer runs stop --now`: what is in progress is suspended now.".to_owned()
        }
        _ => return None,
    })
}
