//! Reads back what runs recorded.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, ErrorKind, Result};
use crate::model::RunId;
use crate::record::event::Event;
use crate::record::event_lines::{EventLine, EventLines, UnreadLine};

pub use crate::record::event_lines::FORMAT;

/// Reads the events of a run, oldest first; none where the run recorded nothing. A last line that a crash cut short is
/// left out.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`] when a newer version of cordwainer wrote the file, and of kind
/// [`ErrorKind::Unexpected`] when it cannot be read, or a line of it does not parse.
pub fn events(state_dir: &Path, run: &RunId) -> Result<Vec<Event>> {
    let path = events_of(state_dir, run);
    let mut events = Vec::new();
    let Some(mut lines) = EventLines::open(&path)? else {
        return Ok(events);
    };
    while let Some(line) = lines.next_event()? {
        match line {
            EventLine::Event(event, _) => events.push(*event),
            EventLine::Unreadable(UnreadLine { line, why }) => {
                let message = format!("cannot read line {line} of `{}`: it {why}", path.display());
                return Err(Error::new(ErrorKind::Unexpected, message));
            }
        }
    }
    Ok(events)
}

/// Returns where the events of a run are.
pub(crate) fn events_of(state_dir: &Path, run: &RunId) -> PathBuf {
    state_dir.join("runs").join(run.as_str()).join("events.jsonl")
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
            Err(
                "cannot read line 3 of `/runs/one/events.jsonl`: it is not an event: expected value at line 1 column 1"
                    .to_owned()
            )
        );
    }
}
