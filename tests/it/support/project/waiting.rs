//! Waiting for what a run does.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use cordwainer::event::EventKind;

use super::Project;

/// Until a condition must have come true: far longer than it ever takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until a condition holds, and panics when it never does.
///
/// Between two looks it rests twice as long as the last one took: many conditions call the program, and what is waited for needs
/// the cores, too.
#[track_caller]
pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    let mut looked = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "what was waited for never came");
        std::thread::sleep(Duration::from_millis(10).max(2 * looked.elapsed()));
        looked = Instant::now();
    }
}

/// Sends a signal to a process of this test.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(id, signal).unwrap();
}

impl Project {
    /// Waits until some event is one that `is` looks for.
    #[track_caller]
    pub(crate) fn wait_for_event(&self, is: impl Fn(&EventKind) -> bool) {
        wait_until(|| self.events().iter().any(&is));
    }

    /// Waits until an agent has used a tool in this attempt.
    #[track_caller]
    pub(crate) fn wait_for_agent(&self, task: &str, attempt: u32) {
        self.wait_for_event(|event| {
            let EventKind::ToolUsed { call, .. } = event else {
                return false;
            };
            call.attempt == attempt && call.task.as_ref().is_some_and(|id| id.to_string() == task)
        });
    }

    /// Waits until the agent of the first slot has come to its `WAIT`, does something, and lets it go on.
    #[track_caller]
    pub(crate) fn while_the_agent_waits(&self, deed: impl FnOnce()) {
        let pipe = self.state().join("slots/1/go");
        wait_until(|| pipe.exists());
        deed();
        assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    }

    /// The pipes by which agents wait for this test, in their worktrees and beside them.
    pub(crate) fn pipes(&self) -> Vec<PathBuf> {
        let places = ["slots", "private"].map(|name| walkdir::WalkDir::new(self.state().join(name)));
        let found = places.into_iter().flatten().filter_map(Result::ok);
        let found = found.filter(|entry| entry.file_name() == "go");
        found.map(walkdir::DirEntry::into_path).collect()
    }

    /// Lets all agents go on that wait.
    pub(crate) fn let_pipes_go(&self) {
        for pipe in self.pipes() {
            assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
            fs::remove_file(&pipe).unwrap();
        }
    }
}
