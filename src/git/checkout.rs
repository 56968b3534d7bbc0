//! The person's checkout, which only `stop` moves: only when it is clean, and all at once or not at all.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{IndexEntry, Oid, Repository, RepositoryState};
use walkdir::WalkDir;

use self::side::Side;
use self::staged::Staged;
use self::worktree::Worktree;
use super::tree::peel;
use super::{EntryKind, Git, bytes};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};

mod retreat;
mod side;
mod staged;
mod worktree;

pub(crate) use self::worktree::SIMPLER;

/// A path in a checkout that would be lost, or that leads out of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Obstacle {
    /// The path.
    pub path: PathBuf,
    /// What is wrong with it, as a fragment.
    pub why: String,
}

/// How an update of a checkout ended.
#[must_use = "unless it is done, nothing was changed"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advance {
    /// Files and index are at the new commit. HEAD's branch is the caller's to move.
    Done,
    /// Nothing was changed, because of these obstacles.
    Blocked(Vec<Obstacle>),
    /// Nothing was changed, because git's rules take too much work to follow; the text names which rules, and for which
    /// path, as a fragment.
    TooMuchWork(String),
}

impl Git {
    /// Returns the tracked files that differ from HEAD, staged or not, ordered; untracked files do not count.
    pub fn dirty(&self) -> Result<Vec<PathBuf>> {
        let repository = self.open()?;
        let worktree = Worktree::new(self, &repository)?;
        let tree = head_tree(&repository)?;
        let head = worktree.side(&peel(&repository, tree)?)?;
        let staged = Staged::of(self)?;
        let mut found = BTreeSet::new();
        let mut left: BTreeSet<_> = head.paths().cloned().collect();
        for entry in staged.entries() {
            let path = bytes::to_path(&entry.path);
            left.remove(&path);
            if staged::stage(&entry) != 0
                || head.get(&path) != Some(staged::file(&entry))
                || is_changed(&repository, &worktree, &staged, &head, &entry)?
            {
                found.insert(path);
            }
        }
        worktree.within_budget()?;
        // Paths that are no longer in the index.
        found.extend(left);
        Ok(found.into_iter().collect())
    }

    /// Returns the dirty files that are not the result of an interrupted [`Git::advance_checkout`] from `from` to `to`.
    pub fn dirty_besides_advance(&self, from: Oid, to: Oid) -> Result<Vec<PathBuf>> {
        let repository = self.open()?;
        let step = Move::between(self, &repository, from, to)?;
        let foreign = step.foreign(&Staged::of(self)?)?;
        step.worktree.within_budget()?;
        let dirty = self.dirty()?;
        Ok(dirty
            .into_iter()
            .filter(|path| !step.changed.contains(path) || foreign.contains(path))
            .collect())
    }

    /// Brings files and index of the person's checkout from the commit `from` to `to`. Files that did not change
    /// between them are left alone, and so are untracked and ignored ones. Can be run again after dying in the middle.
    ///
    /// The caller moves HEAD's branch right after, by [`Git::move_reference`]. Fails with [`ErrorKind::Precondition`]
    /// in the middle of a merge or rebase, in a sparse checkout, and while another program holds git's lock of the
    /// index.
    pub fn advance_checkout(&self, from: Oid, to: Oid) -> Result<Advance> {
        self.with_index(|index| {
            let repository = self.open()?;
            refuse_unusual(&repository)?;
            // HEAD determines the present state of the files.
            if head_tree(&repository)? != peel(&repository, from)?.id() {
                return Err(Error::new(
                    ErrorKind::Precondition,
                    "the checkout is no longer at the commit it was at",
                ));
            }
            let step = Move::between(self, &repository, from, to)?;
            step.go(index, "it is neither in its old state nor in its new one")
        })
    }
}

/// Returns the tree of HEAD's commit.
fn head_tree(repository: &Repository) -> Result<Oid> {
    let head = repository.head().and_then(|head| head.peel_to_tree());
    Ok(head.context("cannot read HEAD")?.id())
}

/// Returns whether the file of an entry differs from the staged content, which equals HEAD's.
fn is_changed(
    repository: &Repository,
    worktree: &Worktree<'_>,
    staged: &Staged,
    head: &Side,
    entry: &IndexEntry,
) -> Result<bool> {
    let path = bytes::to_path(&entry.path);
    if EntryKind::of_mode(entry.mode) == EntryKind::Submodule {
        let submodule = path.to_str().and_then(|path| repository.find_submodule(path).ok());
        let checked_out = submodule.and_then(|submodule| submodule.workdir_id());
        return Ok(checked_out.is_some_and(|commit| commit != entry.id));
    }
    let looks = worktree.looks(&path)?;
    Ok(!staged.vouches(entry, looks.as_ref()) && !worktree.is_as(&path, head)?)
}

/// A move of the checkout between two commits.
struct Move<'git> {
    worktree: Worktree<'git>,
    from: Side,
    to: Side,
    /// The paths that differ between the two.
    changed: BTreeSet<PathBuf>,
}

impl<'git> Move<'git> {
    fn between(git: &'git Git, repository: &'git Repository, from: Oid, to: Oid) -> Result<Self> {
        let worktree = Worktree::new(git, repository)?;
        let from = worktree.side(&peel(repository, from)?)?;
        let to = worktree.side(&peel(repository, to)?)?;
        Ok(Self {
            changed: from.changed(&to),
            worktree,
            from,
            to,
        })
    }

    /// Moves files and the index at a path, unless an obstacle is in the way; `why` states what is wrong with a file
    /// that neither commit explains.
    fn go(&self, index: &Path, why: &str) -> Result<Advance> {
        let mut staged = Staged::at(index)?;
        let mut obstacles = self.in_the_way();
        let foreign = self.foreign(&staged)?;
        if let Some(why) = self.worktree.too_much_work() {
            return Ok(Advance::TooMuchWork(why));
        }
        obstacles.extend(foreign.into_iter().map(|path| Obstacle::new(path, why)));
        if !obstacles.is_empty() {
            obstacles.sort();
            return Ok(Advance::Blocked(obstacles));
        }
        // Also a file that would be stored as in `to`: its line endings may differ from those that git writes.
        let plan = self.worktree.plan(&self.changed, &self.to);
        if let Some(why) = self.worktree.too_much_work() {
            return Ok(Advance::TooMuchWork(why));
        }
        self.worktree.bring(&plan)?;
        crash_point!("checkout.files");
        let arrived = self.worktree.all_as(&self.changed, &self.to)?;
        staged.record(&arrived)?;
        crash_point!("checkout.moved");
        Ok(Advance::Done)
    }

    /// Returns those of the changed paths that, in the checkout or in the index, are neither as in `from` nor as in
    /// `to`.
    fn foreign(&self, staged: &Staged) -> Result<BTreeSet<PathBuf>> {
        let neither = self.worktree.differing(&self.changed, &self.from)?;
        let neither = self.worktree.differing(&neither, &self.to)?;
        let mut found = BTreeSet::new();
        for path in neither {
            // A missing or empty file is the result of a checkout that was killed, and nothing in it can be lost.
            if let Some(looks) = self.worktree.looks(&path)?
                && !(looks.is_file() && looks.len() == 0)
            {
                found.insert(path);
            }
        }
        let staged_neither = |path: &&PathBuf| {
            let staged = staged.get(path);
            staged != self.from.get(path) && staged != self.to.get(path)
        };
        found.extend(self.changed.iter().filter(staged_neither).cloned());
        Ok(found)
    }

    /// Returns the obstacles in the place of a folder or a file that are not in the tree: links and files on the way to
    /// a changed path, and files in a folder that is to become a file.
    fn in_the_way(&self) -> Vec<Obstacle> {
        let root = &self.worktree;
        let mut found = BTreeSet::new();
        for path in &self.changed {
            for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
                let Ok(looks) = fs::symlink_metadata(root.at(folder)) else {
                    continue;
                };
                // One that the tree has there, or is to lose, is a changed path itself.
                if !looks.is_dir() && !self.changed.contains(folder) {
                    let what = if looks.is_symlink() {
                        "a symbolic link"
                    } else {
                        "a file"
                    };
                    let why = format!("it is {what} in the place of a folder");
                    found.insert(Obstacle::new(folder.to_path_buf(), why));
                }
            }
            let becomes_file = self.to.get(path).is_some_and(|(kind, _)| kind != EntryKind::Submodule);
            if becomes_file && fs::symlink_metadata(root.at(path)).is_ok_and(|looks| looks.is_dir()) {
                found.extend(self.inside(path));
            }
        }
        found.into_iter().collect()
    }

    /// Returns the files in a folder that is to become a file, except those that are to be removed.
    fn inside(&self, folder: &Path) -> Vec<Obstacle> {
        let entries = WalkDir::new(self.worktree.at(folder))
            .into_iter()
            .filter_map(Result::ok);
        let files = entries.filter(|entry| !entry.file_type().is_dir());
        let paths = files.filter_map(|entry| {
            let below = entry.path().strip_prefix(self.worktree.at(Path::new(""))).ok()?;
            (!self.changed.contains(below)).then(|| below.to_path_buf())
        });
        let why = "it is in a folder that is to become a file";
        paths.map(|path| Obstacle::new(path, why)).collect()
    }
}

impl Obstacle {
    fn new(path: PathBuf, why: impl Into<String>) -> Self {
        Self { path, why: why.into() }
    }
}

fn refuse_unusual(repository: &Repository) -> Result<()> {
    let refuse = |what: &str, hint: &str| Err(Error::new(ErrorKind::Precondition, what).hint(hint));
    if repository.state() != RepositoryState::Clean {
        let hint = "finish or abort it first";
        return refuse(
            "the checkout is in the middle of a merge, a rebase, or a similar operation",
            hint,
        );
    }
    let sparse = repository
        .config()
        .and_then(|config| config.get_bool("core.sparseCheckout"));
    if sparse.unwrap_or(false) {
        let hint = "switch to another branch first: the base branch is then moved without a checkout";
        return refuse("the checkout is sparse, which cannot be brought up to date", hint);
    }
    Ok(())
}
