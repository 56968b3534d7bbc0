//! What a gate that is written in Rust judges.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use tokio::sync::mpsc::UnboundedSender;

use super::TreeView;
use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{Change, Git, Oid};
use crate::model::IssueId;

/// How many commands one gate may have run on one result.
const MOST_COMMANDS: usize = 100;
/// The longest command, in bytes.
const COMMAND_MAX: usize = 64 * 1024;

/// A command that a gate wants to have run.
pub(crate) struct Request {
    pub(crate) command: String,
    /// Where its result goes.
    pub(crate) reply: mpsc::Sender<Result<CommandOutput>>,
}

/// What work a gate is asked about.
pub(crate) struct Asking<'a> {
    /// The task, and its title; `None` for a merge.
    pub(crate) task: Option<(IssueId, String)>,
    pub(crate) git: &'a Git,
    pub(crate) parent: Oid,
    pub(crate) result: Oid,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    /// What it exited with; `None` where it was ended: for its time, or for what it wrote to the disk.
    pub exit_code: Option<i64>,
    /// How it ended, as the end of a sentence about it: `exited with 1`.
    pub how: String,
    /// The end of what it printed, at most 256 KiB, redacted.
    pub output: String,
}

impl Asking<'_> {
    /// Returns the files of the result.
    pub(crate) fn view(&self) -> TreeView {
        TreeView {
            git: self.git.clone(),
            commit: self.result,
        }
    }
}

impl CommandOutput {
    /// Returns whether it exited with 0.
    pub fn passed(&self) -> bool {
        self.exit_code == Some(0)
    }
}

/// A result that a gate judges: the commit that an agent left, or the merge that is about to land.
#[derive(Debug)]
pub struct Work {
    task: Option<(IssueId, String)>,
    git: Git,
    parent: TreeView,
    result: TreeView,
    requests: UnboundedSender<Request>,
    asked: AtomicUsize,
}

impl Work {
    pub(crate) fn new(asking: Asking<'_>, requests: UnboundedSender<Request>) -> Self {
        let result = asking.view();
        Self {
            parent: TreeView {
                commit: asking.parent,
                ..result.clone()
            },
            result,
            git: asking.git.clone(),
            task: asking.task,
            requests,
            asked: AtomicUsize::new(0),
        }
    }

    /// Returns the task; `None` on the merge of `stop`.
    pub fn task(&self) -> Option<&IssueId> {
        self.task.as_ref().map(|(id, _)| id)
    }

    /// Returns the title of the task; empty on the merge of `stop`.
    pub fn title(&self) -> &str {
        self.task.as_ref().map_or("", |(_, title)| title)
    }

    /// Returns the files that the work began from.
    pub fn parent(&self) -> &TreeView {
        &self.parent
    }

    /// Returns the files of the result.
    pub fn result(&self) -> &TreeView {
        &self.result
    }

    /// Returns the paths that differ between the two, in git's order. A rename is a deletion and an addition.
    ///
    /// # Errors
    ///
    /// Where a tree cannot be read.
    pub fn changes(&self) -> Result<Vec<Change>> {
        self.git.changes(self.parent.commit, self.result.commit)
    }

    /// Runs a command by `sh -c` in a sealed container, as gates are run: on the result alone, with what `commands.prepare`
    /// made, and returns when it has ended. It may take as long as is left of the gate's own time. What it writes into the
    /// worktree is there for the next command of the gate, and never committed.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] for an empty or very long command and for the 101st one; of kind
    /// [`ErrorKind::Interrupted`] where the run ends or the gate's time is over; of kind [`ErrorKind::Engine`] where
    /// something failed under it again and again.
    pub fn run(&self, command: &str) -> Result<CommandOutput> {
        if command.trim().is_empty() || command.len() > COMMAND_MAX || command.contains('\0') {
            let message = format!("a command of a gate is a text of at most {COMMAND_MAX} bytes without NUL");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        if self.asked.fetch_add(1, Ordering::Relaxed) >= MOST_COMMANDS {
            let message = format!("a gate may have at most {MOST_COMMANDS} commands run on one result");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let (reply, replied) = mpsc::channel();
        let request = Request {
            command: command.to_owned(),
            reply,
        };
        let gone = || Error::new(ErrorKind::Interrupted, "nothing is run for this gate any more");
        self.requests.send(request).map_err(|_| gone())?;
        replied.recv().unwrap_or_else(|_| Err(gone()))
    }
}
