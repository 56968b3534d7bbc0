//! What a slot should hold: a tree's files, and how each looked when we wrote it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use git2::{Index, IndexEntry, IndexTime, Oid, Repository};
use rustix::fs::{FileType, Stat};

use super::registration::Registration;
use crate::base::error::Result;
use crate::git::rules::Settings;
use crate::git::tree::{peel, visit};
use crate::git::{EntryKind, bytes};

/// How a file looked when it was written, in the precision of git's index. The time of change (`ctime`) cannot be
/// set by whoever writes the file, so a file that looks the same is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u32,
    inode: u32,
    modified: (i32, u32),
    changed: (i32, u32),
}

impl Stamp {
    /// Records how a file looks now.
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            size: low(stat.st_size),
            inode: low(stat.st_ino),
            modified: (low(stat.st_mtime).cast_signed(), low(stat.st_mtime_nsec)),
            changed: (low(stat.st_ctime).cast_signed(), low(stat.st_ctime_nsec)),
        }
    }

    fn of_entry(entry: &IndexEntry) -> Self {
        Self {
            size: entry.file_size,
            inode: entry.ino,
            modified: (entry.mtime.seconds(), entry.mtime.nanoseconds()),
            changed: (entry.ctime.seconds(), entry.ctime.nanoseconds()),
        }
    }
}

/// Returns the lower 32 bits, which is what the index keeps.
fn low<T: TryInto<i128>>(value: T) -> u32 {
    let value = value.try_into().unwrap_or_default();
    u32::try_from(value & 0xffff_ffff).unwrap_or_default()
}

/// Returns the kind of entry that something on disk looks like; `None` for folders and what git does not know.
fn kind_on_disk(stat: &Stat) -> Option<EntryKind> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_mode & 0o100 != 0 => Some(EntryKind::Executable),
        FileType::RegularFile => Some(EntryKind::File),
        FileType::Symlink => Some(EntryKind::Link),
        _ => None,
    }
}

/// A file that should be there.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExpectedFile {
    /// What it is.
    pub(super) kind: EntryKind,
    /// Its content.
    pub(super) id: Oid,
    /// How it looked when it had this content; `None` when that is not known for sure.
    pub(super) stamp: Option<Stamp>,
    /// Whether a walk has met it.
    pub(super) met: bool,
}

/// What the file system can hold, by the repository's configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileSystem {
    /// Which files may be executed.
    pub(super) modes: bool,
    /// Symbolic links; without them, a link is a file with its target in it.
    pub(super) links: bool,
}

/// All files that should be there.
pub(super) struct Expected {
    /// What shows on disk.
    pub(super) file_system: FileSystem,
    /// By path.
    pub(super) files: HashMap<Vec<u8>, ExpectedFile>,
    /// Every folder with a file somewhere below it.
    pub(super) folders: HashSet<Vec<u8>>,
    /// The tree, where only those of its files are here that a slot's layer has to do with.
    partly: Option<Oid>,
}

impl Expected {
    /// Begins with none of the files of a tree or commit: they are added as they are needed.
    pub(super) fn partly(repository: &Repository, tree_or_commit: Oid, settings: &Settings) -> Result<Self> {
        Ok(Self {
            file_system: FileSystem {
                modes: settings.file_mode,
                links: settings.symlinks,
            },
            files: HashMap::new(),
            folders: HashSet::new(),
            partly: Some(peel(repository, tree_or_commit)?.id()),
        })
    }

    /// Adds a file.
    pub(super) fn add(&mut self, path: &[u8], (kind, id): (EntryKind, Oid), met: bool) {
        let file = ExpectedFile {
            kind,
            id,
            stamp: None,
            met,
        };
        self.files.insert(path.to_vec(), file);
    }

    /// Adds a folder and those above it.
    pub(super) fn add_folder(&mut self, mut folder: &[u8]) {
        while !folder.is_empty() && self.folders.insert(folder.to_vec()) {
            folder = bytes::split_last(folder).0;
        }
    }

    /// Returns the contents of all files.
    pub(super) fn contents(&self, repository: &Repository) -> Result<HashSet<Oid>> {
        let mut all: HashSet<Oid> = self.files.values().map(|file| file.id).collect();
        if let Some(tree) = self.partly {
            let tree = peel(repository, tree)?;
            visit(repository, &tree, b"", &mut |_, _, id| {
                all.insert(id);
            })?;
        }
        Ok(all)
    }

    /// Reads the files of a tree or commit.
    pub(super) fn of(repository: &Repository, tree_or_commit: Oid, settings: &Settings) -> Result<Self> {
        let mut expected = Self {
            partly: None,
            ..Self::partly(repository, tree_or_commit, settings)?
        };
        let tree = peel(repository, tree_or_commit)?;
        let mut last_folder = Vec::new();
        visit(repository, &tree, b"", &mut |path, kind, id| {
            let folder = bytes::split_last(path).0;
            if folder != last_folder.as_slice() {
                last_folder = folder.to_vec();
                expected.add_folder(folder);
            }
            expected.add(path, (kind, id), false);
        })?;
        Ok(expected)
    }

    /// Adds what the trusted index knows of how the files looked, and returns whether there is one.
    ///
    /// An entry as young as the index itself proves nothing: the file may have changed in the same tick of the clock.
    pub(super) fn add_stamps(&mut self, registration: &Registration) -> bool {
        let path = registration.index();
        let Ok(written) = fs::symlink_metadata(&path) else {
            return false;
        };
        if !registration.index_is_of_this_boot() {
            return false;
        }
        let written = (low(written.mtime()).cast_signed(), low(written.mtime_nsec()));
        // One that cannot be read, or that somebody left in the middle of a merge, is made anew.
        let Some(index) = Index::open(&path).ok().filter(|index| !index.has_conflicts()) else {
            return false;
        };
        for entry in index.iter() {
            let Some(file) = self.files.get_mut(&entry.path) else {
                continue;
            };
            let stamp = Stamp::of_entry(&entry);
            let same = file.id == entry.id && file.kind == EntryKind::of_mode(entry.mode);
            if same && stamp.changed < written {
                file.stamp = Some(stamp);
            }
        }
        true
    }

    /// Returns the file at a path when what is on disk is certainly it, by its looks alone; marks it as met.
    pub(super) fn meet_unchanged(&mut self, path: &[u8], stat: &Stat) -> Option<ExpectedFile> {
        let kind = self.kind_at(path, stat);
        let file = self.files.get_mut(path)?;
        let unchanged = kind == Some(file.kind) && file.stamp == Some(Stamp::of(stat));
        file.met |= unchanged;
        unchanged.then_some(*file)
    }

    /// Returns the kind of entry that is at a path: where the file system cannot show it, a file that should be there
    /// is what it should be, and a new one is a plain file. `None` for folders and what git does not know.
    pub(super) fn kind_at(&self, path: &[u8], stat: &Stat) -> Option<EntryKind> {
        let FileSystem { modes, links } = self.file_system;
        let seen = kind_on_disk(stat)?;
        let known = self.files.get(path).map(|file| file.kind);
        Some(match (seen, known) {
            (EntryKind::Link, _) => seen,
            (_, Some(EntryKind::Link)) if !links => EntryKind::Link,
            _ if modes => seen,
            (_, Some(EntryKind::Executable)) => EntryKind::Executable,
            _ => EntryKind::File,
        })
    }

    /// Marks a file as met.
    pub(super) fn meet(&mut self, path: &[u8]) {
        if let Some(file) = self.files.get_mut(path) {
            file.met = true;
        }
    }

    /// Marks everything at or below a path as met, so that it counts neither as missing nor as deleted.
    pub(super) fn meet_below(&mut self, path: &[u8]) {
        // What an agent made is not looked for among all files: it can make a million.
        if !self.files.contains_key(path) && !self.folders.contains(path) {
            return;
        }
        for (name, file) in &mut self.files {
            let rest = name.strip_prefix(path);
            file.met |= rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/');
        }
    }

    /// Returns the files no walk has met, ordered by path.
    pub(super) fn missing(&self) -> Vec<(Vec<u8>, ExpectedFile)> {
        let unmet = self.files.iter().filter(|(_, file)| !file.met);
        let mut missing: Vec<_> = unmet.map(|(path, file)| (path.clone(), *file)).collect();
        missing.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        missing
    }
}

/// Returns the entry of git's index for a file as it looks; `None` for a submodule's, which has no looks.
pub(super) fn index_entry(path: &[u8], file: &ExpectedFile, stat: Option<&Stat>) -> IndexEntry {
    let stamp = stat.map(Stamp::of);
    let time = |of: fn(&Stamp) -> (i32, u32)| {
        let (seconds, nanoseconds) = stamp.as_ref().map_or((0, 0), of);
        IndexTime::new(seconds, nanoseconds)
    };
    IndexEntry {
        ctime: time(|stamp| stamp.changed),
        mtime: time(|stamp| stamp.modified),
        dev: stat.map_or(0, |stat| low(stat.st_dev)),
        ino: stamp.map_or(0, |stamp| stamp.inode),
        mode: file.kind.mode(),
        uid: stat.map_or(0, |stat| stat.st_uid),
        gid: stat.map_or(0, |stat| stat.st_gid),
        file_size: stamp.map_or(0, |stamp| stamp.size),
        id: file.id,
        flags: 0,
        flags_extended: 0,
        path: path.to_vec(),
    }
}
