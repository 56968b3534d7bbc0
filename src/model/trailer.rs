//! The trailers that identify commits.

/// The generation of a commit: numbers of tasks and attempts are unique within it.
pub(crate) const GENERATION: &str = "Cordwainer-Generation";
/// The task of a commit.
pub(crate) const TASK: &str = "Cordwainer-Task";
/// The attempt at the task, counted from 1.
pub(crate) const ATTEMPT: &str = "Cordwainer-Attempt";
/// Which candidate of the attempt made it, counted from 1; missing where it had none.
pub(crate) const CANDIDATE: &str = "Cordwainer-Candidate";
pub(crate) const RUN: &str = "Cordwainer-Run";
/// The repository of the run: a copy of it continues with the same names.
pub(crate) const REPOSITORY: &str = "Cordwainer-Repository";
pub(crate) const MODEL: &str = "Cordwainer-Model";
pub(crate) const TOKENS: &str = "Cordwainer-Tokens";
/// The tag of the merge of a generation; missing where it gets none.
pub(crate) const TAG: &str = "Cordwainer-Tag";
/// How many tasks the merge of a generation brings.
pub(crate) const TASKS: &str = "Cordwainer-Tasks";
/// How many attempts at tasks its generation made.
pub(crate) const ATTEMPTS: &str = "Cordwainer-Attempts";
/// How many fix rounds the attempt had; missing where it had none.
pub(crate) const ROUNDS: &str = "Cordwainer-Rounds";
pub(crate) const COST: &str = "Cordwainer-Cost";
/// How each gate came out on the work, by name; missing where none was run.
pub(crate) const GATES: &str = "Cordwainer-Gates";
/// How many lines the work added and removed.
pub(crate) const LINES: &str = "Cordwainer-Lines";
/// How long the attempt took that landed, its gates included.
pub(crate) const DURATION: &str = "Cordwainer-Duration";
/// The score of the review of what was committed; missing where there was none.
pub(crate) const SCORE: &str = "Cordwainer-Score";
/// The model that reviewed it.
pub(crate) const REVIEWED_BY: &str = "Cordwainer-Reviewed-By";
/// Who is named beside the author, as forges read it.
pub(crate) const CO_AUTHOR: &str = "Co-Authored-By";
/// The person who accepted the held result of a task.
pub(crate) const ACCEPTED: &str = "Cordwainer-Accepted-By";
/// The commit of a person's own branch that was handed back as the result of a task.
pub(crate) const TAKEN_FROM: &str = "Cordwainer-Taken-From";
/// The task whose work a commit takes out of its generation again.
pub(crate) const REVERTS: &str = "Cordwainer-Reverts";
/// The commit of that work.
pub(crate) const REVERTS_COMMIT: &str = "Cordwainer-Reverts-Commit";
