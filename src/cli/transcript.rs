//! `transcript FILE...`: summarizes recorded stream-json.

mod document;
mod facts;
mod read;

use std::path::{Path, PathBuf};

use self::document::Document;
use self::facts::{reason, sum};
use self::read::Call;
use crate::base::error::{Result, exit};
use crate::base::text::{harmless, one_line};
use crate::cli::Context;
use crate::model::Usage;
use crate::record::recorder::TRANSCRIPT_FILE;
use crate::report::numbers;
use crate::report::output::Zone;
use crate::report::time::moment;

/// Summarizes recorded stream-json transcripts: outcome, usage, cost, limit.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TranscriptArgs {
    /// Recordings with one JSON object per line, or folders of calls (`runs/…`); `-` reads stdin
    ///
    /// Each is of one call. A name that begins with `runs/` is looked for in the repository's state folder, too, where
    /// runs keep their records. Give the calls of one session in the order in which they took place.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl TranscriptArgs {
    /// Runs the command. A recording that holds no event at all is reported, too: as a call that crashed.
    pub(super) fn execute(&self, context: &Context) -> Result<u8> {
        let files: Vec<PathBuf> = self.files.iter().map(|file| found(context, file)).collect();
        let calls = read::all(&context.directory, &files)?;
        if context.output.json {
            context.output.print_json(&Document::of(&calls))?;
        } else {
            context.output.print(&text(&calls, &context.output.zone))?;
        }
        Ok(exit::DONE)
    }
}

/// Returns the recording that a name refers to: itself, or that of a call in the state folder, by the name of its
/// records; a folder stands for the recording in it.
fn found(context: &Context, file: &Path) -> PathBuf {
    let here = context.directory.join(file);
    let of_state = || {
        let is_record = file.is_relative() && file.starts_with("runs") && !here.exists();
        // Outside of a repository there are no records: then the name stands for a file, which is missing.
        let state_dir = is_record.then(|| context.look().ok()).flatten()?.state_dir().join(file);
        state_dir.exists().then_some(state_dir)
    };
    let place = of_state().unwrap_or_else(|| file.to_owned());
    let inside = place.join(TRANSCRIPT_FILE);
    if context.directory.join(&inside).exists() {
        inside
    } else {
        place
    }
}

/// Returns the text for a person: one line for each fact, and only facts that are known; for several calls a block
/// each, and the sum.
fn text(calls: &[Call], zone: &Zone) -> String {
    if let [call] = calls {
        return facts(call, zone);
    }
    let file = |call: &Call| one_line(&call.file.display().to_string(), 200);
    let blocks = calls
        .iter()
        .map(|call| format!("{}\n{}", fact("file", &file(call)), facts(call, zone)));
    let (turns, usage) = sum(calls);
    let mut total = vec![fact("total", &format!("{} calls", calls.len()))];
    total.extend([
        fact("turns", &turns.to_string()),
        fact("tokens", &tokens(&usage)),
        fact("cost", &money(&usage)),
    ]);
    blocks.chain([total.join("\n")]).collect::<Vec<_>>().join("\n\n")
}

fn facts(call: &Call, zone: &Zone) -> String {
    let report = &call.report;
    let usage = report.usage;
    let mut lines = vec![fact("outcome", &outcome(call))];
    let mut known = |name: &str, value: Option<String>| lines.extend(value.map(|value| fact(name, &value)));
    known("fix", report.fix.as_deref().map(|fix| one_line(fix, 500)));
    known("session", report.session_id.clone());
    known("model", report.model.clone());
    known("client", report.client_version.clone());
    known("turns", Some(report.turns.to_string()));
    let reckoned = if report.estimated && usage.tokens() > 0 {
        " (estimated: the client did not report it)"
    } else {
        ""
    };
    known("tokens", Some(tokens(&usage)));
    known("cost", Some(money(&usage) + reckoned));
    known("resets", report.resets_at.map(|at| moment(at, &zone.0)));
    let answer = report.structured_output.as_ref();
    known("answer", answer.map(|answer| harmless(&answer.to_string())));
    known("result", report.result.as_deref().map(|text| one_line(text, 500)));
    let skipped = report.skipped_lines;
    let skipped = (skipped > 0).then(|| format!("{skipped} (lines that are not a known event)"));
    known("skipped", skipped);
    lines.join("\n")
}

fn outcome(call: &Call) -> String {
    let outcome = call.report.outcome;
    reason(call).map_or_else(|| outcome.to_string(), |reason| format!("{outcome} ({reason})"))
}

fn fact(name: &str, value: &str) -> String {
    format!("{name:<8} {value}")
}

fn money(usage: &Usage) -> String {
    format!("${:.4}", usage.cost_usd)
}

fn tokens(usage: &Usage) -> String {
    format!("{} ({})", usage.tokens(), numbers::kinds(usage))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use super::*;

    fn of(recording: &[u8]) -> Vec<Call> {
        vec![read::one(Path::new("recording.jsonl"), recording, &HashMap::new()).unwrap()]
    }

    #[test]
    fn the_document_has_the_names_of_the_contract() {
        let calls = of(include_bytes!("../../tests/data/transcripts/schema.jsonl"));
        let document = serde_json::to_value(Document::of(&calls)).unwrap();
        let expect = serde_json::json!({
            "outcome": "success",
            "session_id": "064a6f7c-f05e-4739-bb20-4186f3e9b2c7",
            "model": "claude-opus-5-5",
            "turns": 2,
            "usage": {"input": 120, "cache_write": 30, "cache_read": 900, "output": 40, "cost_usd": 0.00161, "calls": 1},
            "cost_usd": 0.00161,
            "resets_at": null,
            "reason": null,
            "mend": null,
            "estimated": false,
            "skipped": 0,
            "result": "{\"tasks\":[{\"title\":\"Add parser\"}]}",
            "structured_output": {"tasks": [{"title": "Add parser"}]},
            "client_version": "2.1.329",
        });
        assert_eq!(document, expect);
    }

    #[test]
    fn a_person_reads_what_is_known() {
        let calls = of(include_bytes!("../../tests/data/transcripts/rate_limited.jsonl"));
        insta::assert_snapshot!(text(&calls, &Zone::default()), @r"
        outcome  limited (You've hit your 5-hour limit · resets 10:30am (UTC))
        session  fe77bb27-b2da-472a-b4c4-f51dec1c90d4
        model    claude-sonnet-5-5
        client   2.1.329
        turns    1
        tokens   0 (input 0, cache write 0, cache read 0, output 0)
        cost     $0.0000
        resets   2026-11-21 10:30:35
        result   You've hit your 5-hour limit · resets 10:30am (UTC)
        ");
        let refused = of(include_bytes!("../../tests/data/transcripts/auth_failed.jsonl"));
        insta::assert_snapshot!(text(&refused, &Zone::default()), @r"
        outcome  permanent (Failed to authenticate. API Error: 401 OAuth token has expired)
        fix      log in again (`claude setup-token` prints a token for `container.env`), or set a valid API key there
        session  2c8a9d93-05cb-44bf-b1f8-ae0e15619303
        model    claude-sonnet-5-5
        client   2.1.329
        turns    1
        tokens   0 (input 0, cache write 0, cache read 0, output 0)
        cost     $0.0000
        result   Failed to authenticate. API Error: 401 OAuth token has expired
        ");
        let nothing = of(b"garbage\n");
        insta::assert_snapshot!(text(&nothing, &Zone::default()), @r"
        outcome  crashed (it holds no event: is it a stream-json recording?)
        turns    0
        tokens   0 (input 0, cache write 0, cache read 0, output 0)
        cost     $0.0000
        skipped  1 (lines that are not a known event)
        ");
    }
}
