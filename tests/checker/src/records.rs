//! The records of runs: events, and the calls' transcripts.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Outcome;

/// The record of one run.
pub(crate) struct Run {
    pub(crate) name: String,
    /// Each event with its fields, `type` among them, oldest first.
    pub(crate) events: Vec<Value>,
    /// The lines that do not parse, by number; a last one that a crash cut short is none.
    pub(crate) unreadable: Vec<usize>,
    /// The folders of its calls that have a transcript.
    pub(crate) calls: Vec<PathBuf>,
}

/// Reads the records of all runs of a state folder, in the order in which they began.
pub(crate) fn runs(state: &Path) -> Outcome<Vec<Run>> {
    let entries = match fs::read_dir(state.join("runs")) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("cannot list the runs: {error}").into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        if folder.is_dir() {
            found.push(run(&folder)?);
        }
    }
    let began = |run: &Run| run.events.first().map(|event| event["at"].to_string());
    found.sort_by_key(|run| (began(run), run.name.clone()));
    Ok(found)
}

fn run(folder: &Path) -> Outcome<Run> {
    let path = folder.join("events.jsonl");
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("`{}`: {error}", path.display()).into()),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let (mut events, mut unreadable) = (Vec::new(), Vec::new());
    for (index, line) in whole.lines().enumerate() {
        match serde_json::from_str::<Value>(line) {
            Ok(header) if index == 0 && header["format"].is_u64() => {}
            Ok(mut event) if event["event"]["type"].is_string() => {
                let mut fields = event["event"].take();
                fields["at"] = event["at"].take();
                events.push(fields);
            }
            _ => unreadable.push(index + 1),
        }
    }
    let mut calls = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join("transcript.jsonl").is_file() {
            calls.push(path);
        }
    }
    calls.sort();
    Ok(Run {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        events,
        unreadable,
        calls,
    })
}

/// Counts of tokens: read, written to the cache, read from it, produced.
pub(crate) type Tokens = [u64; 4];

/// What an agent said that a call used.
pub(crate) struct Served {
    /// Its messages, each counted once.
    pub(crate) messages: usize,
    /// What they used together. Of a message that was cut short, what it produced is not known.
    pub(crate) sum: Tokens,
    /// What the last result line counts, if there is one with a count.
    pub(crate) result: Option<Tokens>,
}

/// Adds up what a transcript shows.
pub(crate) fn served(transcript: &Path) -> Outcome<Served> {
    let bytes = fs::read(transcript).map_err(|error| format!("`{}`: {error}", transcript.display()))?;
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut messages = BTreeMap::new();
    let mut result = None;
    for line in lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        let message = &line["message"];
        let of_a_model = message["model"].as_str().is_some_and(|model| model != "<synthetic>");
        match line["type"].as_str() {
            Some("assistant") if of_a_model && line["parent_tool_use_id"].is_null() => {
                messages.insert(message["id"].to_string(), tokens_of_api(&message["usage"]));
            }
            Some("result") => result = Some(tokens_of_api(&line["usage"])).filter(|tokens| *tokens != [0; 4]),
            _ => {}
        }
    }
    let mut sum = [0; 4];
    for tokens in messages.values() {
        sum = added(sum, *tokens);
    }
    Ok(Served {
        messages: messages.len(),
        sum,
        result,
    })
}

/// Tokens as the model's API counts them.
fn tokens_of_api(usage: &Value) -> Tokens {
    let names = [
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
    ];
    names.map(|name| usage[name].as_u64().unwrap_or_default())
}

/// Tokens as the ledger counts them.
pub(crate) fn tokens(usage: &Value) -> Tokens {
    ["input", "cache_write", "cache_read", "output"].map(|name| usage[name].as_u64().unwrap_or_default())
}

pub(crate) fn added(one: Tokens, other: Tokens) -> Tokens {
    let mut sum = one;
    for (sum, more) in sum.iter_mut().zip(other) {
        *sum += more;
    }
    sum
}
