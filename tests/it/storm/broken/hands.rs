//! A finished generation, and hands that break a copy of it.

use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::Held;
use crate::support::checker;
use crate::support::engines::TestEngine;
use crate::support::project::Project;

const BRANCH: &str = "generation-one";
/// The ref of the first task.
pub(super) const TASK: &str = "refs/cordwainer/generation-one/tasks/cw-1";
const STORE: &str = "refs/cordwainer/generation-one/issues";

/// A generation that came to its end, with the person's own as it was.
pub(super) struct Finished {
    project: Project,
    status: Value,
}

impl Finished {
    /// One task that is merged, one that is merged after a fix round, and one that is held.
    pub(super) fn make(engine: TestEngine) -> Self {
        let gate = "gates: [{command: absent=src/red.txt, name: red, compare: strict}]\n";
        let project = Project::new(
            engine,
            &format!("agent: {{credentials: none}}\n{gate}stitch: {{max_attempts: 1}}\n"),
        );
        project.add("The first", "write src/a.txt one");
        project.add(
            "The second",
            "write src/red.txt x\ndone\ndelete src/red.txt\nwrite src/b.txt two",
        );
        project.add("The third", "fail it is not found");
        project.run(&["generator", "run", "--tasks-only"]).expect(7);
        Self {
            status: project.status(),
            project,
        }
    }

    pub(super) fn copy(&self) -> Copy {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Command::new("cp");
        let copied = program
            .arg("-a")
            .arg(self.project.repository.path())
            .arg(folder.path())
            .status();
        assert!(copied.unwrap().success());
        let copy = Copy {
            folder,
            engine: self.project.engine,
            options: RefCell::default(),
        };
        let remembered = copy.checker("remember").arg(copy.beside("remembered")).status();
        assert!(remembered.unwrap().success());
        fs::write(copy.beside("status"), self.status.to_string()).unwrap();
        copy
    }
}

/// The names of the invariants that the checker has.
pub(super) fn listed() -> Vec<String> {
    let output = Command::new(checker::program()).arg("list").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let name = |line: &str| line.split_once(": ").unwrap().0.to_owned();
    text.lines().map(name).collect()
}

/// A copy.
pub(super) struct Copy {
    folder: TempDir,
    engine: TestEngine,
    options: RefCell<Vec<String>>,
}

impl Copy {
    fn path(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn state(&self) -> PathBuf {
        self.path().join(".git/cordwainer")
    }

    pub(super) fn engine(&self) -> TestEngine {
        self.engine
    }

    /// The repository's id, which the copy has, too.
    pub(super) fn id(&self) -> String {
        let note = fs::read(self.path().join(".git/cordwainer-repository.json")).unwrap();
        let note: Value = serde_json::from_slice(&note).unwrap();
        note["id"].as_str().unwrap().to_owned()
    }

    fn checker(&self, command: &str) -> Command {
        let mut checker = Command::new(checker::program());
        checker.arg(command).arg(self.path());
        checker
    }

    /// What the checker says, and whether every invariant holds.
    pub(super) fn check(&self) -> (String, bool) {
        let mut checker = self.checker("check");
        checker.arg(BRANCH);
        for name in ["remembered", "witnessed", "status"] {
            checker.arg(format!("--{name}")).arg(self.beside(name));
        }
        checker
            .args(["--absent", "a secret word"])
            .args(&*self.options.borrow());
        let output = checker.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
        (said.into_owned(), output.status.success())
    }

    /// Has the checker ask the engine.
    pub(super) fn ask_engine(&self) {
        let socket = self.engine.socket().display().to_string();
        self.option(&["--engine", &socket]);
    }

    pub(super) fn option(&self, words: &[&str]) -> Held {
        let words = words.iter().map(|word| (*word).to_owned());
        self.options.borrow_mut().extend(words);
        None
    }

    fn run_git(&self, arguments: &[&str], stdin: &[u8]) -> String {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env("GIT_INDEX_FILE", self.beside("index"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(super) fn git(&self, arguments: &[&str]) -> Held {
        self.run_git(arguments, b"");
        None
    }

    /// Puts a file into the state folder, or a place beside it.
    pub(super) fn write(&self, name: &str, text: &str) -> Held {
        fs::write(self.state().join(name), text).unwrap();
        None
    }

    /// Changes the first task in the store, with a version of its own.
    pub(super) fn edit(&self, change: fn(&mut Value)) -> Held {
        let path = "issues/cw-1.json";
        let stored = self.run_git(&["show", &format!("{STORE}:{path}")], b"");
        let mut task: Value = serde_json::from_str(&stored).unwrap();
        change(&mut task);
        let blob = self.run_git(&["hash-object", "-w", "--stdin"], task.to_string().as_bytes());
        self.run_git(&["read-tree", STORE], b"");
        self.run_git(&["update-index", "--cacheinfo", &format!("100644,{blob},{path}")], b"");
        let tree = self.run_git(&["write-tree"], b"");
        let commit = self.run_git(&["commit-tree", &tree, "-p", STORE, "-m", "issues: by hand"], b"");
        self.git(&["update-ref", STORE, &commit])
    }

    /// Commits the tip once more, with its trailers.
    pub(super) fn land_again(&self) -> Held {
        let message = self.run_git(&["log", "-1", "--format=%B", BRANCH], b"");
        let tree = format!("{BRANCH}^{{tree}}");
        let commit = self.run_git(&["commit-tree", &tree, "-p", BRANCH, "-m", &message], b"");
        self.git(&["update-ref", &format!("refs/heads/{BRANCH}"), &commit])
    }

    /// Puts a merge onto the branch.
    pub(super) fn merge_a_commit(&self) -> Held {
        let tree = format!("{BRANCH}^{{tree}}");
        let arguments = ["commit-tree", &tree, "-p", BRANCH, "-p", "main", "-m", "a merge"];
        let commit = self.run_git(&arguments, b"");
        self.git(&["update-ref", &format!("refs/heads/{BRANCH}"), &commit])
    }

    /// Makes a ref at a commit whose tree is not there.
    pub(super) fn commit_of_nothing(&self) -> Held {
        let person = "A <a@example.org> 1 +0000";
        let text = format!("tree {}\nauthor {person}\ncommitter {person}\n\nx\n", "1".repeat(40));
        let commit = self.run_git(&["hash-object", "-t", "commit", "-w", "--stdin"], text.as_bytes());
        self.git(&["update-ref", &format!("refs/cordwainer/{BRANCH}/tasks/cw-9"), &commit])
    }

    /// Puts an object into what agents can read that no branch has.
    pub(super) fn plant_in_history(&self) -> Held {
        let store = format!("--git-dir={}", self.state().join("history").join(BRANCH).display());
        self.run_git(&[&store, "hash-object", "-w", "--stdin"], b"planted");
        None
    }

    /// Has somebody have seen in a slot what is on no ref.
    pub(super) fn witness(&self) -> Held {
        let slot = self.state().join("slots/1");
        let base = self.run_git(&["rev-parse", BRANCH], b"");
        let owner = format!(r#"{{"task":"cw-1","attempt":3,"base":"{base}","session":null}}"#);
        fs::create_dir_all(&slot).unwrap();
        fs::write(slot.join("lost.txt"), "lost").unwrap();
        let marker = self.state().join("slots/1.dirty");
        fs::write(&marker, owner).unwrap();
        let witnessed = self.checker("witness").arg(self.beside("witnessed")).status();
        assert!(witnessed.unwrap().success());
        fs::remove_file(marker).unwrap();
        fs::remove_file(slot.join("lost.txt")).unwrap();
        None
    }

    pub(super) fn edit_status(&self, change: fn(&mut Value)) -> Held {
        let path = self.beside("status");
        let mut status: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut status);
        fs::write(path, status.to_string()).unwrap();
        None
    }

    /// The file with the events of the one run.
    fn events(&self) -> PathBuf {
        let mut runs = fs::read_dir(self.state().join("runs")).unwrap();
        runs.next().unwrap().unwrap().path().join("events.jsonl")
    }

    /// Changes every event of a type.
    pub(super) fn edit_events(&self, kind: &str, change: fn(&mut Value)) -> Held {
        let path = self.events();
        let edited = |line: &str| {
            let mut event: Value = serde_json::from_str(line).unwrap();
            if event["event"]["type"] == kind {
                change(&mut event["event"]);
            }
            event.to_string() + "\n"
        };
        let text: String = read(&path).lines().map(edited).collect();
        fs::write(path, text).unwrap();
        None
    }

    pub(super) fn add_event(&self, event: &Value) -> Held {
        let path = self.events();
        let line = format!("{{\"at\":\"2026-01-02T03:04:05Z\",\"event\":{event}}}\n");
        fs::write(&path, read(&path) + &line).unwrap();
        None
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
