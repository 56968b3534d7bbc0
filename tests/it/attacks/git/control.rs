//! Plain git, where an agent had its way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use git2::build::CheckoutBuilder;

use crate::attacks::git::{Attack, Trigger};
use crate::attacks::told::give;
use crate::support::repository::TestRepository;
use crate::support::scripted_agent;

/// A model of the repositories that are attacked, and what attacks on them need to know. In texts, `{markers}` is the
/// folder of all markers, `{secrets}` another repository's objects, `{secret}` a blob there, `{head}` and `{other}`
/// are commits, `{readme}` and `{old}` blobs, and `{index}` is an index in hexadecimal that hides `README.md`.
pub(super) struct Scene {
    model: TestRepository,
    words: Vec<(&'static str, String)>,
}

/// What makes the model.
const MODEL: &str = "
    git checkout -q -b other
    echo other >> README.md && git commit -qam other
    git checkout -q main
    git init -q ../secret && echo hidden | git -C ../secret hash-object -w --stdin > ../secret-blob
    mkdir ../markers
";

impl Scene {
    pub(super) fn new() -> Self {
        let model = TestRepository::new();
        model.write("src/old.txt", "old\n");
        model.write("src/folder/file.txt", "a file in a folder\n");
        model.add_submodule();
        model.commit("more");
        shell(&model.path(), model.outside(), MODEL);
        let mut scene = Self {
            words: Vec::new(),
            model,
        };
        scene.words = scene.facts();
        scene
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let oid = |revision: &str| self.model.oid(revision).to_string();
        let outside = |name: &str| self.model.outside().join(name);
        let clone = outside("hiding");
        let from = self.model.path();
        self.model
            .git(&["clone", "-q", from.to_str().unwrap(), clone.to_str().unwrap()]);
        self.model
            .git_in(&clone, &["update-index", "--assume-unchanged", "README.md"]);
        let index = fs::read(clone.join(".git/index")).unwrap();
        let digits = index.iter().map(|byte| format!("{byte:02x}"));
        vec![
            ("{markers}", outside("markers").display().to_string()),
            ("{secrets}", outside("secret/.git/objects").display().to_string()),
            (
                "{secret}",
                fs::read_to_string(outside("secret-blob")).unwrap().trim().to_owned(),
            ),
            ("{head}", oid("HEAD")),
            ("{other}", oid("other")),
            ("{readme}", oid("HEAD:README.md")),
            ("{old}", oid("HEAD:src/old.txt")),
            ("{index}", digits.collect()),
        ]
    }

    /// A repository like the model, for a generation.
    pub(super) fn repository(&self) -> TestRepository {
        let repository = TestRepository::empty();
        let from = self.model.path();
        repository.git(&["fetch", "-q", from.to_str().unwrap(), "main:copy", "other:other"]);
        repository.git(&["reset", "-q", "--hard", "copy"]);
        repository.git(&["branch", "-q", "-D", "copy"]);
        repository
    }

    /// A text with the facts filled in.
    pub(super) fn fill(&self, text: &str, name: &str) -> String {
        let marker = self.marker(name).display().to_string();
        let text = text.replace("{marker}", &marker);
        self.words
            .iter()
            .fold(text, |text, (word, meant)| text.replace(word, meant))
    }

    fn marker(&self, name: &str) -> PathBuf {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
        let name = name.replace(|letter| !is_plain(letter), "-");
        self.model.outside().join("markers").join(name)
    }

    /// What is in the folder of markers.
    pub(super) fn markers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.model.outside().join("markers")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Has the agent carry an attack out on a clone that lies open to it, and says whether the host then does what it
    /// wants.
    pub(super) fn control(&self, attack: &Attack) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let clone = self.clone_in(folder.path());
        agent(&clone, &attack.at(".git", self));
        fired(self, &clone, attack)
    }

    /// A clone of the model in a folder.
    pub(super) fn clone_in(&self, folder: &Path) -> PathBuf {
        let clone = folder.join("clone");
        let from = self.model.path();
        self.model
            .git(&["clone", "-q", from.to_str().unwrap(), clone.to_str().unwrap()]);
        self.model.git_in(&clone, &["branch", "-q", "other", "origin/other"]);
        for (key, value) in [("user.name", "Tess Ter"), ("user.email", "tess@example.org")] {
            self.model.git_in(&clone, &["config", key, value]);
        }
        clone
    }
}

/// Does in a copy of a checkout what an attack waits for, and says whether it succeeded.
pub(super) fn trigger(scene: &Scene, checkout: &Path, attack: &Attack) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let copied = Command::new("cp").arg("-a").args([checkout, &copy]).status().unwrap();
    assert!(copied.success());
    fired(scene, &copy, attack)
}

pub(super) fn fired(scene: &Scene, checkout: &Path, attack: &Attack) -> bool {
    match attack.trigger {
        Trigger::Shell(commands) => shell(checkout, scene.model.outside(), &scene.fill(commands, &attack.name)),
        Trigger::ForcedCheckout => checkout_by_force(checkout),
    }
    let fired = fs::exists(scene.marker(&attack.name)).unwrap();
    for left in scene.markers() {
        fs::remove_file(scene.marker(&left)).unwrap();
    }
    fired
}

fn checkout_by_force(checkout: &Path) {
    let repository = git2::Repository::open(checkout).unwrap();
    repository.checkout_head(Some(CheckoutBuilder::new().force())).unwrap();
}

/// Runs commands as a person would, with git's home in a folder, whatever comes of them.
fn shell(checkout: &Path, home: &Path, commands: &str) {
    let status = Command::new("timeout")
        .args(["20", "sh", "-c", commands])
        .current_dir(checkout)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_ALLOW_PROTOCOL", "file:ext:git:ssh")
        .envs([("GIT_AUTHOR_NAME", "Tess"), ("GIT_AUTHOR_EMAIL", "tess@example.org")])
        .envs([
            ("GIT_COMMITTER_NAME", "Tess"),
            ("GIT_COMMITTER_EMAIL", "tess@example.org"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_ne!(status.code(), Some(124), "this hangs:\n{commands}");
}

/// The scripted agent, without a container.
pub(in crate::attacks) fn agent(folder: &Path, script: &str) {
    let mut command = Command::new(scripted_agent::program());
    command
        .args(["-p", "--verbose", "--output-format", "stream-json"])
        .current_dir(folder)
        .env_clear();
    // It may fail as its script says; a mistake in the script is 64.
    let code = give(&mut command, script).status.code();
    assert!(code < Some(64), "{code:?} of the agent in {script}");
}
