//! What an agent said and did in a call, as lines of text, a part at a time.

use std::io::{Seek as _, SeekFrom};
use std::path::PathBuf;

use serde::Serialize;

use crate::agent::{Saying, sayings};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::growing_lines::{Found, GrowingLines};
use crate::base::lines::DEFAULT_LINE_LIMIT;
use crate::base::regular;
use crate::base::text::{harmless, one_line};
use crate::lifecycle::Generator;
use crate::model::RunId;
use crate::record::recorder::TRANSCRIPT_FILE;

/// How much text a part has, in bytes: one line more at most.
const PART: usize = 64 << 10;
/// How much of one text is shown, in characters.
const TEXT: usize = 20_000;

/// A part of a transcript.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    /// The records of the call.
    pub(super) records: String,
    /// Its lines of text.
    pub(super) lines: Vec<String>,
    /// Where the next part begins; `None` where this is the last one by now.
    pub(super) next: Option<u64>,
}

/// Returns the part of a transcript that begins after so many bytes of its file.
///
/// # Errors
///
/// Of kind [`ErrorKind::Usage`] where `records` are not those of a call, of kind [`ErrorKind::NothingToDo`] where there are none, and
/// where they cannot be read.
pub(super) fn part(generator: &Generator, records: &str, after: u64) -> Result<Part> {
    let path = path_of(generator, records)?;
    let failed = || format!("cannot read `{}`", path.display());
    let mut file = match regular::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = format!("there is no transcript in `{}`", one_line(records, 200));
            let hint = "it was deleted, or belongs to a run that went on with the call";
            return Err(Error::new(ErrorKind::NothingToDo, message).hint(hint));
        }
        file => file.with_context(ErrorKind::Unexpected, failed)?,
    };
    let place = file
        .seek(SeekFrom::Start(after))
        .with_context(ErrorKind::Unexpected, failed)?;
    let mut lines = GrowingLines::new(file, DEFAULT_LINE_LIMIT);
    let mut part = Part {
        records: records.to_owned(),
        lines: Vec::new(),
        next: None,
    };
    let mut size = 0;
    while let Some(found) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
        let said = match found {
            Found::Line(line) => sayings(lines.bytes(line)).iter().flat_map(lines_of).collect(),
            Found::TooLong => vec![format!(
                "(a line of more than {} MiB is left out)",
                DEFAULT_LINE_LIMIT >> 20
            )],
        };
        size += said.iter().map(String::len).sum::<usize>();
        part.lines.extend(said);
        if size >= PART {
            part.next = Some(place + lines.offset());
            break;
        }
    }
    Ok(part)
}

/// Returns the lines of one thing that was said or done; each begins with what it is.
fn lines_of(saying: &Saying) -> Vec<String> {
    let (mark, text) = match saying {
        Saying::Text(text) => ("  ", text.clone()),
        Saying::ToolUse { name, summary } => return vec![format!("> {name} {summary}")],
        Saying::ToolResult { text, is_error: true } => ("! ", text.clone()),
        Saying::ToolResult { text, .. } => ("| ", text.clone()),
    };
    let shown: String = text.chars().take(TEXT).collect();
    let mut lines: Vec<String> = shown.lines().map(|line| format!("{mark}{}", harmless(line))).collect();
    if shown.len() < text.len() {
        lines.push(format!("{mark}(and more)"));
    }
    lines
}

/// Returns the transcript of a call by the name of its records, as tasks have it: `runs/RUN/NAME`. Nothing of the name leads out of
/// the folder of records.
fn path_of(generator: &Generator, records: &str) -> Result<PathBuf> {
    let is_plain = |name: &&str| {
        let mut bytes = name.bytes();
        !name.starts_with('.') && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    let parts: Vec<&str> = records.split('/').collect();
    let found = match parts.as_slice() {
        ["runs", run, name] if !name.is_empty() && is_plain(name) => RunId::parse(run).map(|run| (run, *name)),
        _ => None,
    };
    let (run, name) = found.ok_or_else(|| {
        let message = format!("`{}` are not the records of a call", one_line(records, 200));
        Error::new(ErrorKind::Usage, message).hint("tasks name them, as `runs/RUN/NAME`")
    })?;
    let runs = generator.state_dir().join("runs");
    Ok(runs.join(run.as_str()).join(name).join(TRANSCRIPT_FILE))
}
