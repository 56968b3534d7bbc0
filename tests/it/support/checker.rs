//! The checker's program: where it is, and what it finds of a project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::cargo::built;
use crate::support::project::Project;

/// The checker of `tests/checker`: what `CORDWAINER_TEST_CHECKER` names, else what cargo builds now, once.
#[expect(clippy::disallowed_methods, reason = "whoever runs tests without cargo names it")]
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let named = std::env::var_os("CORDWAINER_TEST_CHECKER").filter(|path| !path.is_empty());
        named.map_or_else(|| built("checker", "cordwainer-checker"), PathBuf::from)
    })
}

/// A project that the checker looks at while it is worked on, and what it has noted of it.
pub(crate) struct Watch<'a>(&'a Project);

impl<'a> Watch<'a> {
    /// Notes what is the person's.
    pub(crate) fn begin(project: &'a Project) -> Self {
        let watch = Self(project);
        watch.note("remember");
        watch
    }

    /// Notes what is in the slots of a run that is dead.
    pub(crate) fn witness(&self) {
        self.note("witness");
    }

    fn note(&self, command: &str) {
        let output = self.command(command).arg(self.beside(command)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
    }

    fn command(&self, command: &str) -> Command {
        let mut checker = Command::new(program());
        checker.arg(command).arg(self.0.repository.path());
        checker
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.0.repository.outside().join(name)
    }

    /// Panics unless every invariant holds in the generation, with these gates.
    #[track_caller]
    pub(crate) fn expect_all_true(&self, gates: &[&str]) {
        fs::write(self.beside("status"), self.0.status().to_string()).unwrap();
        let mut checker = self.command("check");
        checker
            .arg("generation-one")
            .arg("--engine")
            .arg(self.0.engine.socket());
        for (option, name) in [
            ("--remembered", "remember"),
            ("--witnessed", "witness"),
            ("--status", "status"),
        ] {
            checker.arg(option).arg(self.beside(name));
        }
        for gate in gates {
            checker.args(["--gate", gate]);
        }
        let output = checker.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}
