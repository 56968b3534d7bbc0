//! The person's checkout of the base branch: whether it can follow the merge.

use std::path::Path;

use super::merge::paths;
use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{Advance, Head, Obstacle, Oid, SIMPLER};
use crate::lifecycle::Generator;

impl Generator {
    /// Returns whether the base branch is checked out in the person's worktree; refuses if it is checked out elsewhere,
    /// too.
    pub(super) fn is_base_checked_out(&self, base_branch: &str) -> Result<bool> {
        let head = match self.project.git.head()? {
            Head::Branch { name, .. } => Some(name),
            Head::Unborn { .. } | Head::Detached { .. } => None,
        };
        let here = head.as_deref() == Some(base_branch);
        let on_alias = match &head {
            Some(name) => self.project.git.is_symbolic(&format!("refs/heads/{name}"))?,
            None => false,
        };
        for place in self.project.git.checked_out_at(base_branch)? {
            let is_here = is_same(&place, self.project.git.workdir());
            if is_here && here {
                continue;
            }
            let (what, hint) = if is_here && on_alias {
                (
                    "checked out by another name of it",
                    format!("`git switch {base_branch}`, then stop again"),
                )
            } else if is_here {
                (
                    "being rebased or bisected",
                    "finish that first, then stop again".to_owned(),
                )
            } else {
                let hint = "run `cordwainer stop` there, so that its files can follow the branch";
                ("checked out", hint.to_owned())
            };
            let message = format!("the base branch `{base_branch}` is {what} at `{}`", place.display());
            return Err(Error::new(ErrorKind::Precondition, message).hint(hint));
        }
        Ok(here)
    }

    /// Refuses uncommitted changes of the person. Changes of a `stop` that died while it brought the files from `base`
    /// to its merge do not count.
    pub(super) fn refuse_dirty(&self, base_branch: &str, base: Oid, earlier_merge: Option<Oid>) -> Result<()> {
        let dirty = match earlier_merge {
            Some(merge) => self.project.git.dirty_besides_advance(base, merge)?,
            None => self.project.git.dirty()?,
        };
        if dirty.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the base branch `{base_branch}` is checked out with uncommitted changes: {}",
            paths(&dirty)
        );
        Err(Error::new(ErrorKind::Precondition, message).hint("commit or stash them, then stop again"))
    }

    /// Brings the files of the person's checkout from `base` to the merge, all of them or none.
    pub(super) fn advance_files(&self, base_branch: &str, base: Oid, merge: Oid) -> Result<()> {
        match self.project.git.advance_checkout(base, merge)? {
            Advance::Done => Ok(()),
            Advance::Blocked(obstacles) => {
                let what = format!("the checkout of `{base_branch}` cannot follow the merge");
                Err(blocked(&what, &obstacles).hint("nothing was changed; move these out of the way, then stop again"))
            }
            Advance::TooMuchWork(why) => Err(Error::new(ErrorKind::Precondition, why).hint(SIMPLER)),
        }
    }

    /// Brings the files back to `base`, however far they came on their way to the merge. Where that takes too much work
    /// they stay, and a message about that is returned: it must not make `stop` or `reset` fail.
    pub(super) fn retreat_files(&self, base_branch: &str, base: Oid, merge: Oid) -> Result<Option<String>> {
        match self.project.git.retreat_checkout(base, merge)? {
            Advance::Done => Ok(None),
            Advance::TooMuchWork(why) => Ok(Some(format!(
                "left the files of the checkout as a `stop` that died left them, on the way from `{base_branch}` to {merge}: \
                 {why}"
            ))),
            Advance::Blocked(obstacles) => {
                let what = format!("the checkout of `{base_branch}` cannot go back to what it was before the merge");
                Err(blocked(&what, &obstacles).hint("commit, stash or move away those that are yours, then try again"))
            }
        }
    }
}

fn blocked(what: &str, obstacles: &[Obstacle]) -> Error {
    const SHOWN: usize = 20;
    let mut message = format!("{what}:");
    for obstacle in obstacles.iter().take(SHOWN) {
        message.push_str(&format!("\n  `{}`: {}", obstacle.path.display(), obstacle.why));
    }
    if obstacles.len() > SHOWN {
        message.push_str(&format!("\n  and {} more", obstacles.len() - SHOWN));
    }
    Error::new(ErrorKind::Precondition, message)
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
