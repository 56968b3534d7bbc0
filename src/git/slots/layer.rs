//! What was built in a slot beside its commit, taken out of it, kept, compared and copied: by open handles, so that no link
//! is followed, whatever a command has made of its folder.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use git2::Oid;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, Timespec};
use rustix::io::Errno;
use sha1_smol::Sha1;

use super::disarm;
use super::folder::{Cursor, Folder, Owner, modified, remove_if_there};
use super::limits::SnapshotLimits;
use super::slot::Slot;
use super::upper::Upper;
use crate::base::error::{Context as _, Result};
use crate::base::fs::own_folder;
use crate::git::bytes;

/// Folders nested deeper than this are not compared and not copied.
const DEEPEST: usize = 300;

/// A container can have so many folders of a layer, each of which is a mount.
const MOST_FOLDERS: usize = 100;

/// What was taken out of a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The folders, relative to the slot; none is below another.
    pub(crate) folders: Vec<PathBuf>,
    /// What stays behind: files that git would record, changed or new, files that it ignores outside of such a folder, and
    /// folders that no container could have.
    pub(crate) dropped: Vec<PathBuf>,
}

impl Slot {
    /// Moves every folder of the slot that git ignores to its own path below `to`, which is there, empty and on the same
    /// file system. The slot was made from `base`, and no container may be at work in it.
    pub(crate) fn take_ignored(&mut self, base: Oid, limits: &SnapshotLimits, to: &Path) -> Result<Taken> {
        let left = self.snapshot(base, limits)?;
        let failed = || format!("cannot take what was prepared out of `{}`", self.path.display());
        let root = Folder::open_slot(&self.path).context(failed())?;
        let target = Folder::open(to).context(failed())?;
        let mut taken = Taken {
            dropped: left.changed.into_iter().map(|change| change.path).collect(),
            ..Taken::default()
        };
        taken.dropped.extend(left.refused.into_iter().map(|(path, _)| path));
        let mut from = Cursor::new(&root);
        for path in left.ignored {
            let (parent, name) = bytes::split_last(bytes::of_path(&path));
            let folder = from.at(parent, Folder::enter).context(failed())?;
            let is_good = is_plain(&path) && taken.folders.len() < MOST_FOLDERS;
            if !is_good
                || !folder
                    .stat(name)
                    .context(failed())?
                    .is_some_and(|stat| is_folder(&stat))
            {
                taken.dropped.push(path);
                continue;
            }
            let mut into = Cursor::new(&target);
            let into = into.at(parent, |folder, part| folder.make_folder(part, None));
            into.and_then(|into| folder.move_to(name, into, name))
                .context(failed())?;
            taken.folders.push(path);
        }
        Ok(taken)
    }

    /// Makes the folders, relative to the slot, that are to be mounted over in its containers; returns those that are
    /// there now. One whose parent the slot does not have, or where it has something else, is left out.
    pub(crate) fn make_mount_points(&mut self, folders: &[PathBuf], owner_ids: Owner) -> Result<Vec<PathBuf>> {
        let failed = || format!("cannot make a mount point in `{}`", self.path.display());
        let root = Folder::open_slot(&self.path).context(failed())?;
        let mut made = Vec::new();
        self.mount_points.clear();
        if let Some(over) = &self.over {
            let repository = self.git.borrow()?;
            let upper = Upper::new(&repository, &root, over.tree, owner_ids);
            for path in folders {
                if upper.make_mount_point(bytes::of_path(path)).context(failed())? {
                    self.mount_points.push(bytes::of_path(path).to_vec());
                    made.push(path.clone());
                }
            }
            return Ok(made);
        }
        for path in folders {
            let (parent, name) = bytes::split_last(bytes::of_path(path));
            let mut cursor = Cursor::new(&root);
            let Ok(folder) = cursor.at(parent, Folder::enter) else {
                continue;
            };
            let there = folder.stat(name).context(failed())?;
            if there.is_some_and(|stat| !is_folder(&stat)) {
                continue;
            }
            let point = folder.make_folder(name, owner_ids).context(failed())?;
            if point.names().context(failed())?.is_empty() {
                self.mount_points.push(bytes::of_path(path).to_vec());
                made.push(path.clone());
            }
        }
        Ok(made)
    }
}

/// Returns whether a path can be named in the mount options of every engine.
fn is_plain(path: &Path) -> bool {
    let plain = |path: &str| path.chars().all(|c| c.is_alphanumeric() || "/._-+@~".contains(c));
    path.to_str().is_some_and(plain)
}

fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Makes a new, empty folder for a container to write in, whatever was there; the folder around it is private.
pub(crate) fn make_folder(path: &Path, owner: Owner) -> Result<()> {
    let failed = || format!("cannot make the folder `{}`", path.display());
    if let Some(parent) = path.parent() {
        own_folder(parent)?;
    }
    remove_if_there(path)?;
    let parent = Folder::open(path.parent().unwrap_or(path)).context(failed())?;
    let name = bytes::of_path(Path::new(path.file_name().unwrap_or_default()));
    parent.make_folder(name, owner).context(failed()).map(drop)
}

/// Removes a folder with everything below it, if it is there. No link is followed.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    remove_if_there(path)
}

/// Takes special rights from everything below a folder, and returns when all of it is on the disk.
pub(crate) fn settle(path: &Path) -> Result<()> {
    disarm::disarm(path)?;
    let synced = File::open(path).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?));
    synced.context(format!("cannot write `{}` to the disk", path.display()))
}

/// What a tree of files looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Looks {
    /// A hash over the name, kind, mode, size and time of each.
    pub(crate) digest: String,
    /// The bytes of all files together.
    pub(crate) bytes: u64,
}

/// Returns how everything below a folder looks; contents are not read. What is missing, added, cut off, replaced or written
/// to changes it, if times were not set back on purpose.
pub(crate) fn fingerprint(path: &Path) -> Result<Looks> {
    let failed = || format!("cannot look at `{}`", path.display());
    let mut hash = Sha1::new();
    let mut bytes = 0;
    let folder = Folder::open(path).context(failed())?;
    look(&folder, 0, &mut hash, &mut bytes).context(failed())?;
    Ok(Looks {
        digest: hash.digest().to_string(),
        bytes,
    })
}

fn look(folder: &Folder, depth: usize, hash: &mut Sha1, bytes: &mut u64) -> io::Result<()> {
    let mut names = folder.names()?;
    names.sort_unstable();
    for name in names {
        let Some(stat) = folder.stat(&name)? else { continue };
        hash.update(&name);
        let (seconds, nanoseconds) = modified(&stat);
        // A folder's size is the file system's own business.
        let size = if is_folder(&stat) { 0 } else { stat.st_size };
        hash.update(format!("\0{:o} {size} {seconds}.{nanoseconds}\n", stat.st_mode).as_bytes());
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth < DEEPEST => look(&folder.open_below(&name)?, depth + 1, hash, bytes)?,
            FileType::RegularFile => *bytes += u64::try_from(stat.st_size).unwrap_or_default(),
            FileType::Symlink => hash.update(&folder.read_link(&name)?),
            _ => {}
        }
        hash.update(b"\n");
    }
    Ok(())
}

/// Copies everything below a folder into another one that is there and empty: files, folders and links, with their modes and
/// times, and given to `owner`. Contents are shared where the file system can do that.
pub(crate) fn copy_tree(from: &Path, to: &Path, owner: Owner) -> Result<()> {
    let failed = || format!("cannot copy `{}` to `{}`", from.display(), to.display());
    let (source, target) = (
        Folder::open(from).context(failed())?,
        Folder::open(to).context(failed())?,
    );
    copy(&source, &target, 0, owner).context(failed())
}

fn copy(from: &Folder, to: &Folder, depth: usize, owner: Owner) -> io::Result<()> {
    for name in from.names()? {
        let Some(stat) = from.stat(&name)? else { continue };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth < DEEPEST => {
                let made = to.make_folder(&name, owner)?;
                copy(&from.open_below(&name)?, &made, depth + 1, owner)?;
                rustix::fs::fchmod(made.handle(), Mode::from_raw_mode(stat.st_mode & 0o777))?;
            }
            FileType::RegularFile => copy_file((from, to), &name, &stat, owner)?,
            FileType::Symlink => drop(to.make_link(&name, &from.read_link(&name)?, owner)?),
            // Sockets and their like are of no use to anybody else.
            _ => continue,
        }
        let (seconds, nanoseconds) = modified(&stat);
        let time = Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds,
        };
        if let Some(made) = to.stat(&name)? {
            to.set_time(&name, &made, Some(time))?;
        }
    }
    Ok(())
}

fn copy_file((from, to): (&Folder, &Folder), name: &[u8], stat: &Stat, owner: Owner) -> io::Result<()> {
    let mut source = from.open_to_copy(name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut target: File = rustix::fs::openat(to.handle(), name, flags, Mode::from_raw_mode(0o600))?.into();
    match rustix::fs::ioctl_ficlone(&target, &source) {
        Ok(()) => {}
        Err(Errno::OPNOTSUPP | Errno::XDEV | Errno::INVAL | Errno::NOTTY | Errno::NOSYS) => {
            io::copy(&mut source, &mut target)?;
        }
        Err(error) => return Err(error.into()),
    }
    to.own(name, owner)?;
    rustix::fs::chmodat(
        to.handle(),
        bytes::to_path(name),
        Mode::from_raw_mode(stat.st_mode & 0o777),
        AtFlags::empty(),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;
    use crate::git::{Git, SlotPool, Times, TreeEdit};

    const LIMITS: SnapshotLimits = SnapshotLimits {
        max_file_bytes: 1 << 20,
        max_files: 100,
        max_bytes: 1 << 20,
    };

    /// A repository with an empty tree, and a pool of slots.
    fn repository(folder: &Path) -> (Git, SlotPool) {
        let git = Git::init(folder).unwrap();
        let pool = SlotPool::new(git.clone(), &folder.join(".git/state"));
        (git, pool)
    }

    fn tree(git: &Git, files: &[(&str, &str)]) -> Oid {
        let write = files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()));
        let edit = TreeEdit {
            write: write.collect(),
            ..TreeEdit::default()
        };
        git.edit_tree(git.empty_tree().unwrap(), &edit).unwrap()
    }

    fn times(slot: &Slot) -> BTreeMap<String, i64> {
        let entries = fs::read_dir(slot.path()).unwrap().map(Result::unwrap);
        let times = entries.map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                entry.metadata().unwrap().mtime(),
            )
        });
        times.filter(|(name, _)| name != ".git").collect()
    }

    #[test]
    fn a_file_is_as_old_as_what_was_built_from_it_and_no_other_one_is_older() {
        let folder = tempfile::tempdir().unwrap();
        let (git, pool) = repository(folder.path());
        let first = tree(&git, &[("same", "1"), ("other", "1")]);
        let second = tree(&git, &[("same", "1"), ("other", "2"), ("new", "1")]);
        let mut slot = pool.acquire("test").unwrap();
        let now = Times {
            tree: first,
            source: 1_000_000,
            built: 0,
        };
        // As a worktree that was kept from a commit before anything was built.
        slot.restore_for(second, None, &now).unwrap();
        let old = times(&slot);
        let built = old["other"] + 100;
        assert_eq!((old["same"], old["other"] > 1_000_000), (1_000_000, true));
        for _ in 0..2 {
            let after = Times {
                tree: first,
                source: 2_000_000,
                built,
            };
            slot.restore_for(second, None, &after).unwrap();
            let found = times(&slot);
            assert_eq!(found["same"], 2_000_000);
            assert!(found["other"] > built && found["new"] > built, "{found:?}");
            // They are what they were, for git and for a snapshot.
            let left = slot.snapshot(second, &LIMITS).unwrap();
            assert_eq!((left.tree, left.changed.len()), (second, 0));
        }
    }

    #[test]
    fn what_git_ignores_is_taken_whole_and_all_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (git, pool) = repository(folder.path());
        let base = tree(&git, &[(".gitignore", "target/\n*.log\n"), ("a/source", "1")]);
        let mut slot = pool.acquire("test").unwrap();
        slot.restore(base, None).unwrap();
        for path in ["target/deep/er", "a/target", "a b/target", "elsewhere"] {
            fs::create_dir_all(slot.path().join(path)).unwrap();
        }
        for file in [
            "target/deep/er/x",
            "a/target/x",
            "a b/target/x",
            "a/recorded",
            "one.log",
            "a/source",
        ] {
            fs::write(slot.path().join(file), "made").unwrap();
        }
        symlink("/etc", slot.path().join("target/link")).unwrap();
        let to = tempfile::tempdir_in(folder.path()).unwrap();
        let taken = slot.take_ignored(base, &LIMITS, to.path()).unwrap();
        assert_eq!(taken.folders, ["a/target", "target"].map(PathBuf::from));
        let mut dropped = taken.dropped;
        dropped.sort();
        assert_eq!(
            dropped,
            ["a/recorded", "a/source", "a b/target", "one.log"].map(PathBuf::from)
        );
        assert_eq!(fs::read_to_string(to.path().join("target/deep/er/x")).unwrap(), "made");
        assert!(!slot.path().join("target").exists());
        // And back, as mount points of a slot that has their parents.
        slot.restore(base, None).unwrap();
        let folders = ["a/target", "gone/target", "target", "a/source"].map(PathBuf::from);
        let made = slot.make_mount_points(&folders, None).unwrap();
        assert_eq!(made, ["a/target", "target"].map(PathBuf::from));
        assert!(slot.snapshot(base, &LIMITS).unwrap().ignored.is_empty());
        fs::write(slot.path().join(".gitignore"), "").unwrap();
        let left = slot.snapshot(base, &LIMITS).unwrap();
        assert_eq!(left.refused.len(), 2, "{left:?}");
    }

    #[test]
    fn a_copy_looks_like_what_was_copied_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("below")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("below/program"), "text").unwrap();
        fs::set_permissions(from.join("below/program"), fs::Permissions::from_mode(0o555)).unwrap();
        fs::set_permissions(from.join("below"), fs::Permissions::from_mode(0o555)).unwrap();
        symlink("/etc/passwd", from.join("link")).unwrap();
        let looks = fingerprint(&from).unwrap();
        copy_tree(&from, &to, None).unwrap();
        assert_eq!(fingerprint(&to).unwrap(), looks);
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/etc/passwd"));
        fs::set_permissions(to.join("below/program"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(fingerprint(&to).unwrap(), looks);
        remove_folder(&from).unwrap();
        assert!(!from.exists());
    }
}
