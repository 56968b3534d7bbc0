//! The driver: looks how things stand, asks the plan for a step, takes it, and looks again.

use std::collections::BTreeMap;

use globset::GlobSet;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::agent::Usage;
use crate::attempt::Outcome;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{CallName, Happening};
use crate::generation::GenerationName;
use crate::generator::Generator;
use crate::git::{Oid, PrivateRepository, Slot};
use crate::issue::{IssueId, Status};
use crate::measure;
use crate::plan::{self, Limits, Progress, Reason, Step};
use crate::record::Recorder;
use crate::recover::{Recovery, SlotOwner, repository_label};
use crate::stitch;
use crate::store::Store;

/// What the steps of a run work with.
pub(crate) struct Work<'a> {
    pub(crate) generator: &'a Generator,
    pub(crate) generation: &'a GenerationName,
    pub(crate) store: Store,
    pub(crate) engine: &'a Engine,
    pub(crate) image: &'a str,
    pub(crate) recorder: &'a Recorder,
    pub(crate) protected: GlobSet,
}

impl Work<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        self.generator.world().now()
    }

    /// The generation's last commit.
    pub(crate) fn tip(&self) -> Result<Oid> {
        self.generator.git.reference(&self.generation.branch())?.ok_or_else(|| {
            Error::new(
                ErrorKind::Precondition,
                format!("the generation branch `{}` is gone", self.generation),
            )
            .hint("somebody removed it: its commits are on the task refs and in the reflog")
        })
    }

    /// Whose a container is.
    pub(crate) fn labels(&self, task: Option<&IssueId>) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([
            ("cordwainer.repo".to_owned(), repository_label(&self.generator.git)),
            ("cordwainer.generation".to_owned(), self.generation.to_string()),
            ("cordwainer.run".to_owned(), self.recorder.run().to_owned()),
        ]);
        labels.extend(task.map(|task| ("cordwainer.task".to_owned(), task.to_string())));
        labels
    }

    /// Takes a slot for a call, brings it to `commit`, and makes the repository that the container sees.
    pub(crate) fn checkout(&self, call: &CallName, commit: Oid) -> Result<(Slot, PrivateRepository)> {
        let mut owner = SlotOwner {
            generation: self.generation.to_string(),
            run: self.recorder.run().to_owned(),
            task: call.task.clone(),
            attempt: call.attempt,
            base: None,
        };
        let owner_ids = Some(self.engine.slot_owner());
        tokio::task::block_in_place(|| {
            let mut slot = self.generator.slots().acquire(&owner.to_text()?)?;
            slot.restore(commit, owner_ids)?;
            let folder = self.generator.state_dir.join("private").join(slot.number().to_string());
            let private = slot.private_repository(&folder, self.generation.as_str(), commit, owner_ids)?;
            // From here on there may be work in it that is worth keeping.
            owner.base = Some(commit.to_string());
            slot.mark(&owner.to_text()?)?;
            Ok((slot, private))
        })
    }
}

/// What a run did.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) reason: Reason,
    pub(crate) merged: u32,
    pub(crate) measures: u32,
    pub(crate) attempted: u32,
    pub(crate) usage: Usage,
}

/// Runs until the plan says stop, or `cancel` is called, which answers [`ErrorKind::Interrupted`].
pub(crate) async fn drive(work: &Work<'_>, limits: &Limits, cancel: &CancellationToken) -> Result<Driven> {
    let recovery = Recovery::new(work.generator, work.generation)?;
    for what in recovery.run(work.engine).await? {
        work.recorder.emit(Happening::Recovered { what });
    }
    let mut driver = Driver {
        work,
        progress: Progress::default(),
        merged: 0,
    };
    loop {
        work.recorder.check()?;
        if cancel.is_cancelled() {
            return Err(
                Error::new(ErrorKind::Interrupted, "the run was interrupted").hint("`generator resume` goes on")
            );
        }
        match plan::next(&driver.snapshot(&recovery)?, limits) {
            Step::Recover => {
                for what in recovery.run(work.engine).await? {
                    work.recorder.emit(Happening::Recovered { what });
                }
            }
            Step::Stitch(task) => driver.stitch(&task, cancel).await?,
            Step::Measure => driver.measure(cancel).await?,
            Step::Wait { until, reason } => driver.wait(until, reason, cancel).await,
            Step::Stop(reason) => return driver.end(reason),
        }
    }
}

struct Driver<'a> {
    work: &'a Work<'a>,
    progress: Progress,
    merged: u32,
}

impl Driver<'_> {
    /// How things stand.
    fn snapshot(&self, recovery: &Recovery<'_>) -> Result<plan::Snapshot> {
        let issues = self.work.store.read()?;
        let counts = issues.counts();
        Ok(plan::Snapshot {
            leftovers: recovery.is_needed()?,
            ready: issues.ready().first().map(|issue| issue.id.clone()),
            open: counts.open,
            blocked: counts.blocked,
            usage: issues.usage(),
            run: self.progress.clone(),
            now: self.work.now(),
        })
    }

    async fn stitch(&mut self, task: &IssueId, cancel: &CancellationToken) -> Result<()> {
        self.pause_after_failure(cancel).await;
        if cancel.is_cancelled() {
            return Ok(());
        }
        let done = stitch::attempt(self.work, task, cancel).await?;
        self.progress.limit = done.limit;
        self.progress.refused = done.refused;
        match done.outcome {
            Outcome::InfrastructureFailed => self.progress.failures_in_a_row += 1,
            Outcome::Limited | Outcome::Cancelled => {}
            outcome => {
                self.progress.failures_in_a_row = 0;
                self.progress.attempted += 1;
                self.progress.attempted_in_cycle += 1;
                self.merged += u32::from(outcome == Outcome::Merged);
            }
        }
        Ok(())
    }

    async fn measure(&mut self, cancel: &CancellationToken) -> Result<()> {
        self.pause_after_failure(cancel).await;
        if cancel.is_cancelled() {
            return Ok(());
        }
        match measure::measure(self.work, self.progress.measures + 1, cancel).await? {
            measure::Done::Filed(filed) => {
                self.progress.measures += 1;
                self.progress.last_filed = Some(filed);
                self.progress.attempted_in_cycle = 0;
                self.progress.failures_in_a_row = 0;
            }
            measure::Done::Limited(limit) => self.progress.limit = Some(limit),
            measure::Done::Refused(reason) => self.progress.refused = Some(reason),
            measure::Done::Failed => self.progress.failures_in_a_row += 1,
            measure::Done::Cancelled => {}
        }
        Ok(())
    }

    /// Gives failing infrastructure some time before the next call.
    async fn pause_after_failure(&self, cancel: &CancellationToken) {
        if let Some(until) = self.progress.pause(self.work.now()) {
            self.sleep(until, "the infrastructure failed".to_owned(), cancel).await;
        }
    }

    async fn wait(&mut self, until: Timestamp, reason: String, cancel: &CancellationToken) {
        self.sleep(until, reason, cancel).await;
        self.progress.limit = None;
    }

    async fn sleep(&self, until: Timestamp, reason: String, cancel: &CancellationToken) {
        self.work.recorder.emit(Happening::Paused { until, reason });
        tokio::select! {
            () = self.work.generator.world().sleep_until(until) => {}
            () = cancel.cancelled() => {}
        }
    }

    fn end(self, reason: Reason) -> Result<Driven> {
        let issues = self.work.store.read()?;
        let counts = issues.counts();
        let usage = issues.usage_of_run(self.work.recorder.run());
        self.work.recorder.emit(Happening::RunEnded {
            reason: sentence(
                &reason,
                issues.iter().filter(|issue| issue.status == Status::Blocked).count(),
            ),
            merged: self.merged,
            blocked: counts.blocked,
            open: counts.open,
            usage,
        });
        Ok(Driven {
            reason,
            merged: self.merged,
            measures: self.progress.measures,
            attempted: self.progress.attempted,
            usage,
        })
    }
}

/// Why a run ended, for a person.
pub(crate) fn sentence(reason: &Reason, held: usize) -> String {
    match reason {
        Reason::Complete => "measure proposes nothing more, and nothing is open".to_owned(),
        Reason::CyclesMade => "the cycles asked for are made".to_owned(),
        Reason::Blocked => format!("what is left waits for a person: {held} held"),
        Reason::BudgetSpent => "the generation's budget is spent".to_owned(),
        Reason::Limited(Some(until)) => format!("a usage limit is reached until {until}"),
        Reason::Limited(None) => "a usage limit is reached".to_owned(),
        Reason::Refused(reason) => format!("the call was refused: {reason}"),
        Reason::Infrastructure => "the infrastructure failed several times in a row".to_owned(),
    }
}
