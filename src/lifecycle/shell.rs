//! `cordwainer issues shell`: a person tries by hand what an attempt left, in a container as sealed as an agent's.

use serde::Serialize;

use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::git::{Oid, Snapshot};
use crate::issues::attempt::Attempt;
use crate::issues::issue::{Issue, Status};
use crate::issues::round::Calls;
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;
use crate::model::{AttemptId, CommitId, IssueId, RunId};
use crate::run::commit_message::{AttemptName, message};
pub use crate::run::gate::PersonsTerminal;
use crate::run::gate::{ShellPlace, shell};
use crate::run::land::{Contribution, keep_snapshot, left_out};
use crate::sandbox::engine::Engine;

/// Which work a shell is opened on.
#[derive(Clone, Debug, Default)]
pub struct ShellOptions {
    /// The attempt whose work it is; else the last one that left any, and the generation's tip where none has.
    pub attempt: Option<AttemptId>,
    /// Whether what the person leaves there is kept, as an attempt of theirs.
    pub keep: bool,
    /// What ends it early.
    pub interruption: Interruption,
}

/// What came of a shell.
#[derive(Clone, Debug, Serialize)]
pub struct ShellSummary {
    /// The task.
    pub id: IssueId,
    /// The attempt whose work it was; `None` where it was the generation's tip.
    pub attempt: Option<AttemptId>,
    /// What the shell exited with, where that is known.
    pub exit_code: Option<i64>,
    /// The attempt that has what the person left; `None` where nothing is kept.
    pub kept: Option<AttemptId>,
    /// What of that was left out, in sentences.
    pub left_out: Vec<String>,
}

/// What a shell is opened on.
struct Work {
    attempt: Option<AttemptId>,
    commit: Oid,
    /// The commit of the generation that it is on.
    base: Oid,
}

impl Generator {
    /// Opens a shell on what an attempt at a task left, in a sealed container and a slot of its own, and waits for its end. What
    /// the person changes there is discarded unless it is to be kept.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Locked`] while a run is at work; those of an engine; of kind [`ErrorKind::Interrupted`] where it was
    /// ended early.
    pub async fn shell(&self, id: &IssueId, options: &ShellOptions, terminal: PersonsTerminal) -> Result<ShellSummary> {
        let _lock = self.project.lock("issues shell")?;
        let generation = self.project.open_generation(None)?;
        let store = Store::open(&self.project.git, &generation)?;
        let issue = store.read()?.get(id)?.clone();
        if options.keep && matches!(issue.status, Status::InProgress | Status::Closed) {
            let message = format!("nothing can be kept for {id}: it is {}", issue.status.word());
            return Err(Error::new(ErrorKind::Precondition, message).hint("leave `--keep` out"));
        }
        let work = self.work_to_try((&generation, &issue), options.attempt)?;
        let engine = Engine::connect(&self.project.connect_options()).await?;
        let place = ShellPlace {
            task: id,
            commit: work.commit,
            base: work.base,
            branch: generation.as_str(),
            keep: options.keep,
        };
        let ended = Box::pin(shell((&self.project, &engine), &place, terminal, &options.interruption)).await?;
        let mut summary = ShellSummary {
            id: id.clone(),
            attempt: work.attempt,
            exit_code: ended.code,
            kept: None,
            left_out: Vec::new(),
        };
        if let Some(left) = &ended.left {
            summary.left_out = [&left.skipped, &left.refused]
                .into_iter()
                .flat_map(|paths| left_out(paths))
                .collect();
            if left.tree != self.project.git.tree_of(work.commit)? {
                let number = self.keep_persons((&generation, &store), (id, &ended.run), (work.base, left))?;
                summary.kept = Some(AttemptId { number, candidate: 0 });
            }
        }
        Ok(summary)
    }

    fn work_to_try(&self, (generation, issue): (&GenerationName, &Issue), attempt: Option<AttemptId>) -> Result<Work> {
        if let Some(left) = self.left_work(issue, attempt)? {
            return Ok(Work {
                attempt: Some(left.attempt),
                commit: left.commit.id,
                base: left.base,
            });
        }
        let tip = self.project.tip(generation)?;
        Ok(Work {
            attempt: None,
            commit: tip,
            base: tip,
        })
    }

    /// Keeps what a person left on the task's ref, as an attempt that does not count; returns its number.
    fn keep_persons(
        &self,
        (generation, store): (&GenerationName, &Store),
        (id, run): (&IssueId, &RunId),
        (base, left): (Oid, &Snapshot),
    ) -> Result<u32> {
        let issue = store.read()?.get(id)?.clone();
        let repository = self.project.git.repository_id()?;
        let name = AttemptName {
            generation,
            task: id,
            number: issue.next_attempt(),
            run,
            repository: repository.as_deref(),
            candidate: 0,
        };
        let text = message(&name, &issue, &Calls::default(), self.project.config.commits.style);
        let made = Contribution {
            generation,
            task: id,
            base,
            tree: left.tree,
        };
        let kept = keep_snapshot(&self.project, made, &text)?;
        crash_point!("shell.kept");
        let now = self.project.clock().now();
        let person = store.user()?;
        let reason = format!("left by {person} in a shell");
        let kept = CommitId::from(kept);
        let attempt = Attempt::by_hand((name.number, run.clone()), (person, reason), kept, now);
        store.update(&format!("keep what a shell on {id} left"), now, |issues| {
            issues.record_attempt(id, attempt.clone(), now)
        })?;
        crash_point!("shell.noted");
        Ok(name.number)
    }
}
