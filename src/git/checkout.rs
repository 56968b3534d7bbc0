//! The person's checkout, which only `stop` moves: when it is clean, and all at once or not at all.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{Diff, DiffDelta, DiffOptions, Oid, Repository, RepositoryState, StatusOptions, Tree};
use walkdir::WalkDir;

use super::tree::{peel, visit};
use super::{EntryKind, Git, bytes};
use crate::crash::crash_point;
use crate::error::{Context as _, Error, ErrorKind, Result};

mod retreat;

/// Something in a checkout that would be lost, or that leads out of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Obstacle {
    /// Where.
    pub path: PathBuf,
    /// What is wrong with it, as a fragment.
    pub why: String,
}

/// How bringing a checkout up to date ended.
#[must_use = "an obstacle means that nothing was changed"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advance {
    /// Files and index are at the new commit. HEAD's branch is the caller's to move.
    Done,
    /// Nothing was changed, because of these.
    Blocked(Vec<Obstacle>),
}

impl Git {
    /// Tracked files that differ from HEAD, staged or not, ordered; untracked files do not count.
    pub fn dirty(&self) -> Result<Vec<PathBuf>> {
        let repository = self.open()?;
        let failed = "cannot compare the checkout with its commit";
        let mut options = StatusOptions::new();
        // The index is the person's: not even its times are refreshed.
        options
            .include_untracked(false)
            .include_ignored(false)
            .update_index(false);
        let statuses = repository.statuses(Some(&mut options)).context(failed)?;
        let paths: BTreeSet<_> = statuses
            .iter()
            .map(|entry| bytes::to_path(entry.path_bytes()))
            .collect();
        Ok(paths.into_iter().collect())
    }

    /// The dirty files that an interrupted [`Git::advance_checkout`] from `from` to `to` does not explain.
    pub fn dirty_besides_advance(&self, from: Oid, to: Oid) -> Result<Vec<PathBuf>> {
        let repository = self.open()?;
        let (from, to) = (peel(&repository, from)?, peel(&repository, to)?);
        let changed = changed_paths(&repository, &from, &to)?;
        let foreign = foreign_changes(&repository, &from, &to, &changed)?;
        let dirty = self.dirty()?;
        Ok(dirty
            .into_iter()
            .filter(|path| !changed.contains(path) || foreign.contains(path))
            .collect())
    }

    /// Brings files and index of the person's checkout from the commit `from` to `to`, leaving alone what did not
    /// change between them, and untracked and ignored files always. Can be done again after dying in the middle.
    ///
    /// The caller moves HEAD's branch right after, by [`Git::move_reference`].
    /// Fails with [`ErrorKind::Precondition`] in the middle of a merge or rebase, and in a sparse checkout.
    pub fn advance_checkout(&self, from: Oid, to: Oid) -> Result<Advance> {
        let repository = self.open()?;
        refuse_unusual(&repository)?;
        let (from, to) = (peel(&repository, from)?, peel(&repository, to)?);
        // libgit2 takes HEAD for what the files were.
        let head = repository.head().and_then(|head| head.peel_to_tree());
        if head.context("cannot read HEAD")?.id() != from.id() {
            return Err(Error::new(
                ErrorKind::Precondition,
                "the checkout is no longer at the commit it was at",
            ));
        }
        let changed = changed_paths(&repository, &from, &to)?;
        let files = files_of(&repository, &to)?;
        let mut obstacles = self.in_the_way(&files, &changed);
        let foreign = foreign_changes(&repository, &from, &to, &changed)?;
        obstacles.extend(foreign.into_iter().map(|path| {
            let why = "it is neither what it was nor what it is to become";
            Obstacle::new(path, why)
        }));
        if !obstacles.is_empty() {
            obstacles.sort();
            return Ok(Advance::Blocked(obstacles));
        }
        self.move_files(&repository, &to, &files, &changed)
    }

    /// Moves files and index, once nothing is in the way.
    fn move_files(
        &self,
        repository: &Repository,
        to: &Tree<'_>,
        files: &Files,
        changed: &BTreeSet<PathBuf>,
    ) -> Result<Advance> {
        let arrived = arrived(repository, to, changed)?;
        let left: BTreeSet<_> = changed.difference(&arrived).cloned().collect();
        // Emptied by a write that did not end.
        let (emptied, whole): (BTreeSet<_>, BTreeSet<_>) =
            left.into_iter().partition(|path| is_empty(&self.workdir.join(path)));
        for (paths, force) in [(whole, false), (emptied, true)] {
            let conflicts = check_out(repository, to, &paths, force)?;
            if !conflicts.is_empty() {
                return Ok(Advance::Blocked(conflicts));
            }
            crash_point!("checkout.files");
        }
        index_arrived(repository, files, &arrived).context("cannot bring the index up to date")?;
        crash_point!("checkout.moved");
        Ok(Advance::Done)
    }

    /// What stands where a folder or a file is to be, and is not the tree's: links and files on the way to a changed
    /// path, and files in a folder that is to become a file.
    fn in_the_way(&self, to: &Files, changed: &BTreeSet<PathBuf>) -> Vec<Obstacle> {
        let mut found = BTreeSet::new();
        for path in changed {
            for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
                let Ok(looks) = fs::symlink_metadata(self.workdir.join(folder)) else {
                    continue;
                };
                // One that the tree has there, or is to lose, is a changed path itself.
                if !looks.is_dir() && !changed.contains(folder) {
                    let why = if looks.is_symlink() {
                        "a symbolic link"
                    } else {
                        "a file"
                    };
                    let why = format!("it is {why} in the place of a folder");
                    found.insert(Obstacle::new(folder.to_path_buf(), why));
                }
            }
            let becomes_file = to.get(path).is_some_and(|kind| *kind != EntryKind::Submodule);
            let root = self.workdir.join(path);
            if becomes_file && fs::symlink_metadata(&root).is_ok_and(|looks| looks.is_dir()) {
                for entry in WalkDir::new(&root).into_iter().filter_map(Result::ok) {
                    let relative = entry.path().strip_prefix(&self.workdir).unwrap_or(entry.path());
                    if !entry.file_type().is_dir() && !changed.contains(relative) {
                        let why = "it is in a folder that is to become a file";
                        found.insert(Obstacle::new(relative.to_path_buf(), why));
                    }
                }
            }
        }
        found.into_iter().collect()
    }
}

/// What a tree has at each path; folders are none of it.
type Files = HashMap<PathBuf, EntryKind>;

/// Reads all paths of a tree at once: looking one up reads every folder on its way anew.
fn files_of(repository: &Repository, tree: &Tree<'_>) -> Result<Files> {
    let mut files = Files::new();
    visit(repository, tree, b"", &mut |path, kind, _| {
        files.insert(bytes::to_path(path), kind);
    })?;
    Ok(files)
}

impl Obstacle {
    fn new(path: PathBuf, why: impl Into<String>) -> Self {
        Self { path, why: why.into() }
    }
}

/// Records in the index the files that have their new content already.
fn index_arrived(repository: &Repository, to: &Files, arrived: &BTreeSet<PathBuf>) -> Result<(), git2::Error> {
    if arrived.is_empty() {
        return Ok(());
    }
    let mut index = repository.index()?;
    let (there, gone): (Vec<_>, Vec<_>) = arrived.iter().partition(|path| to.contains_key(*path));
    for path in gone {
        if index.get_path(path, 0).is_some() {
            index.remove(path, 0)?;
        }
    }
    for path in there {
        index.add_path(path)?;
    }
    index.write()
}

fn refuse_unusual(repository: &Repository) -> Result<()> {
    let refuse = |what: &str, hint: &str| Err(Error::new(ErrorKind::Precondition, what).hint(hint));
    if repository.state() != RepositoryState::Clean {
        let hint = "finish or abort it first";
        return refuse("the checkout is in the middle of a merge, rebase, or the like", hint);
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

/// The paths that differ between two trees.
fn changed_paths(repository: &Repository, from: &Tree<'_>, to: &Tree<'_>) -> Result<BTreeSet<PathBuf>> {
    let mut options = DiffOptions::new();
    options.include_typechange(true);
    let diff = repository
        .diff_tree_to_tree(Some(from), Some(to), Some(&mut options))
        .context("cannot compare two commits")?;
    Ok(paths_of(&diff))
}

fn paths_of(diff: &Diff<'_>) -> BTreeSet<PathBuf> {
    let path = |delta: DiffDelta<'_>| {
        let files = [delta.old_file(), delta.new_file()];
        files.iter().find_map(|file| file.path_bytes().map(bytes::to_path))
    };
    diff.deltas().filter_map(path).collect()
}

/// Those of `changed` that are, in the checkout or in the index, neither as in `from` nor as in `to`.
fn foreign_changes(
    repository: &Repository,
    from: &Tree<'_>,
    to: &Tree<'_>,
    changed: &BTreeSet<PathBuf>,
) -> Result<BTreeSet<PathBuf>> {
    let files = differing(repository, from, changed, Side::Files)?;
    let files_to = differing(repository, to, changed, Side::Files)?;
    let staged = differing(repository, from, changed, Side::Index)?;
    let staged_to = differing(repository, to, changed, Side::Index)?;
    let workdir = repository.workdir().unwrap_or(repository.path());
    // A missing or empty file is what a checkout that was killed leaves, and holds nothing to lose.
    let neither_in_files = files.intersection(&files_to).filter(|path| {
        let path = workdir.join(path);
        fs::symlink_metadata(&path).is_ok() && !is_empty(&path)
    });
    let neither_in_index = staged.intersection(&staged_to);
    Ok(neither_in_files.chain(neither_in_index).cloned().collect())
}

/// Those of `changed` whose files are as in `to` already.
fn arrived(repository: &Repository, to: &Tree<'_>, changed: &BTreeSet<PathBuf>) -> Result<BTreeSet<PathBuf>> {
    let differ = differing(repository, to, changed, Side::Files)?;
    Ok(changed.difference(&differ).cloned().collect())
}

/// Whether there is a file without content.
fn is_empty(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|looks| looks.is_file() && looks.len() == 0)
}

/// What a tree is compared with.
#[derive(Clone, Copy)]
enum Side {
    Files,
    Index,
}

/// Those of `paths` that differ between a tree and the checkout; contents are compared as git would store them.
fn differing(
    repository: &Repository,
    tree: &Tree<'_>,
    paths: &BTreeSet<PathBuf>,
    side: Side,
) -> Result<BTreeSet<PathBuf>> {
    if paths.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut options = DiffOptions::new();
    options
        .disable_pathspec_match(true)
        .include_typechange(true)
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .include_ignored(true)
        .recurse_ignored_dirs(true)
        .update_index(false);
    for path in paths {
        options.pathspec(path.as_path());
    }
    let diff = match side {
        Side::Files => repository.diff_tree_to_workdir(Some(tree), Some(&mut options)),
        Side::Index => repository.diff_tree_to_index(Some(tree), None, Some(&mut options)),
    };
    let found = paths_of(&diff.context("cannot compare the checkout with a commit")?);
    Ok(found.into_iter().filter(|path| paths.contains(path)).collect())
}

/// Checks out some paths of `to`; returns what libgit2 refuses to overwrite, in which case nothing was changed.
fn check_out(repository: &Repository, to: &Tree<'_>, paths: &BTreeSet<PathBuf>, force: bool) -> Result<Vec<Obstacle>> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let mut conflicts = Vec::new();
    let mut options = CheckoutBuilder::new();
    for path in paths {
        options.path(path.as_path());
    }
    if force {
        options.force();
    } else {
        options.safe().recreate_missing(true);
    }
    options
        .disable_pathspec_match(true)
        .overwrite_ignored(false)
        .notify_on(git2::CheckoutNotificationType::CONFLICT)
        .notify(|_, path, _, _, _| {
            conflicts.extend(path.map(|path| Obstacle::new(path.to_path_buf(), "it would be overwritten")));
            true
        });
    let outcome = repository.checkout_tree(to.as_object(), Some(&mut options));
    drop(options);
    match outcome {
        Ok(()) => Ok(Vec::new()),
        Err(error) if error.code() == git2::ErrorCode::Conflict && !conflicts.is_empty() => Ok(conflicts),
        Err(error) => Err(error).context("cannot bring the checkout up to date"),
    }
}
