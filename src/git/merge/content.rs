//! Three versions of one file made one, as the driver asks that its attributes name.

use git2::{MergeFileInput, MergeFileOptions, ObjectType, Repository};

use super::changes::Leaf;
use crate::error::{Context as _, Result};
use crate::git::{EntryKind, Git, Oid};

/// Git looks for a NUL in so many bytes to tell binary content.
const LOOKED_THROUGH: usize = 8000;
/// The longest content whose lines are compared, in bytes; what is longer and differs is a conflict.
const MOST_BYTES: usize = 16 << 20;
/// The most lines that are compared.
const MOST_LINES: usize = 200_000;

/// How a file is merged that both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// By lines; what overlaps is a conflict.
    Text,
    /// By lines; of what overlaps, both are taken.
    Union,
    /// Not at all: always a conflict.
    Conflict,
}

/// Three versions of a file; `was` is `None` where both sides added it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versions {
    pub(super) was: Option<Leaf>,
    pub(super) ours: Leaf,
    pub(super) theirs: Leaf,
}

impl Versions {
    /// Makes them one; `None` is a conflict. `driver` is asked for where contents are to be compared.
    pub(super) fn merge(
        self,
        git: &Git,
        repository: &Repository,
        driver: impl FnOnce() -> Result<Driver>,
    ) -> Result<Option<Leaf>> {
        let (ours, theirs) = (self.ours, self.theirs);
        let was = self.was.filter(|was| is_of_one_type(*was, ours));
        if !is_of_one_type(ours, theirs) {
            return Ok(None);
        }
        let Some(kind) = chosen(was.map(|was| was.kind), ours.kind, theirs.kind) else {
            return Ok(None);
        };
        if let Some(id) = chosen(was.map(|was| was.id), ours.id, theirs.id) {
            return Ok(Some(Leaf { kind, id }));
        }
        if !is_regular(ours) {
            return Ok(None);
        }
        let driver = driver()?;
        let id = merge_lines(
            git,
            repository,
            [was.map(|was| was.id), Some(ours.id), Some(theirs.id)],
            driver,
        )?;
        Ok(id.map(|id| Leaf { kind, id }))
    }
}

/// What is left of three when at most one side changed it, or both to the same.
fn chosen<T: PartialEq + Copy>(was: Option<T>, ours: T, theirs: T) -> Option<T> {
    if ours == theirs || was == Some(ours) {
        Some(theirs)
    } else if was == Some(theirs) {
        Some(ours)
    } else {
        None
    }
}

fn is_regular(leaf: Leaf) -> bool {
    matches!(leaf.kind, EntryKind::File | EntryKind::Executable)
}

/// Whether both are files, or both links, or both submodules.
fn is_of_one_type(one: Leaf, other: Leaf) -> bool {
    one.kind == other.kind || is_regular(one) && is_regular(other)
}

/// Merges contents by lines; `None` is a conflict. The first of the three versions is the ancestor.
fn merge_lines(git: &Git, repository: &Repository, ids: [Option<Oid>; 3], driver: Driver) -> Result<Option<Oid>> {
    if driver == Driver::Conflict {
        return Ok(None);
    }
    let failed = "cannot merge a file";
    let odb = repository.odb().context(failed)?;
    let mut contents = Vec::new();
    for id in ids {
        let Some(id) = id else {
            contents.push(Vec::new());
            continue;
        };
        let (size, _) = odb.read_header(id).context(failed)?;
        if size > MOST_BYTES {
            return Ok(None);
        }
        let content = odb.read(id).context(failed)?.data().to_vec();
        let lines = memchr::memchr_iter(b'\n', &content).count();
        if is_binary(&content) || lines > MOST_LINES {
            return Ok(None);
        }
        contents.push(content);
    }
    let mut options = MergeFileOptions::new();
    if driver == Driver::Union {
        options.favor(git2::FileFavor::Union);
    }
    let [was, ours, theirs] = [input(&contents[0]), input(&contents[1]), input(&contents[2])];
    let merged = git2::merge_file(&was, &ours, &theirs, Some(&mut options)).context(failed)?;
    if !merged.is_automergeable() {
        return Ok(None);
    }
    Ok(Some(git.write_object(ObjectType::Blob, merged.content())?))
}

fn input(content: &[u8]) -> MergeFileInput<'_> {
    let mut input = MergeFileInput::new();
    input.content(content);
    input
}

/// Whether git takes a content for binary.
pub(super) fn is_binary(content: &[u8]) -> bool {
    memchr::memchr(0, &content[..content.len().min(LOOKED_THROUGH)]).is_some()
}
