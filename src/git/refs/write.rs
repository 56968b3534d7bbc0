//! One try at moving a ref, under git's own lock of it, as git does: loose file, packed refs, log.

use std::fs;
use std::io;

use git2::{ErrorClass, ErrorCode, Oid, Repository};

use super::folders::{is_absent, remove_empty_above, remove_empty_below};
use super::log;
use crate::base::error::{Error, ErrorKind, Result};
use crate::git::Git;
use crate::git::locks::{Failure, sync_folder_of};

impl From<git2::Error> for Failure {
    fn from(error: git2::Error) -> Self {
        let passing = error.code() == ErrorCode::Locked || error.class() == ErrorClass::Os;
        let error = Error::new(ErrorKind::Unexpected, "cannot read the refs").because(error);
        if passing {
            Self::Passing(error)
        } else {
            Self::Final(error)
        }
    }
}

/// How a compare-and-swap ended.
#[must_use = "a stale expectation means that nothing was changed"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefMove {
    /// The ref is at its new target.
    Moved,
    /// The ref was not where it was expected; nothing changed.
    Stale {
        /// Where it is instead.
        actual: Option<Oid>,
    },
}

/// The new state of a ref.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) expected: Option<Oid>,
    pub(super) new: Option<Oid>,
    pub(super) why: &'a str,
}

/// Locks the ref, compares, and writes.
pub(super) fn try_move(git: &Git, repository: &Repository, wanted: &Wanted<'_>) -> Result<RefMove, Failure> {
    let name = wanted.name;
    let path = git.common_dir.join(name);
    let lock = git.lock_file(&path)?;
    let actual = match repository.find_reference(name) {
        Ok(reference) => Some(direct_target(&reference, name).map_err(Failure::Final)?),
        Err(error) if error.code() == ErrorCode::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if actual != wanted.expected {
        return Ok(RefMove::Stale { actual });
    }
    match (actual, wanted.new) {
        (None, None) => {}
        (_, Some(new)) => {
            if actual.is_none() {
                refuse_nesting(repository, name)?;
            }
            let entry = log::Entry {
                name,
                old: actual,
                new,
                why: wanted.why,
            };
            log::append(git, repository, &entry)?;
            remove_empty_below(&path);
            let written = lock.write(format!("{new}\n").as_bytes());
            written.map_err(|error| Failure::of(error, format!("cannot write the ref `{name}`")))?;
        }
        (Some(_), None) => {
            delete(git, name)?;
            drop(lock);
            remove_empty_above(&path, &git.common_dir);
        }
    }
    Ok(RefMove::Moved)
}

fn direct_target(reference: &git2::Reference<'_>, name: &str) -> Result<Oid> {
    reference.target().ok_or_else(|| {
        Error::new(
            ErrorKind::Precondition,
            format!("`{name}` is a symbolic ref, which is never moved"),
        )
    })
}

/// Refuses `a/b` beside `a`: a ref is a file to git, and the other one may be packed, where no lock shows it.
fn refuse_nesting(repository: &Repository, name: &str) -> Result<(), Failure> {
    let refuse = |other: &str| {
        Failure::Final(
            Error::new(
                ErrorKind::Precondition,
                format!("cannot create the ref `{name}` beside `{other}`"),
            )
            .hint("git keeps refs like files: choose a name that does not lie below another one"),
        )
    };
    for (at, _) in name.match_indices('/') {
        if repository.find_reference(&name[..at]).is_ok() {
            return Err(refuse(&name[..at]));
        }
    }
    if let Some(below) = repository.references_glob(&format!("{name}/*"))?.names().next() {
        return Err(refuse(below?));
    }
    Ok(())
}

/// Deletes a ref with its lock held. The packed refs stay locked until its file is gone, too: packing would add it
/// again.
fn delete(git: &Git, name: &str) -> Result<(), Failure> {
    let failed = |error| Failure::of(error, format!("cannot delete the ref `{name}`"));
    let packed = git.common_dir.join("packed-refs");
    let lock = git.lock_file(&packed)?;
    let lines = match fs::read(&packed) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        lines => lines.map_err(failed)?,
    };
    if let Some(others) = without(&lines, name) {
        lock.write(&others).map_err(failed)?;
    }
    match fs::remove_file(git.common_dir.join(name)) {
        // A folder is there: the ref was packed, and an empty or another's folder has its name.
        Err(error) if !is_absent(&error) => {
            return Err(failed(error));
        }
        Err(_) => {}
        Ok(()) => sync_folder_of(&git.common_dir.join(name)).map_err(failed)?,
    }
    log::remove(git, name).map_err(failed)
}

/// Returns the packed refs without one of them and what it peels to; `None` where it is not among them.
fn without(packed: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut rest = Vec::with_capacity(packed.len());
    let (mut found, mut dropping) = (false, false);
    for line in packed.split_inclusive(|byte| *byte == b'\n') {
        dropping = match line.first() {
            Some(b'^') => dropping,
            Some(b'#') => false,
            _ => line.trim_ascii_end().splitn(2, |byte| *byte == b' ').nth(1) == Some(name.as_bytes()),
        };
        found |= dropping;
        if !dropping {
            rest.extend_from_slice(line);
        }
    }
    found.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_ref_goes_with_what_it_peels_to() {
        let packed = "# pack-refs with: peeled \n11 refs/a\n22 refs/a/b\n^33\n44 refs/b\n";
        let rest = |name| without(packed.as_bytes(), name).map(|rest| String::from_utf8(rest).unwrap());
        assert_eq!(rest("refs/a/b").unwrap(), packed.replace("22 refs/a/b\n^33\n", ""));
        assert_eq!(rest("refs/b").unwrap(), packed.replace("44 refs/b\n", ""));
        assert_eq!(rest("refs/a").unwrap(), packed.replace("11 refs/a\n", ""));
        assert_eq!(rest("refs"), None);
        assert_eq!(without(b"", "refs/a"), None);
    }
}
