//! The repository that git uses inside the container: the history that agents can read is borrowed read-only, everything else
//! is its own. It means nothing to the host and is thrown away afterwards.

use std::fs::{self, File, FileTimes};
use std::io;
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use git2::Oid;

use super::folder::{Folder, Owner, remove_path};
use crate::base::error::{Context as _, Error, Result};
use crate::base::fs::own_folder;
use crate::base::regular;
use crate::git::Git;
use crate::git::history::{Histories, HistoryDepth, Readable};
use crate::git::rules::Settings;

/// Where the private repository is mounted.
const GIT: &str = "/run/cordwainer/git";
/// Where the objects of the history are mounted, and those of a commit beside the branch. The entrypoint looks for both.
const OBJECTS: &str = "/run/cordwainer/objects";
const OWN_OBJECTS: &str = "/run/cordwainer/objects-1";
/// The file that records, for a session that goes on, which branch's history it can read, and of which commit.
const READS: &str = "reads";

/// Only what git needs to know: nothing of the person's configuration.
const CONFIG: &str = "[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
\tcheckStat = minimal
\ttrustctime = false
[user]
\tname = agent
\temail = agent@cordwainer.invalid
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tdetachedHead = false
";

/// A mount that the private repository needs, read-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateMount {
    /// What to mount.
    pub host: PathBuf,
    /// Where.
    pub container: String,
}

/// The container's own repository, as files on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateRepository {
    /// To be mounted read-only over the slot's `.git` (`/workspace/.git`).
    pub pointer_file: PathBuf,
    /// To be mounted writable at `/run/cordwainer/git`.
    pub git_dir: PathBuf,
    /// To be mounted read-only: the history, and what a commit beside the branch has of its own.
    pub objects: Vec<PrivateMount>,
}

impl Git {
    /// Makes the repository that git uses in a container whose worktree is not a slot, and is empty, as
    /// [`Slot::private_repository`](super::Slot::private_repository) does for a slot, with the commit alone: the history is
    /// made beside it.
    pub fn private_repository(
        &self,
        dir: &Path,
        branch: &str,
        commit: Oid,
        owner_ids: Option<(u32, u32)>,
    ) -> Result<PrivateRepository> {
        let beside = dir.with_extension("history");
        let depth = HistoryDepth::Commits(NonZero::<u32>::MIN);
        let histories = Histories::new(self.clone(), beside, depth);
        make(
            self,
            &histories,
            None,
            dir,
            Head {
                branch,
                commit,
                owner: owner_ids,
            },
        )
    }
}

/// What a private repository has checked out.
pub(super) struct Head<'a> {
    pub(super) branch: &'a str,
    pub(super) commit: Oid,
    /// The user and group that the repository is given to.
    pub(super) owner: Owner,
}

/// Where the index of a worktree comes from.
pub(super) enum IndexOf<'a> {
    /// It is copied.
    File(PathBuf),
    /// This puts it at a path, with the owner that it is to have.
    Put(&'a dyn Fn(&Path) -> Result<()>),
}

/// Makes the private repository in `dir`; `index` is that of the worktree, which has none of its own when it is empty.
pub(super) fn make(
    git: &Git,
    histories: &Histories,
    index: Option<&IndexOf<'_>>,
    dir: &Path,
    Head { branch, commit, owner }: Head<'_>,
) -> Result<PrivateRepository> {
    let failed = || format!("cannot make the container's repository in `{}`", dir.display());
    if let Some(parent) = dir.parent() {
        own_folder(parent)?;
    }
    remove_path(dir)?;
    let repository = git.borrow()?;
    let settings = Settings::of(git, &repository)?;
    let readable = histories.reach(branch, commit)?;
    let git_dir = dir.join("git");
    fs::create_dir_all(git_dir.join("objects/pack")).context(failed())?;
    let own = own_objects(dir);
    fs::create_dir_all(own.join("pack")).context(failed())?;
    for folder in [own.clone(), own.join("pack")] {
        // Whoever git is in the container reads it, whatever the mask of this process.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).context(failed())?;
    }
    let commit = readable.add_to(git, &own, commit)?;
    let write = || -> io::Result<()> {
        let reference = format!("refs/heads/{branch}");
        fs::create_dir_all(git_dir.join("objects/info"))?;
        fs::create_dir_all(git_dir.join("refs/tags"))?;
        fs::create_dir_all(git_dir.join("info"))?;
        if let Some(folder) = git_dir.join(&reference).parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(git_dir.join("HEAD"), format!("ref: {reference}\n"))?;
        fs::write(git_dir.join(&reference), format!("{commit}\n"))?;
        fs::write(git_dir.join("config"), format!("{}{CONFIG}", file_system(&settings)))?;
        fs::write(
            git_dir.join("objects/info/alternates"),
            format!("{OBJECTS}\n{OWN_OBJECTS}\n"),
        )?;
        copy_if_there(&readable.shallow, &git_dir.join("shallow"))?;
        fs::write(git_dir.join("info/exclude"), settings.all_ignore_rules())?;
        if let Some(IndexOf::File(index)) = index {
            copy_index(index, &git_dir.join("index"))?;
        }
        fs::write(dir.join(READS), format!("{}\n{branch}", readable.base))?;
        fs::write(dir.join("pointer"), format!("gitdir: {GIT}\n"))?;
        let folder = Folder::open(dir)?;
        folder.own(b"pointer", owner)?;
        give(&folder, b"git", owner)
    };
    write().context(failed())?;
    if let Some(IndexOf::Put(put)) = index {
        put(&git_dir.join("index")).map_err(|error| Error::new(error.kind(), failed()).because(error))?;
    }
    Ok(described(dir, readable))
}

/// Returns what git in the container must know of the file system that it works on.
fn file_system(settings: &Settings) -> String {
    format!(
        "[core]\n\tfilemode = {}\n\tsymlinks = {}\n\tignorecase = {}\n",
        settings.file_mode, settings.symlinks, settings.ignore_case
    )
}

/// Finds the private repository that was made in `dir` before, as the agent left it; `None` where there is none whose
/// history is known.
pub(super) fn again(histories: &Histories, dir: &Path) -> Result<Option<PrivateRepository>> {
    let reads = match regular::read_to_string(&dir.join(READS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        reads => reads.context(format!("cannot read `{}`", dir.join(READS).display()))?,
    };
    let known = reads.split_once('\n');
    let known = known.and_then(|(base, branch)| Some((base.parse().ok()?, branch)));
    let is_whole = dir.join("pointer").is_file() && dir.join("git").is_dir() && own_objects(dir).is_dir();
    match known {
        Some((base, branch)) if is_whole && histories.has(branch, base)? => {
            Ok(Some(described(dir, histories.store_of(branch, base)?)))
        }
        _ => Ok(None),
    }
}

fn described(dir: &Path, readable: Readable) -> PrivateRepository {
    let mount = |(host, container): (PathBuf, &str)| PrivateMount {
        host,
        container: container.to_owned(),
    };
    let objects = [(readable.objects, OBJECTS), (own_objects(dir), OWN_OBJECTS)];
    PrivateRepository {
        pointer_file: dir.join("pointer"),
        git_dir: dir.join("git"),
        objects: objects.map(mount).into(),
    }
}

/// Returns the folder with what a commit beside the branch has of its own.
fn own_objects(dir: &Path) -> PathBuf {
    dir.join("objects")
}

fn copy_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies the slot's index with its time, by which git judges which entries are too young to be trusted.
fn copy_index(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let modified = fs::metadata(from)?.modified()?;
    File::options()
        .write(true)
        .open(to)?
        .set_times(FileTimes::new().set_modified(modified))
}

/// Gives everything at and below a name to the container's user.
fn give(folder: &Folder, name: &[u8], owner: Owner) -> io::Result<()> {
    if owner.is_none() {
        return Ok(());
    }
    folder.own(name, owner)?;
    let Ok(below) = folder.enter(name) else {
        return Ok(());
    };
    for name in below.names()? {
        give(&below, &name, owner)?;
    }
    Ok(())
}
