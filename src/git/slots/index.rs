//! Git's index of a tree's files as they look above a shared checkout. It is made once for all slots at the tree, and kept in the
//! checkout's folder: `index` is that of the checkout's own tree, and `index-TREE.BOOT` one of the last of others.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use git2::{IndexEntry, IndexTime, Odb, Oid, Repository};
use rustix::io::Errno;

use super::difference::Difference;
use super::expected::{ExpectedFile, index_entry};
use super::folder::{Folder, Owner};
use super::raw_index::{self, Patch};
use super::times::SOURCE_TIME;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::process::boot;
use crate::base::regular;
use crate::git::EntryKind;

/// The index of the checkout's own tree.
pub(super) const OWN: &str = "index";
/// What the names of others begin with.
const ABOVE: &str = "index-";
/// So many others are kept: a tree that gates judge is often the next tip.
const MOST_OTHERS: usize = 3;
/// Everybody may read it, and nobody write: it is shared.
const MODE: u32 = 0o444;

/// Returns the index of a tree's files above the checkout in `folder`, from which they have this difference. The caller sees to it
/// that nobody else makes one meanwhile.
///
/// # Errors
///
/// Where it is not there and cannot be made.
pub(super) fn of(
    repository: &Repository,
    (folder, own): (&Path, Oid),
    (tree, difference): (Oid, &Difference),
) -> Result<PathBuf> {
    let whole = folder.join(OWN);
    if tree == own {
        let shared = fs::set_permissions(&whole, fs::Permissions::from_mode(MODE));
        shared.context(format!("cannot read `{}`", whole.display()))?;
        return Ok(whole);
    }
    // It is not waited for until it is on the disk: after a failure of power, it may have lost its content.
    let boot = boot().unwrap_or_default();
    let path = folder.join(format!("{ABOVE}{tree}.{boot}"));
    if path.exists() {
        return Ok(path);
    }
    let index = regular::read(&whole).context(format!("cannot read `{}`", whole.display()))?;
    let odb = repository.odb().context("cannot open the object database")?;
    let patched = raw_index::patched(&index, &patch(&odb, difference)?).ok_or_else(|| {
        Error::new(
            ErrorKind::Unexpected,
            format!("the index of the checkout `{}` is not one", folder.display()),
        )
        .hint("remove the folder `checkouts` of the state folder while nothing runs: it is made anew")
    })?;
    let write = || -> io::Result<()> {
        // Slots that have one of them keep it, under their own name.
        remove_old(folder, &boot)?;
        let new = folder.join(format!("{ABOVE}new"));
        regular::write(&new, &patched)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(MODE))?;
        fs::rename(&new, &path)
    };
    write().context(format!("cannot write `{}`", path.display()))?;
    Ok(path)
}

/// Returns what the index of a tree has otherwise than that of the checkout: every file looks as one of the checkout does. One that
/// does not is read by git.
fn patch(odb: &Odb<'_>, difference: &Difference) -> Result<Patch> {
    let gone = difference.files_gone.iter().map(|path| (path.clone(), None));
    let mut patch: Patch = gone.collect();
    for (path, file) in &difference.written {
        patch.insert(path.clone(), Some(entry(odb, path, file)?));
    }
    Ok(patch)
}

fn entry(odb: &Odb<'_>, path: &[u8], file: &ExpectedFile) -> Result<IndexEntry> {
    let entry = index_entry(path, file, None);
    if file.kind == EntryKind::Submodule {
        return Ok(entry);
    }
    let (size, _) = odb
        .read_header(file.id)
        .context(format!("cannot read the blob {}", file.id))?;
    Ok(IndexEntry {
        mtime: IndexTime::new(i32::try_from(SOURCE_TIME).unwrap_or_default(), 0),
        // What does not fit is cut off, as git does.
        file_size: u32::try_from(size & 0xffff_ffff).unwrap_or_default(),
        ..entry
    })
}

/// Removes all that are of an earlier start of the machine, and those that were made before the last few.
fn remove_old(folder: &Path, boot: &str) -> io::Result<()> {
    let mut found = Vec::new();
    for there in fs::read_dir(folder)? {
        let there = there?;
        let name = there.file_name();
        if name.as_encoded_bytes().starts_with(ABOVE.as_bytes()) {
            let is_usable = name.as_encoded_bytes().ends_with(boot.as_bytes());
            found.push((is_usable, there.metadata()?.modified()?, there.path()));
        }
    }
    found.sort_by(|one, other| other.cmp(one));
    let usable = found.iter().filter(|(is_usable, ..)| *is_usable).count();
    for (_, _, path) in found.iter().skip(usable.min(MOST_OTHERS - 1)) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Puts an index at a place in the repository of a container, whose user is `owner`.
///
/// # Errors
///
/// Where it cannot be written.
pub(super) fn put(index: &Path, place: &Path, owner: Owner) -> Result<()> {
    let failed = || format!("cannot write `{}`", place.display());
    let ours = fs::metadata(index).context(failed())?.uid();
    // A second name of one file, where the container's user can neither write it nor let itself: git and all others put a new
    // file in its place. No process of a container has a capability, or gets one.
    if owner.is_some_and(|(user, _)| user != 0 && user != ours) {
        match fs::hard_link(index, place) {
            Ok(()) => return Ok(()),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::XDEV | Errno::MLINK | Errno::PERM | Errno::OPNOTSUPP) => {}
                _ => return Err(error).context(failed()),
            },
        }
    }
    let copy = || -> io::Result<()> {
        fs::copy(index, place)?;
        fs::set_permissions(place, fs::Permissions::from_mode(0o644))?;
        let name = place.file_name().unwrap_or_default();
        Folder::open(place.parent().unwrap_or(place))?
            .own(name.as_encoded_bytes(), owner)
            .map(drop)
    };
    copy().context(failed())
}
