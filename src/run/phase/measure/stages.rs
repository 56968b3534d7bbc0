//! What a measure has asked so far, and what came of it.

use crate::accounting::ledger::Entry;
use crate::agent::CallReport;
use crate::base::text::one_line;
use crate::issues::issue::{BuildStep, Issue, Issues};
use crate::issues::proposal::{KnownIssue, Validated};
use crate::model::{IssueId, SessionId, Usage};
use crate::prompt::MeasureContext;
use crate::record::event::{DroppedProposal, FiledTask};
use crate::record::recorder::CallFolder;
use crate::run::call::MeasurePlace;
use crate::run::session::Session;
use crate::run::slots::Resume;
use crate::run::waiting::pause::LimitMet;

/// What became of a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MeasureOutcome {
    /// A valid answer; so many tasks were filed.
    Filed(usize),
    /// A usage limit was met.
    Limited(LimitMet),
    /// The call was refused for good, or its answers never became valid.
    Refused(String),
    /// A budget has no room for the call, or ran out under it.
    Spent(String),
    /// The infrastructure failed.
    Failed(String),
    /// The session that was to go on is not there any more: it can be asked afresh at once.
    SessionLost,
    /// The run was interrupted.
    Cancelled,
}

impl MeasureOutcome {
    /// Returns whether the session goes on where it was when there is nothing in the way any more.
    pub(super) fn goes_on(&self) -> bool {
        matches!(
            self,
            Self::Limited(_) | Self::Failed(_) | Self::Spent(_) | Self::Cancelled
        )
    }
}

/// What a call came to.
pub(super) enum Answer {
    /// It answered: what its proposals are worth, and its text.
    Given(Validated, Option<String>),
    /// It did not: how the measure ends, and why.
    None(MeasureOutcome, String),
}

/// An answer that was checked.
pub(super) struct Answered {
    /// What it was asked with.
    pub(super) told: MeasureContext,
    pub(super) validated: Validated,
    /// The session that gave it.
    pub(super) session: Option<SessionId>,
    /// The number of its slot.
    pub(super) slot: u32,
    /// What its call went on with, if it did.
    pub(super) resume: Option<Resume>,
}

impl Answered {
    pub(super) fn by(session: &Session, report: &CallReport, told: MeasureContext, validated: Validated) -> Self {
        Self {
            told,
            validated,
            session: session.can_go_on(Some(report)),
            slot: session.slot_number(),
            resume: session.going_on().cloned(),
        }
    }
}

/// What a round came to.
pub(super) enum Round {
    /// Another one is asked with this.
    Again(Box<MeasureContext>),
    /// There is nothing more to ask about this answer.
    Answered(Box<Answered>),
    /// The measure has ended; a session may go on later.
    Over(MeasureOutcome, Option<SessionId>),
}

/// What a review of proposals came to.
pub(super) enum Reviewed {
    /// These may be filed.
    Passed(Validated),
    /// Nothing, so that nobody has said that these may be filed; how, as the end of a sentence about it.
    Not(Validated, String),
    /// It was not to be had now: how the measure ends, and why.
    Ended(MeasureOutcome, String),
}

/// Returns the key of the group whose tasks are to be asked for, where the work has groups.
pub(super) fn asked_group(issues: &Issues, has_groups: bool) -> Option<String> {
    match issues.next_in_build(0, None) {
        BuildStep::Measure(key) if has_groups => Some(key),
        _ => None,
    }
}

/// What a measure has asked so far, and what came of it.
pub(super) struct MeasureSoFar {
    /// Which measure of its run it is, counted from 1.
    pub(super) cycle: u32,
    /// The key of the group whose tasks are asked for; `None` where the work has no groups.
    pub(super) group: Option<String>,
    /// The records of the round that goes on.
    pub(super) folder: CallFolder,
    /// The calls made.
    pub(super) calls: Vec<Entry>,
    /// What is filed already, under the keys of its proposals.
    pub(super) filed: Vec<(String, FiledTask)>,
    /// Proposals that repeat an issue.
    pub(super) dropped: Vec<DroppedProposal>,
    /// All issues, as they stood when the round began, or when its answer was there or filed.
    pub(super) issues: Issues,
    /// The answer whose review a dead run has asked for, and the session of that, until it is listened to.
    pub(super) in_review: Option<(Box<Answered>, Box<Session>)>,
}

impl MeasureSoFar {
    pub(super) fn new(cycle: u32, folder: CallFolder, issues: Issues, has_groups: bool) -> Self {
        Self {
            cycle,
            group: asked_group(&issues, has_groups),
            folder,
            calls: Vec::new(),
            filed: Vec::new(),
            dropped: Vec::new(),
            issues,
            in_review: None,
        }
    }

    /// Returns what another run needs to go on with the measure.
    pub(super) fn place(&self) -> MeasurePlace {
        MeasurePlace {
            group: self.group.clone(),
            calls: self.calls.clone(),
            filed: self.filed.clone(),
            dropped: self.dropped.clone(),
        }
    }

    /// Returns what the checks need to know of an issue.
    pub(super) fn known(&self, issue: &Issue) -> KnownIssue {
        let own = self.filed.iter().find(|(_, task)| task.id == issue.id);
        KnownIssue {
            key: own.map(|(key, _)| key.clone()),
            ..KnownIssue::from(issue)
        }
    }

    /// Notes proposals that repeat an issue; that an answer repeats what this measure filed itself is not news.
    pub(super) fn drop_repeats(&mut self, repeats: Vec<(String, IssueId)>) {
        let is_own = |id: &IssueId| self.filed.iter().any(|(_, task)| task.id == *id);
        let foreign: Vec<_> = repeats.into_iter().filter(|(_, id)| !is_own(id)).collect();
        self.dropped
            .extend(foreign.into_iter().map(|(title, repeats)| DroppedProposal {
                title: one_line(&title, 200),
                repeats,
            }));
    }

    pub(super) fn usage(&self) -> Usage {
        self.calls.iter().map(|entry| entry.usage).sum()
    }
}
