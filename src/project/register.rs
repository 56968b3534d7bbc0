//! The register of the repositories in which a user has runs: one small file for each, in the user's folder of state. Runs
//! write it, and nothing depends on it: what it lacks is not listed, and what it says is checked by whoever uses it.

use std::cmp::Reverse;
use std::fs;
use std::io::{ErrorKind as Io, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{own_folder, remove_unfinished, write_atomically};
use crate::base::process::ProcessIdentity;
use crate::base::regular;
use crate::model::RunId;
use crate::model::generation::GenerationName;
use crate::project::Environment;

/// The version of an entry; it is raised for what an older program would misunderstand.
const VERSION: u32 = 1;
/// The most bytes of an entry that are read.
const LONGEST: u64 = 64 << 10;

/// The register in a user's folder of state.
#[derive(Clone, Debug)]
pub(crate) struct Register {
    own: PathBuf,
    entries: PathBuf,
}

/// The last run of a repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// [`VERSION`].
    pub(crate) version: u32,
    /// The main checkout, as people know the repository.
    pub(crate) repository: PathBuf,
    /// The git folder that all of its worktrees share.
    pub(crate) git_folder: PathBuf,
    /// Where the state is.
    pub(crate) state_dir: PathBuf,
    /// The generation that the run works on.
    pub(crate) generation: GenerationName,
    /// What people may leave out of the names of generations.
    pub(crate) prefix: String,
    /// The run.
    pub(crate) run: RunId,
    /// Its process.
    pub(crate) pid: u32,
    /// That process, told apart from every other that had or will have its number; `None` where the system does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) process: Option<String>,
    /// The mode of the generation.
    pub(crate) mode: String,
    /// When the run began.
    pub(crate) began: Timestamp,
}

/// What the register holds.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// The last runs, the newest first.
    pub(crate) all: Vec<Entry>,
    /// What cannot be read, in a sentence each.
    pub(crate) unread: Vec<String>,
}

impl Entry {
    /// Returns an entry of this process.
    pub(crate) fn new(run: RunId, generation: GenerationName, began: Timestamp) -> Self {
        Self {
            version: VERSION,
            repository: PathBuf::new(),
            git_folder: PathBuf::new(),
            state_dir: PathBuf::new(),
            generation,
            prefix: String::new(),
            run,
            pid: std::process::id(),
            process: ProcessIdentity::own().map(|own| own.to_string()),
            mode: String::new(),
            began,
        }
    }

    /// Returns whether the run's process has certainly ended, whichever process has its number now.
    pub(crate) fn has_ended(&self) -> bool {
        let process = self.process.as_deref().and_then(ProcessIdentity::parse);
        process.is_some_and(|process| process.has_ended())
    }
}

/// The part of an entry that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Register {
    /// Returns the user's register; `None` where nobody said which folder is for state.
    pub(crate) fn of(environment: &Environment) -> Option<Self> {
        let own = environment.state_home.as_ref()?.join("cordwainer");
        Some(Self {
            entries: own.join("repositories"),
            own,
        })
    }

    /// Notes the run that begins as the last one of its repository.
    ///
    /// # Errors
    ///
    /// Where that cannot be written down.
    pub(crate) fn note(&self, entry: &Entry) -> Result<()> {
        own_folder(&self.own)?;
        own_folder(&self.entries)?;
        let text =
            serde_json::to_vec_pretty(entry).context("a folder of the repository has a name that is not UTF-8")?;
        write_atomically(&self.file(&entry.git_folder), &text)?;
        crash_point!("register.noted");
        Ok(())
    }

    fn file(&self, git_folder: &Path) -> PathBuf {
        use std::os::unix::ffi::OsStrExt as _;
        let name = sha1_smol::Sha1::from(git_folder.as_os_str().as_bytes())
            .digest()
            .to_string();
        self.entries.join(format!("{name}.json"))
    }

    /// Reads the register. Entries whose repository is gone are removed, with what dead processes were writing.
    ///
    /// # Errors
    ///
    /// Where its folder cannot be read; one that is missing has no entries.
    pub(crate) fn read(&self) -> Result<Entries> {
        let failed = || format!("cannot read the register `{}`", self.entries.display());
        let listed = match fs::read_dir(&self.entries) {
            Err(error) if error.kind() == Io::NotFound => return Ok(Entries::default()),
            listed => listed.with_context(ErrorKind::Unexpected, failed)?,
        };
        remove_unfinished(&self.entries)?;
        let mut entries = Entries::default();
        for listed in listed {
            let path = listed.with_context(ErrorKind::Unexpected, failed)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path) {
                Ok(Some(entry)) if is_gone(&entry.git_folder) => remove(&path)?,
                Ok(Some(entry)) => entries.all.push(entry),
                Ok(None) => {}
                Err(error) => entries.unread.push(error.in_a_line()),
            }
        }
        entries.all.sort_by_key(|entry| Reverse(entry.began));
        entries.unread.sort();
        Ok(entries)
    }
}

/// Reads an entry; `None` where it has gone meanwhile.
fn read(path: &Path) -> Result<Option<Entry>> {
    let failed = || format!("cannot read the entry `{}` of the register", path.display());
    let damaged = |error: serde_json::Error| {
        Error::new(ErrorKind::Unexpected, failed())
            .because(error)
            .hint("remove it: the next run of its repository writes it anew")
    };
    let mut bytes = Vec::new();
    match regular::open(path) {
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        file => file
            .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
            .with_context(ErrorKind::Unexpected, failed)?,
    };
    let Versioned { version } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if version > VERSION {
        return Err(Error::new(
            ErrorKind::Unexpected,
            format!("{}: a newer version of cordwainer wrote it", failed()),
        ));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// Returns whether nothing is where a repository was. One that may not be looked at counts as there.
fn is_gone(git_folder: &Path) -> bool {
    match fs::metadata(git_folder) {
        Ok(found) => !found.is_dir(),
        Err(error) => matches!(error.kind(), Io::NotFound | Io::NotADirectory),
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != Io::NotFound => {
            Err(error).with_context(ErrorKind::Unexpected, || format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn entry(git_folder: &Path, began: &str) -> Entry {
        let run = RunId::parse("20260102-030405000-42").unwrap();
        Entry {
            git_folder: git_folder.to_owned(),
            ..Entry::new(
                run,
                GenerationName::new("generation-one").unwrap(),
                began.parse().unwrap(),
            )
        }
    }

    fn register(folder: &Path) -> Register {
        let environment = Environment {
            state_home: Some(folder.join("state")),
            ..Environment::default()
        };
        Register::of(&environment).unwrap()
    }

    #[test]
    fn a_repository_has_one_entry_and_one_that_is_gone_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(folder.path());
        assert!(register.read().unwrap().all.is_empty(), "before there is a register");
        let [here, gone] = ["here", "gone"].map(|name| folder.path().join(name));
        for path in [&here, &gone] {
            fs::create_dir(path).unwrap();
        }
        for (path, began) in [
            (&here, "2026-01-01T00:00:00Z"),
            (&gone, "2026-01-02T00:00:00Z"),
            (&here, "2026-01-03T00:00:00Z"),
        ] {
            register.note(&entry(path, began)).unwrap();
        }
        let began = |entries: &Entries| {
            entries
                .all
                .iter()
                .map(|entry| entry.began.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            began(&register.read().unwrap()),
            ["2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z"]
        );
        fs::remove_dir(&gone).unwrap();
        assert_eq!(register.read().unwrap().all, [entry(&here, "2026-01-03T00:00:00Z")]);
        assert!(!register.file(&gone).exists());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            [&register.own, &register.entries].map(|path| mode(path)),
            [0o700, 0o700]
        );
        assert_eq!(mode(&register.file(&here)), 0o600);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_hides_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(folder.path());
        register.note(&entry(folder.path(), "2026-01-01T00:00:00Z")).unwrap();
        let place = |name: &str| register.entries.join(name);
        fs::write(place("a.json"), "{\"version\":1,").unwrap();
        fs::write(place("b.json"), format!("{{\"version\":{},\"more\":1}}", VERSION + 1)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", place("c.json")).unwrap();
        fs::create_dir(place("d.json")).unwrap();
        fs::write(place("e.json"), vec![b' '; 1 << 20]).unwrap();
        fs::write(place("notes.txt"), "mine").unwrap();
        let read = register.read().unwrap();
        assert_eq!(read.all.len(), 1);
        assert_eq!(read.unread.len(), 5, "{:#?}", read.unread);
        assert!(
            read.unread[1].contains("a newer version of cordwainer wrote it"),
            "{:#?}",
            read.unread
        );
        // The next run of a repository heals its own.
        fs::write(register.file(folder.path()), "").unwrap();
        register.note(&entry(folder.path(), "2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(register.read().unwrap().all.len(), 1);
    }

    #[test]
    fn a_process_that_has_the_number_of_an_ended_one_is_not_taken_for_it() {
        let mut entry = entry(Path::new("/"), "2026-01-01T00:00:00Z");
        assert!(!entry.has_ended());
        let (start, _) = entry.process.as_ref().unwrap().rsplit_once('/').unwrap();
        entry.process = Some(format!("{start}/1"));
        assert!(entry.has_ended());
        entry.process = Some("x".to_owned());
        assert!(!entry.has_ended(), "what says nothing is left to the lock");
    }
}
