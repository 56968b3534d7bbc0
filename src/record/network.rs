//! `runs/<run>/network.jsonl`: what the containers of a run reached or were refused, one line for each connection or
//! request that has ended.
//!
//! Containers choose their requests, so the file is bounded: it has the first thousand lines of each container, and of
//! all no more than 16 MiB; of the rest it has the number.

mod suggestion;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::lines::LineReader;
use crate::base::redact::Redactor;
use crate::base::regular;
use crate::model::{IssueId, RunId};
use crate::record::event::CallName;
use crate::sandbox::gateway::egress::{EndedConnection, Outcome};
use crate::sandbox::network::Caller;

pub use suggestion::{Suggested, Suggestions, suggest};

/// The name of the file in the folder of a run.
const FILE: &str = "network.jsonl";

/// How many bytes a run records.
const MOST_BYTES: u64 = 16 << 20;

/// The longest line that is read; those that are written are far shorter.
const LONGEST_LINE: usize = 64 << 10;

/// One connection or request that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRecord {
    /// When it ended.
    pub at: Timestamp,
    /// Whose container asked: `measure`, `stitch`, `review` or `gates`.
    pub role: String,
    /// The task, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<IssueId>,
    /// The attempt at the task, or the round of the measure.
    pub attempt: u32,
    /// The host, or the text in its place.
    pub host: String,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The method, where the gateway saw the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path without its query, where the gateway saw the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `allowed`, `refused` or `failed`.
    pub outcome: String,
    /// For what is `refused`, the kind of reason, such as `not_allowed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The reason in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Bytes to the host.
    pub sent: u64,
    /// Bytes from the host.
    pub received: u64,
    /// Milliseconds from the request to the end.
    pub milliseconds: u64,
}

impl NetworkRecord {
    /// Returns the record of what has ended at `at`, for `caller`.
    pub(crate) fn ended(call: CallName, caller: Caller, at: Timestamp, ended: EndedConnection) -> Self {
        let (outcome, code, reason) = match &ended.outcome {
            Outcome::Allowed => ("allowed", None, None),
            Outcome::Refused(why) => ("refused", Some(why.code().to_owned()), Some(why.to_string())),
            Outcome::Failed(why) => ("failed", None, Some(why.clone())),
        };
        Self {
            at,
            role: caller.name().to_owned(),
            task: call.task,
            attempt: call.attempt,
            host: ended.host,
            port: ended.port,
            method: ended.method,
            path: ended.path,
            outcome: outcome.to_owned(),
            code,
            reason,
            sent: ended.sent,
            received: ended.received,
            milliseconds: u64::try_from(ended.duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    Connection(Box<NetworkRecord>),
    /// So many more have ended, of which there is no line.
    LeftOut {
        connections: u64,
    },
}

/// The file while a run writes it. It is created with its first line.
#[derive(Debug)]
pub(crate) struct NetworkFile {
    path: PathBuf,
    redactor: Redactor,
    file: Option<File>,
    bytes: u64,
    left_out: u64,
}

impl NetworkFile {
    pub(crate) fn new(folder: &Path, redactor: Redactor) -> Self {
        Self {
            path: folder.join(FILE),
            redactor,
            file: None,
            bytes: 0,
            left_out: 0,
        }
    }

    /// Writes a record, or counts it where the file is full.
    pub(crate) fn add(&mut self, record: NetworkRecord) -> std::io::Result<()> {
        if self.bytes >= MOST_BYTES {
            self.left_out = self.left_out.saturating_add(1);
            return Ok(());
        }
        self.write(&Line::Connection(Box::new(record)))
    }

    /// Writes how many were left out, these `more` and those for which there was no room.
    pub(crate) fn left_out(&mut self, more: u64) -> std::io::Result<()> {
        let connections = std::mem::take(&mut self.left_out).saturating_add(more);
        if connections == 0 {
            return Ok(());
        }
        self.write(&Line::LeftOut { connections })
    }

    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        let line = serde_json::to_vec(line)?;
        let mut text = self.redactor.own_json(&line).into_owned();
        text.push(b'\n');
        if self.file.is_none() {
            let (file, bytes) = open(&self.path)?;
            (self.file, self.bytes) = (Some(file), bytes);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&text)?;
            self.bytes += text.len() as u64;
        }
        Ok(())
    }
}

/// Opens the file to append to it, after the end of a line that was cut short.
fn open(path: &Path) -> std::io::Result<(File, u64)> {
    let mut file = regular::open_with(path, OpenOptions::new().create(true).read(true).append(true))?;
    let length = file.seek(SeekFrom::End(0))?;
    if length > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok((file, length))
}

/// What a run recorded of its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkLog {
    /// What has ended, in that order.
    pub records: Vec<NetworkRecord>,
    /// How many more there were.
    pub left_out: u64,
    /// How many lines cannot be read, because a crash or a full disk cut them short.
    pub torn: u64,
}

/// Reads what a run recorded; nothing where it has no such file.
///
/// # Errors
///
/// Of kind [`ErrorKind::Unexpected`] when the file cannot be read.
pub fn read(state_dir: &Path, run: &RunId) -> Result<NetworkLog> {
    let path = state_dir.join("runs").join(run.as_str()).join(FILE);
    let failed = || format!("cannot read `{}`", path.display());
    let mut log = NetworkLog::default();
    let file = match regular::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(log),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut lines = LineReader::new(file, LONGEST_LINE);
    while let Some(line) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
        match serde_json::from_slice(line) {
            Ok(Line::Connection(record)) => log.records.push(*record),
            Ok(Line::LeftOut { connections }) => log.left_out = log.left_out.saturating_add(connections),
            Err(_) => log.torn += u64::from(!line.is_empty()),
        }
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Role;
    use crate::sandbox::network::Denial;

    fn record(host: &str, outcome: Outcome) -> NetworkRecord {
        let call = CallName {
            role: Role::Stitch,
            task: None,
            attempt: 2,
            round: 0,
            candidate: 0,
        };
        let ended = EndedConnection {
            host: host.to_owned(),
            port: Some(80),
            method: Some("GET".to_owned()),
            path: Some("/a".to_owned()),
            outcome,
            sent: 10,
            received: 20,
            duration: Duration::from_millis(30),
        };
        NetworkRecord::ended(call, Caller::Gates, Timestamp::UNIX_EPOCH, ended)
    }

    #[test]
    fn what_was_written_is_read_and_torn_lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunId::parse("20261128-000000000-1").unwrap();
        assert_eq!(read(folder.path(), &run).unwrap(), NetworkLog::default());
        let own = folder.path().join("runs").join(run.as_str());
        std::fs::create_dir_all(&own).unwrap();
        let redactor = Redactor::default();
        redactor.learn(&"a-secret-of-the-host".to_owned().into());

        let refused = record("a.example", Outcome::Refused(Denial::NotAllowed));
        let mut file = NetworkFile::new(&own, redactor.clone());
        file.add(refused.clone()).unwrap();
        let path = own.join(FILE);
        let whole = std::fs::read(&path).unwrap();
        let half = &whole[..whole.len() / 2];
        // A kill in the middle of a line, and another run of the program after it.
        std::fs::write(&path, [whole.as_slice(), half].concat()).unwrap();
        assert_eq!(read(folder.path(), &run).unwrap().torn, 1);
        let mut file = NetworkFile::new(&own, redactor);
        let failed = record("b.example", Outcome::Failed("a-secret-of-the-host".to_owned()));
        file.add(failed).unwrap();
        file.left_out(3).unwrap();
        file.left_out(0).unwrap();
        file.left_out(4).unwrap();

        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("a-secret"), "{text}");
        let log = read(folder.path(), &run).unwrap();
        assert_eq!((log.left_out, log.torn, log.records.len()), (7, 1, 2));
        assert_eq!(log.records[0], refused);
        assert_eq!(
            (refused.role.as_str(), refused.code.as_deref(), refused.milliseconds),
            ("gates", Some("not_allowed"), 30)
        );
    }

    #[test]
    fn a_full_file_only_counts() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = NetworkFile::new(folder.path(), Redactor::default());
        let allowed = record(&"x".repeat(250), Outcome::Allowed);
        file.add(allowed.clone()).unwrap();
        file.bytes = MOST_BYTES;
        let before = std::fs::metadata(folder.path().join(FILE)).unwrap().len();
        for _ in 0..5 {
            file.add(allowed.clone()).unwrap();
        }
        assert_eq!(std::fs::metadata(folder.path().join(FILE)).unwrap().len(), before);
        file.left_out(0).unwrap();
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(text.ends_with("{\"line\":\"left_out\",\"connections\":5}\n"), "{text}");
    }
}
