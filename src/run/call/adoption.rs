//! What is written down of a call so that another run can go on with it if this one dies, and what that run makes of it.
//!
//! ```text
//! adoption.json   once the agent has begun: which call it is, by what its container is known, what it was granted, since when it
//!                 works, and which place in the flow takes over its report
//! output/         what its command writes, as it was written; gone with the container
//! ```
//!
//! How far the outputs were heard is not written down beside that: each of their lines is one of the transcript.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::flow::FlowPlace;
use crate::accounting::budget::Granted;
use crate::agent::{CallOutcome, Ending, Transcript};
use crate::base::clock::since_boot;
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::{unless_missing, write_atomically};
use crate::base::lines::{DEFAULT_LINE_LIMIT, LineReader};
use crate::base::redact::Redactor;
use crate::base::registry::Registered;
use crate::base::regular;
use crate::record::event::CallName;
use crate::record::recorder::{CallFolder, STDERR_FILE, TRANSCRIPT_FILE};
use crate::run::slots::Resume;
use crate::sandbox::engine::{FoundContainer, output_files};

/// The file of a call's folder that says how another run goes on with it.
const FILE: &str = "adoption.json";
/// The folder of a call's folder with what its command writes.
const OUTPUT: &str = "output";
/// A clock that is further off than this was set meanwhile.
const WAS_SET: Duration = Duration::from_secs(5);
/// How much is read at once, in bytes.
const CHUNK: usize = 64 << 10;

/// A call whose agent is at work, as its run wrote it down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Adoption {
    /// Which call it is.
    pub(crate) call: CallName,
    /// The number of its slot.
    pub(crate) slot: u32,
    /// What takes over its report.
    pub(crate) flow: FlowPlace,
    /// The name of its container.
    pub(crate) container: String,
    /// What the container shows in place of a credential; it is worth nothing to anybody else.
    pub(super) token: String,
    /// When it began, since the machine is up: its clock may be set before somebody reads this, and no container outlives the
    /// machine.
    pub(crate) since_boot: Duration,
    /// When this was written, in the same way.
    pub(crate) noted: Duration,
    /// The client's session that it goes on with, if it does.
    pub(crate) resume: Option<Resume>,
    /// What was set aside for it.
    pub(crate) granted: Granted,
    /// Whether its slot is above prepared dependencies.
    pub(crate) prepared: bool,
    /// What was in its slot before its agent wrote anything, in bytes, where that was counted.
    pub(crate) disk: Option<u64>,
}

/// A call that goes on.
#[derive(Debug)]
pub(crate) struct AdoptedCall {
    /// What its run wrote down.
    pub(crate) adoption: Adoption,
    /// Its container.
    pub(crate) container: FoundContainer,
    /// When the task was claimed whose call it is; when the call began, where it is of none.
    pub(crate) began_at: Timestamp,
    /// By what a recovery knows it meanwhile.
    pub(crate) _alive: Registered<String>,
}

impl AdoptedCall {
    /// Returns when it began.
    pub(crate) fn begun(&self) -> Instant {
        let now = Instant::now();
        now.checked_sub(self.adoption.age()).unwrap_or(now)
    }
}

/// Makes the files of a call's outputs.
pub(super) fn make_output(folder: &Path) -> Result<()> {
    output_files::make(&output_of(folder))
}

/// Returns the folder of a call's outputs.
pub(super) fn output_of(folder: &Path) -> PathBuf {
    folder.join(OUTPUT)
}

impl Adoption {
    /// Returns for how long the call has been under way.
    fn age(&self) -> Duration {
        since_boot().saturating_sub(self.since_boot)
    }

    /// Returns when the call began, by the clock that shows this moment.
    pub(crate) fn began_at(&self, now: Timestamp) -> Timestamp {
        let age = SignedDuration::try_from(self.age()).unwrap_or_default();
        now.checked_sub(age).unwrap_or(now)
    }

    /// Writes it down: from here on the call outlives this process. What gates and agents have said is redacted as it is in
    /// all records; the token stays, which looks like a credential and is none.
    pub(super) fn note(&self, folder: &CallFolder) -> Result<()> {
        let flow = serde_json::to_vec(&self.flow).context("cannot write JSON")?;
        let Ok(flow) = serde_json::from_slice(&folder.redactor.own_json(&flow)) else {
            // A credential is spelled like a word of ours: then nobody goes on with the call.
            return Ok(());
        };
        let text = serde_json::to_vec(&Self { flow, ..self.clone() }).context("cannot write JSON")?;
        write_atomically(&folder.path.join(FILE), &text)?;
        crash_point!("call.adoptable");
        Ok(())
    }

    /// Returns for how long its client has written nothing, as the times of its files say it, where the clock was not set since
    /// this was written; else nothing is known of that.
    pub(super) fn silent_for(&self, folder: &Path, now: SystemTime) -> Duration {
        let since = |path: PathBuf| {
            let modified = fs::symlink_metadata(path).and_then(|looks| looks.modified()).ok();
            modified.and_then(|modified| now.duration_since(modified).ok())
        };
        let noted = since(folder.join(FILE));
        let written = since(output_of(folder).join(output_files::STDOUT));
        silence(noted, since_boot().saturating_sub(self.noted), written)
    }

    /// Reads what the folder of a call says; `None` where another run cannot go on with it.
    pub(crate) fn of(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        match regular::read(&path) {
            // Another version wrote it: then the call is not gone on with.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => {
                Err(error).with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", path.display()))
            }
        }
    }
}

/// Has nobody go on with a call from here on: it is being ended.
pub(super) fn end(folder: &Path) -> Result<()> {
    let removed = unless_missing(fs::remove_file(folder.join(FILE)));
    removed.with_context(ErrorKind::Unexpected, || {
        format!("cannot clear up `{}`", folder.display())
    })
}

/// Removes what is written down of a call whose container is not listened to any more.
pub(super) fn forget(folder: &Path) -> Result<()> {
    let failed = || format!("cannot clear up `{}`", folder.display());
    end(folder)?;
    unless_missing(fs::remove_dir_all(folder.join(OUTPUT))).with_context(ErrorKind::Unexpected, failed)
}

/// Returns whether a call has succeeded whose container has ended, by all that its client wrote.
pub(crate) fn has_succeeded(folder: &Path) -> Result<bool> {
    let path = folder.join(OUTPUT).join(output_files::STDOUT);
    let failed = || format!("cannot read `{}`", path.display());
    let source = regular::open(&path).with_context(ErrorKind::Unexpected, failed)?;
    let mut lines = LineReader::new(source.take(output_files::LIMIT), DEFAULT_LINE_LIMIT);
    let mut transcript = Transcript::new();
    while let Some(line) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
        transcript.push_line(line);
    }
    Ok(transcript.finish(&Ending::of_recording()).outcome == CallOutcome::Success)
}

/// Takes what nobody heard of the outputs of a dead run's call into its records, and removes them. It can be done twice.
pub(crate) fn collect(folder: &Path, redactor: &Redactor) -> Result<()> {
    take_into_records(folder, redactor)?;
    forget(folder)
}

fn take_into_records(folder: &Path, redactor: &Redactor) -> Result<()> {
    for (name, records) in [
        (output_files::STDOUT, TRANSCRIPT_FILE),
        (output_files::STDERR, STDERR_FILE),
    ] {
        let (from, into) = (folder.join(OUTPUT).join(name), folder.join(records));
        let failed = || format!("cannot read `{}`", from.display());
        let source = match regular::open(&from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.with_context(ErrorKind::Unexpected, failed)?,
        };
        let heard = whole_lines(&into)?;
        let mut lines = LineReader::new(source.take(output_files::LIMIT), DEFAULT_LINE_LIMIT);
        let mut number = 0;
        let mut records = regular::append(&into).with_context(ErrorKind::Unexpected, failed)?;
        while let Some(line) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
            number += 1;
            if number > heard {
                let mut line = redactor.line(line).into_owned();
                line.push(b'\n');
                let written = records.write_all(&line);
                written.with_context(ErrorKind::Unexpected, || format!("cannot write `{}`", into.display()))?;
            }
        }
    }
    Ok(())
}

/// Returns how many lines a file of records has; one that a death cut short is taken off. None where there is no file.
pub(super) fn whole_lines(path: &Path) -> Result<u64> {
    let failed = || format!("cannot read `{}`", path.display());
    match regular::open_with(path, File::options().read(true).write(true)) {
        Ok(file) => count_whole(file).with_context(ErrorKind::Unexpected, failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).with_context(ErrorKind::Unexpected, failed),
    }
}

fn count_whole(mut file: File) -> io::Result<u64> {
    let (mut lines, mut end, mut at) = (0, 0, 0);
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        for newline in memchr::memchr_iter(b'\n', &buffer[..read]) {
            lines += 1;
            end = at + newline as u64 + 1;
        }
        at += read as u64;
    }
    if end < at {
        file.set_len(end)?;
    }
    Ok(lines)
}

/// Returns for how long nothing was written: `written`, by a clock which agrees with the machine on how long ago something else
/// was noted.
fn silence(noted: Option<Duration>, by_the_machine: Duration, written: Option<Duration>) -> Duration {
    let agrees = noted.is_some_and(|noted| noted.abs_diff(by_the_machine) < WAS_SET);
    written.filter(|_| agrees).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn what_nobody_heard_is_taken_into_the_records_once_and_redacted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        make_output(folder.path()).unwrap();
        let output = output_of(folder.path());
        fs::write(output.join("stdout"), "one\ntwo\nmy-secret-1\nlast").unwrap();
        fs::write(output.join("stderr"), "x\n").unwrap();
        // A death cut the second line short.
        fs::write(at(TRANSCRIPT_FILE), "one\ntw").unwrap();
        let redactor = Redactor::new(&[SecretString::from("my-secret-1")]);
        for _ in 0..2 {
            take_into_records(folder.path(), &redactor).unwrap();
            let text = fs::read_to_string(at(TRANSCRIPT_FILE)).unwrap();
            let lines: Vec<_> = text.lines().collect();
            assert_eq!((lines.len(), lines[0], lines[1], lines[3]), (4, "one", "two", "last"));
            assert!(!text.contains("my-secret-1"), "{text}");
            assert_eq!(fs::read_to_string(at(STDERR_FILE)).unwrap(), "x\n");
        }
        collect(folder.path(), &redactor).unwrap();
        assert!(!output.exists());
        collect(folder.path(), &redactor).unwrap();
    }

    #[test]
    fn silence_is_known_by_a_clock_that_nobody_has_set() {
        let seconds = |count| Some(Duration::from_secs(count));
        for (noted, by_the_machine, written, expect) in [
            (seconds(100), 101, seconds(40), 40),
            (seconds(100), 3_700, seconds(40), 0),
            (seconds(3_700), 100, seconds(3_640), 0),
            (None, 100, seconds(40), 0),
            (seconds(100), 100, None, 0),
        ] {
            let known = silence(noted, Duration::from_secs(by_the_machine), written);
            assert_eq!(known.as_secs(), expect, "{noted:?}, {by_the_machine}, {written:?}");
        }
    }

    #[test]
    fn links_in_place_of_outputs_reach_nothing() {
        let folder = tempfile::tempdir().unwrap();
        make_output(folder.path()).unwrap();
        let output = output_of(folder.path());
        fs::remove_file(output.join("stdout")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", output.join("stdout")).unwrap();
        assert!(take_into_records(folder.path(), &Redactor::default()).is_err());
        assert!(!folder.path().join(TRANSCRIPT_FILE).exists());
    }
}
