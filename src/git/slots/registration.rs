//! A slot as a linked worktree: git's own layout of `<common>/worktrees/<name>` (gitrepository-layout), written by
//! hand, because libgit2 would make a checkout of its own along with it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid};

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
        fs::create_dir_all(&self.git_dir).context(format!("cannot make the folder `{}`", self.git_dir.display()))?;
        // Locked first: no moment at which `git worktree prune` could take it for abandoned.
        self.put("locked", REASON.as_bytes())?;
        if let Some(common_dir) = self.git_dir.ancestors().nth(2) {
            self.put(REPOSITORY, bytes::of_path(common_dir))?;
        }
        self.put("commondir", b"../..\n")?;
        self.put("HEAD", format!("{commit}\n").as_bytes())?;
        let mut pointer = bytes::of_path(&self.slot.join(".git")).to_vec();
        pointer.push(b'\n');
        self.put("gitdir", &pointer)
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
        self.put("boot", boot().unwrap_or_default().as_bytes())
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
        fs::remove_dir_all(&self.git_dir).context(format!("cannot remove `{}`", self.git_dir.display()))
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
                fs::remove_dir_all(entry.path()).context(failed())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Writes one file, unless it already has that content.
    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.git_dir.join(name);
        if fs::read(&path).is_ok_and(|there| there == content) {
            return Ok(());
        }
        let temporary = self.git_dir.join(format!("{name}.new"));
        let write = || -> io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(content)?;
            // A power failure would leave it empty, and git fails on a worktree whose files are.
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        let written = write();
        written.context(format!("cannot write `{}`", path.display()))
    }
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
