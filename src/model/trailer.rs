//! The trailers of commits by which they are known.

/// The generation that a commit was made in: numbers of tasks and attempts are unique in that one alone.
pub(crate) const GENERATION: &str = "Cordwainer-Generation";
/// The task that a commit did.
pub(crate) const TASK: &str = "Cordwainer-Task";
/// The attempt at the task, counted from 1.
pub(crate) const ATTEMPT: &str = "Cordwainer-Attempt";
pub(crate) const RUN: &str = "Cordwainer-Run";
/// The repository that the run was of: a copy of it goes on with the same names.
pub(crate) const REPOSITORY: &str = "Cordwainer-Repository";
pub(crate) const MODEL: &str = "Cordwainer-Model";
pub(crate) const TOKENS: &str = "Cordwainer-Tokens";
pub(crate) const COST: &str = "Cordwainer-Cost";
/// The person who took what a task was held for.
pub(crate) const ACCEPTED: &str = "Cordwainer-Accepted-By";
