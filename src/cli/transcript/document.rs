//! The JSON contract of `cordwainer transcript --json`.

use jiff::Timestamp;
use serde::Serialize;

use super::facts::{reason, sum};
use super::read::Call;
use crate::agent::CallOutcome;
use crate::model::Usage;

/// The summary of one recording, or of several in their order: figures are sums, everything else is the last one's.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    outcome: CallOutcome,
    session_id: Option<&'a str>,
    model: Option<&'a str>,
    turns: u32,
    usage: Usage,
    cost_usd: f64,
    resets_at: Option<Timestamp>,
    reason: Option<&'a str>,
    #[serde(rename = "mend")]
    fix: Option<&'a str>,
    /// Whether any of the figures are estimated.
    estimated: bool,
    /// Lines that are not an event known here.
    skipped: u64,
    result: Option<&'a str>,
    structured_output: Option<&'a serde_json::Value>,
    client_version: Option<&'a str>,
    /// One for each recording, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<Vec<Part<'a>>>,
}

/// One of several recordings.
#[derive(Serialize)]
struct Part<'a> {
    file: String,
    outcome: CallOutcome,
    session_id: Option<&'a str>,
    model: Option<&'a str>,
    turns: u32,
    usage: Usage,
    cost_usd: f64,
    resets_at: Option<Timestamp>,
    reason: Option<&'a str>,
    #[serde(rename = "mend")]
    fix: Option<&'a str>,
    estimated: bool,
    skipped: u64,
}

impl<'a> Document<'a> {
    /// Builds the document of recordings; `None` when there are none.
    pub(super) fn of(calls: &'a [Call]) -> Option<Self> {
        let last_call = calls.last()?;
        let last = &last_call.report;
        let (turns, usage) = sum(calls);
        Some(Self {
            outcome: last.outcome,
            session_id: last.session_id.as_deref(),
            model: last.model.as_deref(),
            turns,
            usage,
            cost_usd: usage.cost_usd,
            resets_at: last.resets_at,
            reason: reason(last_call),
            fix: last.fix.as_deref(),
            estimated: calls.iter().any(|call| call.report.estimated),
            skipped: calls.iter().map(|call| call.report.skipped_lines).sum(),
            result: last.result.as_deref(),
            structured_output: last.structured_output.as_ref(),
            client_version: last.client_version.as_deref(),
            calls: (calls.len() > 1).then(|| calls.iter().map(Part::of).collect()),
        })
    }
}

impl<'a> Part<'a> {
    fn of(call: &'a Call) -> Self {
        let report = &call.report;
        Self {
            file: call.file.display().to_string(),
            outcome: report.outcome,
            session_id: report.session_id.as_deref(),
            model: report.model.as_deref(),
            turns: report.turns,
            usage: report.usage,
            cost_usd: report.usage.cost_usd,
            resets_at: report.resets_at,
            reason: reason(call),
            fix: report.fix.as_deref(),
            estimated: report.estimated,
            skipped: report.skipped_lines,
        }
    }
}
