//! The built-in templates: one list of every text that a model is given, with what each is for, what it can carry, and what one in
//! its place must carry.

use super::placeholder::{self as table, Placeholder};
use super::template::Template;
use crate::model::{ModeKind, PromptName};

/// A built-in template.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltIn {
    /// Which one it is.
    pub(super) name: PromptName,
    /// Its text, by the name of its file.
    pub(super) template: Template<'static>,
    /// What it is the prompt of.
    pub(super) about: &'static str,
    /// The variables, in lists.
    pub(super) placeholders: &'static [&'static [Placeholder]],
    /// The variables without which the work cannot be right.
    pub(super) needs: &'static [&'static str],
}

impl BuiltIn {
    /// Returns its variables.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.placeholders.iter().copied().flatten().copied()
    }
}

/// Builds an entry of the list, with the text of its file.
macro_rules! built_in {
    ($name:ident, $file:literal $(in $folder:literal)?, $about:literal, $placeholders:expr, $needs:expr) => {
        BuiltIn {
            name: PromptName::$name,
            template: Template {
                name: $file,
                text: include_str!(concat!($($folder, "/",)? $file)),
            },
            about: $about,
            placeholders: $placeholders,
            needs: $needs,
        }
    };
}

/// What every measure must carry, whatever it is for.
const MEASURED: &[&str] = &["issues", "example", "problems"];
/// What the measure of a mode with a request must carry.
const REQUESTED: &[&str] = &["request", "issues", "example", "problems"];

/// All built-in templates, in the order of their names.
pub(super) const BUILT_IN: [BuiltIn; PromptName::ALL.len()] = [
    built_in!(
        Measure,
        "measure.md.j2",
        "the measure of `generate`",
        &[table::MEASURE],
        MEASURED
    ),
    built_in!(
        Build,
        "build.md.j2" in "modes",
        "the measure of `build`",
        &[table::MEASURE],
        &["group", "issues", "example", "problems"]
    ),
    built_in!(
        Feature,
        "feature.md.j2" in "modes",
        "the measure of `feature`",
        &[table::MEASURE],
        REQUESTED
    ),
    built_in!(
        Fix,
        "fix.md.j2" in "modes",
        "the measure of `fix`",
        &[table::MEASURE],
        REQUESTED
    ),
    built_in!(
        Test,
        "test.md.j2" in "modes",
        "the measure of `test`",
        &[table::MEASURE],
        REQUESTED
    ),
    built_in!(
        Refactor,
        "refactor.md.j2" in "modes",
        "the measure of `refactor`",
        &[table::MEASURE],
        REQUESTED
    ),
    built_in!(
        Exec,
        "exec.md.j2" in "modes",
        "the measure of `exec`",
        &[table::MEASURE],
        REQUESTED
    ),
    built_in!(
        Audit,
        "audit.md.j2" in "modes",
        "a part of an audit or a review",
        &[table::AUDIT],
        &["request", "files", "example", "problem"]
    ),
    built_in!(
        Plan,
        "plan.md.j2",
        "the plan of groups",
        &[table::PLAN],
        &["documents", "groups", "example", "problems"]
    ),
    built_in!(
        Stitch,
        "stitch.md.j2",
        "an attempt at a task",
        &[table::STITCH],
        &[
            "title",
            "description",
            "requirements",
            "acceptance_criteria",
            "comments"
        ]
    ),
    built_in!(
        Review,
        "review.md.j2",
        "a review of an attempt",
        &[table::WORK, table::REVIEW],
        &["work", "example", "problem"]
    ),
    built_in!(
        Closing,
        "closing.md.j2",
        "the closing review of a group",
        &[table::CLOSING],
        &["scope", "changes", "example", "problem"]
    ),
    built_in!(
        ProposalsReview,
        "proposals_review.md.j2",
        "a review of proposals",
        &[table::MEASURE, table::PROPOSALS_REVIEW],
        &["proposals", "example", "problems"]
    ),
    built_in!(
        Stage,
        "stage.md.j2",
        "a stage of your own, around your template",
        &[table::WORK, table::STAGE, table::AROUND_STAGE],
        &["instructions", "work", "may_change"]
    ),
    built_in!(
        Work,
        "work.md.j2",
        "the task and its changes, within reviews and stages",
        &[table::WORK],
        &["title", "description", "requirements", "acceptance_criteria", "changes"]
    ),
    built_in!(
        FixRound,
        "fix_round.md.j2",
        "a round in which the session goes on and fixes what did not pass",
        &[table::FIX_ROUND],
        &["failed"]
    ),
    built_in!(
        Continuation,
        "continuation.md.j2",
        "a session that was interrupted and goes on",
        &[table::CONTINUATION],
        &["failed", "remarks"]
    ),
    built_in!(
        Answered,
        "answered.md.j2",
        "a session that asked you and goes on",
        &[table::ANSWERED],
        &["said"]
    ),
    built_in!(
        RedGate,
        "red_gate.md.j2",
        "a gate that failed, within rounds and continuations",
        &[table::RED_GATE],
        &["gate", "output"]
    ),
    built_in!(
        RefusedWork,
        "refused_work.md.j2",
        "a review that did not pass the work, within rounds and continuations",
        &[table::FAILED],
        &["output"]
    ),
    built_in!(
        Conflict,
        "conflict.md.j2",
        "newer work on which the work does not fit, within rounds and continuations",
        &[table::FAILED],
        &["output"]
    ),
    built_in!(
        EmptyProof,
        "empty_proof.md.j2",
        "what is added for a task whose proof passes before any work",
        &[table::EMPTY_PROOF],
        &["proof"]
    ),
    built_in!(
        EarlierWork,
        "earlier_work.md.j2",
        "what is added for an attempt that begins with the work of an earlier one",
        &[table::EARLIER_WORK],
        &["attempt", "conflict"]
    ),
    built_in!(
        EndsSoon,
        "ends_soon.md.j2",
        "what an agent is told before its turns or its budget end",
        &[table::ENDS_SOON],
        &["how"]
    ),
];

/// Returns what is built in for a prompt.
pub(super) fn built_in(name: PromptName) -> &'static BuiltIn {
    const LIST: &[BuiltIn; PromptName::ALL.len()] = &BUILT_IN;
    LIST.iter()
        .find(|one| one.name == name)
        .expect("each name has an entry, which a test checks")
}

/// Returns the built-in template of the measures of a mode, or of the parts that it reads.
pub fn measure_template(mode: ModeKind) -> Template<'static> {
    built_in(PromptName::of_mode(mode)).template
}
