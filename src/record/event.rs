//! Everything that happens in a run, as one type: terminal, JSON and history are folds over it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounting::ledger::{Entry, is_first};
use crate::base::serialization::is_zero;
use crate::git::DiffStat;
use crate::issues::attempt::Outcome;
pub use crate::issues::proposal::review::{Action, Change};
pub use crate::issues::round::{CheckKind, Fixing};
use crate::model::generation::GenerationName;
use crate::model::{CommitId, IssueId, RunId, Severity, Usage};
pub use crate::model::{TestCounts, Verdict};
use crate::sandbox::guarantee::GuaranteeReport;

mod about;
mod adopted;
mod audit;
mod call;
mod groups;
mod landing;
mod proposals;
mod stage;

pub use self::adopted::{Adopted, PersonSaid, StopRequested};
pub use self::audit::AuditStep;
pub use self::call::{CallName, Step};
pub use self::groups::{GroupEnded, GroupReviewed, GroupsAsked, GroupsPlanned, PlannedGroup};
pub use self::landing::{CandidateEnded, GateFlaked, GateStarted, MergeJudged, QuestionAsked};
pub use self::proposals::{DroppedProposal, FiledTask, MeasureFailed, MeasurePlanned, ProposalsReviewed};
pub use self::stage::StageEnded;

/// One thing that happened, as a line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(rename = "event")]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// A run began.
    RunStarted {
        /// Its name.
        run: RunId,
        /// The generation it works on.
        generation: GenerationName,
        /// The mode that this works in; `None` where an earlier version wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<String>,
        /// The engine, as people know it.
        engine: String,
        /// The image that containers are made of.
        image: String,
    },
    /// Something that an earlier run left was repaired.
    Recovered {
        /// What, in a sentence.
        what: String,
    },
    /// A container reached a host that the configuration allows, for the first time.
    Reached {
        /// The call that it belongs to.
        call: CallName,
        /// `host:port`.
        host: String,
    },
    /// The gateway refused a container something. Each thing is reported once, and a bounded number of them.
    Denied {
        /// The call that it belongs to.
        call: CallName,
        /// What and why, in one harmless line.
        what: String,
    },
    /// What the client reports to have used is not what the model's API reports.
    MeterDiffered {
        /// The call.
        call: CallName,
        /// What the client reported.
        client: Usage,
        /// What the gateway metered.
        gateway: Usage,
    },
    /// Something is odd, and the run goes on.
    Warned {
        /// What, in a sentence.
        what: String,
    },
    /// How far the run is, before its next step.
    RunProgress {
        /// The task that comes next, counted from 1; or how many were attempted, where none does.
        task: usize,
        /// How many tasks there are in all: those attempted in this run, and those that it may still attempt.
        tasks: usize,
        /// What the run used so far.
        usage: Usage,
        /// How much money is left of the tightest budget that the run as a whole has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_usd: Option<f64>,
    },
    /// Measure begins.
    MeasureStarted {
        /// The key of the group whose tasks are asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        /// The cycle of the generation that it begins, counted from 1; calls and `cordwainer stats usage` have the same number.
        cycle: u32,
    },
    /// Measure's answer had problems and is asked for again.
    MeasureRefused {
        /// What of it was right, and is filed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        filed: Vec<FiledTask>,
        /// The exact problems.
        problems: Vec<String>,
    },
    /// A review of proposals ended.
    ProposalsReviewed(ProposalsReviewed),
    /// Measure ended with an answer.
    MeasureEnded {
        /// The tasks filed, with their titles.
        filed: Vec<FiledTask>,
        /// Proposals dropped, as they repeat an issue.
        dropped: Vec<DroppedProposal>,
        /// What was wrong with the proposals that are not filed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        problems: Vec<String>,
        /// What the calls used.
        usage: Usage,
    },
    /// Measure ended with a valid answer that is written down, and not filed.
    MeasurePlanned(MeasurePlanned),
    /// Measure ended without one.
    MeasureFailed(MeasureFailed),
    /// A step of an audit or a review of files.
    Audit(AuditStep),
    /// Groups are asked for.
    GroupsAsked(GroupsAsked),
    /// Groups were planned.
    GroupsPlanned(GroupsPlanned),
    /// A batch of the closing review of a group was read.
    GroupReviewed(GroupReviewed),
    /// A group is done.
    GroupDone(GroupEnded),
    /// A task was claimed.
    TaskClaimed {
        /// The task.
        task: IssueId,
        /// Its title.
        title: String,
        /// The attempt that begins, counted from 1.
        attempt: u32,
    },
    /// A step of a task or measure began.
    StepStarted {
        /// The call that it belongs to.
        call: CallName,
        /// Which.
        step: Step,
    },
    /// A container reported from inside what it got, before anything of an agent ran in it.
    Sealed {
        /// Which call's.
        call: CallName,
        /// The engine, as people know it.
        engine: String,
        /// Every item, as asked and as found.
        report: GuaranteeReport,
    },
    /// A service beside a container can be used.
    ServiceReady {
        /// The call that it belongs to.
        call: CallName,
        /// Its name.
        service: String,
        /// How long that took, in seconds.
        seconds: f64,
        /// What its container reported from inside, every item as asked and as found.
        report: GuaranteeReport,
    },
    /// A service beside a container cannot be used, or can no longer be.
    ServiceFailed {
        /// The call that it belongs to.
        call: CallName,
        /// Its name.
        service: String,
        /// Why, as the end of a sentence about it.
        reason: String,
        /// The last lines of its output.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        output: Vec<String>,
    },
    /// The client reported what it is.
    AgentStarted {
        /// Which call.
        call: CallName,
        /// The model it bound.
        model: Option<String>,
        /// The client's version.
        client_version: Option<String>,
        /// Its session.
        session_id: Option<String>,
    },
    /// A call goes on with a session that was suspended.
    SessionResumed {
        /// Which call.
        call: CallName,
        /// The session.
        session_id: String,
    },
    /// A run goes on with a call that a dead run was at: its container lives, and was never told.
    Adopted(Adopted),
    /// The agent used a tool.
    ToolUsed {
        /// Which call.
        call: CallName,
        /// The tool.
        tool: String,
        /// What for, in one harmless line.
        summary: String,
    },
    /// The agent said something.
    AgentSaid {
        /// Which call.
        call: CallName,
        /// The text, cut to a harmless line.
        text: String,
    },
    /// How far a call is.
    AgentProgress {
        /// Which call.
        call: CallName,
        /// Turns begun.
        turns: u32,
        /// Tokens so far, as the stream shows them.
        usage: Usage,
    },
    /// A call ended.
    AgentEnded {
        /// Which call.
        call: CallName,
        /// Why it ended as it did, in a line.
        reason: String,
        /// What it took and used.
        entry: Entry,
    },
    /// A gate begins to run.
    GateStarted(GateStarted),
    /// A gate ran.
    GateEnded {
        /// The task.
        task: IssueId,
        /// Which candidate of the attempt it is of, counted from 1; 0 where it has none.
        #[serde(default, skip_serializing_if = "is_zero")]
        candidate: u32,
        /// The gate.
        gate: String,
        /// The git tree that it ran on; `None` in records of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tree: Option<String>,
        /// Whether it passed.
        passed: bool,
        /// How it came out; `None` in records of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
        /// Whether its verdict is only reported.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        advisory: bool,
        /// Why it came out so, where it did not just pass.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
        /// How many of its tests ended in which way, where it reports them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counts: Option<TestCounts>,
        /// How long it ran, in seconds; `None` in records of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
        /// Why it need not yet pass: what it needs is still to be written in a generation that cleared its sources.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_yet: Option<String>,
        /// The last lines of its output, where it did not pass.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        output: Vec<String>,
    },
    /// A gate was red on work that was merged with newer work, and passed when it ran once more.
    GateFlaked(GateFlaked),
    /// The work of several tasks, merged with newer work, was judged together.
    MergeJudged(MergeJudged),
    /// A review of what an attempt left ended.
    ReviewEnded {
        /// The task.
        task: IssueId,
        /// The attempt at it, counted from 1.
        attempt: u32,
        /// Which candidate of the attempt it is of, counted from 1; 0 where it has none.
        #[serde(default, skip_serializing_if = "is_zero")]
        candidate: u32,
        /// Which review of the attempt it is, counted from 1.
        number: u32,
        /// Whether it passes; one that came to nothing does not.
        passed: bool,
        /// From 1 to 10; `None` where it came to nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        score: Option<u8>,
        /// What it came to, as the end of a sentence about it.
        how: String,
        /// How many findings it has, by severity.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        findings: BTreeMap<Severity, u32>,
        /// How many findings name a place that is not there.
        #[serde(default, skip_serializing_if = "is_first")]
        dropped: u32,
        /// The weightiest findings, in a line each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        weightiest: Vec<String>,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// A stage of the project's own ended.
    StageEnded(StageEnded),
    /// A session is asked to make a red gate pass, or to fix what a review found.
    RoundStarted {
        /// The task.
        task: IssueId,
        /// The attempt at it, counted from 1.
        attempt: u32,
        /// Which candidate of the attempt it is of, counted from 1; 0 where it has none.
        #[serde(default, skip_serializing_if = "is_zero")]
        candidate: u32,
        /// The round, counted from 1.
        round: u32,
        /// How many rounds the attempt may have.
        of: u32,
        /// What it is that did not pass.
        #[serde(default, skip_serializing_if = "CheckKind::is_gate")]
        by: CheckKind,
        /// The gate, or `review`.
        gate: String,
        /// How it ended, as the end of a sentence about it.
        how: String,
        /// The commit of the generation that was brought in, where the work does not fit on newer work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        onto: Option<CommitId>,
    },
    /// The dependencies of a commit are being prepared.
    PreparationStarted {
        /// The task whose commit it is; `None` for a commit that has landed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<IssueId>,
        /// The command.
        command: String,
    },
    /// Preparing the dependencies of a commit ended.
    PreparationEnded {
        /// The task whose commit it is; `None` for a commit that has landed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<IssueId>,
        /// How long it took.
        seconds: f64,
        /// The size of what is kept.
        bytes: u64,
        /// The folders of the worktree that are kept.
        folders: Vec<String>,
        /// What is not kept: files that git would record, and single files that it ignores.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dropped: Vec<String>,
        /// How it failed, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        /// The last lines of its output, where it failed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        output: Vec<String>,
    },
    /// A gate was tried on a commit that no task has touched.
    GateTried {
        /// The gate.
        gate: String,
        /// The commit that tasks begin from.
        commit: CommitId,
        /// Whether it passed.
        passed: bool,
        /// How it came out: `still_failing` where it is red and compared by name; `None` in records of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
        /// Whether its verdict is only reported.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        advisory: bool,
        /// How many of its tests ended in which way, where it reports them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counts: Option<TestCounts>,
        /// How it ended, where it did not pass.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        how: String,
        /// Whether it need not yet pass.
        #[serde(default)]
        not_yet: bool,
        /// The last lines of its output, where it did not pass and was run now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        output: Vec<String>,
    },
    /// A candidate of an attempt ended; the attempt's own end follows those of all.
    CandidateEnded(CandidateEnded),
    /// An attempt ended.
    AttemptEnded {
        /// The task.
        task: IssueId,
        /// Its title.
        title: String,
        /// Counted from 1.
        attempt: u32,
        /// How.
        outcome: Outcome,
        /// Why, in a line; may be empty.
        reason: String,
        /// The commit on the generation branch, when merged.
        commit: Option<CommitId>,
        /// How much the agent changed; `None` when it changed nothing, or was recorded by an earlier version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changed: Option<DiffStat>,
        /// What it used.
        usage: Usage,
        /// The public interfaces that it changed, in a line each, where it was to change the form of code alone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        interfaces: Vec<String>,
        /// Wall time in seconds.
        seconds: f64,
    },
    /// A task was put on hold for a person.
    TaskHeld {
        /// The task.
        task: IssueId,
        /// Why.
        reason: String,
    },
    /// An agent asks a person something: its task is held until that is answered.
    QuestionAsked(QuestionAsked),
    /// All calls pause.
    Paused {
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// A person ended the pause.
    PauseLifted {
        /// How.
        reason: String,
    },
    /// A person paused the run: nothing begins until it is let go on. It is told again when nothing is in progress any more.
    RunPaused {
        /// How many tasks and measures are in progress, and come to their end first.
        at_work: u32,
    },
    /// The run has read its configuration again, as a person requested.
    Reloaded {
        /// The keys that have other values now, with these: `stitch.parallel: 4`.
        keys: Vec<String>,
    },
    /// A person said something to a session at work.
    PersonSaid(PersonSaid),
    /// Another process requested the run to stop: nothing new begins.
    StopRequested(StopRequested),
    /// A run ended.
    RunEnded {
        /// Why, in a sentence.
        reason: String,
        /// Tasks merged in this run.
        merged: u32,
        /// How much they change together; `None` when nothing was merged, or an earlier version wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changed: Option<DiffStat>,
        /// Tasks held in the generation.
        blocked: usize,
        /// Tasks still open in the generation.
        open: usize,
        /// What the run used.
        usage: Usage,
        /// What fix rounds came to; `None` where there was none, or an earlier version wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fixing: Option<Fixing>,
        /// What reviews used; `None` where there was none, or an earlier version wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reviews: Option<Usage>,
        /// Until when calls pause, where that ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paused_until: Option<Timestamp>,
        /// What to do next, three things at most: each a command in backticks, and what it does.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        next: Vec<String>,
    },
}
