//! The keys of `prompts`: one for each text that a model is given.

use super::{Files, Key, Shape};
use crate::model::PromptName;

/// The keys of `prompts`.
pub(super) const PROMPTS: &[Key] = &[
    prompt(PromptName::Measure, "Template of the measure of `generate`."),
    prompt(PromptName::Build, "Template of the measure of `build`."),
    prompt(PromptName::Feature, "Template of the measure of `feature`."),
    prompt(PromptName::Fix, "Template of the measure of `fix`."),
    prompt(PromptName::Test, "Template of the measure of `test`."),
    prompt(PromptName::Refactor, "Template of the measure of `refactor`."),
    prompt(PromptName::Exec, "Template of the measure of `exec`."),
    prompt(PromptName::Audit, "Template of a part of an audit or a review."),
    prompt(PromptName::Plan, "Template of the plan of groups."),
    prompt(PromptName::Stitch, "Template of an attempt at a task."),
    prompt(PromptName::Review, "Template of a review of an attempt."),
    prompt(PromptName::Closing, "Template of the closing review of a group."),
    prompt(PromptName::ProposalsReview, "Template of a review of proposals."),
    prompt(
        PromptName::Stage,
        "Template of a stage of your own, around your template.",
    ),
    prompt(
        PromptName::Work,
        "Template of the task and its changes, within reviews and stages.",
    ),
    prompt(
        PromptName::FixRound,
        "Template of a round in which the session goes on and fixes what did not pass.",
    ),
    prompt(
        PromptName::Continuation,
        "Template of a session that was interrupted and goes on.",
    ),
    prompt(
        PromptName::Answered,
        "Template of a session that asked you and goes on.",
    ),
    prompt(
        PromptName::RedGate,
        "Template of a gate that failed, within rounds and continuations.",
    ),
    prompt(
        PromptName::RefusedWork,
        "Template of a review that did not pass the work, within rounds and continuations.",
    ),
    prompt(
        PromptName::Conflict,
        "Template of newer work on which the work does not fit, within rounds and continuations.",
    ),
    prompt(
        PromptName::EmptyProof,
        "Template of what is added for a task whose proof passes before any work.",
    ),
    prompt(
        PromptName::EarlierWork,
        "Template of what is added for an attempt that begins with the work of an earlier one.",
    ),
    prompt(
        PromptName::EndsSoon,
        "Template of what an agent is told before its turns or its budget end.",
    ),
];

const fn prompt(name: PromptName, about: &'static str) -> Key {
    Key::new(name.name(), Shape::Text, "", about).files(Files::Protected)
}
