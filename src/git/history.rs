//! What agents can read of git's history: for each branch, a store of the objects that its commits reach, and of no others.
//! Containers borrow from it instead of the person's own objects, in which there are stashes, other branches and work
//! that was never merged.
//!
//! A store is a bare repository without refs. It is extended as the branch moves, never rewritten: a commit that is in it has
//! everything there that it reaches, since packs are published whole. The slots share it, and only the host writes it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use self::sources::Sources;
pub use self::walk::HistoryDepth;
use self::walk::{Found, Walk};
use super::Git;
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{create_folder, own_folder, unless_missing, write_atomically};
use crate::base::regular;

mod pack;
mod sources;
mod walk;

/// With more packs than this, all but the largest are joined: git looks into each of them for an object.
const MOST_PACKS: usize = 24;
/// What a folder's name cannot have.
const RESERVED: &AsciiSet = &CONTROLS.add(b'/').add(b'%');

/// The stores of a repository.
#[derive(Clone, Debug)]
pub(crate) struct Histories {
    git: Git,
    folder: PathBuf,
    depth: HistoryDepth,
}

/// What git in a container can read, and what it has checked out.
pub(super) struct Readable {
    /// The folder with the objects to borrow from.
    pub(super) objects: PathBuf,
    /// The file that names commits whose parents are not there.
    pub(super) shallow: PathBuf,
    /// The commit in the store that everything else is based on.
    pub(super) base: Oid,
    store: PathBuf,
}

impl Histories {
    /// Builds the stores below a folder.
    pub(crate) fn new(git: Git, folder: PathBuf, depth: HistoryDepth) -> Self {
        Self { git, folder, depth }
    }

    /// Returns these with another depth, for stores that are yet to be made.
    pub(crate) fn with_depth(self, depth: HistoryDepth) -> Self {
        Self { depth, ..self }
    }

    /// Returns the repository.
    pub(super) fn git(&self) -> &Git {
        &self.git
    }

    /// Returns what git can read in a container in which `branch` is at `commit`. Where that commit is not on the branch,
    /// such as what an attempt left, it is the history of the commit on the branch that it was made from.
    ///
    /// # Errors
    ///
    /// Where objects of the history cannot be read, or the store cannot be written.
    pub(super) fn reach(&self, branch: &str, commit: Oid) -> Result<Readable> {
        self.store_of(branch, self.public_base(branch, commit)?)
    }

    /// Returns the nearest commit, along first parents, that the branch reaches; where there is none, the commit itself.
    fn public_base(&self, branch: &str, commit: Oid) -> Result<Oid> {
        let Some(tip) = self.git.branch_tip(branch)? else {
            return Ok(commit);
        };
        let mut candidate = commit;
        while candidate != tip && !self.git.is_ancestor(candidate, tip)? {
            match self.git.commit_info(candidate)?.parents.first() {
                Some(parent) => candidate = *parent,
                None => return Ok(commit),
            }
        }
        Ok(candidate)
    }

    /// Returns whether a commit is on the branch.
    pub(super) fn has(&self, branch: &str, commit: Oid) -> Result<bool> {
        Ok(self.public_base(branch, commit)? == commit)
    }

    /// Returns the store of a branch, with the history of a commit of it.
    ///
    /// # Errors
    ///
    /// Those of [`Histories::reach`].
    pub(super) fn store_of(&self, branch: &str, base: Oid) -> Result<Readable> {
        let folder = self.folder_of(branch);
        let failed = || {
            format!(
                "cannot make the history of `{branch}` that agents can read, in `{}`",
                folder.display()
            )
        };
        own_folder(&self.folder)?;
        create_folder(&folder)?;
        let lock = File::create(folder.join("lock")).context(failed())?;
        lock.lock().context(failed())?;
        let mut store = Store::open(&folder)?;
        if self.is_stale(branch, &store)? {
            store.empty().context(failed())?;
            store = Store::open(&folder)?;
        }
        if !store.repository.odb().context(failed())?.exists(base) {
            self.extend(&store, base)
                .map_err(|error| Error::new(error.kind(), failed()).because(error))?;
        }
        Ok(Readable {
            objects: store.objects(),
            shallow: store.shallow(),
            base,
            store: folder,
        })
    }

    /// Returns whether a store has commits that are not on its branch any more: somebody has rewritten that, or made another
    /// branch of its name.
    fn is_stale(&self, branch: &str, store: &Store) -> Result<bool> {
        let (Some(known), Some(tip)) = (store.tip()?, self.git.branch_tip(branch)?) else {
            return Ok(false);
        };
        // A commit that is gone is on no branch.
        Ok(known != tip && !self.git.is_ancestor(known, tip).unwrap_or(false))
    }

    /// Adds everything that a commit reaches and that is not there yet.
    fn extend(&self, store: &Store, base: Oid) -> Result<()> {
        let main = self.git.borrow()?;
        let is_new = store.packs()?.is_empty();
        // Before anything is added: what is there is on the branch as long as this commit is.
        store.note_tip(base)?;
        let depth = if is_new { self.depth } else { HistoryDepth::Full };
        let stored = (!is_new).then_some(&store.repository);
        let walk = Walk::new(&main, stored, &self.git.common_dir().join("shallow"))?;
        let Found { ids, boundary } = walk.from(base, depth)?;
        if !boundary.is_empty() {
            // Before the objects: without the file, git would look for the parents.
            store.add_shallow(&boundary)?;
            crash_point!("history.shallow");
        }
        let sources = if is_new {
            Sources::of(&main, &self.git.common_dir().join("objects"))?
        } else {
            Sources::unpacked(&main)
        };
        pack::write(&store.objects().join("pack"), &sources, &ids, &[])?;
        crash_point!("history.extended");
        store.join_packs()
    }

    /// Removes the store of a branch, if there is one.
    ///
    /// # Errors
    ///
    /// Where it cannot be removed.
    pub(crate) fn remove(&self, branch: &str) -> Result<()> {
        let folder = self.folder_of(branch);
        unless_missing(fs::remove_dir_all(&folder)).context(format!("cannot remove `{}`", folder.display()))
    }

    /// Returns the branches that have a store, with its folder.
    ///
    /// # Errors
    ///
    /// Where the folder of stores cannot be read.
    pub(crate) fn list(&self) -> Result<Vec<(String, PathBuf)>> {
        let failed = || format!("cannot read the folder `{}`", self.folder.display());
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.context(failed())?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.context(failed())?;
            if let Some(name) = entry.file_name().to_str() {
                found.push((percent_decode_str(name).decode_utf8_lossy().into_owned(), entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }

    fn folder_of(&self, branch: &str) -> PathBuf {
        self.folder.join(utf8_percent_encode(branch, RESERVED).to_string())
    }
}

impl Readable {
    /// Writes what a commit has beyond the store into the objects of a container's own repository, and returns the commit
    /// that is to be checked out there: the given one, where the store has it. Else it is one with the same tree and message
    /// and the store's commit as its only parent, so that nothing else that it was made from can be read.
    ///
    /// # Errors
    ///
    /// Where objects cannot be read or written.
    pub(super) fn add_to(&self, git: &Git, objects: &Path, commit: Oid) -> Result<Oid> {
        if commit == self.base {
            return Ok(commit);
        }
        let main = git.borrow()?;
        let failed = || format!("cannot read the commit {commit}");
        let found = main.find_commit(commit).context(failed())?;
        let text = on_one_parent(&main, commit, self.base).context(failed())?;
        let id = Oid::hash_object(ObjectType::Commit, &text).context(failed())?;
        let store = Store::open(&self.store)?;
        let walk = Walk::new(&main, Some(&store.repository), &self.shallow)?;
        let ids = walk.tree(found.tree_id())?;
        let sources = Sources::unpacked(&main);
        pack::write(&objects.join("pack"), &sources, &ids, &[(id, ObjectType::Commit, text)])?;
        Ok(id)
    }
}

/// Returns the text of a commit with another commit as its only parent, and without a signature, which would be wrong.
fn on_one_parent(repository: &Repository, commit: Oid, parent: Oid) -> Result<Vec<u8>, git2::Error> {
    let commit = repository.find_commit(commit)?;
    let mut text = format!("tree {}\nparent {parent}\n", commit.tree_id()).into_bytes();
    for line in commit.raw_header_bytes().split_inclusive(|byte| *byte == b'\n') {
        if [&b"author "[..], b"committer ", b"encoding "]
            .iter()
            .any(|name| line.starts_with(name))
        {
            text.extend(line);
        }
    }
    text.push(b'\n');
    text.extend(commit.message_raw_bytes());
    Ok(text)
}

/// The store of one branch, locked by its caller.
struct Store {
    folder: PathBuf,
    repository: Repository,
}

impl Store {
    fn open(folder: &Path) -> Result<Self> {
        let failed = || format!("cannot make a repository in `{}`", folder.display());
        let repository = match Repository::open_bare(folder) {
            Ok(repository) => repository,
            Err(_) => Repository::init_bare(folder).context(failed())?,
        };
        // Whoever git is in a container reads them, whatever the mask of this process.
        for below in ["objects", "objects/info", "objects/pack"] {
            let open = fs::Permissions::from_mode(0o755);
            fs::set_permissions(folder.join(below), open).context(failed())?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            repository,
        })
    }

    fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }

    fn shallow(&self) -> PathBuf {
        self.folder.join("shallow")
    }

    /// Removes all that is in it but its lock.
    fn empty(&self) -> io::Result<()> {
        for path in [self.tip_file(), self.shallow()] {
            unless_missing(fs::remove_file(path))?;
        }
        fs::remove_dir_all(self.objects())
    }

    fn tip_file(&self) -> PathBuf {
        self.folder.join("tip")
    }

    /// Returns the commit that was added last.
    fn tip(&self) -> Result<Option<Oid>> {
        let path = self.tip_file();
        match regular::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            text => Ok(text
                .context(format!("cannot read `{}`", path.display()))?
                .trim()
                .parse()
                .ok()),
        }
    }

    fn note_tip(&self, tip: Oid) -> Result<()> {
        write_atomically(&self.tip_file(), format!("{tip}\n").as_bytes())
    }

    /// Returns the indexes of its packs with the sizes of these, the largest first.
    fn packs(&self) -> Result<Vec<(u64, PathBuf)>> {
        let mut packs = Vec::new();
        for index in sources::indexes(&self.objects())? {
            let size =
                fs::metadata(index.with_extension("pack")).context(format!("cannot read `{}`", index.display()))?;
            packs.push((size.len(), index));
        }
        packs.sort_unstable_by(|one, other| other.cmp(one));
        Ok(packs)
    }

    /// Adds commits whose parents are not there.
    fn add_shallow(&self, boundary: &[Oid]) -> Result<()> {
        let path = self.shallow();
        let mut lines = match regular::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.context(format!("cannot read `{}`", path.display()))?,
        };
        for commit in boundary {
            lines.push_str(&format!("{commit}\n"));
        }
        write_atomically(&path, lines.as_bytes())
    }

    /// Joins all packs but the largest, once there are too many.
    fn join_packs(&self) -> Result<()> {
        let packs = self.packs()?;
        if packs.len() <= MOST_PACKS {
            return Ok(());
        }
        let repository = Repository::open_bare(&self.folder).context("cannot open a store of history")?;
        let sources = Sources::of(&repository, &self.objects())?;
        let small: Vec<_> = packs.into_iter().skip(1).map(|(_, index)| index).collect();
        let ids = sources.ids_of(&small);
        let joined = pack::write(&self.objects().join("pack"), &sources, &ids, &[])?;
        crash_point!("history.joined");
        for index in small.iter().filter(|index| **index != joined) {
            // The index first: a pack without one is not looked at, and a git that has it open reads on.
            for path in [index.clone(), index.with_extension("pack")] {
                fs::remove_file(&path)
                    .with_context(ErrorKind::Unexpected, || format!("cannot remove `{}`", path.display()))?;
            }
        }
        Ok(())
    }
}
