//! Which task an event is about.

use super::EventKind;
use crate::model::IssueId;

impl EventKind {
    /// Returns whether the event is about a task: its calls, what was judged of it, and what became of it.
    pub fn is_about(&self, task: &IssueId) -> bool {
        match self {
            Self::Reached { call, .. }
            | Self::Denied { call, .. }
            | Self::MeterDiffered { call, .. }
            | Self::StepStarted { call, .. }
            | Self::Sealed { call, .. }
            | Self::ServiceReady { call, .. }
            | Self::ServiceFailed { call, .. }
            | Self::AgentStarted { call, .. }
            | Self::SessionResumed { call, .. }
            | Self::ToolUsed { call, .. }
            | Self::AgentSaid { call, .. }
            | Self::AgentProgress { call, .. }
            | Self::AgentEnded { call, .. } => call.task.as_ref() == Some(task),
            Self::PersonSaid(said) => said.call.task.as_ref() == Some(task),
            Self::Adopted(adopted) => adopted.call.task.as_ref() == Some(task),
            Self::PreparationStarted { task: of, .. } | Self::PreparationEnded { task: of, .. } => {
                of.as_ref() == Some(task)
            }
            Self::TaskClaimed { task: of, .. }
            | Self::GateEnded { task: of, .. }
            | Self::ReviewEnded { task: of, .. }
            | Self::RoundStarted { task: of, .. }
            | Self::AttemptEnded { task: of, .. }
            | Self::TaskHeld { task: of, .. } => of == task,
            Self::GateStarted(started) => started.task.as_ref() == Some(task),
            Self::GateFlaked(flaked) => flaked.task == *task,
            Self::MergeJudged(judged) => judged.tasks.contains(task),
            Self::StageEnded(ended) => ended.task == *task,
            Self::CandidateEnded(ended) => ended.task == *task,
            Self::QuestionAsked(asked) => asked.task == *task,
            Self::RunStarted { .. }
            | Self::Recovered { .. }
            | Self::Warned { .. }
            | Self::RunProgress { .. }
            | Self::MeasureStarted { .. }
            | Self::MeasureRefused { .. }
            | Self::ProposalsReviewed(_)
            | Self::MeasureEnded { .. }
            | Self::MeasurePlanned(_)
            | Self::MeasureFailed(_)
            | Self::Audit(_)
            | Self::GroupsAsked(_)
            | Self::GroupsPlanned(_)
            | Self::GroupReviewed(_)
            | Self::GroupDone(_)
            | Self::GateTried { .. }
            | Self::Paused { .. }
            | Self::PauseLifted { .. }
            | Self::RunPaused { .. }
            | Self::Reloaded { .. }
            | Self::StopRequested(_)
            | Self::RunEnded { .. } => false,
        }
    }
}
