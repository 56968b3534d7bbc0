//! Reads back what runs recorded.

use std::path::Path;

use crate::base::error::{Context as _, ErrorKind, Result};
use crate::record::event::Event;

/// The events of a run, oldest first; none where the run recorded nothing. A last line that a crash
/// cut short is left out; any other line that does not parse is an error.
pub fn events(state_dir: &Path, run: &str) -> Result<Vec<Event>> {
    let path = state_dir.join("runs").join(run).join("events.jsonl");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", path.display()));
        }
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |(number, line): (usize, &str)| {
        let place = || format!("cannot read line {} of `{}`", number + 1, path.display());
        serde_json::from_str(line).with_context(ErrorKind::Unexpected, place)
    };
    whole.lines().enumerate().map(parse).collect()
}
