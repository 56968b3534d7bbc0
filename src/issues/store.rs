//! The issue store: a commit chain on one ref, changed by compare-and-swap. Its history is the audit.
//!
//! The tree of each commit is `meta.json` and `issues/<id>.json`, one file an issue. What cannot be read whole
//! is an error, never a shorter list.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use git2::Repository;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::clock::Clock;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text;
use crate::git::{EntryKind, Git, NewCommit, Oid, RefMove, TreeEdit, TreeEntry};
use crate::issues::filed;
use crate::issues::issue::{FORMAT, Issue, Issues, NewIds, Status, StoreMeta};
use crate::issues::scope::Then;
use crate::model::IssueId;
use crate::model::generation::{ARCHIVE, GenerationName, NAMESPACE};

const META: &str = "meta.json";
/// The longest `why` of a commit, in characters.
const WHY_MAX: usize = 150;
/// The longest wait of a writer that came second.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const NEWER: &str = "if a newer version of cordwainer wrote the store, use that version";

/// The issue store of one generation. Cheap to clone, shared between threads and processes.
#[derive(Clone, Debug)]
pub struct Store {
    git: Git,
    reference: String,
    read_before: ReadBefore,
}

/// The issues that were read last: those that did not change since are not read again.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadBefore(Arc<Mutex<Known>>);

/// Issues by the ids of the files that they are stored in.
type Known = HashMap<Oid, Arc<Issue>>;

impl Store {
    /// Makes the empty store of a generation; one that is there already is a failed precondition.
    pub fn create(git: &Git, generation: &GenerationName, meta: &StoreMeta, now: Timestamp) -> Result<Self> {
        Self::create_with(git, generation, &Issues::new(meta.clone()), now)
    }

    /// Makes the store of a generation that begins with some issues.
    pub(crate) fn create_with(git: &Git, generation: &GenerationName, issues: &Issues, now: Timestamp) -> Result<Self> {
        let store = Self::named(git, generation);
        let mut edit = changed_files(&Issues::new(issues.meta().clone()), issues)?;
        edit.write.push((PathBuf::from(META), to_json(META, issues.meta())?));
        let tree = store.edited(git.empty_tree()?, edit)?;
        if store.commit(tree, None, &format!("begin the store of {generation}"), now)? {
            return Ok(store);
        }
        let message = format!("generation `{generation}` has an issue store already");
        Err(Error::new(ErrorKind::Precondition, message))
    }

    /// Opens the store of a generation; a missing one is a failed precondition.
    pub fn open(git: &Git, generation: &GenerationName) -> Result<Self> {
        let store = Self::named(git, generation);
        store.tip()?;
        Ok(store)
    }

    /// Opens the store that an ended generation keeps; `archive` is what its refs begin with.
    pub(crate) fn archived(git: &Git, archive: &str) -> Result<Self> {
        let store = Self {
            git: git.clone(),
            reference: format!("{archive}issues"),
            read_before: ReadBefore::default(),
        };
        store.tip()?;
        Ok(store)
    }

    /// Has it remember what it read where other stores do, of any repository and generation: they are opened for one look each.
    #[cfg(any(test, feature = "serve"))]
    pub(crate) fn sharing(self, read_before: &ReadBefore) -> Self {
        let read_before = read_before.clone();
        Self { read_before, ..self }
    }

    /// Returns the repository.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// Reads all issues as they stand now.
    pub fn read(&self) -> Result<Issues> {
        self.read_at(self.tip()?)
    }

    /// Applies a change to the issues as they stand now, and writes it as one commit with the message `issues: <why>`.
    ///
    /// When somebody else wrote meanwhile, the change is applied again to what they left: it may run many times, and
    /// only its last run counts. There is no bound on that, for each time another's change did succeed. Nothing is
    /// written when the change fails or leaves everything as it was.
    pub fn update<T>(&self, why: &str, now: Timestamp, mut change: impl FnMut(&mut Issues) -> Result<T>) -> Result<T> {
        if self.reference.starts_with(ARCHIVE) {
            let message = format!(
                "the tasks at `{}` can no longer change: their generation has ended",
                self.reference
            );
            return Err(Error::new(ErrorKind::Precondition, message));
        }
        let mut lost = 0;
        loop {
            let begun = Instant::now();
            let tip = self.tip()?;
            let before = self.read_at(tip)?;
            let mut after = before.clone();
            let value = change(&mut after)?;
            let edit = changed_files(&before, &after)?;
            let is_same = edit.write.is_empty() && edit.remove.is_empty();
            if is_same || self.commit(self.edited(tip, edit)?, Some(tip), why, now)? {
                return Ok(value);
            }
            lost += 1;
            wait_a_little(begun.elapsed(), lost);
        }
    }

    /// Returns where new issues get their ids from: the clock's random source, but none that an issue of another
    /// generation of the repository has, ended or not.
    pub fn new_ids(&self, clock: &Clock) -> Result<NewIds> {
        #[cfg(feature = "crash-points")]
        if crate::base::testing::counts_ids() {
            return Ok(NewIds::counted());
        }
        let mut taken = BTreeSet::new();
        for (reference, tip) in self.git.references(NAMESPACE)? {
            if reference != self.reference && reference.ends_with("/issues") {
                // A damaged store of another generation keeps nobody from filing here: its own commands report it.
                taken.extend(self.ids_at(tip).unwrap_or_default());
            }
        }
        Ok(NewIds::drawn(clock, taken))
    }

    /// Returns the ids that issues of other generations of the repository, ended or not, have in the places that they come
    /// from, and those of findings that were done in generations whose archives are gone. A damaged store of another generation has
    /// none: its own commands report it. Of ended ones, where it is asked for to have them fixed, only those of closed tasks count.
    pub(crate) fn externals_elsewhere(&self, then: Then) -> Result<BTreeSet<String>> {
        let mut found = filed::known(&self.git)?;
        for (reference, _) in self.git.references(NAMESPACE)? {
            if reference != self.reference && reference.ends_with("/issues") {
                let other = Self {
                    reference,
                    read_before: ReadBefore::default(),
                    git: self.git.clone(),
                };
                // What ended undone is to be done after all.
                let only_closed = then == Then::Fix && other.reference.starts_with(ARCHIVE);
                let is_known = |issue: &&Issue| !only_closed || issue.status == Status::Closed;
                match other.read() {
                    Ok(issues) => {
                        let known = issues.iter().filter(is_known);
                        found.extend(known.filter_map(|issue| issue.external.clone()));
                    }
                    Err(error) => tracing::debug!(%error, "the tasks of another generation are not looked at"),
                }
            }
        }
        Ok(found)
    }

    /// Returns the ids of the issues of a store, from the names of their files.
    fn ids_at(&self, tip: Oid) -> Result<Vec<IssueId>> {
        let entries = self.git.files(tip)?;
        let names = entries.iter().filter_map(|entry| entry.path.file_stem()?.to_str());
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// Returns the name of the repository's user, for what a person says.
    pub fn user(&self) -> Result<String> {
        Ok(self.git.user()?.name)
    }

    fn named(git: &Git, generation: &GenerationName) -> Self {
        Self {
            git: git.clone(),
            reference: generation.issues(),
            read_before: ReadBefore::default(),
        }
    }

    fn tip(&self) -> Result<Oid> {
        self.git.reference(&self.reference)?.ok_or_else(|| {
            let message = format!("there is no issue store at `{}`", self.reference);
            let hint = "`cordwainer list` shows the generations; `cordwainer start` begins one";
            Error::new(ErrorKind::Precondition, message).hint(hint)
        })
    }

    fn read_at(&self, tip: Oid) -> Result<Issues> {
        self.read_issues(tip).with_context(ErrorKind::Unexpected, || {
            format!("cannot read the issue store `{}` at {tip}", self.reference)
        })
    }

    fn read_issues(&self, tip: Oid) -> Result<Issues> {
        let repository = self.git.borrow()?;
        let known = self.known().clone();
        let (mut meta, mut read) = (None, Known::new());
        for entry in self.git.files(tip)? {
            if entry.path == Path::new(META) {
                meta = Some(read_meta(&content(&repository, &entry)?)?);
                continue;
            }
            let issue = match known.get(&entry.id).filter(|issue| is_at(&entry, issue)) {
                Some(issue) => Arc::clone(issue),
                None => Arc::new(read_issue(&repository, &entry)?),
            };
            read.insert(entry.id, issue);
        }
        let meta = meta.ok_or_else(|| Error::new(ErrorKind::Unexpected, format!("`{META}` is missing")))?;
        let issues = Issues::from_stored(meta, read.values().cloned())?;
        *self.known() = read;
        Ok(issues)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // It is replaced as a whole.
        self.read_before.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edited(&self, from: Oid, edit: TreeEdit) -> Result<Oid> {
        let redacted = |(path, json): (PathBuf, Vec<u8>)| (path, self.git.redactor.own_json(&json).into_owned());
        let edit = TreeEdit {
            write: edit.write.into_iter().map(redacted).collect(),
            ..edit
        };
        self.git.edit_tree(from, &edit)
    }

    /// Writes a commit and moves the ref to it; `false` when the ref no longer is where `parent` says.
    fn commit(&self, tree: Oid, parent: Option<Oid>, why: &str, now: Timestamp) -> Result<bool> {
        let message = format!("issues: {}\n", text::one_line(why, WHY_MAX));
        let new = self.git.commit(&NewCommit {
            tree,
            parents: parent.into_iter().collect(),
            message,
            author: None,
            committer: None,
            time: now,
        })?;
        let moved = self.git.move_reference(&self.reference, parent, Some(new), why)?;
        Ok(moved == RefMove::Moved)
    }
}

/// Waits for a random moment, so that writers fall out of step: the longer, the more often in a row others were
/// faster, and in measure of what a try takes, which a large store or a busy machine makes longer.
fn wait_a_little(one_try: Duration, lost: u32) {
    let longest = one_try.saturating_mul(1 << lost.min(8)).min(LONGEST_WAIT);
    std::thread::sleep(longest.mul_f64(fastrand::f64()));
}

/// Returns whether a file is that of an issue, in its place.
fn is_at(entry: &TreeEntry, issue: &Issue) -> bool {
    entry.kind == EntryKind::File && entry.path == Path::new(&path_of(issue))
}

/// The part of the meta data that every version has.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

fn read_meta(json: &[u8]) -> Result<StoreMeta> {
    let Versioned { format } = from_json(META, json)?;
    if format != FORMAT {
        let message = format!("`{META}`: the store has format {format}, and this version reads format {FORMAT}");
        return Err(Error::new(ErrorKind::Unexpected, message).hint(NEWER));
    }
    from_json(META, json)
}

fn read_issue(repository: &Repository, entry: &TreeEntry) -> Result<Issue> {
    let path = entry.path.display().to_string();
    let ours = entry.kind == EntryKind::File
        && entry.path.parent() == Some(Path::new("issues"))
        && entry.path.extension().is_some_and(|extension| extension == "json");
    if !ours {
        let message = format!("`{}` does not belong in an issue store", path.escape_debug());
        return Err(Error::new(ErrorKind::Unexpected, message).hint(NEWER));
    }
    let issue: Issue = from_json(&path, &content(repository, entry)?)?;
    if path == path_of(&issue) {
        return Ok(issue);
    }
    let message = format!("`{}` holds the task {}", path.escape_debug(), issue.id);
    Err(Error::new(ErrorKind::Unexpected, message))
}

/// Reads the content of a file, through one handle for all of them: there may be thousands.
fn content(repository: &Repository, entry: &TreeEntry) -> Result<Vec<u8>> {
    let blob = repository.find_blob(entry.id);
    let blob = blob.with_context(ErrorKind::Unexpected, || {
        format!("cannot read `{}`", entry.path.display())
    })?;
    Ok(blob.content().to_vec())
}

/// Returns the files of the issues that differ or are gone; what is the same is not written again.
fn changed_files(before: &Issues, after: &Issues) -> Result<TreeEdit> {
    // Most are the same in memory: then they are not compared.
    let is_same = |known: &Issue, issue: &Issue| std::ptr::eq(known, issue) || known == issue;
    let differs = |issue: &&Issue| !before.get(&issue.id).is_ok_and(|known| is_same(known, issue));
    let file = |issue: &Issue| {
        let path = path_of(issue);
        let json = to_json(&path, issue)?;
        Ok((PathBuf::from(path), json))
    };
    let mut files = after.iter().filter(differs).map(file).collect::<Result<Vec<_>>>()?;
    if before.meta() != after.meta() {
        files.push((PathBuf::from(META), to_json(META, after.meta())?));
    }
    let gone = before.iter().filter(|issue| after.get(&issue.id).is_err());
    Ok(TreeEdit {
        remove: gone.map(|issue| PathBuf::from(path_of(issue))).collect(),
        write: files,
        ..TreeEdit::default()
    })
}

fn path_of(issue: &Issue) -> String {
    format!("issues/{}.json", issue.id)
}

fn from_json<T: DeserializeOwned>(path: &str, json: &[u8]) -> Result<T> {
    let value = serde_json::from_slice(json);
    let value = value.with_context(ErrorKind::Unexpected, || {
        format!("`{}` cannot be parsed", path.escape_debug())
    });
    value.map_err(|error| error.hint(NEWER))
}

/// Writes a value as a file's content, and reads it back: what could not be read again is never stored.
fn to_json<T: Serialize + DeserializeOwned>(path: &str, value: &T) -> Result<Vec<u8>> {
    let failed = || format!("`{path}` could not be read back");
    let mut json = serde_json::to_vec_pretty(value).with_context(ErrorKind::Unexpected, failed)?;
    serde_json::from_slice::<T>(&json).with_context(ErrorKind::Unexpected, failed)?;
    json.push(b'\n');
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issues::issue::NewIssue;

    #[test]
    fn stores_that_share_what_they_read_read_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(folder.path()).unwrap();
        let identity = "[user]\nname = Petra Person\nemail = petra@example.com\n";
        std::fs::write(git.common_dir().join("config"), identity).unwrap();
        let generation = GenerationName::new("generation-a").unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let store = Store::create(
            &git,
            &generation,
            &StoreMeta::new(generation.clone(), "main".to_owned(), now),
            now,
        )
        .unwrap();
        let ids = NewIds::counted();
        let add = |title| {
            store
                .update("add", now, |issues| issues.add(NewIssue::titled(title), &ids, now))
                .unwrap()
        };
        let (one, other) = (add("One"), add("Other"));

        let read_before = ReadBefore::default();
        let read = || {
            Store::open(&git, &generation)
                .unwrap()
                .sharing(&read_before)
                .read()
                .unwrap()
        };
        let before = read();
        store
            .update("edit", now, |issues| {
                issues.comment(&other, "Petra Person", "Mind the margins.", now)
            })
            .unwrap();
        let after = read();
        let is_shared = |id: &IssueId| std::ptr::eq(before.get(id).unwrap(), after.get(id).unwrap());
        assert!(is_shared(&one) && !is_shared(&other));
        assert_eq!(after, store.read().unwrap());
    }
}
