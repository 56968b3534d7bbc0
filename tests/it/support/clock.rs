//! The wall clock of a project's commands, which a test sets.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::support::project::Project;

/// The seconds of an hour.
pub(crate) const HOUR: i64 = 3600;

/// The clock of a project's commands. It goes on by itself; whoever waits by it sees at once that it was set.
pub(crate) struct TestClock(PathBuf);

impl TestClock {
    pub(crate) fn of(project: &Project) -> Self {
        let clock = Self(project.repository.outside().join("clock"));
        clock.set(0);
        clock
    }

    /// Sets it so many seconds off.
    pub(crate) fn set(&self, seconds: i64) {
        let new = self.0.with_extension("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(new, &self.0).unwrap();
    }

    /// Starts the program by this clock; what it says is kept for `wait_with_output`.
    pub(crate) fn spawn(&self, project: &Project, arguments: &[&str]) -> Child {
        let mut command = project.command(arguments);
        command.env("CORDWAINER_CLOCK", &self.0);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}
