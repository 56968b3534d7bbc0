//! What another session made of a slot's files, brought into the slot whose own session goes on.

use std::collections::BTreeSet;
use std::io;

use git2::Oid;

use super::difference::Difference;
use super::expected::ExpectedFile;
use super::folder::{Cursor, Folder};
use super::slot::Slot;
use super::upper::Upper;
use super::write::write_one;
use crate::base::error::{Context as _, Result};
use crate::git::bytes;
use crate::git::rules::Settings;
use crate::git::tree::peel;

impl Slot {
    /// Writes into the folder, which has the files of the tree or commit `old`, what differs from it in `new`, and gives
    /// new files to `owner_ids` (user, group) when this process is root. All else stays: ignored files, too. Can be done
    /// again after any crash. The container must be gone.
    ///
    /// # Errors
    ///
    /// Where a file cannot be written or removed; links are not followed.
    pub(crate) fn bring(&mut self, (old, new): (Oid, Oid), owner_ids: Option<(u32, u32)>) -> Result<()> {
        let repository = self.git.borrow()?;
        let links = Settings::of(&self.git, &repository)?.symlinks;
        let trees = (peel(&repository, old)?.id(), peel(&repository, new)?.id());
        let difference = Difference::between(&repository, trees.0, trees.1, usize::MAX)?.unwrap_or_default();
        let root = Folder::open_slot(&self.path).context(format!("cannot open the slot `{}`", self.path.display()))?;
        if let Some(over) = &self.over {
            let upper = Upper::new(&repository, &root, over.tree, owner_ids);
            let write = |path: &[u8], file: &ExpectedFile| upper.write(path, file, links);
            return bring(&difference, |path| upper.remove(path), write);
        }
        let mut cursor = Cursor::new(&root);
        let write = |path: &[u8], file: &ExpectedFile| {
            let (parent, name) = bytes::split_last(path);
            let folder = cursor.at(parent, |folder, part| folder.make_folder(part, owner_ids))?;
            write_one((&repository, links), (folder, name), file, owner_ids).map(drop)
        };
        bring(&difference, |path| remove(&root, path), write)
    }
}

/// Removes whatever is at the paths that differ, and writes what should be there.
fn bring(
    difference: &Difference,
    remove: impl Fn(&[u8]) -> io::Result<()>,
    mut write: impl FnMut(&[u8], &ExpectedFile) -> io::Result<()>,
) -> Result<()> {
    let paths: BTreeSet<&Vec<u8>> = difference.files_gone.iter().chain(difference.written.keys()).collect();
    for path in paths {
        let failed = || format!("cannot remove `{}` from a slot", bytes::to_path(path).display());
        remove(path).context(failed())?;
    }
    for (path, file) in &difference.written {
        let failed = || format!("cannot write `{}` into a slot", bytes::to_path(path).display());
        write(path, file).context(failed())?;
    }
    Ok(())
}

/// Removes what is at a path, if anything is.
fn remove(root: &Folder, path: &[u8]) -> io::Result<()> {
    let (parent, name) = bytes::split_last(path);
    match Cursor::new(root).at(parent, Folder::enter) {
        Ok(folder) => folder.remove(name),
        // The folder is gone, or a file is in its place that is about to be replaced.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;
    use crate::git::{Git, NewCommit, SlotPool, SnapshotLimits, TreeEdit};

    const LIMITS: SnapshotLimits = SnapshotLimits {
        max_file_bytes: 1 << 20,
        max_files: 100,
        max_bytes: 1 << 20,
    };

    /// Commits a tree of these files.
    fn commit(git: &Git, files: &[(&str, &str)]) -> Oid {
        let write = files.iter().map(|(path, text)| (path.into(), text.as_bytes().to_vec()));
        let edit = TreeEdit {
            remove: Vec::new(),
            keep: Vec::new(),
            write: write.collect(),
        };
        let tree = git.edit_tree(git.empty_tree().unwrap(), &edit).unwrap();
        git.commit(&NewCommit {
            tree,
            parents: Vec::new(),
            message: "x".to_owned(),
            author: None,
            committer: None,
            time: Timestamp::UNIX_EPOCH,
        })
        .unwrap()
    }

    #[test]
    fn what_differs_is_written_and_all_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(&folder.path().join("repository")).unwrap();
        let same = [(".gitignore", "made\n"), ("same", "1")];
        let old = commit(
            &git,
            &[
                &same[..],
                &[("a", "1"), ("gone/x", "1"), ("is/file", "1"), ("word", "1")],
            ]
            .concat(),
        );
        let new = commit(
            &git,
            &[&same[..], &[("a", "2"), ("is", "1"), ("word/b/c", "3"), ("new/y", "4")]].concat(),
        );
        let mut slot = SlotPool::new(git.clone(), &folder.path().join("state"))
            .acquire("test")
            .unwrap();
        slot.restore(old, None).unwrap();
        let path = slot.path().to_owned();
        fs::write(path.join("made"), "by a build").unwrap();
        fs::write(path.join("same"), "of the session").unwrap();
        // The second time is what follows a crash.
        for _ in 0..2 {
            slot.bring((old, new), None).unwrap();
            assert_eq!(fs::read_to_string(path.join("a")).unwrap(), "2");
            assert_eq!(fs::read_to_string(path.join("is")).unwrap(), "1");
            assert_eq!(fs::read_to_string(path.join("word/b/c")).unwrap(), "3");
            assert_eq!(fs::read_to_string(path.join("new/y")).unwrap(), "4");
            assert!(!path.join("gone/x").exists());
            assert_eq!(fs::read_to_string(path.join("made")).unwrap(), "by a build");
            assert_eq!(fs::read_to_string(path.join("same")).unwrap(), "of the session");
        }
        fs::write(path.join("same"), "1").unwrap();
        let left = slot.snapshot(old, &LIMITS).unwrap();
        assert_eq!(left.tree, git.tree_of(new).unwrap());
        slot.release().unwrap();
    }

    #[test]
    fn no_link_is_followed_out_of_the_slot() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(&folder.path().join("repository")).unwrap();
        let (old, new) = (
            commit(&git, &[("a", "1")]),
            commit(&git, &[("a", "1"), ("docs/b", "2")]),
        );
        let mut slot = SlotPool::new(git, &folder.path().join("state"))
            .acquire("test")
            .unwrap();
        slot.restore(old, None).unwrap();
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, slot.path().join("docs")).unwrap();
        assert!(slot.bring((old, new), None).is_err());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }
}
