//! Our packs among git's: published with a keep mark, noted, joined, and repaired after a crash.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use crate::base::fs::unless_missing;
use crate::base::regular;

/// How many packs of ours there may be before some are joined. The old ones stay until the next time, for processes
/// that are reading them, so that there are never more than about twice as many.
const MOST: usize = 8;
/// The beginning of a keep mark of ours; the token of its process follows.
const OURS: &str = "cordwainer ";
/// The content of a pack's note once its objects are in a joined pack, too.
const JOINED: &[u8] = b"joined";

/// The packs of a repository, and the notes about those that are ours.
#[derive(Clone)]
pub(super) struct Packs {
    objects: PathBuf,
    top: PathBuf,
}

impl Packs {
    pub(super) fn of(common_dir: &Path) -> Self {
        let objects = common_dir.join("objects");
        let top = common_dir.join("cordwainer-objects");
        Self { objects, top }
    }

    /// Returns the folder of our notes and of the folders of our processes. It is beside git's objects and not among
    /// them: `git clone` of a path copies everything there, and fails on files that it may not read or that disappear
    /// meanwhile.
    pub(super) fn top(&self) -> &Path {
        &self.top
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.objects.join("pack").join(format!("{name}.{extension}"))
    }

    fn note(&self, name: &str) -> PathBuf {
        self.top.join("packs").join(name)
    }

    /// Waits until no other process changes packs of ours; none does until the file is closed.
    fn lock(&self) -> io::Result<File> {
        let mut folders = DirBuilder::new();
        folders.recursive(true).mode(0o700).create(self.top.join("packs"))?;
        let lock = File::create(self.top.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    /// Repairs what dead processes left, and creates this process' folder: its name, and the mark that is locked.
    pub(super) fn begin(&self) -> io::Result<(String, File)> {
        let _lock = self.lock()?;
        self.sweep()?;
        let token = format!("{:016x}", fastrand::u64(..));
        let folder = self.top.join(&token);
        DirBuilder::new().mode(0o700).create(&folder)?;
        let mark = File::create_new(folder.join("mark"))?;
        mark.lock()?;
        Ok((token, mark))
    }

    /// Returns the folders of dead processes.
    pub(super) fn of_dead(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.top) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut dead = Vec::new();
        for entry in entries {
            let folder = entry?.path();
            if is_token(&folder) && !is_alive(&folder)? {
                dead.push(folder);
            }
        }
        Ok(dead)
    }

    /// Repairs what dead processes left.
    pub(super) fn clear(&self) -> io::Result<()> {
        let _lock = self.lock()?;
        self.sweep()
    }

    /// Removes the folders and keep marks of dead processes. Objects that a ref holds stay in their pack.
    fn sweep(&self) -> io::Result<()> {
        for folder in self.of_dead()? {
            unless_missing(fs::remove_dir_all(folder))?;
        }
        for name in self.noted()? {
            let keep = self.file(&name, "keep");
            let holder = match fs::read_to_string(&keep) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                text => text?,
            };
            let token = holder.strip_prefix(OURS).map(str::trim_end);
            if token.is_some_and(|token| !self.top.join(token).is_dir()) {
                unless_missing(fs::remove_file(&keep))?;
            }
        }
        Ok(())
    }

    /// Returns the packs that are noted as ours. The rest of one after a kill, or one that git has taken into its own,
    /// is removed.
    fn noted(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.top.join("packs"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if self.file(&name, "idx").is_file() && self.file(&name, "pack").is_file() {
                found.push(name);
            } else {
                self.remove_pack(&name)?;
            }
        }
        found.sort();
        Ok(found)
    }

    /// Packs objects of `repository` and publishes the pack with a keep mark; returns its name.
    pub(super) fn publish(&self, repository: &Repository, token: &str, ids: &[Oid]) -> io::Result<String> {
        let _lock = self.lock()?;
        if let Err(error) = self.join_some(token) {
            tracing::warn!(%error, "packs could not be joined, which is tried again with the next one");
        }
        self.write(repository, token, ids, true)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one writer of packs")]
    fn write(&self, repository: &Repository, token: &str, ids: &[Oid], keep: bool) -> io::Result<String> {
        let staging = self.top.join(token).join("staging");
        fs::create_dir_all(&staging)?;
        let mut builder = repository.packbuilder().map_err(io::Error::other)?;
        for id in ids {
            builder.insert_object(*id, None).map_err(io::Error::other)?;
        }
        builder.write(&staging, 0o444).map_err(io::Error::other)?;
        let written = builder.name().map_err(io::Error::other)?;
        let staged = format!("pack-{}", written.unwrap_or_default());
        // A name that no pack had before: a git may be about to remove the other one.
        let name = format!("pack-{:08x}{:032x}", fastrand::u32(..), fastrand::u128(..));
        fs::write(self.note(&name), "")?;
        if keep {
            // No other process outlives a power failure that needs it.
            let mut mark = File::create_new(self.file(&name, "keep"))?;
            mark.write_all(format!("{OURS}{token}\n").as_bytes())?;
        }
        for extension in ["pack", "idx"] {
            let from = staging.join(format!("{staged}.{extension}"));
            File::open(&from)?.sync_all()?;
            move_file(&from, &self.file(&name, extension))?;
        }
        File::open(self.objects.join("pack"))?.sync_all()?;
        Ok(name)
    }

    /// Removes the keep mark of a pack.
    pub(super) fn release(&self, name: &str) -> io::Result<()> {
        unless_missing(fs::remove_file(self.file(name, "keep")))
    }

    /// Removes a pack that no ref holds.
    pub(super) fn discard(&self, name: &str) -> io::Result<()> {
        let _lock = self.lock()?;
        self.remove_or_give(&[name.to_owned()])?;
        unless_missing(fs::remove_file(self.file(name, "keep")))
    }

    fn remove_pack(&self, name: &str) -> io::Result<()> {
        for extension in ["idx", "pack", "keep"] {
            unless_missing(fs::remove_file(self.file(name, extension)))?;
        }
        unless_missing(fs::remove_file(self.note(name)))
    }

    /// Forgets packs of ours that git's index of several packs names: git's own maintenance joins them, and does not
    /// expect that another process removes them. Returns the others.
    fn give_indexed_to_git(&self, packs: &[String]) -> io::Result<Vec<String>> {
        let index = match fs::read(self.objects.join("pack/multi-pack-index")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            index => index?,
        };
        let mut others = Vec::new();
        for name in packs {
            if memchr::memmem::find(&index, name.as_bytes()).is_some() {
                unless_missing(fs::remove_file(self.note(name)))?;
            } else {
                others.push(name.clone());
            }
        }
        Ok(others)
    }

    /// Removes packs that nobody needs, except those that were handed to git.
    fn remove_or_give(&self, packs: &[String]) -> io::Result<()> {
        for name in self.give_indexed_to_git(packs)? {
            self.remove_pack(&name)?;
        }
        Ok(())
    }

    /// Joins our smallest packs, once there are too many.
    fn join_some(&self, token: &str) -> io::Result<()> {
        let mut packs = Vec::new();
        let mut joined = Vec::new();
        for name in self.noted()? {
            if self.file(&name, "keep").exists() {
                continue;
            }
            if regular::read(&self.note(&name))? == JOINED {
                joined.push(name);
            } else {
                packs.push(name);
            }
        }
        if packs.len() < MOST {
            return Ok(());
        }
        let many = packs.len();
        let packs = self.give_indexed_to_git(&packs)?;
        if packs.len() < many {
            return Ok(());
        }
        self.remove_or_give(&joined)?;
        let size = |name: String| Ok((fs::metadata(self.file(&name, "pack"))?.len(), name));
        let mut packs = packs.into_iter().map(size).collect::<io::Result<Vec<_>>>()?;
        packs.sort();
        let few = &packs[..how_many(&packs)];
        let mut ids = Vec::new();
        for (_, name) in few {
            ids.extend(ids_of(&fs::read(self.file(name, "idx"))?)?);
        }
        ids.sort();
        ids.dedup();
        let repository = Repository::open_bare(self.top.join(token)).map_err(io::Error::other)?;
        let objects = self.objects.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let database = repository.odb().map_err(io::Error::other)?;
        database.add_disk_alternate(objects).map_err(io::Error::other)?;
        self.write(&repository, token, &ids, false)?;
        for (_, name) in few {
            fs::write(self.note(name), JOINED)?;
        }
        Ok(())
    }
}

/// Returns how many of the packs, the smallest first, are joined: at least two, and more while the next is not much
/// larger than those before it together. So each object is written again only a few times, however many packs there
/// are.
fn how_many(packs: &[(u64, String)]) -> usize {
    let mut sum = 0;
    let mut count = 0;
    for (size, _) in packs {
        if count >= 2 && *size > 2 * sum {
            break;
        }
        sum += size;
        count += 1;
    }
    count
}

/// Returns the ids in a pack's index, version 2.
fn ids_of(index: &[u8]) -> io::Result<Vec<Oid>> {
    const NAMES: usize = 8 + 256 * 4;
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "the index of a pack is malformed");
    let last = index.get(NAMES - 4..NAMES).ok_or_else(malformed)?;
    let count = last.iter().fold(0, |count, byte| count << 8 | usize::from(*byte));
    let names = index.get(NAMES..NAMES + count * 20).ok_or_else(malformed)?;
    let ids = names.chunks_exact(20).map(Oid::from_bytes).collect::<Result<_, _>>();
    ids.map_err(io::Error::other)
}

/// Returns whether a folder's name is a token.
fn is_token(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) && folder.is_dir()
}

/// Returns whether the process that made a folder still holds its mark.
fn is_alive(folder: &Path) -> io::Result<bool> {
    let mark = match regular::open(&folder.join("mark")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        mark => mark?,
    };
    match mark.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Moves a synced file, also to another file system: objects need not be where the git folder is.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        moved => return moved,
    }
    // Git considers a file of this name its own, and removes it once it is old.
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = to.with_file_name(format!("tmp_{name}"));
    fs::copy(from, &beside)?;
    File::open(&beside)?.sync_all()?;
    fs::rename(beside, to)?;
    fs::remove_file(from)
}
