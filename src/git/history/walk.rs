//! Which objects a commit reaches that a store does not have yet.

use std::collections::{HashSet, VecDeque};
use std::num::NonZero;
use std::path::Path;

use git2::{ErrorCode, Odb, Oid, Repository};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::regular;

/// The mode of a submodule in a tree: a commit of another repository.
const SUBMODULE: i32 = 0o160_000;

/// How far back agents can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryDepth {
    /// To the first commit.
    #[default]
    Full,
    /// So many commits back from the one that a store began with, along each line of parents.
    Commits(NonZero<u32>),
}

/// A walk through a repository.
pub(super) struct Walk<'a> {
    repository: &'a Repository,
    /// What is not looked for: whatever is in there has everything beside it that it reaches.
    stored: Odb<'a>,
    /// Commits whose parents the repository does not have.
    shallow: HashSet<Oid>,
    seen: HashSet<Oid>,
    ids: Vec<Oid>,
}

/// What a walk found.
pub(super) struct Found {
    pub(super) ids: Vec<Oid>,
    /// Commits among them whose parents are not.
    pub(super) boundary: Vec<Oid>,
}

impl<'a> Walk<'a> {
    /// Begins a walk through a repository whose file `shallow` names commits without parents, if it is there.
    pub(super) fn new(repository: &'a Repository, store: &'a Repository, shallow: &Path) -> Result<Self> {
        let text = match regular::read_to_string(shallow) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.context(format!("cannot read `{}`", shallow.display()))?,
        };
        Ok(Self {
            repository,
            stored: store.odb().context("cannot read a store of history")?,
            shallow: text.lines().filter_map(|line| line.parse().ok()).collect(),
            seen: HashSet::new(),
            ids: Vec::new(),
        })
    }

    /// Finds what a commit reaches, so many commits back.
    pub(super) fn from(mut self, commit: Oid, depth: HistoryDepth) -> Result<Found> {
        let mut boundary = Vec::new();
        let mut next = VecDeque::from([(commit, 1)]);
        while let Some((id, number)) = next.pop_front() {
            if !self.is_new(id) {
                continue;
            }
            let commit = self
                .repository
                .find_commit(id)
                .context(format!("cannot read the commit {id}"))?;
            self.ids.push(id);
            self.walk_tree(commit.tree_id())?;
            let is_last = matches!(depth, HistoryDepth::Commits(most) if number >= most.get());
            let parents: Vec<Oid> = commit.parent_ids().collect();
            if self.shallow.contains(&id) || (is_last && !parents.is_empty()) {
                boundary.push(id);
            } else {
                next.extend(parents.into_iter().map(|parent| (parent, number.saturating_add(1))));
            }
        }
        Ok(Found {
            ids: self.ids,
            boundary,
        })
    }

    /// Finds what a tree reaches.
    pub(super) fn tree(mut self, tree: Oid) -> Result<Vec<Oid>> {
        self.walk_tree(tree)?;
        Ok(self.ids)
    }

    fn walk_tree(&mut self, tree: Oid) -> Result<()> {
        let mut next = vec![tree];
        while let Some(id) = next.pop() {
            if !self.is_new(id) {
                continue;
            }
            let tree = match self.repository.find_tree(id) {
                // In a clone without all objects, git inside misses what git outside misses.
                Err(error) if error.code() == ErrorCode::NotFound && is_partial(self.repository) => continue,
                tree => tree.map_err(|error| unreadable(id, error))?,
            };
            self.ids.push(id);
            for entry in &tree {
                match entry.kind() {
                    Some(git2::ObjectType::Tree) => next.push(entry.id()),
                    _ if entry.filemode() == SUBMODULE => {}
                    _ if self.is_new(entry.id()) => self.ids.push(entry.id()),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Notes an object as seen; returns whether it is neither known nor in the store.
    fn is_new(&mut self, id: Oid) -> bool {
        self.seen.insert(id) && !self.stored.exists(id)
    }
}

/// Returns the error of an object that cannot be read.
pub(super) fn unreadable(id: Oid, error: git2::Error) -> Error {
    Error::new(
        ErrorKind::Precondition,
        format!("the object {id} of the history cannot be read"),
    )
    .because(error)
    .hint("`git fsck` shows what the repository lacks")
}

/// Returns whether a repository is a clone to which objects are fetched when they are needed.
pub(super) fn is_partial(repository: &Repository) -> bool {
    let Ok(config) = repository.config() else { return false };
    let is_promised = |remotes: &mut git2::ConfigEntries<'_>| remotes.next().is_some_and(|entry| entry.is_ok());
    let remotes = config.entries(Some(r"^remote\..*\.promisor$"));
    config.get_string("extensions.partialclone").is_ok() || remotes.is_ok_and(|mut remotes| is_promised(&mut remotes))
}
