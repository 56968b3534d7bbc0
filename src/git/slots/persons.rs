//! A worktree of a person's own, with what an agent left. It is made as slots are, by open handles and without anything that git
//! or the repository would run meanwhile: no hook, no filter, no submodule. From the moment that it is there it is the person's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use git2::{Index, Oid, Reference};

use super::expected::{Expected, index_entry};
use super::folder::{Folder, remove_path};
use super::registration::{aside, discard, move_in, put};
use super::write::write_missing;
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::git::rules::Settings;
use crate::git::{Git, bytes};

/// Worktrees of one name are looked for up to this number.
const MOST_NAMES: u32 = 10_000;

impl Git {
    /// Returns whether a text can be the name of a branch.
    pub(crate) fn can_be_branch(name: &str) -> bool {
        !name.starts_with('-') && Reference::is_valid_name(&format!("refs/heads/{name}"))
    }

    /// Returns where a worktree would be: the folder around it must be there, and nothing at the place itself.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where that is not so.
    pub(crate) fn place_of_worktree(&self, path: &Path) -> Result<PathBuf> {
        let path = resolved(path)?;
        let is_free = match fs::read_dir(&path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if !is_free {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!("there is something at `{}`", path.display()),
            ));
        }
        if path.starts_with(&self.common_dir) {
            let message = format!("`{}` is in the git folder", path.display());
            return Err(Error::new(ErrorKind::Precondition, message));
        }
        Ok(path)
    }

    /// Makes a worktree at a path, on a branch that is at a commit. One that is there already stays as it is. Files are written
    /// as git stores them. It appears at once, as a whole.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where there is something else; and where it cannot be written.
    pub(crate) fn make_worktree(&self, path: &Path, branch: &str, commit: Oid) -> Result<()> {
        let path = resolved(path)?;
        let registered = self.registered(&path)?;
        if registered.is_some() && path.join(".git").exists() {
            return Ok(());
        }
        let path = self.place_of_worktree(&path)?;
        let failed = || format!("cannot make the worktree `{}`", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let git_dir = match registered {
            Some(git_dir) => git_dir,
            None => self.free_git_dir(&name)?,
        };
        let unfinished = path.with_file_name(format!(".{name}.cordwainer-unfinished"));
        remove_path(&unfinished)?;
        fs::create_dir(&unfinished).context(failed())?;
        let repository = self.borrow()?;
        let expected = Expected::of(&repository, commit, &Settings::of(self, &repository)?)?;
        let root = Folder::open_slot(&unfinished).context(failed())?;
        let mut looks = Vec::new();
        write_missing(&repository, &root, &expected, None, &mut looks)?;
        let pointer = [b"gitdir: ", bytes::of_path(&git_dir), b"\n"].concat();
        root.make_file(b".git", &pointer, false, None).context(failed())?;
        let head = format!("ref: refs/heads/{branch}\n");
        let made = aside(&git_dir);
        remove_path(&made)?;
        fs::create_dir(&made).context(failed())?;
        let back = [bytes::of_path(&path.join(".git")), b"\n"].concat();
        for (file, content) in [
            ("commondir", b"../..\n".as_slice()),
            ("HEAD", head.as_bytes()),
            ("gitdir", back.as_slice()),
        ] {
            put(&made.join(file), content)?;
        }
        let index = || -> Result<(), git2::Error> {
            let mut index = Index::open(&made.join("index"))?;
            for (path, file, stat) in &looks {
                index.add(&index_entry(path, file, stat.as_ref()))?;
            }
            index.write()
        };
        index().context(failed())?;
        discard(&git_dir, &aside(&git_dir).with_extension("old"))?;
        move_in(&made, &git_dir).context(failed())?;
        fs::rename(&unfinished, &path).context(failed())?;
        crash_point!("take.made");
        Ok(())
    }

    /// Returns where the common directory describes the worktree at a path, if git knows one there.
    fn registered(&self, path: &Path) -> Result<Option<PathBuf>> {
        let folder = self.common_dir.join("worktrees");
        let failed = || format!("cannot read `{}`", folder.display());
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries.context(failed())?,
        };
        let wanted = [bytes::of_path(&path.join(".git")), b"\n"].concat();
        for entry in entries {
            let git_dir = entry.context(failed())?.path();
            if fs::read(git_dir.join("gitdir")).is_ok_and(|at| at == wanted) {
                return Ok(Some(git_dir));
            }
        }
        Ok(None)
    }

    /// Returns a place for a new registration.
    fn free_git_dir(&self, name: &str) -> Result<PathBuf> {
        let worktrees = self.common_dir.join("worktrees");
        let name = name.replace(|letter: char| letter.is_whitespace() || letter.is_control(), "-");
        let mut names = std::iter::once(name.clone()).chain((1..MOST_NAMES).map(|number| format!("{name}{number}")));
        let free = names.find(|name| fs::symlink_metadata(worktrees.join(name)).is_err());
        free.map(|name| worktrees.join(name)).ok_or_else(|| {
            Error::new(
                ErrorKind::Precondition,
                format!("there are too many worktrees named `{name}`"),
            )
        })
    }
}

/// Returns a path with all links on the way to it resolved.
fn resolved(path: &Path) -> Result<PathBuf> {
    let refuse = |why: &str| {
        Error::new(
            ErrorKind::Precondition,
            format!("no worktree can be at `{}`: {why}", path.display()),
        )
    };
    let (Some(around), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(refuse("it has no name"));
    };
    let around = around
        .canonicalize()
        .map_err(|error| refuse("the folder around it is not there").because(error))?;
    Ok(around.join(name))
}
