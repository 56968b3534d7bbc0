//! What is reported to people and programs alike: the sum of several calls, and why a call ended as it did.

use super::read::Call;
use crate::model::Usage;

/// Turns and usage of all calls.
pub(super) fn sum(calls: &[Call]) -> (u32, Usage) {
    let turns = calls.iter().map(|call| call.report.turns);
    let usage = calls.iter().map(|call| call.report.usage).sum();
    (turns.fold(0, u32::saturating_add), usage)
}

/// Returns why the outcome is what it is; `None` for one that needs no reason.
pub(super) fn reason(call: &Call) -> Option<&str> {
    let reason = if call.begun {
        call.report.reason.as_str()
    } else {
        "it holds no event: is it a stream-json recording?"
    };
    (!reason.is_empty()).then_some(reason)
}
