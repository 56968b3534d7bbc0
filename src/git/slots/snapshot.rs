//! What an agent left in a slot, as a tree: read by us, without following a link, without running anything.

use std::io;
use std::path::PathBuf;

use git2::{Oid, Repository};

use super::content::Contents;
use super::expected::{Expected, ExpectedFile};
use super::folder::{Cursor, Folder};
use super::fsck;
use super::ignored::{Outside, Rules};
use super::limits::SnapshotLimits;
use super::marks;
use super::scan::Scan;
use super::screen::Screen;
use super::slot::Slot;
use super::unseen::Levels;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::git::edit::Editor;
use crate::git::rules::Settings;
use crate::git::tree::peel;
use crate::git::work::Work;
use crate::git::{Change, ChangeKind, EntryKind, bytes};

/// What was found in a slot. The tree holds everything that is neither skipped, refused nor ignored; a refused path
/// has in it what the base has there.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The tree.
    pub tree: Oid,
    /// What differs from the base, ordered by path.
    pub changed: Vec<Change>,
    /// What git cannot record and nobody misses (sockets, FIFOs, files in submodules), and why.
    pub skipped: Vec<(PathBuf, String)>,
    /// What must not or cannot be recorded, and why: the task is for a person to look at. A file that holds a
    /// credential is in the tree with that redacted, and it is here.
    pub refused: Vec<(PathBuf, String)>,
    /// New files that ignore rules leave out; a folder counts once.
    pub ignored: Vec<PathBuf>,
}

/// What becomes of a path: its new content, or nothing.
type Edits = Vec<(Vec<u8>, Option<(EntryKind, Oid)>)>;

impl Slot {
    /// Records what is in the folder, compared with `base`. The container must be gone; the folder stays as it is.
    pub fn snapshot(&mut self, base: Oid, limits: &SnapshotLimits) -> Result<Snapshot> {
        snapshot(self, base, limits)
    }
}

/// Records what is in the slot, compared with `base`.
fn snapshot(slot: &Slot, base: Oid, limits: &SnapshotLimits) -> Result<Snapshot> {
    let repository = slot.git.borrow_to_write()?;
    let settings = Settings::of(&slot.git, &repository)?;
    let (mut expected, levels) = looked_for(slot, &repository, base, &settings)?;
    let odb = repository.odb().context("cannot open the object database")?;
    let work = Work::new();
    let root = Folder::open_slot(&slot.path).context(format!("cannot open the slot `{}`", slot.path.display()))?;
    let mut scan = Scan {
        expected: &mut expected,
        limits,
        mount_points: &slot.mount_points,
        repository: &repository,
        odb: &odb,
        candidates: Vec::new(),
        through: Vec::new(),
        attributes: Vec::new(),
        changed: 0,
        bytes: 0,
        skipped: Vec::new(),
        refused: Vec::new(),
        too_many: None,
        ignored: Vec::new(),
    };
    let outside = Outside::of(&settings, &work);
    scan.run(&root, &Rules::of_repository(&outside), levels.as_ref())?;
    let contents = Contents::new(&slot.git, &repository, &settings, &work);
    let edits = record(slot, contents, &root, &mut scan)?;
    let Scan {
        mut skipped,
        mut refused,
        mut ignored,
        too_many,
        ..
    } = scan;
    refused.extend(too_many);
    if let Some(exceeded) = work.exceeded() {
        let why = format!(
            "{}: from there on no file is left out, and contents are recorded unconverted",
            exceeded.reason()
        );
        let path = exceeded.rules.unwrap_or(exceeded.path);
        refused.push((bytes::to_path(&path), why));
    }
    skipped.sort();
    refused.sort();
    ignored.sort();
    let mut editor = Editor::new(&slot.git, &odb, peel(&repository, base)?.id());
    for (path, _) in edits.iter().filter(|(_, new)| new.is_none()) {
        editor.remove(path, &[])?;
    }
    for (path, new) in &edits {
        if let Some((kind, id)) = new {
            editor.put(path, *kind, *id)?;
        }
    }
    Ok(Snapshot {
        tree: editor.write()?,
        changed: changes(&expected, edits),
        skipped,
        refused,
        ignored,
    })
}

/// Returns what should be in the slot, and of one that is a layer, what is seen through it.
fn looked_for(
    slot: &Slot,
    repository: &Repository,
    base: Oid,
    settings: &Settings,
) -> Result<(Expected, Option<Levels>)> {
    let Some(over) = &slot.over else {
        let mut expected = Expected::of(repository, base, settings)?;
        expected.add_stamps(&slot.registration);
        return Ok((expected, None));
    };
    if !Folder::open_slot(&slot.path).is_ok_and(|root| marks::are_readable(&root)) {
        let message = format!("what the kernel notes in `{}` cannot be read", slot.path.display());
        return Err(Error::new(ErrorKind::Precondition, message)
            .hint("run it as root, as when the task began: no other user sees what an agent has removed"));
    }
    let base = peel(repository, base)?.id();
    let levels = Levels::of(repository, Some(base), Some(over.tree))?;
    Ok((Expected::partly(repository, base, settings)?, Some(levels)))
}

/// Writes the contents of all candidates, and returns what becomes of each path.
fn record(slot: &Slot, mut contents: Contents<'_>, root: &Folder, scan: &mut Scan<'_>) -> Result<Edits> {
    let mut screen = Screen::new(&slot.git.redactor, contents.repository());
    read_attributes(&mut contents, root, scan)?;
    let candidates = std::mem::take(&mut scan.candidates);
    let mut cursor = Cursor::new(root);
    let mut edits = Edits::new();
    for (path, kind) in candidates {
        let was = scan.expected.files.get(&path).copied();
        let most = scan.limits.max_file_bytes;
        let content = match read(&mut cursor, &path, kind, most) {
            Ok(content) => content,
            Err(error) => {
                scan.unreadable(&path, &error);
                continue;
            }
        };
        let Some(id) = screened(&mut screen, &contents, scan, (&path, kind), &content)? else {
            continue;
        };
        scan.expected.meet(&path);
        if was.is_none_or(|was: ExpectedFile| (was.kind, was.id) != (kind, id)) {
            edits.push((path, Some((kind, id))));
        }
    }
    for (path, kind, id) in std::mem::take(&mut scan.through) {
        scan.expected.meet(&path);
        edits.push((path, Some((kind, id))));
    }
    edits.extend(scan.expected.missing().into_iter().map(|(path, _)| (path, None)));
    Ok(edits)
}

/// Makes all `.gitattributes` files count, as they are in the slot: they determine how the others, and they themselves,
/// are recorded.
fn read_attributes(contents: &mut Contents<'_>, root: &Folder, scan: &Scan<'_>) -> Result<()> {
    for (path, file) in &scan.expected.files {
        if file.met && bytes::split_last(path).1 == b".gitattributes" {
            contents.add_recorded_attributes(path, file.id)?;
        }
    }
    let mut cursor = Cursor::new(root);
    for path in &scan.attributes {
        // One that cannot be read is refused when it comes to be recorded.
        if let Ok(content) = read(&mut cursor, path, EntryKind::File, scan.limits.max_file_bytes) {
            contents.add_attributes(path, &content);
        }
    }
    Ok(())
}

/// Records of one file or link what may be recorded; `None` for one that is refused whole.
fn screened(
    screen: &mut Screen<'_>,
    contents: &Contents<'_>,
    scan: &mut Scan<'_>,
    (path, kind): (&[u8], EntryKind),
    content: &[u8],
) -> Result<Option<Oid>> {
    let was = scan.expected.files.get(path).copied();
    if was.is_none()
        && let Some(shown) = screen.path(path)
    {
        let why = "its name holds a credential, so it was left out";
        scan.refused.push((bytes::to_path(&shown), why.to_owned()));
        return Ok(None);
    }
    if kind == EntryKind::Link {
        let is_new = was.is_none_or(|was| !Contents::is_link(&was, content));
        if let Some(why) = screen.link(path, content).filter(|_| is_new) {
            scan.refuse(path, &why);
            return Ok(None);
        }
        return contents.link(content).map(Some);
    }
    if let Some(why) = fsck::refused(bytes::split_last(path).1, content) {
        scan.refuse(path, why);
        return Ok(None);
    }
    let (content, why) = screen.content(content, was.as_ref(), scan.expected)?;
    if let Some(why) = why {
        scan.refused.push((bytes::to_path(path), why));
    }
    contents.file(path, &content, was.as_ref()).map(Some)
}

/// Reads a file, or a link's target, from the slot.
fn read(cursor: &mut Cursor<'_>, path: &[u8], kind: EntryKind, most: u64) -> io::Result<Vec<u8>> {
    let (parent, name) = bytes::split_last(path);
    let folder = cursor.at(parent, Folder::enter)?;
    match kind {
        EntryKind::Link => match folder.read_link(name) {
            // A file that stands for a link, where there are none.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => folder.read_file(name, most),
            other => other,
        },
        _ => folder.read_file(name, most),
    }
}

fn changes(base: &Expected, edits: Edits) -> Vec<Change> {
    let change = |(path, new): (Vec<u8>, Option<_>)| Change {
        kind: match new {
            None => ChangeKind::Deleted,
            Some(_) if base.files.contains_key(&path) => ChangeKind::Modified,
            Some(_) => ChangeKind::Added,
        },
        path: bytes::to_path(&path),
    };
    let mut changes: Vec<_> = edits.into_iter().map(change).collect();
    changes.sort();
    changes
}
