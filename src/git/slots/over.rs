//! A slot as a layer over a shared checkout: its folder has what its commit has otherwise, and what its agent writes. The
//! engine mounts both as one in a container that writes; for one that only reads, they are mounted here.
//!
//! The layer is `uppers/N` in the state folder. Beside it stand `N.work`, which the kernel needs, `N.view`, where it is mounted
//! to be read, and `N.checkout`, which records durably that the slot is such a layer now, and over what. Without it, the slot is
//! its own folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

use git2::Oid;

use super::checkout::{self, Checkout, Checkouts};
use super::folder::{Owner, remove_if_there};
use super::{marker, view};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::git::Git;
use crate::git::tree::peel;

/// What a slot is above.
#[derive(Debug)]
pub(super) struct Over {
    /// What the checkout has.
    pub(super) tree: Oid,
    pub(super) owner: Owner,
    /// Held while a container may use it.
    pub(super) held: Option<Checkout>,
}

/// Where a slot's layer is.
#[derive(Clone, Debug)]
pub(super) struct UpperPlaces {
    pub(super) folder: PathBuf,
    pub(super) work: PathBuf,
    pub(super) view: PathBuf,
    pub(super) record: PathBuf,
}

/// The folders that a container sees as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverFolders {
    /// The shared checkout.
    pub lower: PathBuf,
    /// What the slot has.
    pub upper: PathBuf,
    /// An empty folder beside that, for the kernel.
    pub work: PathBuf,
}

impl UpperPlaces {
    /// Names the places of a slot in the folder of all layers.
    pub(super) fn of(uppers: &Path, number: u32) -> Self {
        Self {
            folder: uppers.join(number.to_string()),
            work: uppers.join(format!("{number}.work")),
            view: uppers.join(format!("{number}.view")),
            record: uppers.join(format!("{number}.checkout")),
        }
    }

    /// Reads what the slot is above, if it is above anything.
    pub(super) fn read(&self) -> Result<Option<Over>> {
        let Some(text) = marker::read(&self.record)? else {
            return Ok(None);
        };
        let mut words = text.split_whitespace();
        let tree = words.next().and_then(|tree| tree.parse().ok());
        let ids: Vec<u32> = words.filter_map(|word| word.parse().ok()).collect();
        let owner = match *ids.as_slice() {
            [user, group] => Some((user, group)),
            _ => None,
        };
        let broken = || {
            Error::new(
                ErrorKind::Unexpected,
                format!("`{}` names no checkout", self.record.display()),
            )
        };
        Ok(Some(Over {
            tree: tree.ok_or_else(broken)?,
            owner,
            held: None,
        }))
    }

    /// Returns the name of the checkout that the slot is above, if it is above one.
    pub(super) fn checkout(&self) -> Result<Option<String>> {
        Ok(self.read()?.map(|over| checkout::name(over.tree, over.owner)))
    }

    /// Returns the names of the checkouts that slots with work in them are above, this one's folder being `slot`.
    pub(super) fn needed(&self, slot: &Path) -> Result<Vec<String>> {
        let of = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
        needed(&of(&self.folder), &of(slot))
    }

    /// Removes the layer and all that is beside it.
    pub(super) fn remove(&self) -> Result<()> {
        view::unmount(&self.view)?;
        marker::remove(&self.record)?;
        remove_if_there(&self.view)?;
        remove_if_there(&self.folder)?;
        remove_if_there(&self.work)
    }
}

/// Returns the names of the checkouts that slots with work in them are above; `uppers` is the folder of all layers, `slots` that of
/// all slots.
pub(super) fn needed(uppers: &Path, slots: &Path) -> Result<Vec<String>> {
    let failed = || format!("cannot list `{}`", uppers.display());
    let entries = match fs::read_dir(uppers) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context(failed())?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.context(failed())?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".checkout"));
        let Some(number) = number.and_then(|number| number.parse().ok()) else {
            continue;
        };
        if marker::read(&marker::of(slots, number))?.is_some() {
            names.extend(UpperPlaces::of(uppers, number).checkout()?);
        }
    }
    Ok(names)
}

impl Over {
    /// Puts git's index of a commit's files, as they look in the container, at a place in its repository.
    pub(super) fn put_index(&self, git: &Git, checkouts: &Checkouts, commit: Oid, place: &Path) -> Result<()> {
        let repository = git.borrow()?;
        let again;
        let held = if let Some(held) = &self.held {
            held
        } else {
            again = checkouts.of(&repository, self.tree, self.owner)?;
            &again
        };
        let tree = peel(&repository, commit)?.id();
        checkouts.put_index(&repository, (held, self.owner), tree, place)
    }
}
