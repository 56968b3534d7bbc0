//! Three versions of one file merged into one, by the driver that its attributes name.

use git2::{ObjectType, Repository};

use super::changes::Leaf;
use super::text::{self, Overlaps};
use crate::base::error::{Context as _, Result};
use crate::git::work::Work;
use crate::git::{EntryKind, Git, Oid, lines};

/// How a file is merged that both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// By lines; overlapping changes are a conflict.
    Text,
    /// By lines; of overlapping changes, both are taken.
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
    /// Merges them; `None` is a conflict. `driver` is called where contents must be compared.
    pub(super) fn merge(
        self,
        git: &Git,
        repository: &Repository,
        work: &Work,
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
        let overlaps = match driver()? {
            Driver::Conflict => return Ok(None),
            Driver::Text => Overlaps::Refuse,
            Driver::Union => Overlaps::TakeBoth,
        };
        let ids = [was.map(|was| was.id), Some(ours.id), Some(theirs.id)];
        let Some(contents) = texts(repository, ids)? else {
            return Ok(None);
        };
        let merged = text::merge(contents.each_ref().map(Vec::as_slice), overlaps, work);
        let write = |merged: Vec<u8>| git.write_object(ObjectType::Blob, &merged);
        Ok(merged.map(write).transpose()?.map(|id| Leaf { kind, id }))
    }
}

/// Returns the result when at most one side changed it, or both equally.
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

/// Returns whether both are files, or both links, or both submodules.
fn is_of_one_type(one: Leaf, other: Leaf) -> bool {
    one.kind == other.kind || is_regular(one) && is_regular(other)
}

/// Returns the contents of three versions, empty for one that does not exist; `None` where one of them is not a text,
/// or is too long.
fn texts(repository: &Repository, ids: [Option<Oid>; 3]) -> Result<Option<[Vec<u8>; 3]>> {
    let failed = "cannot merge a file";
    let odb = repository.odb().context(failed)?;
    let mut contents = [Vec::new(), Vec::new(), Vec::new()];
    for (content, id) in contents.iter_mut().zip(ids) {
        let Some(id) = id else { continue };
        let (size, _) = odb.read_header(id).context(failed)?;
        if size > lines::MOST_BYTES {
            return Ok(None);
        }
        *content = odb.read(id).context(failed)?.data().to_vec();
        if lines::is_binary(content) || !lines::is_comparable(content) {
            return Ok(None);
        }
    }
    Ok(Some(contents))
}
