//! What is said of gates.

use super::parts::{last_lines, short_id};
use crate::base::text::one_line;
use crate::record::event::EventKind;

/// Returns the line about a gate: its result, or the round that is to make it pass.
pub(super) fn of_gate(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::RoundStarted {
            task,
            round,
            of,
            gate,
            how,
            ..
        } => {
            let (gate, how) = (one_line(gate, 60), one_line(how, 300));
            format!("  {task}: fix round {round} of {of}: gate `{gate}` {how}.")
        }
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
        EventKind::GateEnded {
            task,
            gate,
            passed,
            output,
            ..
        } => {
            let gate = one_line(gate, 60);
            if *passed {
                return Some(format!("  {task}: gate `{gate}` passed."));
            }
            format!("  {task}: gate `{gate}` failed{}", last_lines(output, "    "))
        }
        EventKind::GateTried {
            gate,
            commit,
            passed,
            how,
            not_yet,
            output,
        } => {
            let (gate, at, how) = (one_line(gate, 60), short_id(commit.as_str()), one_line(how, 300));
            match (passed, not_yet) {
                (true, _) => format!("Gate `{gate}` passed on {at}, before any work."),
                (false, true) => format!("Gate `{gate}` does not pass yet, on {at}: {how}."),
                (false, false) => {
                    let text = format!(
                        "Warning: gate `{gate}` is red on {at}, before any work ({how}): only a task that makes it pass is merged"
                    );
                    text + &last_lines(output, "  ")
                }
            }
        }
        _ => return None,
    })
}
