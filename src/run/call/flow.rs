//! Which place in the flow takes over the report of a call: what is known there beside it, so that the phase goes on as if nothing
//! had happened where another run hears the call to its end.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::accounting::ledger::Entry;
use crate::issues::attempt::Ignored;
use crate::issues::proposal::Validated;
use crate::issues::round::Calls;
use crate::model::{CommitId, GateResult, RunId, SessionId};
use crate::record::event::{DroppedProposal, FiledTask};
use crate::run::slots::Resume;

/// Which place in the flow takes over the report of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FlowPlace {
    /// The rounds of an attempt: the session that does the work was called.
    Work(Box<WorkPlace>),
    /// A stage after the work, its review among them.
    Stage(Box<StagePlace>),
    /// The rounds of a measure.
    Measure(MeasurePlace),
    /// The review of what a measure has proposed.
    Proposals(Box<ProposalsPlace>),
    /// The plan of groups.
    Plan(PlanPlace),
    /// The closing review of a group.
    Closing(ClosingPlace),
    /// The reading of a part of the files, in an audit or a review.
    Part(PartPlace),
}

/// What the rounds of an attempt know while a call of the session is under way that does the work.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WorkPlace {
    /// The calls so far; the last round is that of the call, whose entry is not there yet.
    pub(crate) calls: Calls,
    /// The tree that was in the slot before a round.
    pub(crate) before: Option<String>,
}

/// What an attempt knows while a stage is called for its work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StagePlace {
    /// The calls so far, without that of the stage.
    pub(crate) calls: Calls,
    pub(crate) work: WaitingWork,
}

/// Work that has passed its gates, and waits in a slot of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WaitingWork {
    /// The number of its slot.
    pub(crate) slot: u32,
    /// The client's session that has done it.
    pub(crate) session: SessionId,
    /// The session that its last call went on with, if it did.
    pub(crate) resume: Option<Resume>,
    /// Whether that is above prepared dependencies.
    pub(crate) prepared: bool,
    /// The commit with it on the task's ref.
    pub(crate) commit: CommitId,
    /// What ignore rules left out of it.
    pub(crate) ignored: Option<Ignored>,
    /// What is to be told of its gates.
    pub(crate) remarks: Vec<String>,
    /// How each gate came out.
    pub(crate) results: Vec<GateResult>,
}

/// What a measure knows while it is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MeasurePlace {
    /// The key of the group whose tasks are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// The calls so far, without the one that is under way.
    pub(crate) calls: Vec<Entry>,
    /// What is filed already, under the keys of its proposals.
    pub(crate) filed: Vec<(String, FiledTask)>,
    /// Proposals that repeat an issue.
    pub(crate) dropped: Vec<DroppedProposal>,
}

/// What a measure knows while its proposals are reviewed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProposalsPlace {
    pub(crate) measure: MeasurePlace,
    /// The number of the slot of the session that has proposed them.
    pub(crate) slot: u32,
    /// What that session's last call went on with, if it did.
    pub(crate) resume: Option<Resume>,
    /// The session, where its client has told it.
    pub(crate) session: Option<SessionId>,
    /// The round in which it answered.
    pub(crate) round: u32,
    /// What its answer is worth.
    pub(crate) validated: Validated,
}

/// What is known while a plan of groups is asked for; the rest is in the commit of its slot, and in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlanPlace {
    /// The calls so far, without the one that is under way.
    pub(crate) calls: Vec<Entry>,
}

/// What a closing review knows while a batch of it is read; the rest is in the commit of its slot, and in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClosingPlace {
    /// The key of the group.
    pub(crate) group: String,
    /// The calls about the batch so far, without the one that is under way.
    pub(crate) calls: Vec<Entry>,
}

/// What an audit or a review knows while a part of the files is read, at the commit of its slot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PartPlace {
    /// The paths of the files.
    pub(crate) files: Vec<String>,
    /// The calls about the part so far, without the one that is under way.
    pub(crate) calls: Vec<Entry>,
}

impl FlowPlace {
    /// Returns the entries of the calls so far.
    pub(crate) fn entries(&self) -> Vec<&Entry> {
        match self {
            Self::Work(work) => work.calls.entries().collect(),
            Self::Stage(stage) => stage.calls.entries().collect(),
            Self::Measure(measure) => measure.calls.iter().collect(),
            Self::Proposals(proposals) => proposals.measure.calls.iter().collect(),
            Self::Plan(PlanPlace { calls })
            | Self::Closing(ClosingPlace { calls, .. })
            | Self::Part(PartPlace { calls, .. }) => calls.iter().collect(),
        }
    }

    /// Has the records of the calls of an attempt be in the folder of this run.
    pub(crate) fn move_to(&mut self, run: &RunId) {
        let calls = match self {
            Self::Work(work) => &mut work.calls,
            Self::Stage(stage) => &mut stage.calls,
            Self::Measure(_) | Self::Proposals(_) | Self::Plan(_) | Self::Closing(_) | Self::Part(_) => return,
        };
        let of_rounds = calls.rounds.iter_mut().map(|round| &mut round.records);
        let of_stages = calls.stages.iter_mut().map(|stage| &mut stage.records);
        for records in of_rounds.chain(of_stages).flatten() {
            if let Some(name) = Path::new(&*records).file_name().and_then(|name| name.to_str()) {
                *records = format!("runs/{run}/{name}");
            }
        }
    }
}
