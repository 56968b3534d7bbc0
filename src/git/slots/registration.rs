//! A slot as a linked worktree: git's own layout of `<common>/worktrees/<name>` (gitrepository-layout), written by
//! hand, because libgit2 would make a checkout of its own along with it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid};

use super::folder::remove_path;
use super::marker;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::process::boot;
use crate::git::{Git, bytes};

/// Why `git worktree prune` and `remove` leave it alone.
const REASON: &str = "cordwainer's: an agent may be at work in it";
/// The file that records where the repository was when the slot was registered.
const REPOSITORY: &str = "cordwainer";

/// The trusted side of a slot, in the common directory.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    /// `<common>/worktrees/<name>`.
    git_dir: PathBuf,
    /// The slot's folder.
    slot: PathBuf,
}

impl Registration {
    /// Names the registration of a slot after its number and its whole path: two state folders never share one.
    pub(super) fn of(git: &Git, number: u32, slot: &Path) -> Self {
        // The slot itself may be gone already; the folder around it is there.
        let around = slot.parent().and_then(|parent| parent.canonicalize().ok());
        let slot = match (around, slot.file_name()) {
            (Some(around), Some(name)) => around.join(name),
            _ => slot.to_path_buf(),
        };
        let digest = Oid::hash_object(ObjectType::Blob, bytes::of_path(&slot)).unwrap_or(Oid::ZERO_SHA1);
        let digest = &digest.to_string()[..12];
        let name = format!("cordwainer-slot-{number}-{digest}");
        Self {
            git_dir: git.common_dir().join("worktrees").join(name),
            slot,
        }
    }

    /// Registers the slot, detached at a commit, which `git gc` keeps from then on.
    pub(super) fn point_at(&self, commit: Oid) -> Result<()> {
        if self.git_dir.join("locked").exists() {
            return self.write_into(&self.git_dir, commit);
        }
        // Made elsewhere and moved in whole: `git worktree prune` removes a folder that it saw without its lock, whatever
        // has come into it since.
        let made = self.aside();
        remove_path(&made)?;
        fs::create_dir(&made).context(format!("cannot make the folder `{}`", made.display()))?;
        self.write_into(&made, commit)?;
        discard(&self.git_dir, &self.aside().with_extension("old"))?;
        move_in(&made, &self.git_dir).context(format!("cannot make the folder `{}`", self.git_dir.display()))
    }

    /// Writes the files of the registration into a folder.
    fn write_into(&self, folder: &Path, commit: Oid) -> Result<()> {
        put(&folder.join("locked"), REASON.as_bytes())?;
        if let Some(common_dir) = self.git_dir.ancestors().nth(2) {
            put(&folder.join(REPOSITORY), bytes::of_path(common_dir))?;
        }
        put(&folder.join("commondir"), b"../..\n")?;
        put(&folder.join("HEAD"), format!("{commit}\n").as_bytes())?;
        let mut pointer = bytes::of_path(&self.slot.join(".git")).to_vec();
        pointer.push(b'\n');
        put(&folder.join("gitdir"), &pointer)
    }

    /// Returns where a registration is made and taken apart: a folder of the common directory that git does not look at.
    fn aside(&self) -> PathBuf {
        aside(&self.git_dir)
    }

    /// Returns the content of the slot's `.git` file: the mount point of the container's mask, and the person's way in.
    pub(super) fn pointer(&self) -> Vec<u8> {
        [b"gitdir: ", bytes::of_path(&self.git_dir), b"\n"].concat()
    }

    /// Returns the path of the trusted index.
    pub(super) fn index(&self) -> PathBuf {
        self.git_dir.join("index")
    }

    /// Begins the index that will replace the trusted one, as a copy of that or without entries; returns its path.
    pub(super) fn begin_index(&self, is_copy: bool) -> Result<PathBuf> {
        let path = self.git_dir.join("index.new");
        marker::remove(&path)?;
        if is_copy {
            fs::copy(self.index(), &path).context(format!("cannot write `{}`", path.display()))?;
        }
        Ok(path)
    }

    /// Puts that index in the place of the trusted one, once it is on the disk: git fails on one that is empty.
    pub(super) fn put_index(&self, path: &Path) -> Result<()> {
        let put = || -> io::Result<()> {
            File::open(path)?.sync_all()?;
            fs::rename(path, self.index())
        };
        put().context(format!("cannot write `{}`", self.index().display()))
    }

    /// Removes the locks that a killed run left on the index. The slot's own lock is held, so no run of ours has it.
    pub(super) fn free_index(&self) -> Result<()> {
        marker::remove(&self.git_dir.join("index.lock"))?;
        marker::remove(&self.git_dir.join("index.new.lock"))
    }

    /// Returns whether the index was written since the machine started. After a power failure a file may have lost its
    /// content and kept its times.
    pub(super) fn index_is_of_this_boot(&self) -> bool {
        marker::read(&self.git_dir.join("boot"))
            .is_ok_and(|noted| noted.is_some_and(|noted| noted == boot().unwrap_or_default()))
    }

    /// Notes that the index was written since the machine started.
    pub(super) fn note_boot(&self) -> Result<()> {
        put(&self.git_dir.join("boot"), boot().unwrap_or_default().as_bytes())
    }

    /// Removes the registration, if it is the slot's.
    pub(super) fn remove(&self) -> Result<()> {
        let file = self.git_dir.join("gitdir");
        let pointer = match fs::read(&file) {
            Ok(pointer) => pointer,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).context(format!("cannot read `{}`", file.display())),
        };
        // As bytes: a path need not be UTF-8, and may end in white space.
        let pointer = pointer.strip_suffix(b"\n").unwrap_or(&pointer);
        if pointer != bytes::of_path(&self.slot.join(".git")) {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!(
                    "`{}` belongs to another folder than slot `{}`",
                    self.git_dir.display(),
                    self.slot.display()
                ),
            ));
        }
        discard(&self.git_dir, &self.aside())
    }

    /// Removes the registrations whose slots are gone, and those that came with the git folder from another place: the
    /// repository was moved, and the slot with it, or this is a copy, and the slot is the other's. Returns how many.
    pub(super) fn remove_strays(git: &Git) -> Result<usize> {
        let folder = git.common_dir().join("worktrees");
        let failed = || format!("cannot clear up `{}`", folder.display());
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries.context(failed())?,
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry.context(failed())?;
            let ours = entry.file_name().as_encoded_bytes().starts_with(b"cordwainer-slot-");
            if ours && is_stray(&entry.path(), git.common_dir()).context(failed())? {
                discard(&entry.path(), &aside(&entry.path()))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Returns where the registration in a folder is made and taken apart.
pub(super) fn aside(git_dir: &Path) -> PathBuf {
    let name = git_dir.file_name().unwrap_or_default();
    git_dir.ancestors().nth(2).unwrap_or(git_dir).join(name)
}

/// Moves a whole registration to its place among the worktrees, where nothing is. Git removes the folder of the worktrees
/// when it finds it empty.
pub(super) fn move_in(made: &Path, git_dir: &Path) -> io::Result<()> {
    let mut tries = 0;
    loop {
        if let Some(worktrees) = git_dir.parent() {
            fs::create_dir_all(worktrees)?;
        }
        tries += 1;
        match fs::rename(made, git_dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 100 => {}
            moved => return moved,
        }
    }
}

/// Removes a registration, if there is one: out of git's sight first, so that nobody sees the half of it.
pub(super) fn discard(git_dir: &Path, aside: &Path) -> Result<()> {
    remove_path(aside)?;
    match fs::rename(git_dir, aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved
            .context(format!("cannot remove `{}`", git_dir.display()))
            .and_then(|()| remove_path(aside)),
    }
}

/// Writes one file, unless it already has that content.
pub(super) fn put(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let temporary = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        // A power failure would leave it empty, and git fails on a worktree whose files are.
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().context(format!("cannot write `{}`", path.display()))
}

/// Returns whether the slot of a registration is gone, or another repository's: it was registered while that one's git
/// folder was this one.
fn is_stray(registration: &Path, common_dir: &Path) -> io::Result<bool> {
    let slot = match fs::read(registration.join("gitdir")) {
        // Just being made, or killed in that: whoever uses the slot next makes it whole.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        slot => slot?,
    };
    let slot = bytes::to_path(slot.strip_suffix(b"\n").unwrap_or(&slot));
    if slot.parent().map(identity).transpose()?.flatten().is_none() {
        return Ok(true);
    }
    let was = match fs::read(registration.join(REPOSITORY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        was => bytes::to_path(&was?),
    };
    Ok(match identity(&was)? {
        Some(there) => identity(common_dir)? != Some(there),
        None => false,
    })
}

/// Returns the device and inode of a folder; `None` where there is nothing.
fn identity(folder: &Path) -> io::Result<Option<(u64, u64)>> {
    match fs::symlink_metadata(folder) {
        Ok(there) => Ok(Some((there.dev(), there.ino()))),
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => Ok(None),
        Err(error) => Err(error),
    }
}
