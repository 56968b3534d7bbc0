//! What every command gets: where it stands, how it prints, what the environment contains.

use std::path::PathBuf;

use crate::lifecycle::Environment;
use crate::report::output::Output;

/// The surroundings of one command.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Where what it prints is written.
    pub(crate) output: Output,
    /// Where the command was called, or what `-C` names.
    pub(crate) directory: PathBuf,
    /// `--generation`.
    pub(crate) generation: Option<String>,
    /// Whether tracing writes to stderr.
    pub(crate) verbose: bool,
    /// The machine, and what the environment contains about it.
    pub(crate) environment: Environment,
}
