//! The repository that git uses inside the container: objects borrowed read-only, everything else its own. It means
//! nothing to the host and is thrown away afterwards.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

use git2::Oid;

use super::folder::{Folder, Owner, remove_path};
use crate::base::error::{Context as _, Result};
use crate::base::fs::own_folder;
use crate::git::Git;
use crate::git::bytes;
use crate::git::rules::Settings;

/// Where the private repository is mounted.
const GIT: &str = "/run/cordwainer/git";
/// Where the main repository's objects are mounted; `-1`, `-2` and so on are those that it borrows itself.
const OBJECTS: &str = "/run/cordwainer/objects";
/// Git follows alternates this many times, too.
const DEEPEST_ALTERNATES: usize = 5;

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

/// A mount that the private repository needs, always read-only.
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
    /// To be mounted read-only, in this order: some cover a part of an earlier one.
    pub object_dirs: Vec<PrivateMount>,
}

impl Git {
    /// Makes the repository that git uses in a container whose worktree is not a slot, and is empty, as
    /// [`Slot::private_repository`](super::Slot::private_repository) does for a slot.
    pub fn private_repository(
        &self,
        dir: &Path,
        branch: &str,
        commit: Oid,
        owner_ids: Option<(u32, u32)>,
    ) -> Result<PrivateRepository> {
        let head = Head { branch, commit };
        make(self, None, dir, head, owner_ids)
    }
}

/// What a private repository has checked out.
pub(super) struct Head<'a> {
    pub(super) branch: &'a str,
    pub(super) commit: Oid,
}

/// Makes the private repository in `dir`; `index` is that of the worktree, which has none of its own when it is empty.
pub(super) fn make(
    git: &Git,
    index: Option<&Path>,
    dir: &Path,
    Head { branch, commit }: Head<'_>,
    owner: Owner,
) -> Result<PrivateRepository> {
    let failed = || format!("cannot make the container's repository in `{}`", dir.display());
    if let Some(parent) = dir.parent() {
        own_folder(parent)?;
    }
    remove_path(dir)?;
    let settings = Settings::of(git, &git.open()?)?;
    let git_dir = dir.join("git");
    let alternates = alternates(git, dir);
    let write = || -> io::Result<()> {
        let reference = format!("refs/heads/{branch}");
        fs::create_dir_all(git_dir.join("objects/info"))?;
        fs::create_dir_all(git_dir.join("objects/pack"))?;
        fs::create_dir_all(git_dir.join("refs/tags"))?;
        fs::create_dir_all(git_dir.join("info"))?;
        if let Some(folder) = git_dir.join(&reference).parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(git_dir.join("HEAD"), format!("ref: {reference}\n"))?;
        fs::write(git_dir.join(&reference), format!("{commit}\n"))?;
        fs::write(git_dir.join("config"), format!("{}{CONFIG}", file_system(&settings)))?;
        fs::write(git_dir.join("objects/info/alternates"), alternates.lines())?;
        copy_if_there(&git.common_dir().join("shallow"), &git_dir.join("shallow"))?;
        fs::write(git_dir.join("info/exclude"), settings.all_ignore_rules())?;
        if let Some(index) = index {
            copy_index(index, &git_dir.join("index"))?;
        }
        fs::write(dir.join("no-alternates"), "")?;
        fs::write(dir.join("pointer"), format!("gitdir: {GIT}\n"))?;
        let folder = Folder::open(dir)?;
        folder.own(b"pointer", owner)?;
        give(&folder, b"git", owner)
    };
    write().context(failed())?;
    Ok(described(dir, alternates))
}

/// Returns what git in the container must know of the file system that it works on.
fn file_system(settings: &Settings) -> String {
    format!(
        "[core]\n\tfilemode = {}\n\tsymlinks = {}\n\tignorecase = {}\n",
        settings.file_mode, settings.symlinks, settings.ignore_case
    )
}

/// Finds the private repository that was made in `dir` before, as the agent left it.
pub(super) fn again(git: &Git, dir: &Path) -> Option<PrivateRepository> {
    let whole = dir.join("pointer").is_file() && dir.join("no-alternates").is_file() && dir.join("git").is_dir();
    whole.then(|| described(dir, alternates(git, dir)))
}

fn alternates(git: &Git, dir: &Path) -> Alternates {
    Alternates::of(&git.common_dir().join("objects"), &dir.join("no-alternates"))
}

fn described(dir: &Path, alternates: Alternates) -> PrivateRepository {
    PrivateRepository {
        pointer_file: dir.join("pointer"),
        git_dir: dir.join("git"),
        object_dirs: alternates.mounts,
    }
}

/// The object folders that a repository reads from, its own first.
struct Alternates {
    mounts: Vec<PrivateMount>,
    folders: usize,
}

impl Alternates {
    /// Follows `info/alternates` from `objects`. Where a folder has such a file, its paths mean nothing in the
    /// container: `empty` is mounted over it, and the private repository names all folders itself.
    fn of(objects: &Path, empty: &Path) -> Self {
        let mut found = vec![objects.to_path_buf()];
        let mut generation = vec![objects.to_path_buf()];
        let mut covers = Vec::new();
        for _ in 0..DEEPEST_ALTERNATES {
            let mut next = Vec::new();
            for folder in &generation {
                let Ok(lines) = fs::read(folder.join("info/alternates")) else {
                    continue;
                };
                let at = found.iter().position(|known| known == folder).unwrap_or_default();
                covers.push(PrivateMount {
                    host: empty.to_path_buf(),
                    container: format!("{}/info/alternates", container_path(at)),
                });
                for line in lines.split(|byte| *byte == b'\n') {
                    let named = folder.join(bytes::to_path(line));
                    let named = named.canonicalize().unwrap_or(named);
                    if !line.is_empty() && line[0] != b'#' && named.is_dir() && !found.contains(&named) {
                        found.push(named.clone());
                        next.push(named);
                    }
                }
            }
            generation = next;
        }
        let folders = found.len();
        let mount = |(at, host): (usize, PathBuf)| PrivateMount {
            host,
            container: container_path(at),
        };
        let mounts = found.into_iter().enumerate().map(mount).chain(covers).collect();
        Self { mounts, folders }
    }

    /// Returns the lines of the private repository's own `info/alternates`.
    fn lines(&self) -> String {
        (0..self.folders).map(|at| container_path(at) + "\n").collect()
    }
}

fn container_path(at: usize) -> String {
    if at == 0 {
        OBJECTS.to_owned()
    } else {
        format!("{OBJECTS}-{at}")
    }
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
