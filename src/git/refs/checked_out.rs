//! Which checkouts stand on a branch, read from the common directory alone: a worktree's own folder may be anybody's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Result};
use crate::git::{Git, bytes};

impl Git {
    /// The roots of all checkouts, main and linked, that stand on a local branch (short name), or are in the
    /// middle of a rebase or bisection of it.
    pub fn checked_out_at(&self, branch: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        if stands_on(&self.common_dir, branch)
            && let Some(main) = self.main_checkout()?
        {
            found.push(main);
        }
        for git_dir in linked_worktrees(&self.common_dir)? {
            if stands_on(&git_dir, branch) {
                found.push(folder_of(&git_dir).unwrap_or(git_dir));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The root of the main checkout, unless there is only a bare repository with linked worktrees.
    pub(crate) fn main_checkout(&self) -> Result<Option<PathBuf>> {
        let main = git2::Repository::open(&self.common_dir).context("cannot open the main repository")?;
        // libgit2 ends it with a slash, which no other path here has.
        Ok(main.workdir().map(|folder| folder.components().collect()))
    }
}

/// The git directories of all linked worktrees.
fn linked_worktrees(common_dir: &Path) -> Result<Vec<PathBuf>> {
    let folder = common_dir.join("worktrees");
    let failed = || format!("cannot list the worktrees in `{}`", folder.display());
    match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.context(failed())?.path())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).context(failed()),
    }
}

/// Whether the HEAD in this git directory is the branch, or an unfinished rebase or bisection will return to it.
fn stands_on(git_dir: &Path, branch: &str) -> bool {
    let full = format!("refs/heads/{branch}");
    let says = |file: &str, wanted: &str| {
        fs::read(git_dir.join(file)).is_ok_and(|content| content.trim_ascii() == wanted.as_bytes())
    };
    says("HEAD", &format!("ref: {full}"))
        || says("rebase-merge/head-name", &full)
        || says("rebase-apply/head-name", &full)
        || says("BISECT_START", branch)
}

/// The folder that a linked worktree's `gitdir` file names.
fn folder_of(git_dir: &Path) -> Option<PathBuf> {
    let pointer = fs::read(git_dir.join("gitdir")).ok()?;
    let dot_git = git_dir.join(bytes::to_path(pointer.trim_ascii_end()));
    Some(dot_git.parent()?.to_path_buf())
}
