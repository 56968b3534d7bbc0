//! `gateway.jsonl`: each answer of the API as a line, so that what was metered outlives the process.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Context as _, ErrorKind, Result};
use crate::lines::{DEFAULT_LINE_LIMIT, LineReader};
use crate::metering::{Answered, Metered};

/// Where answers are written down, and their sum.
pub(super) struct Record(Mutex<Written>);

struct Written {
    file: Option<File>,
    metered: Metered,
}

impl Record {
    /// Opens the file, which may have lines already: those are not in the sum.
    pub(super) fn open(path: Option<PathBuf>) -> Result<Self> {
        let open = |path: PathBuf| {
            let opened = OpenOptions::new().create(true).append(true).open(&path);
            opened.with_context(ErrorKind::Unexpected, || format!("cannot open `{}`", path.display()))
        };
        Ok(Self(Mutex::new(Written {
            file: path.map(open).transpose()?,
            metered: Metered::default(),
        })))
    }

    /// Adds an answer. It is in the sum even where it could not be written down.
    pub(super) fn add(&self, answered: &Answered) -> std::io::Result<()> {
        let mut written = self.lock();
        written.metered.add(answered);
        let Some(file) = &mut written.file else {
            return Ok(());
        };
        let mut line = serde_json::to_vec(answered)?;
        line.push(b'\n');
        file.write_all(&line)
    }

    /// The sum so far.
    pub(super) fn metered(&self) -> Metered {
        self.lock().metered.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads back what gateways wrote down: the sum of all lines of the file; nothing where there is no file. A last line
/// that a crash cut short is left out; any other that cannot be read is an error.
pub fn read_back(path: &Path) -> Result<Metered> {
    let failed = || format!("cannot read `{}`", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Metered::default()),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut lines = LineReader::new(file, DEFAULT_LINE_LIMIT);
    let (mut metered, mut damaged) = (Metered::default(), None);
    let mut number = 0_u64;
    while let Some(line) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
        number += 1;
        if let Some(error) = damaged.take() {
            return Err(error).with_context(ErrorKind::Unexpected, || format!("{} (line {})", failed(), number - 1));
        }
        match serde_json::from_slice(line) {
            Ok(answered) => metered.add(&answered),
            Err(error) => damaged = Some(error),
        }
    }
    Ok(metered)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;
    use tempfile::TempDir;

    use super::*;
    use crate::agent::Usage;

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

    #[test]
    fn what_was_written_is_read_back() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("gateway.jsonl");
        assert_eq!(read_back(&path).unwrap(), Metered::default());
        let answers = [answered("one", 1), answered("two", 2), answered("one", 3)];
        // Two gateways after one another, as with a session that goes on.
        for answers in [&answers[..1], &answers[1..]] {
            let record = Record::open(Some(path.clone())).unwrap();
            for answered in answers {
                record.add(answered).unwrap();
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
        fs::write(&path, format!("{{\"at\":\"19\n{whole}")).unwrap();
        let error = read_back(&path).unwrap_err();
        assert!(error.to_string().ends_with("gateway.jsonl` (line 1)"), "{error}");
    }
}
