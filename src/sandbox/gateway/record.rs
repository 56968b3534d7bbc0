//! `gateway.jsonl`: each request to the API is a line before it is sent, and each answer another one, so that metered
//! usage outlives the process, and requests in progress when it died count at their worst case.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::accounting::metering::{Answered, Metered};
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::lines::{DEFAULT_LINE_LIMIT, LineReader};
use crate::base::redact::Redactor;
use crate::base::regular;
use crate::model::Usage;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    /// A request is about to be sent.
    Asked {
        /// The number that connects it with its answer: counted from 1 by each gateway, with the gateway's own number
        /// after it.
        number: String,
        /// The most that the answer can use.
        worst: Usage,
    },
    /// It did not reach the API, or the API did not accept it.
    Unanswered {
        /// The number of the request.
        number: String,
    },
    /// It has ended, in any way.
    Answered {
        /// The number of the request; none where nothing was reserved for it.
        number: Option<String>,
        /// Its result.
        answer: Answered,
    },
}

/// Where requests and answers are recorded, and the sum of the answers.
pub(super) struct Record(Mutex<Written>);

struct Written {
    file: Option<File>,
    /// The API's answers may contain anything.
    redactor: Redactor,
    /// Whether the last line may be incomplete: a disk was full, or a process died.
    torn: bool,
    asked: u64,
    metered: Metered,
}

impl Record {
    /// Opens the file, which may have lines already: those do not count in the sum.
    pub(super) fn open(path: Option<PathBuf>, redactor: Redactor) -> Result<Self> {
        let open = |path: PathBuf| {
            let opened = regular::append(&path);
            opened.with_context(ErrorKind::Unexpected, || format!("cannot open `{}`", path.display()))
        };
        let file = path.map(open).transpose()?;
        Ok(Self(Mutex::new(Written {
            torn: file
                .as_ref()
                .is_some_and(|file| file.metadata().is_ok_and(|found| found.len() > 0)),
            file,
            redactor,
            asked: 0,
            metered: Metered::default(),
        })))
    }

    /// Notes that a request is about to be sent; returns its number.
    pub(super) fn asked(&self, worst: Usage) -> std::io::Result<String> {
        let mut written = self.lock();
        written.asked += 1;
        // Another gateway may have written into the same file before.
        let number = format!("{}-{}", std::process::id(), written.asked);
        let line = Line::Asked {
            number: number.clone(),
            worst,
        };
        written.write(&line)?;
        Ok(number)
    }

    /// Notes that a request failed, and cost nothing.
    pub(super) fn unanswered(&self, number: String) -> std::io::Result<()> {
        self.lock().write(&Line::Unanswered { number })
    }

    /// Adds an answer. It counts in the sum even where it could not be recorded.
    pub(super) fn add(&self, number: Option<String>, answer: Answered) -> std::io::Result<()> {
        let mut written = self.lock();
        written.metered.add(&answer);
        written.write(&Line::Answered { number, answer })
    }

    /// Has the sum begin with what gateways before this one metered.
    pub(super) fn begin_with(&self, before: Metered) {
        self.lock().metered = before;
    }

    /// Returns the sum so far.
    pub(super) fn metered(&self) -> Metered {
        self.lock().metered.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut text = Vec::from(if self.torn { &b"\n"[..] } else { b"" });
        text.extend_from_slice(&self.redactor.own_json(&serde_json::to_vec(line)?));
        text.push(b'\n');
        let written = file.write_all(&text);
        self.torn = written.is_err();
        written
    }
}

/// Reads the answers that gateways recorded, oldest first; none where there is no file.
pub(crate) fn recorded_answers(path: &Path) -> Result<Vec<Answered>> {
    let mut answers = Vec::new();
    each_line(path, |line| {
        if let Some(Line::Answered { answer, .. }) = line {
            answers.push(answer);
        }
    })?;
    Ok(answers)
}

/// Reads what gateways recorded: the sum of all answers, and of what requests without one may have used; nothing where
/// there is no file. A line that was cut short, by a crash or a full disk, is left out: a request with an incomplete
/// line was not sent, and one with an incomplete answer counts at its worst case.
pub fn read_back(path: &Path) -> Result<Metered> {
    let mut metered = Metered::default();
    let mut under_way: BTreeMap<String, Usage> = BTreeMap::new();
    each_line(path, |line| match line {
        Some(Line::Asked { number, worst }) => {
            under_way.insert(number, worst);
        }
        Some(Line::Unanswered { number }) => {
            under_way.remove(&number);
        }
        Some(Line::Answered { number, answer }) => {
            number.and_then(|number| under_way.remove(&number));
            metered.add(&answer);
        }
        None => metered.estimated = true,
    })?;
    for worst in under_way.into_values() {
        metered.usage += worst;
        metered.answers = metered.answers.saturating_add(1);
        metered.estimated = true;
    }
    Ok(metered)
}

/// Reads a file of gateways line by line; `None` is one that was cut short.
fn each_line(path: &Path, mut take: impl FnMut(Option<Line>)) -> Result<()> {
    let failed = || format!("cannot read `{}`", path.display());
    let file = match regular::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut lines = LineReader::new(file, DEFAULT_LINE_LIMIT);
    while let Some(line) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
        if !line.is_empty() {
            take(serde_json::from_slice(line).ok());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;
    use tempfile::TempDir;

    use super::*;
    use crate::model::Usage;

    fn answered(model: &str, input: u64) -> Answered {
        Answered {
            at: Timestamp::UNIX_EPOCH,
            path: "/v1/messages".into(),
            status: 200,
            model: Some(model.to_owned()),
            usage: Usage {
                input,
                output: 7,
                cost_usd: 0.25,
                ..Usage::default()
            },
            estimated: input == 3,
            limit: Some(serde_json::json!({"status": "allowed"})),
        }
    }

    fn worst() -> Usage {
        Usage {
            input: 1000,
            output: 100,
            cost_usd: 2.0,
            ..Usage::default()
        }
    }

    #[test]
    fn a_request_without_an_answer_counts_at_its_worst() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("gateway.jsonl");
        let record = Record::open(Some(path.clone()), Redactor::default()).unwrap();
        let first = record.asked(worst()).unwrap();
        record.asked(worst()).unwrap();
        let in_vain = record.asked(worst()).unwrap();
        record.unanswered(in_vain).unwrap();
        record.add(Some(first), answered("one", 1)).unwrap();
        record.add(None, answered("one", 2)).unwrap();
        let metered = read_back(&path).unwrap();
        assert_eq!(
            (metered.usage.tokens(), metered.answers, metered.estimated),
            (1117, 3, true)
        );
        assert!((metered.usage.cost_usd - 2.5).abs() < 1e-9);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("gateway.jsonl");
        assert_eq!(read_back(&path).unwrap(), Metered::default());
        let answers = [answered("one", 1), answered("two", 2), answered("one", 3)];
        // Two gateways after one another, as with a session that continues.
        for answers in [&answers[..1], &answers[1..]] {
            let record = Record::open(Some(path.clone()), Redactor::default()).unwrap();
            for answered in answers {
                let number = record.asked(worst()).unwrap();
                record.add(Some(number), answered.clone()).unwrap();
            }
            assert_eq!(record.metered(), answers.iter().collect());
        }
        let expect: Metered = answers.iter().collect();
        assert_eq!((expect.usage.tokens(), expect.answers, expect.estimated), (27, 3, true));
        assert_eq!(expect.models["one"].input, 4);
        assert_eq!(read_back(&path).unwrap(), expect);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\"at\":\"19")).unwrap();
        assert_eq!(read_back(&path).unwrap(), expect);
    }

    #[test]
    fn what_follows_a_torn_line_counts() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("gateway.jsonl");
        let record = Record::open(Some(path.clone()), Redactor::default()).unwrap();
        record.asked(worst()).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [whole.as_slice(), br#"{"line":"answered","num"#].concat()).unwrap();
        let later = Record::open(Some(path.clone()), Redactor::default()).unwrap();
        later.add(None, answered("one", 1)).unwrap();
        let metered = read_back(&path).unwrap();
        assert_eq!(
            (metered.usage.tokens(), metered.answers, metered.estimated),
            (1108, 2, true)
        );
    }
}
