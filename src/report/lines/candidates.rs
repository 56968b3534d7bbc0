//! The lines about candidates of an attempt.

use crate::base::text::{one_line, sentence};
use crate::issues::attempt::Outcome;
use crate::record::event::CandidateEnded;

/// Returns how a candidate ended. That of the one which the attempt is like follows with the attempt's end.
pub(super) fn line(event: &CandidateEnded) -> String {
    let CandidateEnded {
        task,
        candidate,
        chosen,
        outcome,
        reason,
        score,
        changed,
        ..
    } = event;
    let facts = score.map(|score| format!("score {score}"));
    let facts: Vec<_> = facts.into_iter().chain(changed.map(|stat| stat.to_string())).collect();
    let facts = if facts.is_empty() {
        String::new()
    } else {
        format!(" ({})", facts.join(", "))
    };
    let said = match (chosen, reason.as_str()) {
        (true, _) => "taken".to_owned(),
        (false, _) if *outcome == Outcome::NotChosen => outcome.to_string(),
        (false, "") => outcome.to_string(),
        (false, reason) => format!("{outcome}: {}", one_line(reason, 300)),
    };
    sentence(&format!("  {task}.{candidate}: {said}{facts}"))
}
