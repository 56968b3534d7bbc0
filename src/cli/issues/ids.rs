//! A command that takes several tasks: their ids, and its JSON.

use clap::Args;
use serde::Serialize;

use crate::base::error::Result;
use crate::model::TypedId;
use crate::report::output::Output;

/// The tasks of a command that takes several.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct Ids {
    /// Tasks, by their ids or the first letters of them, such as `cw-k7qd` or `k7`
    #[arg(required = true, value_name = "ID")]
    pub(super) ids: Vec<TypedId>,
}

/// Prints one object where one task was named, and an array where several were.
pub(super) fn print_json<T: Serialize>(output: &Output, tasks: &[T]) -> Result<()> {
    match tasks {
        [only] => output.print_json(only),
        several => output.print_json(&several),
    }
}
