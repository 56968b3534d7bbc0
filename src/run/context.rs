//! What every step of a run may know: which run it is, of which generation, and where what happens is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::base::error::Result;
use crate::git::Oid;
use crate::issues::store::Store;
use crate::model::IssueId;
use crate::model::generation::GenerationName;
use crate::project::labels::{ROLE_LABEL, RUN_LABEL, TASK_LABEL, repository_labels};
use crate::project::{HeldLock, Project};
use crate::record::event::{CallName, EventKind, Step};
use crate::record::recorder::Recorder;
use crate::run::active_work::ActiveWork;
use crate::run::commit_message::AttemptName;
use crate::run::conversations::Conversations;
use crate::run::extension::AddedGate;

/// One run of one generation.
pub(crate) struct RunContext {
    pub(crate) project: Arc<Project>,
    /// The repository's id.
    pub(crate) repository: String,
    pub(crate) generation: GenerationName,
    pub(crate) store: Store,
    pub(crate) recorder: Recorder,
    /// The gates that the program adds to those of the configuration.
    pub(crate) gates: Vec<AddedGate>,
    /// What is at work now.
    pub(crate) active_work: ActiveWork,
    /// The sessions at work that a person can speak to.
    pub(crate) conversations: Conversations,
    /// The repository's lock, which is held until nothing of the run is at work any more, however it ends.
    pub(crate) _lock: Option<Arc<HeldLock>>,
}

impl RunContext {
    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        self.project.clock().now()
    }

    /// Returns the generation's last commit.
    pub(crate) fn tip(&self) -> Result<Oid> {
        self.project.tip(&self.generation)
    }

    /// Returns the labels that tie a container to its repository, generation and run, to what it is for (a role, or
    /// `gate`), and to its task.
    pub(crate) fn labels(&self, purpose: &str, task: Option<&IssueId>) -> BTreeMap<String, String> {
        let mut labels = repository_labels(&self.project.git, Some(&self.repository));
        labels.extend([
            ("cordwainer.generation".to_owned(), self.generation.to_string()),
            (RUN_LABEL.to_owned(), self.recorder.run().to_string()),
            (ROLE_LABEL.to_owned(), purpose.to_owned()),
        ]);
        labels.extend(task.map(|task| (TASK_LABEL.to_owned(), task.to_string())));
        labels
    }

    /// Names an attempt of this run.
    pub(crate) fn attempt<'name>(&'name self, task: &'name IssueId, number: u32) -> AttemptName<'name> {
        AttemptName {
            generation: &self.generation,
            task,
            number,
            run: self.recorder.run(),
            repository: Some(&self.repository),
            candidate: 0,
        }
    }

    /// Reports that something is odd, and that the run goes on.
    pub(crate) fn warn(&self, what: impl Into<String>) {
        self.recorder.emit(EventKind::Warned { what: what.into() });
    }

    /// Reports which step of a call begins.
    pub(crate) fn step(&self, call: &CallName, step: Step) {
        self.recorder.emit(EventKind::StepStarted {
            call: call.clone(),
            step,
        });
    }
}
