//! A temporary repository, made and looked at with the real git program.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use cordwainer::git::{Git, Oid};
use tempfile::TempDir;

/// A repository with a checkout on `main`, in a temporary folder of its own that also is git's home.
pub(crate) struct TestRepository {
    folder: TempDir,
    /// The one handle, where git sees what it has written and no ref holds yet.
    seen: Option<OnceLock<Git>>,
}

impl TestRepository {
    /// Makes a repository without a commit.
    pub(crate) fn empty() -> Self {
        Self::empty_at(TempDir::new().unwrap())
    }

    /// Makes a repository without a commit in a folder, which goes with it.
    pub(crate) fn empty_at(folder: TempDir) -> Self {
        let repository = Self { folder, seen: None };
        fs::create_dir(repository.path()).unwrap();
        fs::create_dir(repository.home()).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["config", "user.name", "Tess Ter"]);
        repository.git(&["config", "user.email", "tess@example.org"]);
        repository.git(&["config", "gc.auto", "0"]);
        repository
    }

    /// Makes a repository with one commit of one file, `README.md`.
    pub(crate) fn new() -> Self {
        let repository = Self::empty();
        repository.write("README.md", "# A project\n");
        repository.commit("begin");
        repository
    }

    /// Has git see the objects, too, that no ref holds yet, and all handles be one, as in a run.
    pub(crate) fn seeing_unheld(self) -> Self {
        Self {
            seen: Some(OnceLock::new()),
            ..self
        }
    }

    /// The folders of the objects that no ref holds yet, as git takes them from its environment.
    pub(crate) fn unheld(&self) -> String {
        let entries = fs::read_dir(self.path().join(".git/cordwainer-objects"));
        let folders = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path().join("objects"));
        let folders: Vec<_> = folders
            .filter(|folder| folder.is_dir())
            .map(|folder| folder.display().to_string())
            .collect();
        folders.join(":")
    }

    /// The root of the checkout.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The temporary folder around it, for whatever else a test needs.
    pub(crate) fn outside(&self) -> &Path {
        self.folder.path()
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Where git looks for the person's own rules.
    pub(crate) fn config_home(&self) -> PathBuf {
        self.home().join(".config")
    }

    /// The library's handle on it.
    pub(crate) fn handle(&self) -> Git {
        let discover = || Git::discover(&self.path()).unwrap();
        match &self.seen {
            Some(one) => one.get_or_init(discover).clone(),
            None => discover(),
        }
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits everything that is in the checkout, and returns the commit.
    pub(crate) fn commit(&self, message: &str) -> Oid {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.oid("HEAD")
    }

    /// Adds a submodule, `sub`, of a clone of this repository.
    pub(crate) fn add_submodule(&self) {
        self.git(&["clone", "--quiet", ".", "../other"]);
        let allowed = ["-c", "protocol.file.allow=always"];
        self.git(&[&allowed[..], &["submodule", "add", "--quiet", "../other", "sub"]].concat());
    }

    /// The object that a revision means.
    pub(crate) fn oid(&self, revision: &str) -> Oid {
        Oid::from_str(&self.git(&["rev-parse", "--verify", revision])).unwrap()
    }

    /// Runs git in the checkout and returns what it wrote to stdout, without the last newline.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.path(), arguments)
    }

    /// Runs git in a folder, and panics when it fails.
    pub(crate) fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.try_git_in(folder, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {stderr}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end_matches('\n')
            .to_owned()
    }

    /// Runs git in a folder, whatever comes of it.
    pub(crate) fn try_git_in(&self, folder: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
        if self.seen.is_some() {
            command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.unheld());
        }
        command.output().unwrap()
    }

    /// Everything that is the person's own, byte for byte: the checkout, HEAD, index, configuration, hooks and
    /// `info`. Refs, objects and logs of refs are left out.
    pub(crate) fn snapshot_of_everything(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        collect(&self.path(), Path::new(""), &mut found);
        found.remove(Path::new(".git"));
        found
    }
}

/// What is shared or ours in the git folder.
const NOT_THE_PERSONS: [&str; 9] = [
    "objects",
    "refs",
    "logs",
    "cordwainer",
    "cordwainer-locks",
    "cordwainer-objects",
    "cordwainer-repository.json",
    "worktrees",
    "packed-refs",
];

/// Describes everything below a folder: kind, mode, time of change and content.
fn collect(root: &Path, below: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let relative = below.join(entry.file_name());
        if below == Path::new(".git") && NOT_THE_PERSONS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let metadata = entry.metadata().unwrap();
        let (mode, mtime) = (metadata.permissions().mode(), metadata.mtime_nsec());
        let description = if metadata.is_dir() {
            collect(root, &relative, found);
            format!("folder {mode:o}")
        } else if metadata.is_symlink() {
            format!("link {:?}", fs::read_link(entry.path()).unwrap().as_os_str().as_bytes())
        } else {
            let content = Oid::hash_object(git2::ObjectType::Blob, &fs::read(entry.path()).unwrap()).unwrap();
            format!("file {mode:o} {mtime} {content}")
        };
        found.insert(relative, description);
    }
}
