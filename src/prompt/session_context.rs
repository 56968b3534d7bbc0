//! The variables of the prompts of a session that goes on.

use serde_json::{Value, json};

pub(super) fn fix_round_values(attempt: u32, failed: &str) -> Value {
    json!({"attempt": attempt, "failed": failed})
}

pub(super) fn continuation_values(attempt: u32, failed: Option<&str>, remarks: &[String]) -> Value {
    json!({"attempt": attempt, "failed": failed, "remarks": remarks})
}

pub(super) fn answered_values(attempt: u32, said: &[String]) -> Value {
    json!({"attempt": attempt, "said": said})
}

pub(super) fn red_gate_values(
    (gate, how): (&str, &str),
    output: &str,
    (interrupted, onto_newer): (bool, bool),
) -> Value {
    json!({"gate": gate, "how": how, "output": output, "interrupted": interrupted, "onto_newer": onto_newer})
}

pub(super) fn failed_values(how: &str, output: &str) -> Value {
    json!({"how": how, "output": output})
}

pub(super) fn empty_proof_values(proof: &str) -> Value {
    json!({"proof": proof})
}

pub(super) fn earlier_work_values(attempt: &str, conflict: Option<(&str, &str)>) -> Value {
    let (how, sides) = conflict.unzip();
    json!({"attempt": attempt, "how": how, "conflict": sides})
}

pub(super) fn ends_soon_values(share: u8, how: &str) -> Value {
    json!({"share": share, "how": how})
}
