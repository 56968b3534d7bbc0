//! Rootless podman: an ordinary user with subordinate ids runs everything, and limits that the machine cannot enforce for
//! that user are refused or named.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::engine::EngineKind;

use crate::support::engines::{TestEngine, limits_that_hold, rootless_socket};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;

/// A repository of an ordinary user.
struct Ordinary {
    project: Project,
    /// The program where that user can reach it.
    program: PathBuf,
    user: (u32, u32),
}

impl Ordinary {
    /// Makes a repository with a generation, whose configuration has these lines for `container`.
    fn new(engine: TestEngine, socket: &Path, container: &str) -> Self {
        let repository = TestRepository::new();
        repository.write(".gitignore", "/.secrets/\n");
        let program = repository.outside().join("cordwainer");
        fs::copy(env!("CARGO_BIN_EXE_cordwainer"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let owner = fs::metadata(socket).unwrap();
        let ordinary = Self {
            project: Project::with_socket(engine, repository, socket, "---\ngates: [cat=README.md]\n"),
            program,
            user: (owner.uid(), owner.gid()),
        };
        let file = ordinary.project.repository.path().join("configuration.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let text = text.replacen(limits_that_hold(socket), "", 1);
        let text = text.replacen("container:\n", &format!("container:\n{container}"), 1);
        fs::write(&file, text).unwrap();
        ordinary.project.repository.commit("limit");
        ordinary.give_away(ordinary.project.repository.outside());
        ordinary.run(&["start", "--name", "one"]).expect(0);
        ordinary
    }

    /// Gives everything in a folder to the user.
    fn give_away(&self, folder: &Path) {
        lchown(folder, Some(self.user.0), Some(self.user.1)).unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                self.give_away(&entry.path());
            } else {
                lchown(entry.path(), Some(self.user.0), Some(self.user.1)).unwrap();
            }
        }
    }

    /// Runs the program as the user.
    fn run(&self, arguments: &[&str]) -> Ran {
        let as_given = self.project.command(arguments);
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.project.repository.path())
            .env_clear()
            .envs(as_given.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .uid(self.user.0)
            .gid(self.user.1);
        command.output().unwrap().into()
    }

    /// Files a task, runs the generation, and returns what the run said.
    fn work(&self) -> Ran {
        let script = crate::support::scripts::scripted("write src/a.txt made");
        self.run(&["issues", "add", "a change", "--description", &script])
            .expect(0);
        self.run(&["run", "--tasks-only"])
    }
}

#[test]
fn an_ordinary_user_works_and_every_guarantee_is_read_back() {
    let (Some(engine), Some(socket)) = (TestEngine::find(EngineKind::Podman), rootless_socket()) else {
        return;
    };
    let ordinary = Ordinary::new(engine, &socket, limits_that_hold(&socket));
    let ran = ordinary.work().expect(0);
    let _ = ran.says("cw-1: merged").says("gate `cat=README.md` passed");
    let made = ordinary.run(&["stop"]).expect(0);
    let _ = made.says("Merged generation-one into main");
    let file = ordinary.project.repository.path().join("src/a.txt");
    let found = fs::metadata(&file).unwrap();
    assert_eq!((found.uid(), found.gid()), ordinary.user);
    let doctor = ordinary.run(&["doctor"]).expect(0);
    for item in ["rootless", "✓ mounts", "✓ user", "✓ worktree"] {
        assert!(doctor.stdout.contains(item), "{item}: {}", doctor.stdout);
    }
}

#[test]
fn a_limit_that_nothing_would_enforce_is_refused_by_name() {
    let (Some(engine), Some(socket)) = (TestEngine::find(EngineKind::Podman), rootless_socket()) else {
        return;
    };
    if limits_that_hold(&socket).is_empty() {
        return crate::support::engines::skip("every limit of an ordinary user is enforced here");
    }
    let ordinary = Ordinary::new(engine, &socket, "");
    let ran = ordinary.work().expect(5);
    let _ = ran
        .says("cannot enforce `container.memory`, `container.pids` on this machine")
        .says("hint:");
    assert_eq!(ordinary.run(&["doctor"]).code, Some(9));
    // A limit of one's own is refused like a default.
    let ordinary = Ordinary::new(engine, &socket, "  memory: off\n  pids: off\n  cpus: 1\n");
    let _ = ordinary.work().expect(5).says("cannot enforce `container.cpus`");
}
