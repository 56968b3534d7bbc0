//! Recordings read from files: one call each, in the order in which they took place.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::agent::{CallReport, Ending, Transcript};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::lines::{DEFAULT_LINE_LIMIT, LineReader};
use crate::model::Usage;

/// One recording.
pub(super) struct Call {
    /// The file, as it was named.
    pub(super) file: PathBuf,
    /// Whether any line of it was an event.
    pub(super) begun: bool,
    pub(super) report: CallReport,
}

/// Reads the recordings of `files`, found below `directory`; `-` is stdin.
///
/// Calls of one session must be counted in the order in which they took place, because some clients count the earlier
/// ones in again. If each file shows when it was written, that is the order; otherwise the order of the files is used.
///
/// # Errors
///
/// Of kind [`ErrorKind::Usage`] for a file that cannot be read, or that is named twice: it would be counted twice.
pub(super) fn all(directory: &Path, files: &[PathBuf]) -> Result<Vec<Call>> {
    refuse_twice(directory, files)?;
    let mut used = HashMap::new();
    let mut calls: Vec<Option<Call>> = files.iter().map(|_| None).collect();
    for index in order(directory, files)? {
        let file = &files[index];
        let call = with(directory, file, |source| one(file, source, &used))?;
        if let Some(session) = &call.report.session_id {
            *used.entry(session.clone()).or_default() += call.report.usage;
        }
        calls[index] = Some(call);
    }
    Ok(calls.into_iter().flatten().collect())
}

/// Refuses a file that is named twice, under whatever names.
fn refuse_twice(directory: &Path, files: &[PathBuf]) -> Result<()> {
    let mut seen = HashSet::new();
    for file in files {
        let path = directory.join(file);
        // A file without a path of its own, such as a pipe, or a missing one is identified by its name.
        let place = if is_stdin(file) {
            file.clone()
        } else {
            path.canonicalize().unwrap_or(path)
        };
        if !seen.insert(place) {
            let message = format!("the transcript `{}` is named twice", file.display());
            return Err(Error::new(ErrorKind::Usage, message).hint("name each recording once"));
        }
    }
    Ok(())
}

/// Returns the order in which to count the files, by their places in `files`.
fn order(directory: &Path, files: &[PathBuf]) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = (0..files.len()).collect();
    if files.len() > 1 && !files.iter().any(|file| is_stdin(file)) {
        let moments: Result<Vec<Option<Timestamp>>> =
            files.iter().map(|file| with(directory, file, began_at)).collect();
        let moments: Option<Vec<Timestamp>> = moments?.into_iter().collect();
        if let Some(moments) = moments {
            order.sort_by_key(|index| moments[*index]);
        }
    }
    Ok(order)
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// Opens a file and hands it to `read`; whatever fails names the file.
fn with<T>(directory: &Path, file: &Path, read: impl FnOnce(Box<dyn Read>) -> std::io::Result<T>) -> Result<T> {
    let result = if is_stdin(file) {
        read(Box::new(std::io::stdin().lock()))
    } else {
        File::open(directory.join(file)).and_then(|source| read(Box::new(source)))
    };
    result.with_context(ErrorKind::Usage, || {
        format!("cannot read the transcript `{}`", file.display())
    })
}

/// Reads one recording, of a session that has `used` so much before it.
pub(super) fn one(file: &Path, source: impl Read, used: &HashMap<String, Usage>) -> std::io::Result<Call> {
    let mut transcript = Transcript::new();
    let mut lines = LineReader::new(source, DEFAULT_LINE_LIMIT);
    let mut placed = false;
    while let Some(line) = lines.next_line()? {
        transcript.push_line(line);
        if !placed && let Some(session) = transcript.session_id() {
            let prior = used.get(session).copied().unwrap_or_default();
            transcript.set_prior(prior);
            placed = true;
        }
    }
    Ok(Call {
        file: file.to_owned(),
        begun: transcript.has_begun(),
        report: transcript.finish(&Ending::of_recording()),
    })
}

/// Returns when the first message of a recording was written; reads no further.
fn began_at(source: impl Read) -> std::io::Result<Option<Timestamp>> {
    let mut transcript = Transcript::new();
    let mut lines = LineReader::new(source, DEFAULT_LINE_LIMIT);
    while transcript.began_at().is_none()
        && let Some(line) = lines.next_line()?
    {
        transcript.push_line(line);
    }
    Ok(transcript.began_at())
}
