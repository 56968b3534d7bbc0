//! The ids of a command that takes several.

use clap::Args;

use crate::model::TypedId;

/// The tasks of a command that takes several.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct Ids {
    /// Tasks, by their ids or the first letters of them, such as `cw-k7qd` or `k7`
    #[arg(required = true, value_name = "ID")]
    pub(super) ids: Vec<TypedId>,
}
