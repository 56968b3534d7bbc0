//! The driver: looks how things stand, asks the plan for a step, takes it, and looks again.

use std::collections::BTreeMap;

use globset::GlobSet;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::agent::Usage;
use crate::attempt::Outcome;
use crate::engine::{Engine, UserChoice};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Happening;
use crate::generation::GenerationName;
use crate::generator::Generator;
use crate::git::{Oid, PrivateRepository, Slot};
use crate::issue::IssueId;
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

    /// Takes a slot; its marker says from now on whom it is for.
    pub(crate) fn acquire(&self, owner: &SlotOwner) -> Result<Slot> {
        tokio::task::block_in_place(|| self.generator.slots().acquire(&owner.to_text()?))
    }

    /// Brings a slot to `commit`, and makes the repository that the container sees.
    pub(crate) fn checkout(&self, slot: &mut Slot, owner: SlotOwner, commit: Oid) -> Result<PrivateRepository> {
        let user = UserChoice::of(self.generator.config.container.user.as_deref());
        let owner_ids = Some(self.engine.slot_owner_for(&user));
        tokio::task::block_in_place(|| {
            slot.restore(commit, owner_ids)?;
            let folder = self.generator.slots().private_folder(slot.number());
            let private = slot.private_repository(&folder, self.generation.as_str(), commit, owner_ids)?;
            // From here on there may be work in it that is worth keeping.
            let base = Some(commit.to_string());
            slot.mark(&SlotOwner { base, ..owner }.to_text()?)?;
            Ok(private)
        })
    }

    /// Gives a slot back. What prevents that is said, and left for the next recovery: it must not undo what was done.
    pub(crate) fn release(&self, slot: Slot) {
        let number = slot.number();
        if let Err(error) = slot.release() {
            let what = format!("slot {number} could not be given back: {}", error.in_a_line());
            self.recorder.emit(Happening::Warned { what });
        }
    }

    /// Ends whatever still runs of a task, or of a measure, after something failed under it. While nobody knows that,
    /// its slot may still be written, and stays as it is for the next recovery.
    pub(crate) async fn is_over(&self, task: Option<&IssueId>) -> bool {
        match self.engine.sweep(&self.labels(task)).await {
            Ok(_) => true,
            Err(error) => {
                let error = error.in_a_line();
                let what = format!("what was running may still run, so its worktree is left alone: {error}");
                self.recorder.emit(Happening::Warned { what });
                false
            }
        }
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
    recover(work, &recovery).await?;
    let mut driver = Driver {
        work,
        progress: Progress::default(),
        merged: 0,
    };
    loop {
        work.recorder.check()?;
        if cancel.is_cancelled() {
            driver.tell_end("interrupted; `generator resume` goes on".to_owned())?;
            return Err(
                Error::new(ErrorKind::Interrupted, "the run was interrupted").hint("`generator resume` goes on")
            );
        }
        match plan::next(&driver.snapshot(&recovery)?, limits) {
            Step::Recover => driver.recover(&recovery, cancel).await?,
            Step::Stitch(task) => driver.stitch(&task, cancel).await?,
            Step::Measure => driver.measure(cancel).await?,
            Step::Wait { until, reason } => driver.wait(until, reason, cancel).await,
            Step::Stop(reason) => return driver.end(reason),
        }
    }
}

/// Puts right what was left, and tells it.
async fn recover(work: &Work<'_>, recovery: &Recovery<'_>) -> Result<()> {
    for what in recovery.run(work.engine).await? {
        work.recorder.emit(Happening::Recovered { what });
    }
    Ok(())
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
            leftovers: recovery.is_needed_in(self.work.recorder.run())?,
            ready: issues.ready().first().map(|issue| issue.id.clone()),
            open: counts.open,
            blocked: counts.blocked,
            usage: issues.usage(),
            run: self.progress.clone(),
            now: self.work.now(),
        })
    }

    /// Puts right what an attempt left whose engine failed; an engine that fails again counts as one failure more.
    async fn recover(&mut self, recovery: &Recovery<'_>, cancel: &CancellationToken) -> Result<()> {
        self.pause_after_failure(cancel).await;
        if cancel.is_cancelled() {
            return Ok(());
        }
        match recover(self.work, recovery).await {
            Err(error) if error.kind() == ErrorKind::Engine => self.progress.failed(error.in_a_line()),
            Err(error) => return Err(error),
            Ok(()) if recovery.is_held_up_in(self.work.recorder.run())? => {
                self.progress.failed("a container of this run does not end".to_owned());
            }
            Ok(()) => {}
        }
        Ok(())
    }

    async fn stitch(&mut self, task: &IssueId, cancel: &CancellationToken) -> Result<()> {
        self.pause_after_failure(cancel).await;
        if cancel.is_cancelled() {
            return Ok(());
        }
        let claimed = match stitch::claim(self.work, task) {
            // A person closed or held it since we looked: then we look again.
            Err(error) if error.kind() == ErrorKind::Precondition && !self.is_ready(task)? => return Ok(()),
            claimed => claimed?,
        };
        let done = stitch::attempt(self.work, claimed, cancel).await?;
        self.progress.limit = done.limit;
        self.progress.refused = done.refused;
        match done.outcome {
            Outcome::InfrastructureFailed => self.progress.failed(done.reason),
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
        self.progress.measures_begun += 1;
        match measure::measure(self.work, self.progress.measures_begun, cancel).await? {
            measure::Done::Filed(filed) => {
                self.progress.measures += 1;
                self.progress.last_filed = Some(filed);
                self.progress.attempted_in_cycle = 0;
                self.progress.failures_in_a_row = 0;
            }
            measure::Done::Limited(limit) => self.progress.limit = Some(limit),
            measure::Done::Refused(reason) => self.progress.refused = Some(reason),
            measure::Done::Failed(why) => self.progress.failed(why),
            measure::Done::Cancelled => {}
        }
        Ok(())
    }

    /// Gives failing infrastructure some time before the next call.
    async fn pause_after_failure(&self, cancel: &CancellationToken) {
        if let Some(until) = self.progress.pause(self.work.now()) {
            let reason = format!("the infrastructure failed ({})", self.progress.last_failure);
            self.sleep(until, reason, cancel).await;
        }
    }

    fn is_ready(&self, task: &IssueId) -> Result<bool> {
        let issues = self.work.store.read()?;
        Ok(issues.ready().iter().any(|issue| issue.id == *task))
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

    /// Tells that the run ends, and what it did; answers what it used.
    fn tell_end(&self, reason: String) -> Result<Usage> {
        let issues = self.work.store.read()?;
        let counts = issues.counts();
        let usage = issues.usage_of_run(self.work.recorder.run());
        self.work.recorder.emit(Happening::RunEnded {
            reason,
            merged: self.merged,
            blocked: counts.blocked,
            open: counts.open,
            usage,
        });
        Ok(usage)
    }

    fn end(self, reason: Reason) -> Result<Driven> {
        let held = self.work.store.read()?.counts().blocked;
        let usage = self.tell_end(sentence(&reason, held))?;
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
        Reason::Refused(reason) => reason.clone(),
        Reason::Infrastructure(last) => format!("the infrastructure failed several times in a row, at last: {last}"),
    }
}
