//! The way back from a checkout that was brought to a commit which its branch never reached.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Tree};

use super::{Advance, Obstacle, changed_paths, check_out, files_of, foreign_changes, refuse_unusual};
use crate::error::{Context as _, Result};
use crate::git::Git;
use crate::git::tree::peel;

impl Git {
    /// Undoes an [`Git::advance_checkout`] from `from` to `to`, however far it came: files and index of the person's
    /// checkout are at `from` again. What is neither as in `from` nor as in `to` is the person's, and blocks it.
    ///
    /// Fails with [`ErrorKind::Precondition`](crate::error::ErrorKind::Precondition) as the advance does.
    pub fn retreat_checkout(&self, from: Oid, to: Oid) -> Result<Advance> {
        let repository = self.open()?;
        refuse_unusual(&repository)?;
        let (from, to) = (peel(&repository, from)?, peel(&repository, to)?);
        let changed = changed_paths(&repository, &from, &to)?;
        let files = files_of(&repository, &from)?;
        let mut obstacles = self.in_the_way(&files, &changed);
        let foreign = foreign_changes(&repository, &from, &to, &changed)?;
        let why = "it is neither what it was nor what it was to become";
        obstacles.extend(foreign.into_iter().map(|path| Obstacle::new(path, why)));
        if !obstacles.is_empty() {
            obstacles.sort();
            return Ok(Advance::Blocked(obstacles));
        }
        let (there, added): (BTreeSet<_>, BTreeSet<_>) = changed.into_iter().partition(|path| files.contains_key(path));
        self.remove_added(&repository, &added)
            .context("cannot take back what was added to the checkout")?;
        check_out_again(&repository, &from, &there)
    }

    /// Removes files that only the advance brought, and the folders that held nothing else.
    fn remove_added(&self, repository: &Repository, added: &BTreeSet<PathBuf>) -> Result<()> {
        let mut index = repository.index().context("cannot read the index")?;
        for path in added {
            remove_file(&self.workdir, path).context(format!("cannot remove `{}`", path.display()))?;
            if index.get_path(path, 0).is_some() {
                index.remove(path, 0).context("cannot change the index")?;
            }
        }
        index.write().context("cannot write the index")
    }
}

fn check_out_again(repository: &Repository, from: &Tree<'_>, there: &BTreeSet<PathBuf>) -> Result<Advance> {
    let conflicts = check_out(repository, from, there, true)?;
    Ok(if conflicts.is_empty() {
        Advance::Done
    } else {
        Advance::Blocked(conflicts)
    })
}

fn remove_file(root: &Path, path: &Path) -> io::Result<()> {
    match fs::remove_file(root.join(path)) {
        Err(error) if ![io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
            return Err(error);
        }
        _ => {}
    }
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        // One that holds something else, or is gone already, stays as it is.
        if fs::remove_dir(root.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}
