//! A slot's folder read after its container is gone: what changed, what is not recorded, what is refused.

use std::borrow::Cow;
use std::io::{self, Read as _};
use std::path::PathBuf;

use git2::{Odb, Oid, Repository};
use rustix::fs::{FileType, Stat};
use sha1_smol::Sha1;

use super::bare;
use super::expected::Expected;
use super::folder::Folder;
use super::ignored::Rules;
use super::limits::SnapshotLimits;
use super::marks::{is_elsewhere, is_whiteout};
use super::unseen::{Levels, Unseen};
use crate::base::error::{Context as _, Result};
use crate::base::text;
use crate::git::edit::hazardous_name;
use crate::git::level::{Entry, files_of};
use crate::git::{EntryKind, bytes};

/// How many bytes of a large file are read at once.
const PIECE: usize = 1 << 16;
/// Folders nested deeper than this are refused: most programs could not open what is in them.
const DEEPEST: usize = 300;

/// Why a mount point that is not ignored any more is refused.
const MOUNTED: &str =
    "it is no longer ignored, and what is in it was not recorded: prepared dependencies were mounted there";

/// What a scan found, beside what it marked as met.
pub(super) struct Scan<'expected> {
    pub(super) expected: &'expected mut Expected,
    pub(super) limits: &'expected SnapshotLimits,
    /// Folders that git ignored when the slot was laid out, and that were mounted over in the container.
    pub(super) mount_points: &'expected [Vec<u8>],
    /// Where what was expected is stored.
    pub(super) repository: &'expected Repository,
    pub(super) odb: &'expected Odb<'expected>,
    /// New files and those that may have changed.
    pub(super) candidates: Vec<(Vec<u8>, EntryKind)>,
    /// Files that are seen through the slot's layer where others should be.
    pub(super) through: Vec<(Vec<u8>, EntryKind, Oid)>,
    /// New and changed `.gitattributes` files: they count for git even where ignore rules leave them out.
    pub(super) attributes: Vec<Vec<u8>>,
    /// How many of the candidates are new or have changed.
    pub(super) changed: usize,
    /// How many bytes they have together.
    pub(super) bytes: u64,
    /// Not recorded, without harm.
    pub(super) skipped: Vec<(PathBuf, String)>,
    /// Not recorded, and a person should know.
    pub(super) refused: Vec<(PathBuf, String)>,
    /// The first file beyond the number allowed, and why it is refused.
    pub(super) too_many: Option<(PathBuf, String)>,
    /// Left out by ignore rules; a folder counts once.
    pub(super) ignored: Vec<PathBuf>,
}

/// A folder in the course of a scan.
struct ScannedFolder<'place> {
    folder: &'place Folder,
    path: &'place [u8],
    depth: usize,
    /// Whether a rule leaves out the folder itself, and so every new file in it.
    ignored: bool,
    rules: &'place Rules<'place>,
    /// What should be in it and what is seen through it, where the slot is a layer over a checkout.
    levels: Option<&'place Levels>,
}

impl Scan<'_> {
    /// Scans a slot from its root; `levels` are those of a layer.
    pub(super) fn run(&mut self, root: &Folder, rules: &Rules<'_>, levels: Option<&Levels>) -> Result<()> {
        self.folder(&ScannedFolder {
            levels,
            folder: root,
            path: b"",
            depth: 0,
            ignored: false,
            rules,
        })
    }

    fn folder(&mut self, place: &ScannedFolder<'_>) -> Result<()> {
        let failed = || {
            format!(
                "cannot read the folder `{}` of a slot",
                bytes::to_path(place.path).display()
            )
        };
        let names = place.folder.names().context(failed())?;
        let all = match place.levels {
            None => Cow::Borrowed(&names),
            Some(levels) => Cow::Owned(self.see_through(place.path, &names, levels)?),
        };
        if !place.path.is_empty() && bare::is_new(place.path, &all, self.expected) {
            self.refuse(place.path, bare::WHY);
            return Ok(());
        }
        let repository = self.repository;
        let read = |name: &[u8], most| {
            if names.iter().any(|there| there == name) {
                return place.folder.read_file(name, most).ok();
            }
            place.levels?.content(repository, name, most)
        };
        let rules = Rules::in_folder(place.path, read, place.rules);
        let place = ScannedFolder {
            rules: &rules,
            ..*place
        };
        for name in names {
            // The root's own `.git` is the container's mount point: ours, and never read.
            if place.path.is_empty() && name == b".git" {
                continue;
            }
            if let Some(stat) = place.folder.stat(&name).context(failed())?
                && !self.is_gone(&place, &name, &stat)?
            {
                self.entry(&place, &name, &stat)?;
            }
        }
        Ok(())
    }

    /// Notes what should be in a folder and what is seen through it; returns the names that it shows.
    fn see_through(&mut self, folder: &[u8], names: &[Vec<u8>], levels: &Levels) -> Result<Vec<Vec<u8>>> {
        let mut all = names.to_vec();
        for name in names {
            let path = bytes::join(folder, name);
            match levels.base.get(name) {
                Some(Entry::File(kind, id)) => self.expected.add(&path, (*kind, *id), false),
                Some(Entry::Tree(_)) => self.expected.add_folder(&path),
                None => {}
            }
        }
        for (name, becomes) in levels.without(names) {
            let path = bytes::join(folder, &name);
            match becomes {
                Unseen::Same(Entry::File(kind, id)) => self.expected.add(&path, (kind, id), true),
                Unseen::Same(Entry::Tree(_)) => self.expected.add_folder(&path),
                Unseen::Missing(entry) => self.expect_below(&path, entry)?,
                Unseen::Other(entry) => {
                    let through = &mut self.through;
                    files_of(self.repository, (&path, entry), &mut |path, kind, id| {
                        through.push((path.to_vec(), kind, id));
                    })?;
                }
            }
            if !matches!(becomes, Unseen::Missing(_)) {
                all.push(name);
            }
        }
        Ok(all)
    }

    /// Notes everything that should be at and below a path.
    fn expect_below(&mut self, path: &[u8], entry: Entry) -> Result<()> {
        let expected = &mut *self.expected;
        files_of(self.repository, (path, entry), &mut |path, kind, id| {
            expected.add_folder(bytes::split_last(path).0);
            expected.add(path, (kind, id), false);
        })
    }

    /// Returns whether a layer says that nothing is at a name, and notes what should be there if no folder is.
    fn is_gone(&mut self, place: &ScannedFolder<'_>, name: &[u8], stat: &Stat) -> Result<bool> {
        let Some(levels) = place.levels else { return Ok(false) };
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if let Some(entry @ Entry::Tree(_)) = levels.base.get(name).filter(|_| !is_folder) {
            self.expect_below(&bytes::join(place.path, name), *entry)?;
        }
        Ok(is_whiteout(stat))
    }

    fn entry(&mut self, place: &ScannedFolder<'_>, name: &[u8], stat: &Stat) -> Result<()> {
        let path = bytes::join(place.path, name);
        if self.expected.meet_unchanged(&path, stat).is_some() {
            return Ok(());
        }
        let kind = self.expected.kind_at(&path, stat);
        let expected = self.expected.files.get(&path).map(|file| file.kind);
        let is_new = expected.is_none() && !self.expected.folders.contains(&path);
        if is_new && let Some(hazard) = hazardous_name(name, kind.unwrap_or(EntryKind::File)) {
            self.refuse(&path, hazard.reason());
            return Ok(());
        }
        match (kind, FileType::from_raw_mode(stat.st_mode)) {
            (Some(kind), _) => return self.file(place, path, kind, stat),
            (None, FileType::Directory) if expected == Some(EntryKind::Submodule) => self.submodule(place, name, &path),
            (None, FileType::Directory) => return self.below(place, name, &path),
            (None, other) => {
                let why = format!("{} cannot be recorded", describe(other));
                self.skipped.push((bytes::to_path(&path), why));
            }
        }
        Ok(())
    }

    fn file(&mut self, place: &ScannedFolder<'_>, path: Vec<u8>, kind: EntryKind, stat: &Stat) -> Result<()> {
        let is_new = !self.expected.files.contains_key(&path);
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if bytes::split_last(&path).1 == b".gitattributes" && kind != EntryKind::Link {
            self.attributes.push(path.clone());
        }
        let name = bytes::split_last(&path).1;
        if is_new && (place.ignored || place.rules.ignore(&path, false)) {
            self.ignored.push(bytes::to_path(&path));
        } else if place.levels.is_some() && is_elsewhere_at(place.folder, name, kind) {
            self.refuse(&path, "its layer says that its content is elsewhere");
        } else if size > self.limits.max_file_bytes && self.is_unchanged(place, &path, kind, size)? {
            self.expected.meet(&path);
        } else if size > self.limits.max_file_bytes {
            let most = text::size(self.limits.max_file_bytes);
            let why = format!("it has {}, and one file may have at most {most}", text::size(size));
            self.refuse(&path, &why);
        } else if let Some(why) = self.beyond_limits(size) {
            self.too_many.get_or_insert_with(|| (bytes::to_path(&path), why));
            self.expected.meet(&path);
        } else {
            // One that is merely too young to be sure of does not count.
            let unsure = match place.levels {
                Some(levels) => levels.is_laid(name),
                None => self.expected.files.get(&path).is_some_and(|file| file.stamp.is_none()),
            };
            self.changed += usize::from(!unsure);
            self.bytes += if unsure { 0 } else { size };
            self.candidates.push((path, kind));
        }
        Ok(())
    }

    /// Returns whether a large file has the content that it had, whatever its times say; it is read in pieces.
    fn is_unchanged(&self, place: &ScannedFolder<'_>, path: &[u8], kind: EntryKind, size: u64) -> Result<bool> {
        let Some(was) = self.expected.files.get(path).filter(|was| was.kind == kind) else {
            return Ok(false);
        };
        let failed = || format!("cannot compare `{}` with what it was", bytes::to_path(path).display());
        let (stored, _) = self.odb.read_header(was.id).context(failed())?;
        if stored as u64 != size || kind == EntryKind::Link {
            return Ok(false);
        }
        let mut file = place.folder.open_file(bytes::split_last(path).1).context(failed())?;
        let mut hash = Sha1::new();
        hash.update(format!("blob {size}\0").as_bytes());
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece).context(failed())? {
                0 => return Ok(hash.digest().bytes() == was.id.as_bytes()),
                read => hash.update(&piece[..read]),
            }
        }
    }

    /// Returns why one more file of this size, and others, are left out, if they are.
    fn beyond_limits(&self, size: u64) -> Option<String> {
        let SnapshotLimits {
            max_files, max_bytes, ..
        } = self.limits;
        let too_many = self.changed >= *max_files;
        let too_large = self.bytes.saturating_add(size) > *max_bytes;
        let most = if too_many {
            format!("{max_files} new and changed files")
        } else {
            format!("{} of new and changed files", text::size(*max_bytes))
        };
        (too_many || too_large).then(|| format!("more than {most}: this one and others are left out"))
    }

    /// Keeps a submodule's commit; what is in its folder is another repository's.
    fn submodule(&mut self, place: &ScannedFolder<'_>, name: &[u8], path: &[u8]) {
        self.expected.meet_below(path);
        let inside = place.folder.enter(name).and_then(|folder| folder.names());
        if inside.is_ok_and(|names| !names.is_empty()) {
            let why = "it is in a submodule, and files of submodules belong to another repository";
            self.skipped.push((bytes::to_path(path), why.to_owned()));
        }
    }

    fn below(&mut self, place: &ScannedFolder<'_>, name: &[u8], path: &[u8]) -> Result<()> {
        let ignored = place.ignored || place.rules.ignore(path, true);
        if ignored && !self.expected.folders.contains(path) {
            // An empty one is nothing that anybody could miss, and may be a mount point of ours.
            let is_empty = place.folder.enter(name).and_then(|folder| folder.names());
            if !is_empty.is_ok_and(|names| names.is_empty()) {
                self.ignored.push(bytes::to_path(path));
            }
            return Ok(());
        }
        if self.mount_points.iter().any(|point| point == path) {
            self.refuse(path, MOUNTED);
            return Ok(());
        }
        if place.depth == DEEPEST {
            self.refuse(path, &format!("nested more than {DEEPEST} folders deep"));
            return Ok(());
        }
        let opened = place.folder.enter(name).and_then(|folder| {
            let levels = place.levels.map(|levels| levels.below(self.repository, name, &folder));
            Ok((folder, levels.transpose()?))
        });
        match opened {
            Ok((folder, levels)) => self.folder(&ScannedFolder {
                folder: &folder,
                path,
                depth: place.depth + 1,
                ignored,
                rules: place.rules,
                levels: levels.as_ref(),
            }),
            Err(error) => {
                self.unreadable(path, &error);
                Ok(())
            }
        }
    }

    /// Refuses a path; what the base has there stays in the snapshot.
    pub(super) fn refuse(&mut self, path: &[u8], why: &str) {
        self.expected.meet_below(path);
        self.refused.push((bytes::to_path(path), why.to_owned()));
    }

    /// Refuses a path that cannot be read.
    pub(super) fn unreadable(&mut self, path: &[u8], error: &io::Error) {
        self.refuse(path, &format!("it cannot be read: {error}"));
    }
}

/// Returns whether a layer says of a file that its content is not in it.
fn is_elsewhere_at(folder: &Folder, name: &[u8], kind: EntryKind) -> bool {
    kind != EntryKind::Link && folder.open_to_copy(name).is_ok_and(is_elsewhere)
}

fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "a thing that is neither file, folder nor link",
    }
}
