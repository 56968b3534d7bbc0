//! The issue store: a commit chain on one ref, changed by compare-and-swap. Its history is the audit.
//!
//! The tree of each commit is `meta.json` and `issues/<id>.json`, one file an issue. What cannot be read whole
//! is an error, never a shorter list.

use git2::ErrorCode::{Exists, Locked, Modified, NotFound};
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Repository, Signature, Tree, TreeEntry};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::generation::GenerationName;
use crate::git::{Git, Oid};
use crate::issue::{FORMAT, Issue, Issues, StoreMeta};
use crate::text;

mod backoff;

use backoff::Backoff;

const META: &str = "meta.json";
const FOLDER: &str = "issues";
/// The longest `why` of a commit, in characters.
const WHY_MAX: usize = 150;

/// The issue store of one generation. Cheap to clone, shared between threads and processes.
#[derive(Clone, Debug)]
pub struct Store {
    git: Git,
    reference: String,
}

/// What was read, and from which commit.
struct State<'a> {
    tip: Oid,
    tree: Tree<'a>,
    issues: Issues,
}

impl Store {
    /// Makes the empty store of a generation; one that is there already is a failed precondition.
    pub fn create(git: &Git, generation: &GenerationName, meta: &StoreMeta, now: Timestamp) -> Result<Self> {
        let store = Self::named(git, generation);
        let repository = store.repository()?;
        let empty = repository
            .treebuilder(None)
            .and_then(|builder| builder.write())
            .context("cannot write a tree")?;
        let blob = write_json(&repository, META, meta)?;
        let tree = TreeUpdateBuilder::new()
            .upsert(META, blob, FileMode::Blob)
            .create_updated(&repository, &repository.find_tree(empty).context("cannot read a tree")?)
            .context("cannot write the tree of the issue store")?;
        let why = format!("begin the store of {generation}");
        if store.commit(&repository, tree, None, &why, now)? {
            return Ok(store);
        }
        Err(Error::new(
            ErrorKind::Precondition,
            format!("generation `{generation}` has an issue store already"),
        ))
    }

    /// Opens the store of a generation; a missing one is a failed precondition.
    pub fn open(git: &Git, generation: &GenerationName) -> Result<Self> {
        let store = Self::named(git, generation);
        store.tip(&store.repository()?)?;
        Ok(store)
    }

    /// Reads all issues as they stand now.
    pub fn read(&self) -> Result<Issues> {
        Ok(self.state(&self.repository()?)?.issues)
    }

    /// Applies a change to the issues as they stand now, and writes it as one commit with the message `issues: <why>`.
    ///
    /// When somebody else wrote meanwhile, the change is applied again to what they left: it may run many times, and
    /// only its last run counts. Nothing is written when the change fails or leaves everything as it was.
    pub fn update<T>(&self, why: &str, now: Timestamp, mut change: impl FnMut(&mut Issues) -> Result<T>) -> Result<T> {
        let repository = self.repository()?;
        let mut backoff = Backoff::new();
        loop {
            let state = self.state(&repository)?;
            let mut issues = state.issues.clone();
            let value = change(&mut issues)?;
            let Some(tree) = write_changes(&repository, &state, &issues)? else {
                return Ok(value);
            };
            if self.commit(&repository, tree, Some(state.tip), why, now)? {
                return Ok(value);
            }
            if !backoff.wait(state.tip) {
                return Err(self.stuck());
            }
        }
    }

    fn named(git: &Git, generation: &GenerationName) -> Self {
        Self {
            git: git.clone(),
            reference: generation.issues(),
        }
    }

    fn repository(&self) -> Result<Repository> {
        Repository::open_bare(&self.git.common_dir).with_context(ErrorKind::Unexpected, || {
            format!("cannot open repository {}", self.git.common_dir.display())
        })
    }

    fn tip(&self, repository: &Repository) -> Result<Oid> {
        match repository.refname_to_id(&self.reference) {
            Ok(tip) => Ok(tip),
            Err(error) if error.code() == NotFound => Err(Error::new(
                ErrorKind::Precondition,
                format!("there is no issue store at `{}`", self.reference),
            )
            .hint("`generator list` shows the generations; `generator start` begins one")),
            Err(error) => {
                Err(error).with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", self.reference))
            }
        }
    }

    fn state<'a>(&self, repository: &'a Repository) -> Result<State<'a>> {
        let tip = self.tip(repository)?;
        let reading = || -> Result<State<'a>> {
            let tree = repository
                .find_commit(tip)
                .and_then(|commit| commit.tree())
                .context("cannot read its commit")?;
            let issues = read_issues(repository, &tree)?;
            Ok(State { tip, tree, issues })
        };
        reading().with_context(ErrorKind::Unexpected, || {
            format!("cannot read the issue store `{}` at {tip}", self.reference)
        })
    }

    /// Writes a commit and moves the ref to it; `false` when the ref no longer is where `parent` says.
    fn commit(
        &self,
        repository: &Repository,
        tree: Oid,
        parent: Option<Oid>,
        why: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let author = author(repository, now)?;
        let message = format!("issues: {}\n", text::one_line(why, WHY_MAX));
        let new = (|| {
            let tree = repository.find_tree(tree)?;
            let parent = parent.map(|parent| repository.find_commit(parent)).transpose()?;
            let parents: Vec<_> = parent.iter().collect();
            repository.commit(None, &author, &author, &message, &tree, &parents)
        })();
        let new = new.with_context(ErrorKind::Unexpected, || {
            format!("cannot write a commit for `{}`", self.reference)
        })?;
        let moved = match parent {
            Some(parent) => repository.reference_matching(&self.reference, new, true, parent, &message),
            None => repository.reference(&self.reference, new, false, &message),
        };
        match moved {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.code(), Exists | Locked | Modified | NotFound) => Ok(false),
            Err(error) => {
                Err(error).with_context(ErrorKind::Unexpected, || format!("cannot move `{}`", self.reference))
            }
        }
    }

    fn stuck(&self) -> Error {
        let message = format!(
            "cannot move `{}`: its lock stays taken although nobody moves it",
            self.reference
        );
        Error::new(ErrorKind::Unexpected, message).hint(format!(
            "see whether a process still uses {}.lock",
            self.git.common_dir.join(&self.reference).display()
        ))
    }
}

fn author(repository: &Repository, now: Timestamp) -> Result<Signature<'static>> {
    let time = git2::Time::new(now.as_second(), 0);
    let user = repository
        .signature()
        .with_context(ErrorKind::Precondition, || "the repository has no user".to_owned());
    let user = user.map_err(|error| error.hint("set `user.name` and `user.email` with `git config`"))?;
    let signature = Signature::new(
        &String::from_utf8_lossy(user.name_bytes()),
        &String::from_utf8_lossy(user.email_bytes()),
        &time,
    );
    signature.context("cannot use the repository's user as an author")
}

fn read_issues(repository: &Repository, tree: &Tree<'_>) -> Result<Issues> {
    let mut meta = None;
    let mut issues = Vec::new();
    for entry in tree {
        match (entry.name_bytes(), entry.kind()) {
            (b"meta.json", Some(ObjectType::Blob)) => meta = Some(read_meta(&read_blob(repository, &entry)?)?),
            (b"issues", Some(ObjectType::Tree)) => {
                let folder = repository.find_tree(entry.id()).context("cannot read `issues`")?;
                for entry in &folder {
                    issues.push(read_issue(repository, &entry)?);
                }
            }
            _ => return Err(foreign("", &entry)),
        }
    }
    let meta = meta.ok_or_else(|| Error::new(ErrorKind::Unexpected, "`meta.json` is missing"))?;
    Issues::from_stored(meta, issues)
}

fn read_meta(json: &[u8]) -> Result<StoreMeta> {
    /// The part of the meta data that every version has.
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let Versioned { format } = parse(META, json)?;
    if format != FORMAT {
        let message = format!("`{META}`: the store has format {format}, and this version reads format {FORMAT}");
        return Err(Error::new(ErrorKind::Unexpected, message).hint(NEWER));
    }
    parse(META, json)
}

fn read_issue(repository: &Repository, entry: &TreeEntry<'_>) -> Result<Issue> {
    let name = String::from_utf8_lossy(entry.name_bytes());
    if entry.kind() != Some(ObjectType::Blob) || !name.ends_with(".json") {
        return Err(foreign("issues/", entry));
    }
    let path = format!("{FOLDER}/{name}");
    let issue: Issue = parse(&path, &read_blob(repository, entry)?)?;
    if path == path_of(&issue) {
        return Ok(issue);
    }
    Err(Error::new(
        ErrorKind::Unexpected,
        format!("`{path}` holds the issue {}", issue.id),
    ))
}

fn read_blob(repository: &Repository, entry: &TreeEntry<'_>) -> Result<Vec<u8>> {
    let blob = repository
        .find_blob(entry.id())
        .with_context(ErrorKind::Unexpected, || {
            format!(
                "cannot read `{}`",
                String::from_utf8_lossy(entry.name_bytes()).escape_debug()
            )
        })?;
    Ok(blob.content().to_vec())
}

const NEWER: &str = "if a newer version of cordwainer wrote the store, use that version";

fn parse<T: DeserializeOwned>(path: &str, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json)
        .with_context(ErrorKind::Unexpected, || {
            format!("`{}` cannot be understood", path.escape_debug())
        })
        .map_err(|error| error.hint(NEWER))
}

fn foreign(folder: &str, entry: &TreeEntry<'_>) -> Error {
    let name = String::from_utf8_lossy(entry.name_bytes());
    let message = format!("`{folder}{}` does not belong into an issue store", name.escape_debug());
    Error::new(ErrorKind::Unexpected, message).hint(NEWER)
}

/// Writes the tree of the changed issues, with only the files that differ written anew; `None` when none does.
fn write_changes(repository: &Repository, state: &State<'_>, issues: &Issues) -> Result<Option<Oid>> {
    let before = &state.issues;
    let mut update = TreeUpdateBuilder::new();
    let mut changed = false;
    for issue in issues.iter().filter(|issue| before.get(&issue.id).ok() != Some(issue)) {
        let path = path_of(issue);
        let blob = write_json(repository, &path, issue)?;
        update.upsert(path, blob, FileMode::Blob);
        changed = true;
    }
    if !changed {
        return Ok(None);
    }
    update
        .create_updated(repository, &state.tree)
        .map(Some)
        .context("cannot write the tree of the issue store")
}

/// Writes a value as a file's content, and reads it back: what could not be read again is never stored.
fn write_json<T: serde::Serialize + DeserializeOwned>(repository: &Repository, path: &str, value: &T) -> Result<Oid> {
    let mut json =
        serde_json::to_vec_pretty(value).with_context(ErrorKind::Unexpected, || format!("cannot write `{path}`"))?;
    parse::<T>(path, &json)?;
    json.push(b'\n');
    repository
        .blob(&json)
        .with_context(ErrorKind::Unexpected, || format!("cannot store `{path}`"))
}

fn path_of(issue: &Issue) -> String {
    format!("{FOLDER}/{}.json", issue.id)
}
