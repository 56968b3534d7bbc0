//! The variables of templates: what each is, and whether others wrote it.

use serde_json::Value;

/// A variable of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placeholder {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is, as the end of a sentence about it.
    pub(super) about: &'static str,
    /// Whether it is text that agents or people wrote, which stands within marks, or in one line.
    pub(super) of_others: bool,
}

impl Placeholder {
    /// Puts in the place of a value the least that the variable can have, as what it is says.
    pub(super) fn lessen(self, value: &mut Value) {
        match value {
            _ if self.about.ends_with("; may be none") => *value = Value::Null,
            Value::String(text) if self.about.ends_with("; may be empty") => text.clear(),
            Value::Array(items) => items.clear(),
            Value::Bool(is) => *is = !*is,
            Value::Number(_) if self.about.ends_with(", counted from 1") => *value = 1.into(),
            Value::Number(_) if self.about.starts_with("how many more ") => *value = 0.into(),
            _ => {}
        }
    }
}

/// Returns a variable that the program or its owner wrote.
const fn own(name: &'static str, about: &'static str) -> Placeholder {
    Placeholder {
        name,
        about,
        of_others: false,
    }
}

/// Returns a variable that others wrote.
const fn of_others(name: &'static str, about: &'static str) -> Placeholder {
    Placeholder {
        name,
        about,
        of_others: true,
    }
}

const EXAMPLE: Placeholder = own("example", "a valid answer, which shows the form that is asked for");
const USER_PROMPT: Placeholder = own("user_prompt", "your own text, `user_prompt`; may be none");
const REQUEST: Placeholder = of_others("request", "what is asked for, in a person's words; may be none");
const REQUEST_FILES: Placeholder = of_others("request_files", "files given with the request: `path` and `text` each");
const PROBLEM: Placeholder = of_others("problem", "what was wrong with the answer before; may be none");
const PROBLEMS: Placeholder = of_others("problems", "what was wrong with the answer before, in sentences");
const PREVIOUS: Placeholder = of_others(
    "previous_answer",
    "the answer before, where it has problems; may be none",
);
const DOCUMENTS: Placeholder = of_others("documents", "the documents that are given: `path` and `text` each");
const OMITTED: Placeholder = of_others(
    "omitted_documents",
    "documents that are too large or not text: `path` and `bytes` each",
);
const FILES: Placeholder = of_others("files", "paths in the repository");
const MORE_FILES: Placeholder = own("omitted_files", "how many more paths there are");
const ASKED: Placeholder = of_others("asked", "the documents that say what is to be built; empty: all");
const GROUPS: Placeholder = of_others(
    "groups",
    "the groups that exist: `key`, `name`, `scope` and `state` each",
);
const ATTEMPT: Placeholder = own("attempt", "which attempt at the task it is, counted from 1");
const ANSWER: Placeholder = own("attempt", "which answer is asked for, counted from 1");
const NUMBER: Placeholder = own("number", "which review it is, counted from 1");
const BLOCK: Placeholder = own("block", "the least severity of a finding that does not pass");
const PROTECTED: Placeholder = own("protected_paths", "globs of paths that must stay as they are");
const HOW: Placeholder = own("how", "how it ended, as the end of a sentence about it");

/// A measure.
pub(super) const MEASURE: &[Placeholder] = &[
    ANSWER,
    DOCUMENTS,
    OMITTED,
    FILES,
    MORE_FILES,
    of_others("issues", "the tasks that exist: `id`, `title` and `status` each"),
    own("max_issues", "the most proposals"),
    own("estimated_lines_min", "the smallest task, in changed lines"),
    own("estimated_lines_max", "the largest task, in changed lines"),
    own(
        "max_estimated_lines",
        "the largest task that is filed, in changed lines; may be none",
    ),
    of_others(
        "filed",
        "proposals of the answer before that are filed: `key` and `id` each",
    ),
    USER_PROMPT,
    REQUEST,
    REQUEST_FILES,
    of_others(
        "coverage",
        "what the tests leave uncovered: `path` (the gate) and `text` each",
    ),
    ASKED,
    of_others(
        "group",
        "the group whose tasks are asked for: `key`, `name`, `scope`, `briefing` and `estimated_tasks`; may be none",
    ),
    GROUPS,
    own("needs_proof", "whether each proposal must have a proof"),
    PROBLEMS,
    PREVIOUS,
    EXAMPLE,
];

/// A part of an audit or a review of files.
pub(super) const AUDIT: &[Placeholder] = &[
    own("mode", "`audit` or `review`"),
    own("subjects", "what to look for, such as `security`"),
    own("severity", "the least severity that is reported"),
    USER_PROMPT,
    REQUEST,
    REQUEST_FILES,
    own("part", "which part it is, counted from 1"),
    own("parts", "how many parts there are"),
    of_others(
        "files",
        "the files of the part: `path` and `text` each, with numbered lines",
    ),
    own("since", "the revision since which they have changed; may be none"),
    of_others("changes", "what has changed in them, as a unified diff; may be none"),
    of_others("omitted_changes", "the files whose changes did not fit into that"),
    PROBLEM,
    EXAMPLE,
];

/// A plan of groups.
pub(super) const PLAN: &[Placeholder] = &[
    ANSWER,
    DOCUMENTS,
    OMITTED,
    FILES,
    MORE_FILES,
    USER_PROMPT,
    GROUPS,
    of_others(
        "merged_groups",
        "the groups that merged generations have done, in the same form",
    ),
    ASKED,
    of_others("changed", "documents that changed since groups were planned"),
    own("most_groups", "the most groups"),
    own("most_tasks", "the most tasks of a group"),
    PROBLEMS,
    PREVIOUS,
    EXAMPLE,
];

/// An attempt at a task.
pub(super) const STITCH: &[Placeholder] = &[
    own("id", "the task's id"),
    of_others("title", "the task's title"),
    of_others("description", "the task's description"),
    of_others(
        "required_reading",
        "documents to read first: `path`, `text` and `bytes` each",
    ),
    of_others("files", "the files of the task: `path` and `action` each"),
    of_others("requirements", "what must be built"),
    of_others("acceptance_criteria", "how to check that it is done"),
    of_others("proof", "the command that proves it; may be none"),
    own(
        "estimated_lines",
        "the estimate of its size, in changed lines; may be none",
    ),
    ATTEMPT,
    of_others(
        "earlier_attempts",
        "attempts before: `number`, `outcome`, `reason` and `output` each",
    ),
    own(
        "begins_from",
        "the attempt whose work is in the folder already; may be none",
    ),
    of_others("comments", "remarks on the task: `author` and `text` each"),
    PROTECTED,
    own("keep_tests", "whether existing tests must stay as they are"),
];

/// What an attempt has come to.
pub(super) const WORK: &[Placeholder] = &[
    own("id", "the task's id"),
    of_others("title", "the task's title"),
    of_others("description", "the task's description"),
    of_others("requirements", "what must be built"),
    of_others("acceptance_criteria", "how to check that it is done"),
    of_others("changes", "what was changed, as a unified diff"),
    of_others("left_out", "files whose changes are not in it"),
    own("more_left_out", "how many more such files there are"),
    of_others("gates", "how each gate ended"),
];

/// A review of an attempt, beside its work.
pub(super) const REVIEW: &[Placeholder] = &[
    NUMBER,
    own("min_score", "the least score that passes"),
    BLOCK,
    PROBLEM,
    EXAMPLE,
    own("work", "the task and its changes, as the template `work` says it"),
];

/// A closing review of a group.
pub(super) const CLOSING: &[Placeholder] = &[
    own("key", "the group's key"),
    of_others("name", "the group's name"),
    of_others("scope", "what belongs to the group"),
    of_others("briefing", "what its tasks had to know; may be empty"),
    NUMBER,
    own("batch", "which batch of the changes it is, counted from 1"),
    own("batches", "how many batches there are"),
    of_others("changes", "the changes of the batch, as a unified diff"),
    of_others("too_large", "files whose changes fit into no batch"),
    BLOCK,
    PROBLEM,
    EXAMPLE,
];

/// A review of proposals, beside what the measure was told.
pub(super) const PROPOSALS_REVIEW: &[Placeholder] = &[NUMBER, of_others("proposals", "the proposals, as JSON")];

/// A stage of the project's own, beside the work.
pub(super) const STAGE: &[Placeholder] = &[
    own("stage", "the stage's name"),
    ATTEMPT,
    own("may_change", "globs of the files that it may change"),
    PROTECTED,
];

/// What is around a stage's own template.
pub(super) const AROUND_STAGE: &[Placeholder] = &[
    own("instructions", "what the stage's own template says"),
    own("work", "the task and its changes, as the template `work` says it"),
];

/// A fix round.
pub(super) const FIX_ROUND: &[Placeholder] = &[
    ATTEMPT,
    own(
        "failed",
        "what did not pass, as the template `red_gate`, `refused_work` or `conflict` says it",
    ),
];

/// A session that was interrupted.
pub(super) const CONTINUATION: &[Placeholder] = &[
    ATTEMPT,
    own(
        "failed",
        "what had not passed, as the template `red_gate`, `refused_work` or `conflict` says it; may be none",
    ),
    of_others("remarks", "what people have said since"),
];

/// A session that asked.
pub(super) const ANSWERED: &[Placeholder] = &[
    ATTEMPT,
    of_others("said", "what people say; empty where they let it decide itself"),
];

/// A review or a merge that the work did not pass.
pub(super) const FAILED: &[Placeholder] = &[HOW, of_others("output", "what it told; may be empty")];

/// A gate that failed.
pub(super) const RED_GATE: &[Placeholder] = &[
    own("gate", "the gate's name"),
    HOW,
    of_others("output", "what it printed; may be empty"),
    own("interrupted", "whether the session was interrupted since"),
    own(
        "onto_newer",
        "whether it passes on the work alone, and not with newer work",
    ),
];

/// A proof that passes before any work.
pub(super) const EMPTY_PROOF: &[Placeholder] = &[of_others("proof", "the command")];

/// Work of an earlier attempt that is there already.
pub(super) const EARLIER_WORK: &[Placeholder] = &[
    own(
        "attempt",
        "which attempt it is of, such as `2`, or `2.1` for a candidate",
    ),
    own("how", "where it does not fit on newer work; none where it does"),
    of_others("conflict", "what both sides changed there; none where it fits"),
];

/// The end that comes soon.
pub(super) const ENDS_SOON: &[Placeholder] = &[
    own("share", "the share of its turns or its budget, in percent: 80 or 95"),
    own("how", "how much is used"),
];
