//! How processes speak to the run that holds the repository's lock: one request and one answer for each connection, each
//! a line of JSON, on the socket in the state folder.
//!
//! A request names the run that it is for, as the lock has it: a process that took the lock meanwhile refuses it. The
//! version is raised for what an older program would misunderstand; a request that a run does not know is refused, and
//! does nothing. This file has the words and the side that asks; `run/requests.rs` answers.

use std::io::{BufRead as _, BufReader, ErrorKind as Io, Read as _, Write as _};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::LockHolder;
use crate::base::socket;
use crate::model::generation::GenerationName;
use crate::model::{IssueId, RunId};
use crate::project::Project;
use crate::project::lock::RunPlace;
use crate::record::so_far::SoFar;

/// The name of the socket in the state folder.
pub(crate) const SOCKET: &str = "run.sock";
/// The version of requests and answers.
pub(crate) const VERSION: u32 = 1;
/// The most bytes that a request or an answer has.
pub(crate) const LONGEST: usize = 64 << 10;
/// How long who requests something waits: longer than a run lets a silent client have one of its places.
const PATIENT: Patience = Patience {
    begins: Duration::from_secs(3),
    answers: Duration::from_secs(10),
};
/// How long who only looks waits.
const LOOKING: Patience = Patience {
    begins: Duration::from_millis(300),
    answers: Duration::from_secs(3),
};
/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// What a process requests of a run, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// [`VERSION`].
    pub(crate) version: u32,
    /// The run that it is for.
    pub(crate) run: RunId,
    pub(crate) request: Request,
}

/// What is requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Request {
    /// To say what it does.
    Status,
    /// To begin nothing new, and to end.
    Stop {
        /// Whether work in progress is suspended at once.
        now: bool,
    },
    /// To begin nothing new, and to stay.
    Pause,
    /// To go on after that.
    Resume,
    /// To read the configuration again, and to take in what can take effect at once.
    Reload,
    /// To say something to the sessions that do the work of a task.
    Say {
        /// The task.
        task: IssueId,
        /// What is said.
        text: String,
    },
}

/// The answer, as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answered {
    /// [`VERSION`].
    pub(crate) version: u32,
    pub(crate) answer: Answer,
}

/// What a run answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It is done, or will be.
    Done {
        /// Whether the request changed anything.
        changed: bool,
        /// The keys of the configuration that have other values now, with these: `stitch.parallel: 4`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reloaded: Vec<String>,
        /// How the run stands now.
        run: RunStanding,
    },
    /// It is not, and nothing has changed.
    Refused {
        /// Why, as a lowercase fragment.
        what: String,
        /// What to do about it.
        hint: String,
    },
}

/// What a run says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStanding {
    /// Its name.
    pub id: RunId,
    /// Its process.
    pub pid: u32,
    /// The generation that it works on.
    pub generation: GenerationName,
    /// When it began.
    pub since: Timestamp,
    /// What it does.
    pub state: RunState,
    /// The mode of its generation; `None` where a run of an earlier version answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What it came to so far; `None` where a run of an earlier version answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub so_far: Option<SoFar>,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It works, or waits for a usage limit to be lifted.
    Working,
    /// It begins nothing new, since a person paused it, and what is in progress comes to its end.
    Pausing,
    /// Nothing is in progress, and nothing begins until a person lets it go on.
    Paused,
    /// It begins nothing new, and ends.
    Stopping,
}

/// The part of a request or answer that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Reads a request or an answer; says what is wrong with it, and what to do about it.
pub(crate) fn parse<T: for<'a> Deserialize<'a>>(line: &[u8], what: &str) -> Result<T, (String, &'static str)> {
    let hint = "use the version of cordwainer that began the run";
    let versioned: Versioned = serde_json::from_slice(line).map_err(|_| (format!("{what} cannot be read"), ""))?;
    let version = versioned.version;
    if version != VERSION {
        let message = format!("{what} has version {version}, and {VERSION} is expected");
        return Err((message, hint));
    }
    serde_json::from_slice(line).map_err(|error| (format!("{what} is not known there: {error}"), hint))
}

/// Writes a request or an answer as it is sent.
pub(crate) fn line<T: Serialize>(message: &T) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message).context("cannot write JSON")?;
    line.push(b'\n');
    Ok(line)
}

/// What came of a request that a run did not refuse.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Done {
    /// Whether it changed anything.
    pub(crate) changed: bool,
    /// The keys of the configuration that have other values now.
    pub(crate) reloaded: Vec<String>,
    /// How the run stands.
    pub(crate) run: RunStanding,
}

/// How long a run is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// Until it answers at all, which has just begun or is just ending.
    begins: Duration,
    /// Until it has answered.
    answers: Duration,
}

/// Why there is no answer.
enum Failure {
    /// Nobody answers, for now.
    Nobody(std::io::Error),
    /// What came is not an answer, or refuses.
    Error(Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Nobody(error)
    }
}

impl Project {
    /// Requests something of the run that holds the repository's lock: see [`RunPlace::request`].
    pub(crate) fn request(&self, holder: &LockHolder, request: &Request) -> Result<Option<Done>> {
        self.run_place().request(holder, request)
    }

    /// Returns how the run stands that holds the repository's lock: see [`RunPlace::standing`].
    pub(crate) fn standing(&self, holder: &LockHolder) -> Option<RunStanding> {
        self.run_place().standing(holder)
    }
}

impl RunPlace {
    /// Requests something of the run that holds the repository's lock, which waits for its answer; `None` where the run
    /// has ended meanwhile.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where the run refuses it, or does not answer.
    pub(crate) fn request(&self, holder: &LockHolder, request: &Request) -> Result<Option<Done>> {
        self.request_within(PATIENT, holder, request)
    }

    /// Returns how the run stands that holds the repository's lock; `None` where it has ended, or does not answer.
    pub(crate) fn standing(&self, holder: &LockHolder) -> Option<RunStanding> {
        let done = self.request_within(LOOKING, holder, &Request::Status);
        Some(done.ok()??.run)
    }

    fn request_within(&self, patience: Patience, holder: &LockHolder, request: &Request) -> Result<Option<Done>> {
        let Some(run) = RunId::parse(&holder.id) else {
            return Err(no_answer(holder));
        };
        let asked = Asked {
            version: VERSION,
            run,
            request: request.clone(),
        };
        let asked = line(&asked)?;
        let begun = Instant::now();
        loop {
            let error = match exchange(&self.state_dir, &asked, patience.answers) {
                Ok(done) => return Ok(Some(done)),
                Err(Failure::Error(error)) => Some(error),
                Err(Failure::Nobody(error)) if begun.elapsed() > patience.begins => {
                    Some(no_answer(holder).because(error))
                }
                Err(Failure::Nobody(_)) => None,
            };
            // Also where another run refuses what was for this one.
            if self.at_work()?.is_none_or(|now| now != *holder) {
                return Ok(None);
            }
            if let Some(error) = error {
                return Err(error);
            }
            sleep(AGAIN);
        }
    }
}

/// Sends a request, and reads the answer.
fn exchange(state_dir: &Path, asked: &[u8], most: Duration) -> Result<Done, Failure> {
    let mut stream = socket::connect(&state_dir.canonicalize()?, SOCKET)?;
    stream.set_read_timeout(Some(most))?;
    stream.set_write_timeout(Some(most))?;
    stream.write_all(asked)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(LONGEST as u64)).read_until(b'\n', &mut answer)?;
    if !answer.ends_with(b"\n") {
        return Err(std::io::Error::from(Io::UnexpectedEof).into());
    }
    let error = |(what, hint): (String, &str)| Failure::Error(refusal(what, hint));
    match parse::<Answered>(&answer, "the answer of the run")
        .map_err(error)?
        .answer
    {
        Answer::Done { changed, reloaded, run } => Ok(Done { changed, reloaded, run }),
        Answer::Refused { what, hint } => Err(Failure::Error(refusal(what, &hint))),
    }
}

fn refusal(what: String, hint: &str) -> Error {
    let error = Error::new(ErrorKind::Precondition, what);
    if hint.is_empty() { error } else { error.hint(hint) }
}

/// Returns the error about a run that does not answer.
fn no_answer(holder: &LockHolder) -> Error {
    let LockHolder { id, pid } = holder;
    if Path::new(&format!("/proc/{pid}")).exists() {
        let message = format!("run {id} (process {pid}) does not answer");
        return Error::new(ErrorKind::Precondition, message).hint(
            "if it was suspended (Ctrl-Z), it does what was requested once it goes on; if it runs on another machine or in a \
                 container, stop it there",
        );
    }
    let message = format!("run {id} holds the repository's lock, and its process {pid} is not on this machine");
    Error::new(ErrorKind::Precondition, message)
        .hint("stop it where it runs: on the other machine, or in the container, that uses this repository")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_another_version_are_told_from_those_that_are_not_known() {
        let asked = r#"{"version":1,"run":"20260102-030405000-42","request":{"type":"stop","now":true},"more":1}"#;
        let parsed: Asked = parse(asked.as_bytes(), "the request").unwrap();
        assert_eq!(parsed.request, Request::Stop { now: true });
        for (line, expect) in [
            (
                asked.replacen('1', "2", 1),
                "the request has version 2, and 1 is expected",
            ),
            (
                asked.replace("stop", "sing"),
                "the request is not known there: unknown variant `sing`",
            ),
            ("GET / HTTP/1.1".to_owned(), "the request cannot be read"),
            (String::new(), "the request cannot be read"),
        ] {
            let (what, _) = parse::<Asked>(line.as_bytes(), "the request").unwrap_err();
            assert!(what.starts_with(expect), "{what}");
        }
    }
}
