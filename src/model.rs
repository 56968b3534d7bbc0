//! The basic types of everything else: ids, roles, usage, the names of a generation's refs. Nothing in here reads or
//! writes anything.

mod attempt_id;
pub mod finding;
mod gate;
pub mod generation;
mod id;
mod mode;
mod prompt_name;
mod role;
mod tag;
pub(crate) mod trailer;
mod usage;

pub use attempt_id::AttemptId;
pub(crate) use finding::Severity;
pub(crate) use gate::GateResult;
pub use gate::{TestCounts, Verdict};
pub use id::{CommitId, IssueId, RunId, TypedId};
pub(crate) use id::{SessionId, id_list};
pub use mode::ModeKind;
pub(crate) use mode::{MODE_KIND_NAMES, RequestNeed};
pub use prompt_name::PromptName;
pub use role::{Role, StageName};
pub use tag::TagPattern;
pub use usage::Usage;
