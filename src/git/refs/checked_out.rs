//! The checkouts of a branch, read from the common directory alone: anybody may control a worktree's own folder.

use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;

use crate::base::error::{Context as _, Result};
use crate::git::{Git, bytes};

impl Git {
    /// Returns the roots of all checkouts, main and linked, of a local branch (short name), including those in the
    /// middle of a rebase or bisection of it.
    pub fn checked_out_at(&self, branch: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let repository = self.open()?;
        if stands_on(&repository, &self.common_dir, branch) && !is_bare(&self.common_dir)? {
            found.push(self.main_checkout()?.unwrap_or_else(|| self.common_dir.clone()));
        }
        for git_dir in linked_worktrees(&self.common_dir)? {
            if stands_on(&repository, &git_dir, branch) {
                found.push(folder_of(&git_dir).unwrap_or(git_dir));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Returns the root of the main checkout; `None` where there is only a bare repository with linked worktrees, or
    /// where the git folder is elsewhere and does not name its checkout.
    pub(crate) fn main_checkout(&self) -> Result<Option<PathBuf>> {
        if self.own_dir == self.common_dir {
            return Ok(Some(self.workdir.clone()));
        }
        let main = Repository::open(&self.common_dir).context("cannot open the main repository")?;
        // libgit2 ends it with a slash, which no other path here has.
        let root: Option<PathBuf> = main.workdir().map(|folder| folder.components().collect());
        // Without a setting, libgit2 takes the folder above for the checkout, whatever it is.
        let is_set = main
            .config()
            .is_ok_and(|config| config.get_path("core.worktree").is_ok());
        Ok(root.filter(|root| is_set || leads_to(&root.join(".git"), &self.common_dir)))
    }
}

/// Returns whether a `.git` is this git directory, or a file or a link that leads to it.
fn leads_to(dot_git: &Path, git_dir: &Path) -> bool {
    let named = match fs::read(dot_git) {
        Ok(content) => {
            let pointer = content.strip_prefix(b"gitdir: ").unwrap_or_default().trim_ascii_end();
            dot_git.with_file_name("").join(bytes::to_path(pointer))
        }
        Err(_) => dot_git.to_owned(),
    };
    named.canonicalize().is_ok_and(|named| named == git_dir)
}

/// Returns whether the main repository has no checkout at all.
fn is_bare(common_dir: &Path) -> Result<bool> {
    let main = Repository::open(common_dir).context("cannot open the main repository")?;
    Ok(main.is_bare())
}

/// Returns the git directories of all linked worktrees.
fn linked_worktrees(common_dir: &Path) -> Result<Vec<PathBuf>> {
    let folder = common_dir.join("worktrees");
    let failed = || format!("cannot list the worktrees in `{}`", folder.display());
    match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.context(failed())?.path())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).context(failed()),
    }
}

/// Returns whether the HEAD in this git directory is the branch, or an unfinished rebase or bisection will return to
/// it.
fn stands_on(repository: &Repository, git_dir: &Path, branch: &str) -> bool {
    let full = format!("refs/heads/{branch}");
    let says = |file: &str, wanted: &str| {
        fs::read(git_dir.join(file)).is_ok_and(|content| content.trim_ascii() == wanted.as_bytes())
    };
    head_branch(repository, git_dir).is_some_and(|head| head == full)
        || says("rebase-merge/head-name", &full)
        || says("rebase-apply/head-name", &full)
        || says("BISECT_START", branch)
}

/// Returns the full name of the branch to which the HEAD in this git directory leads in the end: one branch may be an
/// alias of another.
fn head_branch(repository: &Repository, git_dir: &Path) -> Option<String> {
    let content = fs::read(git_dir.join("HEAD")).ok()?;
    let name = content.trim_ascii().strip_prefix(b"ref:")?.trim_ascii();
    let mut name = String::from_utf8(name.to_vec()).ok()?;
    // Git itself follows no more of them.
    for _ in 0..5 {
        let reference = repository.find_reference(&name).ok();
        match reference.and_then(|reference| reference.symbolic_target().ok().flatten().map(str::to_owned)) {
            Some(target) => name = target,
            None => break,
        }
    }
    Some(name)
}

/// Returns the folder that a linked worktree's `gitdir` file names.
fn folder_of(git_dir: &Path) -> Option<PathBuf> {
    let pointer = fs::read(git_dir.join("gitdir")).ok()?;
    let dot_git = git_dir.join(bytes::to_path(pointer.trim_ascii_end()));
    Some(dot_git.parent()?.to_path_buf())
}
