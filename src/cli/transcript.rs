//! `transcript FILE`: what a recorded stream-json amounts to.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::agent::{CallOutcome, CallReport, Ending, Transcript, Usage};
use crate::cli::{Common, Context};
use crate::error::{Context as _, ErrorKind, Result, exit};
use crate::text::{harmless, one_line};

/// Says what a recorded stream-json amounts to: outcome, usage, cost, limit.
#[derive(Clone, Debug, clap::Args)]
pub struct TranscriptArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// The recording, one JSON object a line; `-` is stdin.
    file: PathBuf,
}

impl TranscriptArgs {
    /// Runs the command. A recording that holds no event at all is a report, too: it crashed.
    pub(super) fn execute(&self, context: &Context) -> Result<u8> {
        let report = if self.file == Path::new("-") {
            read(std::io::stdin().lock())
        } else {
            let path = context.directory.join(&self.file);
            File::open(path).and_then(|file| read(BufReader::new(file)))
        };
        let report = report.with_context(ErrorKind::Usage, || {
            format!("cannot read the transcript `{}`", self.file.display())
        })?;
        if context.json {
            context.print_json(&Document::of(&report))?;
        } else {
            context.print(&sentences(&report))?;
        }
        Ok(exit::DONE)
    }
}

fn read(mut source: impl BufRead) -> std::io::Result<CallReport> {
    let mut transcript = Transcript::new();
    let mut line = Vec::new();
    while source.read_until(b'\n', &mut line)? > 0 {
        transcript.push_line(&line);
        line.clear();
    }
    Ok(transcript.finish(&Ending::of_recording()))
}

/// The JSON contract of `transcript --json`.
#[derive(Serialize)]
struct Document<'a> {
    outcome: CallOutcome,
    session_id: Option<&'a str>,
    model: Option<&'a str>,
    turns: u32,
    usage: Usage,
    cost_usd: f64,
    resets_at: Option<Timestamp>,
    result: Option<&'a str>,
    structured_output: Option<&'a serde_json::Value>,
    client_version: Option<&'a str>,
}

impl<'a> Document<'a> {
    fn of(report: &'a CallReport) -> Self {
        Self {
            outcome: report.outcome,
            session_id: report.session_id.as_deref(),
            model: report.model.as_deref(),
            turns: report.turns,
            usage: report.usage,
            cost_usd: report.usage.cost_usd,
            resets_at: report.resets_at,
            result: report.result.as_deref(),
            structured_output: report.structured_output.as_ref(),
            client_version: report.client_version.as_deref(),
        }
    }
}

/// The same for a person: one line a fact, and only facts that are known.
fn sentences(report: &CallReport) -> String {
    let usage = report.usage;
    let mut lines = vec![if report.reason.is_empty() {
        format!("outcome  {}", report.outcome)
    } else {
        format!("outcome  {} ({})", report.outcome, report.reason)
    }];
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(format!("{name:<8} {value}"));
        }
    };
    fact("session", report.session_id.clone());
    fact("model", report.model.clone());
    fact("client", report.client_version.clone());
    fact("turns", Some(report.turns.to_string()));
    fact(
        "tokens",
        Some(format!(
            "{} (input {}, cache write {}, cache read {}, output {})",
            usage.tokens(),
            usage.input,
            usage.cache_write,
            usage.cache_read,
            usage.output
        )),
    );
    fact("cost", Some(format!("${:.4}", usage.cost_usd)));
    fact("resets", report.resets_at.map(|at| at.to_string()));
    fact(
        "answer",
        report
            .structured_output
            .as_ref()
            .map(|answer| harmless(&answer.to_string())),
    );
    fact("result", report.result.as_deref().map(|text| one_line(text, 500)));
    let skipped = report.skipped_lines;
    fact(
        "skipped",
        (skipped > 0).then(|| format!("{skipped} (lines that are no event known here)")),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(recording: &[u8]) -> CallReport {
        read(recording).unwrap()
    }

    #[test]
    fn the_document_has_the_names_of_the_contract() {
        let report = of(include_bytes!("../../tests/data/transcripts/schema.jsonl"));
        let document = serde_json::to_value(Document::of(&report)).unwrap();
        let expect = serde_json::json!({
            "outcome": "success",
            "session_id": "064a6f7c-f05e-4739-bb20-4186f3e9b2c7",
            "model": "claude-opus-5-5",
            "turns": 2,
            "usage": {"input": 120, "cache_write": 30, "cache_read": 900, "output": 40, "cost_usd": 0.00161, "calls": 1},
            "cost_usd": 0.00161,
            "resets_at": null,
            "result": "{\"tasks\":[{\"title\":\"Add parser\"}]}",
            "structured_output": {"tasks": [{"title": "Add parser"}]},
            "client_version": "2.1.329",
        });
        assert_eq!(document, expect);
    }

    #[test]
    fn a_person_reads_what_is_known() {
        let report = of(include_bytes!("../../tests/data/transcripts/rate_limited.jsonl"));
        insta::assert_snapshot!(sentences(&report), @r"
        outcome  limited (You've hit your 5-hour limit · resets 10:30am (UTC))
        session  fe77bb27-b2da-472a-b4c4-f51dec1c90d4
        model    claude-sonnet-5-5
        client   2.1.329
        turns    1
        tokens   0 (input 0, cache write 0, cache read 0, output 0)
        cost     $0.0000
        resets   2026-11-21T10:30:35Z
        result   You've hit your 5-hour limit · resets 10:30am (UTC)
        ");
        let nothing = of(b"garbage\n");
        insta::assert_snapshot!(sentences(&nothing), @r"
        outcome  crashed (no result line: nobody knows how it ended)
        turns    0
        tokens   0 (input 0, cache write 0, cache read 0, output 0)
        cost     $0.0000
        skipped  1 (lines that are no event known here)
        ");
    }
}
