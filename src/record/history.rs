//! Reads back what runs recorded.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::regular;
use crate::model::RunId;
use crate::record::event::Event;

/// The format of `events.jsonl`: what its first line names. Files of versions before there was a format have no such
/// line.
pub const FORMAT: u32 = 11;

/// The first line of `events.jsonl`. A newer version may say more in it: what this one reads of it is the format.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The format of all lines after it.
    pub(crate) format: u32,
}

/// Reads the events of a run, oldest first; none where the run recorded nothing. A last line that a crash cut short is
/// left out.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`] when a newer version of cordwainer wrote the file, and of kind
/// [`ErrorKind::Unexpected`] when it cannot be read, or a line of it does not parse.
pub fn events(state_dir: &Path, run: &RunId) -> Result<Vec<Event>> {
    let path = state_dir.join("runs").join(run.as_str()).join("events.jsonl");
    let text = match regular::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", path.display()));
        }
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = whole.lines().enumerate().peekable();
    if let Some((_, first)) = lines.peek()
        && let Ok(Header { format }) = serde_json::from_str(first)
    {
        if format > FORMAT {
            let message = format!(
                "`{}` has format {format}, and this version reads {FORMAT}",
                path.display()
            );
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint("a newer version of cordwainer wrote it: use that version"));
        }
        lines.next();
    }
    let parse = |(number, line): (usize, &str)| {
        let place = || format!("cannot read line {} of `{}`", number + 1, path.display());
        serde_json::from_str(line).with_context(ErrorKind::Unexpected, place)
    };
    lines.map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"at":"2026-11-27T12:00:00Z","event":{"type":"warned","what":"x"}}"#;

    /// Reads a file with this content: returns how many events there are, or what is wrong with it.
    fn read(content: &str) -> Result<usize, String> {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("runs/one");
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("events.jsonl"), content).unwrap();
        let read = events(folder.path(), &RunId::parse("one").unwrap()).map(|events| events.len());
        read.map_err(|error| error.to_string().replace(&folder.path().display().to_string(), ""))
    }

    #[test]
    fn older_formats_are_read_and_newer_ones_refused() {
        let newer = FORMAT + 1;
        assert_eq!(read(""), Ok(0));
        assert_eq!(
            read(&format!("{EVENT}\n{EVENT}\n")),
            Ok(2),
            "a file from before there was a format"
        );
        assert_eq!(read(&format!("{{\"format\":1}}\n{EVENT}\n{EVENT}\n")), Ok(2));
        assert_eq!(
            read(&format!("{{\"format\":1}}\n{EVENT}\n{{\"at\":")),
            Ok(1),
            "cut short by a crash"
        );
        assert_eq!(
            read(&format!("{{\"format\":{newer}}}\n{EVENT}\n")),
            Err(format!(
                "`/runs/one/events.jsonl` has format {newer}, and this version reads {FORMAT}"
            ))
        );
        assert_eq!(
            read(&format!("{{\"format\":1}}\n{EVENT}\nx\n")),
            Err("cannot read line 3 of `/runs/one/events.jsonl`".to_owned())
        );
    }
}
