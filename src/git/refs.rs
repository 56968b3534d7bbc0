//! Refs: where branches and marks point, and the one way to move them.

use git2::{ErrorCode, Oid, Repository};

pub use self::write::RefMove;
use self::write::{Wanted, try_move};
use super::Git;
use super::locks::patiently;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::text;

mod checked_out;
mod folders;
mod log;
mod write;

/// Where the HEAD of the person's checkout points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch with commits.
    Branch {
        /// Its short name (`main`).
        name: String,
        /// Its commit.
        tip: Oid,
    },
    /// A branch without a commit yet.
    Unborn {
        /// Its short name.
        name: String,
    },
    /// No branch.
    Detached {
        /// The commit checked out.
        tip: Oid,
    },
}

impl Git {
    /// Reads the HEAD of the person's checkout.
    pub fn head(&self) -> Result<Head> {
        let repository = self.borrow()?;
        let head = repository.find_reference("HEAD").context("cannot read HEAD")?;
        let target = head
            .symbolic_target()
            .context("HEAD names a branch that is not UTF-8")?;
        let Some(full) = target else {
            let tip = head
                .target()
                .ok_or_else(|| Error::new(ErrorKind::Unexpected, "HEAD is not a valid reference"))?;
            return Ok(Head::Detached { tip });
        };
        let name = full.strip_prefix("refs/heads/").unwrap_or(full).to_owned();
        Ok(match read(&repository, full)? {
            Some(tip) => Head::Branch { name, tip },
            None => Head::Unborn { name },
        })
    }

    /// Finds the commit of a revision (`main`, `v1.0~2`, a commit id).
    ///
    /// Fails with [`ErrorKind::Usage`] when there is none, naming the nearest branch.
    pub fn resolve(&self, revision: &str) -> Result<Oid> {
        let repository = self.borrow()?;
        let found = repository
            .revparse_single(revision)
            .and_then(|object| object.peel_to_commit());
        match found {
            Ok(commit) => Ok(commit.id()),
            Err(cause) => {
                let mut error = Error::new(
                    ErrorKind::Usage,
                    format!("`{}` names no commit of this repository", revision.escape_debug()),
                );
                // That it is not there, or is something else, is what the error says already.
                let is_told = [ErrorCode::NotFound, ErrorCode::InvalidSpec, ErrorCode::Peel].contains(&cause.code());
                if !is_told {
                    error = error.because(cause);
                }
                let branches = self.references("refs/heads/")?;
                let short = branches.iter().filter_map(|(name, _)| name.strip_prefix("refs/heads/"));
                Err(match text::nearest(revision, short) {
                    Some(near) => error.hint(format!("did you mean the branch `{near}`?")),
                    None => error.hint("name a branch, a tag or a commit id"),
                })
            }
        }
    }

    /// Returns the remote to which a branch is pushed: the one that it is configured with, else `origin`, else the only
    /// one; `None` where there is none, or several and none of them is meant.
    ///
    /// # Errors
    ///
    /// When git's configuration cannot be read.
    pub fn remote_of(&self, branch: &str) -> Result<Option<String>> {
        let repository = self.open()?;
        let config = repository.config().context("cannot read git's settings")?;
        if let Ok(remote) = config.get_string(&format!("branch.{branch}.remote"))
            && remote != "."
        {
            return Ok(Some(remote));
        }
        let remotes = repository.remotes().context("cannot list the remotes")?;
        let names: Vec<&str> = remotes.iter().flatten().flatten().collect();
        Ok(match names[..] {
            [only] => Some(only.to_owned()),
            _ => names.contains(&"origin").then(|| "origin".to_owned()),
        })
    }

    /// Returns the short name of a remote's default branch, as `git clone` and `git remote set-head` note it; `None`
    /// where neither did.
    ///
    /// # Errors
    ///
    /// When the ref that notes it cannot be read.
    pub fn default_branch_of(&self, remote: &str) -> Result<Option<String>> {
        let repository = self.borrow()?;
        let prefix = format!("refs/remotes/{remote}/");
        let head = match repository.find_reference(&format!("{prefix}HEAD")) {
            Ok(head) => head,
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => return Ok(None),
            Err(error) => {
                return Err(error).context(format!("cannot read the default branch of `{}`", remote.escape_debug()));
            }
        };
        let target = head
            .symbolic_target_bytes()
            .and_then(|target| std::str::from_utf8(target).ok());
        Ok(target
            .and_then(|target| target.strip_prefix(&prefix))
            .map(str::to_owned))
    }

    /// Returns the commit of a local branch, by its short name; `None` where there is no such branch.
    pub fn branch_tip(&self, branch: &str) -> Result<Option<Oid>> {
        self.reference(&format!("refs/heads/{branch}"))
    }

    /// Returns where a ref points, by its full name; `None` where there is no such ref. A symbolic ref is followed.
    pub fn reference(&self, full_name: &str) -> Result<Option<Oid>> {
        let repository = self.borrow()?;
        read(&repository, full_name)
    }

    /// Returns whether a ref, by its full name, is another name of a ref.
    pub fn is_symbolic(&self, full_name: &str) -> Result<bool> {
        match self.borrow()?.find_reference(full_name) {
            Ok(reference) => Ok(reference.symbolic_target_bytes().is_some()),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
            Err(error) => Err(error).context(format!("cannot read the ref `{}`", full_name.escape_debug())),
        }
    }

    /// Returns all refs with full names that begin with `prefix`, byte for byte, ordered by name: end the prefix with
    /// `/` unless longer names are wanted, too. Symbolic refs and names that are not UTF-8 are left out.
    pub fn references(&self, prefix: &str) -> Result<Vec<(String, Oid)>> {
        let repository = self.borrow()?;
        let failed = || format!("cannot list the refs below `{prefix}`");
        let mut found = Vec::new();
        let all = repository.references_glob(&format!("{prefix}*")).context(failed())?;
        for reference in all {
            let reference = reference.context(failed())?;
            if let (Ok(name), Some(id)) = (reference.name(), reference.target())
                && name.starts_with(prefix)
            {
                found.push((name.to_owned(), id));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Moves a ref by compare-and-swap, under git's own lock of it: creates it when `expected` is `None`, deletes it
    /// when `new` is.
    ///
    /// `why` is written to the ref's log, where it has one. Another process that holds the lock is waited for, a few
    /// seconds at most.
    pub fn move_reference(&self, name: &str, expected: Option<Oid>, new: Option<Oid>, why: &str) -> Result<RefMove> {
        let failed = || format!("cannot move the ref `{}`", name.escape_debug());
        if !git2::Reference::is_valid_name(name) || !name.starts_with("refs/") {
            return Err(Error::new(ErrorKind::Usage, failed()).hint("git does not allow a ref of this name"));
        }
        let repository = self.borrow()?;
        if let Some(new) = new {
            let object = repository.find_object(new, None).context(failed())?;
            object.peel_to_commit().context(failed())?;
        }
        let why = self.redactor.text(why);
        let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let wanted = Wanted {
            name,
            expected,
            new,
            why: &why,
        };
        let kept = new.map(|new| self.objects.keep(new)).transpose()?.flatten();
        let moved = patiently(|| try_move(self, &repository, &wanted));
        match (kept, &moved) {
            (Some(kept), Ok(RefMove::Moved)) => kept.release()?,
            (Some(kept), Ok(RefMove::Stale { .. })) => kept.discard()?,
            // The ref may have moved before the error.
            (Some(kept), Err(_)) => kept.lend()?,
            (None, _) => {}
        }
        moved
    }

    /// Has a worktree be at a commit by `point`, and makes what only this process has of the commit readable for git before:
    /// git's own cleanup begins at what worktrees are at.
    pub(super) fn hold_in_worktree(&self, commit: Oid, point: impl FnOnce() -> Result<()>) -> Result<()> {
        let kept = self.objects.keep(commit)?;
        let pointed = point();
        if let Some(kept) = kept {
            kept.lend()?;
        }
        pointed
    }
}

/// Returns where a ref points in the end, if it is there.
fn read(repository: &Repository, full_name: &str) -> Result<Option<Oid>> {
    if !git2::Reference::is_valid_name(full_name) {
        return Ok(None);
    }
    match repository.refname_to_id(full_name) {
        Ok(id) => Ok(Some(id)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error).context(format!("cannot read the ref `{}`", full_name.escape_debug())),
    }
}
