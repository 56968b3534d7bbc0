//! Which objects a commit reaches that a store does not have yet.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZero;
use std::path::Path;

use git2::{ErrorCode, Odb, OdbLookupFlags, Oid, Repository};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::regular;

/// The mode of a submodule in a tree: a commit of another repository.
const SUBMODULE: i32 = 0o160_000;

/// The bytes of an id.
const ID: usize = 20;

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
    /// What is not looked for, if anything is there: whatever is in there has everything beside it that it reaches.
    stored: Option<Odb<'a>>,
    /// Commits whose parents the repository does not have.
    shallow: HashSet<Oid>,
    seen: HashSet<[u8; ID], IdHashes>,
    ids: Vec<Oid>,
}

/// What a walk found.
pub(super) struct Found {
    pub(super) ids: Vec<Oid>,
    /// Commits among them whose parents are not.
    pub(super) boundary: Vec<Oid>,
}

impl<'a> Walk<'a> {
    /// Begins a walk through a repository whose file `shallow` names commits without parents, if it is there. A store that is
    /// empty is better not given.
    pub(super) fn new(repository: &'a Repository, store: Option<&'a Repository>, shallow: &Path) -> Result<Self> {
        let text = match regular::read_to_string(shallow) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.context(format!("cannot read `{}`", shallow.display()))?,
        };
        Ok(Self {
            repository,
            stored: store
                .map(Repository::odb)
                .transpose()
                .context("cannot read a store of history")?,
            shallow: text.lines().filter_map(|line| line.parse().ok()).collect(),
            seen: HashSet::with_hasher(IdHashes::new()),
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
        let Ok(bytes) = <[u8; ID]>::try_from(id.as_bytes()) else {
            return false;
        };
        // Most are not there, and libgit2 would read its folders anew for each of them.
        let is_stored = |store: &Odb<'_>| store.exists_ext(id, OdbLookupFlags::NO_REFRESH);
        self.seen.insert(bytes) && !self.stored.as_ref().is_some_and(is_stored)
    }
}

/// Hashes ids in less time than the standard library does: a walk looks for one at each entry of each tree. Agents can
/// make many ids that have bits in common, so that these are mixed with numbers that they do not know.
struct IdHashes {
    added: u64,
    factor: u64,
}

impl IdHashes {
    fn new() -> Self {
        let random = RandomState::new();
        Self {
            added: random.hash_one(0),
            factor: random.hash_one(1) | 1,
        }
    }
}

impl BuildHasher for IdHashes {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher {
            added: self.added,
            factor: self.factor,
            hash: 0,
        }
    }
}

/// The hash of one id, by its first bytes.
struct IdHasher {
    added: u64,
    factor: u64,
    hash: u64,
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
        let product = u128::from(first ^ self.added) * u128::from(self.factor);
        let half = |half: u128| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default();
        self.hash = half(product) ^ half(product >> 64);
    }

    /// The length, which is that of all.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.hash
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_begin_alike_have_hashes_of_their_own() {
        // As many of the last bits of a hash as choose a place among so few.
        let places = |hashes: &IdHashes| {
            let ids = (0..1024_u32).map(|number| {
                let id = Oid::hash_object(git2::ObjectType::Blob, &number.to_le_bytes()).unwrap();
                let mut id = <[u8; ID]>::try_from(id.as_bytes()).unwrap();
                id[..2].fill(7);
                hashes.hash_one(id) & 0xfff
            });
            ids.collect::<HashSet<_>>()
        };
        let (one, other) = (IdHashes::new(), IdHashes::new());
        assert!(places(&one).len() > 700, "{}", places(&one).len());
        assert_eq!(one.hash_one([7; ID]), one.hash_one([7; ID]));
        assert_ne!(one.hash_one([7; ID]), other.hash_one([7; ID]));
    }
}
