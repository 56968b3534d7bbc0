//! One attempt at a task: how it ended, what it used, and where its records are.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounting::ledger::Entry;
use crate::base::text::one_line;
use crate::git::DiffStat;
use crate::issues::round::{FailedCheck, Round};
use crate::issues::stage::StageRun;
use crate::model::{CommitId, RunId, Usage};

pub use crate::issues::interfaces::{InterfaceChange, InterfaceChanges};
pub use crate::issues::last_word::{ChangeType, WorkSummary};

/// How an attempt ended. The list is closed: a new way requires a decision in each reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its commit is on the generation branch.
    Merged,
    /// The agent finished and changed nothing.
    NoChange,
    /// Its change conflicts with newer work of the generation.
    Conflict,
    /// Its change touches a protected path, or contains something that may not be committed.
    ProtectedPath,
    /// Its change is far larger than was asked for.
    TooLarge,
    /// Its change weakens tests, or what CI or coverage requires.
    WeakenedTests,
    /// A gate failed.
    GateFailed,
    /// A review did not pass it.
    ReviewRefused,
    /// A review of it came to nothing: the reviewer failed, or gave no answer that can be read.
    ReviewFailed,
    /// A stage of the project's own that is required failed.
    StageFailed,
    /// The task's own proof passes without it, too, or cannot be run there: it proves nothing of the result.
    Unproven,
    /// The agent ended without success.
    AgentFailed,
    /// The agent ran past its time.
    TimedOut,
    /// A usage limit of the account stopped it.
    Limited,
    /// A budget stopped it.
    BudgetSpent,
    /// The engine, the disk or the network failed, not the agent.
    InfrastructureFailed,
    /// A person, or the end of the run, stopped it.
    Cancelled,
    /// Its agent asks a person something before it goes on.
    Asked,
    /// Another candidate of its attempt was taken. No attempt ends so.
    NotChosen,
}

impl Outcome {
    /// Returns whether the attempt counts against `max_attempts`: only failures of the agent itself do.
    pub fn counts(self) -> bool {
        match self {
            Self::NoChange
            | Self::ProtectedPath
            | Self::TooLarge
            | Self::WeakenedTests
            | Self::GateFailed
            | Self::ReviewRefused
            | Self::AgentFailed
            | Self::TimedOut => true,
            // A call that reached its own limit is held at once, and so is work whose review or stage failed, or that is not
            // proven; a spent budget of any other scope is not the task's fault, nor is what others have merged meanwhile.
            Self::BudgetSpent
            | Self::Conflict
            | Self::ReviewFailed
            | Self::StageFailed
            | Self::Unproven
            | Self::Asked
            | Self::Merged
            | Self::Limited
            | Self::InfrastructureFailed
            | Self::Cancelled
            | Self::NotChosen => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Merged => "merged",
            Self::NoChange => "no change",
            Self::Conflict => "conflict",
            Self::ProtectedPath => "needs your consent",
            Self::TooLarge => "too large",
            Self::WeakenedTests => "weakens tests",
            Self::GateFailed => "gate failed",
            Self::ReviewRefused => "not passed by its review",
            Self::ReviewFailed => "review failed",
            Self::StageFailed => "stage failed",
            Self::Unproven => "not proven",
            Self::AgentFailed => "agent failed",
            Self::TimedOut => "timed out",
            Self::Limited => "limited",
            Self::BudgetSpent => "budget spent",
            Self::InfrastructureFailed => "infrastructure failed",
            Self::Cancelled => "cancelled",
            Self::Asked => "asked",
            Self::NotChosen => "not chosen",
        })
    }
}

/// One attempt, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Counted from 1 within the issue.
    pub number: u32,
    /// The run that made it.
    pub run: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in one line for a person; empty when the outcome needs no reason.
    #[serde(default)]
    pub reason: String,
    /// The person who left it by hand, in a shell or on a branch of theirs; `None` of an agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The commit on the task ref with the files that the agent left.
    #[serde(default)]
    pub snapshot: Option<CommitId>,
    /// The folder with prompt, transcript and stderr, below the state folder.
    #[serde(default)]
    pub records: Option<String>,
    /// New files that ignore rules left out of the snapshot; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
    /// What rules have set of how its agent was called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Time and usage of the agent's first call; `None` when it never began.
    #[serde(default)]
    pub call: Option<Entry>,
    /// The fix rounds that came after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Round>,
    /// The stages after these: those of the project's own, and reviews.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageRun>,
    /// The gate that was red at its end, or when the run ended before it was fixed; or the review that did not pass it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red: Option<FailedCheck>,
    /// What its agent says of the work; `None` where it has said nothing in the form that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<WorkSummary>,
    /// Which public interfaces it changed, where it was to change the form of code alone and has landed; `None` where there
    /// are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<InterfaceChanges>,
    /// Its candidates, where it has several: by number, the one whose outcome, calls and snapshot are the attempt's own
    /// among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

/// One of several sessions that attempted a task side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Counted from 1 within the attempt.
    pub number: u32,
    /// Whether the attempt's own outcome, calls and snapshot are those of this one: it was taken, or came nearest to that.
    /// Its calls are counted there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chosen: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in one line for a person; empty when the outcome needs no reason.
    #[serde(default)]
    pub reason: String,
    /// The commit on the task ref with the files that its agent left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<CommitId>,
    /// The score of the last review of what it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// How much it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<DiffStat>,
    /// The folder with prompt, transcript and stderr, below the state folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// Time and usage of its agent's first call, unless it is the chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Entry>,
    /// The fix rounds that came after it, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Round>,
    /// The stages after these, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageRun>,
    /// The gate that was red at its end, or the review that did not pass it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red: Option<FailedCheck>,
    /// What its agent says of the work, unless it is the chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<WorkSummary>,
    /// What its agent asks a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}

/// A setting of an attempt that a rule has set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Its key.
    pub key: String,
    /// Its value, as a person reads it.
    pub value: String,
    /// Which of `rules` it was, counted from 1.
    pub rule: u32,
}

impl fmt::Display for Override {
    /// Writes `model opus by rule 1`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} by rule {}", self.key, self.value, self.rule)
    }
}

/// New files that ignore rules left out; a folder counts once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignored {
    /// How many.
    pub count: usize,
    /// The first of them, in order.
    pub paths: Vec<String>,
}

/// How many of them are named.
const IGNORED_NAMED: usize = 20;

impl Ignored {
    /// Returns the report about these paths; `None` where there are none.
    pub(crate) fn of(paths: &[PathBuf]) -> Option<Self> {
        let shown = |path: &PathBuf| one_line(&path.display().to_string(), 200);
        (!paths.is_empty()).then(|| Self {
            count: paths.len(),
            paths: paths.iter().take(IGNORED_NAMED).map(shown).collect(),
        })
    }
}

impl fmt::Display for Ignored {
    /// Writes `3 (a, b, c)`, or `40 (a, b, …)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.count > self.paths.len() { ", …" } else { "" };
        write!(formatter, "{} ({}{more})", self.count, self.paths.join(", "))
    }
}

impl Attempt {
    /// Builds an attempt of a run that began and ended at these moments, and of which nothing else is known.
    pub fn new((number, run): (u32, RunId), outcome: Outcome, (started_at, ended_at): (Timestamp, Timestamp)) -> Self {
        Self {
            number,
            run,
            outcome,
            reason: String::new(),
            person: None,
            snapshot: None,
            records: None,
            ignored: None,
            overrides: Vec::new(),
            started_at,
            ended_at,
            call: None,
            rounds: Vec::new(),
            stages: Vec::new(),
            red: None,
            summary: None,
            interfaces: None,
            candidates: Vec::new(),
        }
    }

    /// Builds what a person left by hand: no agent was called, and it does not count.
    pub(crate) fn by_hand(
        (number, run): (u32, RunId),
        (person, reason): (String, String),
        snapshot: CommitId,
        now: Timestamp,
    ) -> Self {
        Self {
            reason,
            person: Some(person),
            snapshot: Some(snapshot),
            ..Self::new((number, run), Outcome::Cancelled, (now, now))
        }
    }

    /// Returns its calls: the first one, those of its rounds, and those of its stages; and those of its other candidates.
    pub fn calls(&self) -> impl Iterator<Item = &Entry> {
        self.own_calls()
            .chain(self.candidates.iter().flat_map(Candidate::calls))
    }

    /// Returns its calls without those of its other candidates.
    pub(crate) fn own_calls(&self) -> impl Iterator<Item = &Entry> {
        calls_of(self.call.as_ref(), &self.rounds, &self.stages)
    }

    /// Counts its rounds, those of its other candidates among them.
    pub(crate) fn round_count(&self) -> usize {
        let others = self.candidates.iter().map(|candidate| candidate.rounds.len());
        self.rounds.len() + others.sum::<usize>()
    }

    /// Has it come to this outcome, and its chosen candidate, too.
    pub(crate) fn come_to(&mut self, outcome: Outcome, reason: &str) {
        self.outcome = outcome;
        reason.clone_into(&mut self.reason);
        for one in self.candidates.iter_mut().filter(|one| one.chosen) {
            one.outcome = outcome;
            reason.clone_into(&mut one.reason);
        }
    }

    /// Returns the stages of the attempt, or of one of its candidates: 0 is that of an attempt without any.
    pub(crate) fn stages_of(&self, candidate: u32) -> &[StageRun] {
        match self.other(candidate) {
            Some(other) => &other.stages,
            None => &self.stages,
        }
    }

    /// Returns what was red at the end of the attempt, or of one of its candidates.
    pub(crate) fn red_of(&self, candidate: u32) -> Option<&FailedCheck> {
        match self.other(candidate) {
            Some(other) => other.red.as_ref(),
            None => self.red.as_ref(),
        }
    }

    /// Returns what the agent of the attempt, or of one of its candidates, says of the work.
    pub(crate) fn summary_of(&self, candidate: u32) -> Option<&WorkSummary> {
        match self.other(candidate) {
            Some(other) => other.summary.as_ref(),
            None => self.summary.as_ref(),
        }
    }

    /// Returns how the attempt ended, or one of its candidates.
    pub(crate) fn outcome_of(&self, candidate: u32) -> Outcome {
        self.other(candidate).map_or(self.outcome, |other| other.outcome)
    }

    /// Returns a candidate whose calls are not the attempt's own.
    pub(crate) fn other(&self, candidate: u32) -> Option<&Candidate> {
        self.candidates
            .iter()
            .find(|one| one.number == candidate && !one.chosen)
    }

    /// Returns the score of the review of what its session left last, if there is one that passed it.
    pub fn score(&self) -> Option<u8> {
        let last = self.stages.iter().rev().find(|stage| stage.review.is_some())?;
        let is_of_last = usize::try_from(last.round).is_ok_and(|round| round == self.rounds.len());
        let review = last.review.as_ref().filter(|review| is_of_last && review.passed)?;
        Some(review.score)
    }

    /// Sums up the tokens and money of its calls.
    pub fn usage(&self) -> Usage {
        self.calls().map(|call| call.usage).sum()
    }
}

impl Candidate {
    /// Marks it as the one that its attempt comes to what it came to, and returns what the attempt gets of it: its calls are
    /// counted there.
    pub(crate) fn choose(&mut self) -> Self {
        let own = self.clone();
        self.chosen = true;
        (self.call, self.rounds, self.stages) = (None, Vec::new(), Vec::new());
        self.summary = None;
        own
    }

    /// Returns its calls, unless they are the attempt's own.
    pub fn calls(&self) -> impl Iterator<Item = &Entry> {
        calls_of(self.call.as_ref(), &self.rounds, &self.stages)
    }
}

fn calls_of<'a>(
    first: Option<&'a Entry>,
    rounds: &'a [Round],
    stages: &'a [StageRun],
) -> impl Iterator<Item = &'a Entry> {
    first
        .into_iter()
        .chain(rounds.iter().filter_map(|round| round.call.as_ref()))
        .chain(stages.iter().filter_map(|stage| stage.call.as_ref()))
}
