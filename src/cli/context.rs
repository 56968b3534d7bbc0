//! What every command gets: where it stands, how it talks, what the environment said.

use std::path::PathBuf;

use crate::lifecycle::Surroundings;
use crate::report::output::Output;

/// The surroundings of one command.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Where what it says is written.
    pub(crate) output: Output,
    /// Where the command was called, or what `-C` says.
    pub(crate) directory: PathBuf,
    /// `--generation`.
    pub(crate) generation: Option<String>,
    /// Whether tracing writes to stderr.
    pub(crate) verbose: bool,
    /// The machine, and what the environment said of it.
    pub(crate) surroundings: Surroundings,
}
