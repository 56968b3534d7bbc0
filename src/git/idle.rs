//! Repositories that are open already. libgit2 reads git's settings and looks for packs whenever it opens one, which for what
//! is as short as reading a ref is nearly all of the work.

use std::fmt;
use std::fs;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use git2::Repository;

use crate::base::error::Result;

/// How long one is used after it was opened: git's settings could be others by then.
const LONGEST: Duration = Duration::from_secs(1);
/// How far apart changes of a folder are for their times to differ; most kernels count them by 4 ms.
const TICK: Duration = Duration::from_millis(5);
/// How many wait at most.
const MOST: usize = 4;

/// The repositories that wait to be used again.
#[derive(Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Vec<Opened>>>);

impl fmt::Debug for Idle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Idle")
    }
}

/// A repository, and what it was opened on.
struct Opened {
    repository: Repository,
    packs: Packs,
    at: Instant,
    /// Whether its packs show by themselves that they are others.
    is_settled: bool,
}

/// The packs at a moment. An open repository finds new ones by itself, but would still look in those that are gone.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Packs {
    /// The folder of git's packs: its inode, and when a name in it changed.
    folder: Option<(u64, i64, i64)>,
    /// The packed refs, in the same way, and their size.
    refs: Option<(u64, i64, i64, u64)>,
    /// Whether objects that no ref holds are shown, too.
    has_unheld: bool,
}

/// A repository for reading objects and refs and for writing objects, until this is dropped.
pub(crate) struct Borrowed {
    /// Some until it is dropped.
    opened: Option<Opened>,
    idle: Idle,
}

impl Deref for Borrowed {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        let opened = self.opened.as_ref();
        &opened.expect("it is given back only when this is dropped").repository
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let mut idle = self.idle.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = self.opened.take()
            && opened.is_settled
            && idle.len() < MOST
        {
            idle.push(opened);
        }
    }
}

impl Idle {
    /// Borrows one that waits, or one that `open` opens. `has_unheld` is whether it shows objects that no ref holds.
    pub(super) fn borrow(
        &self,
        common_dir: &Path,
        has_unheld: bool,
        open: impl FnOnce() -> Result<Repository>,
    ) -> Result<Borrowed> {
        let packs = Packs::now(common_dir, has_unheld);
        let opened = match self.take(packs) {
            Some(opened) => opened,
            None => Opened {
                is_settled: is_settled(common_dir),
                repository: open()?,
                packs,
                at: Instant::now(),
            },
        };
        Ok(Borrowed {
            opened: Some(opened),
            idle: self.clone(),
        })
    }

    /// Takes one that can still be used, and closes those that cannot.
    fn take(&self, packs: Packs) -> Option<Opened> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|opened| opened.packs == packs && opened.at.elapsed() < LONGEST);
        idle.pop()
    }
}

impl Packs {
    fn now(common_dir: &Path, has_unheld: bool) -> Self {
        let seen = |path: &str| -> io::Result<_> {
            let seen = fs::symlink_metadata(common_dir.join(path))?;
            Ok((seen.ino(), seen.mtime(), seen.mtime_nsec(), seen.size()))
        };
        let folder = seen("objects/pack").ok();
        Self {
            folder: folder.map(|(inode, seconds, nanoseconds, _)| (inode, seconds, nanoseconds)),
            refs: seen("packed-refs").ok(),
            has_unheld,
        }
    }
}

/// Returns whether packs of a repository that is about to be opened show by their folder that they are others, which they do not where
/// the folder has just changed, or where some belong to another repository.
fn is_settled(common_dir: &Path) -> bool {
    let changed = fs::symlink_metadata(common_dir.join("objects/pack")).and_then(|folder| folder.modified());
    let is_old = changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > TICK));
    is_old && !common_dir.join("objects/info/alternates").exists()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::git::Git;

    /// A repository in which nothing of ours is at work, with one commit.
    fn repository() -> (tempfile::TempDir, Git) {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(folder.path()).unwrap();
        by_git(&git, &["commit", "-q", "--allow-empty", "-m", "first"]);
        (folder, git)
    }

    fn by_git(git: &Git, arguments: &[&str]) {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
        let mut command = Command::new("git");
        command.current_dir(git.workdir()).args(identity).args(arguments);
        assert!(command.status().unwrap().success(), "{arguments:?}");
    }

    fn waiting(git: &Git) -> usize {
        git.idle.0.lock().unwrap().len()
    }

    /// Opens one that is used again, however short a time ago packs changed.
    fn settled(git: &Git) -> Borrowed {
        let mut one = git.borrow().unwrap();
        one.opened.as_mut().unwrap().is_settled = true;
        one
    }

    #[test]
    fn one_is_used_again_until_the_packs_are_others() {
        let (_folder, git) = repository();
        drop(settled(&git));
        assert_eq!(waiting(&git), 1);
        let two = (settled(&git), settled(&git));
        assert_eq!(waiting(&git), 0, "nobody else uses one that is in use");
        drop(two);
        assert_eq!(waiting(&git), 2);
        by_git(&git, &["repack", "-q", "-ad"]);
        let one = settled(&git);
        assert_eq!(waiting(&git), 0, "those that know other packs are closed");
        drop(one);
        git.idle.0.lock().unwrap()[0].at -= LONGEST;
        let one = settled(&git);
        assert!(one.opened.as_ref().unwrap().at.elapsed() < LONGEST, "it is another one");
    }

    #[test]
    fn one_that_may_not_see_what_changes_is_not_used_again() {
        let (_folder, git) = repository();
        let mut one = settled(&git);
        one.opened.as_mut().unwrap().is_settled = false;
        drop(one);
        assert_eq!(waiting(&git), 0);
        fs::write(git.common_dir().join("objects/info/alternates"), "").unwrap();
        assert!(!git.borrow().unwrap().opened.as_ref().unwrap().is_settled);
    }

    #[test]
    fn what_others_write_meanwhile_is_found() {
        let (_folder, git) = repository();
        let before = git.head().unwrap();
        drop(settled(&git));
        let known = git.idle.0.lock().unwrap().last().unwrap().at;
        by_git(&git, &["commit", "-q", "--allow-empty", "-m", "second"]);
        // By the one that knows nothing of it.
        assert_eq!(git.borrow().unwrap().opened.as_ref().unwrap().at, known);
        let after = git.head().unwrap();
        assert_ne!(before, after);
        let id = git.resolve("HEAD").unwrap();
        assert_eq!(git.commit_info(id).unwrap().message, "second\n");
        by_git(&git, &["pack-refs", "--all"]);
        by_git(&git, &["gc", "-q", "--prune=now"]);
        assert_eq!(git.head().unwrap(), after);
        assert_eq!(git.commit_info(id).unwrap().message, "second\n");
        let blob = git.write_object(git2::ObjectType::Blob, b"x").unwrap();
        assert!(git.borrow().unwrap().find_blob(blob).is_ok(), "what no ref holds, too");
    }
}
