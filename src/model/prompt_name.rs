//! The prompts by their names: every text that a model is given.

use serde::{Deserialize, Serialize};

use super::mode::ModeKind;

/// A text that a model is given, by the name of its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptName {
    /// The measure of `generate`, on which those of other modes are built.
    Measure,
    /// The measure of a group of `build`.
    Build,
    /// The measure of `feature`.
    Feature,
    /// The measure of `fix`.
    Fix,
    /// The measure of `test`.
    Test,
    /// The measure of `refactor`.
    Refactor,
    /// The measure of `exec`.
    Exec,
    /// A part of an audit, or of a review of files.
    Audit,
    /// The plan of groups.
    Plan,
    /// An attempt at a task.
    Stitch,
    /// A review of an attempt.
    Review,
    /// The closing review of a group.
    Closing,
    /// A review of proposals.
    ProposalsReview,
    /// A stage of the project's own, around what that says itself.
    Stage,
    /// The task and its changes, within reviews and stages.
    Work,
    /// A round in which the same session fixes what did not pass.
    FixRound,
    /// A session that was interrupted goes on.
    Continuation,
    /// A session that asked a person goes on.
    Answered,
    /// A gate that failed, within rounds and continuations.
    RedGate,
    /// A review that did not pass the work, there.
    RefusedWork,
    /// Newer work on which the work does not fit, there.
    Conflict,
    /// What is added for a task whose proof passes before any work.
    EmptyProof,
    /// What is added for an attempt that begins with the work of an earlier one.
    EarlierWork,
    /// What an agent is told before its turns or its budget end.
    EndsSoon,
}

impl PromptName {
    /// All names.
    pub const ALL: [Self; 24] = [
        Self::Measure,
        Self::Build,
        Self::Feature,
        Self::Fix,
        Self::Test,
        Self::Refactor,
        Self::Exec,
        Self::Audit,
        Self::Plan,
        Self::Stitch,
        Self::Review,
        Self::Closing,
        Self::ProposalsReview,
        Self::Stage,
        Self::Work,
        Self::FixRound,
        Self::Continuation,
        Self::Answered,
        Self::RedGate,
        Self::RefusedWork,
        Self::Conflict,
        Self::EmptyProof,
        Self::EarlierWork,
        Self::EndsSoon,
    ];

    /// Returns the name that a person writes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measure => "measure",
            Self::Build => "build",
            Self::Feature => "feature",
            Self::Fix => "fix",
            Self::Test => "test",
            Self::Refactor => "refactor",
            Self::Exec => "exec",
            Self::Audit => "audit",
            Self::Plan => "plan",
            Self::Stitch => "stitch",
            Self::Review => "review",
            Self::Closing => "closing",
            Self::ProposalsReview => "proposals_review",
            Self::Stage => "stage",
            Self::Work => "work",
            Self::FixRound => "fix_round",
            Self::Continuation => "continuation",
            Self::Answered => "answered",
            Self::RedGate => "red_gate",
            Self::RefusedWork => "refused_work",
            Self::Conflict => "conflict",
            Self::EmptyProof => "empty_proof",
            Self::EarlierWork => "earlier_work",
            Self::EndsSoon => "ends_soon",
        }
    }

    /// Returns the prompt of the measures of a mode, or of the parts that it reads.
    pub const fn of_mode(kind: ModeKind) -> Self {
        match kind {
            ModeKind::Generate => Self::Measure,
            ModeKind::Build => Self::Build,
            ModeKind::Feature => Self::Feature,
            ModeKind::Fix => Self::Fix,
            ModeKind::Test => Self::Test,
            ModeKind::Refactor => Self::Refactor,
            ModeKind::Exec => Self::Exec,
            ModeKind::Audit | ModeKind::Review => Self::Audit,
        }
    }
}
