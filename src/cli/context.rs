//! What every command gets: the folder it works in, its outputs, and the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;

use crate::base::error::{Result, exit};
use crate::cli::pager_variables::PagerVariables;
use crate::lifecycle::Environment;
use crate::report::output::Output;
use crate::run::extension::Extensions;

/// The surroundings of one command.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The outputs of the command.
    pub(crate) output: Output,
    /// The folder in which the command was called, or the one that `-C` names.
    pub(crate) directory: PathBuf,
    /// `--generation`.
    pub(crate) generation: Option<String>,
    /// Builds the tree of our own program.
    pub(crate) program: fn() -> clap::Command,
    /// Whether tracing writes to stderr.
    pub(crate) traces: bool,
    /// The gates and observers that the program adds.
    pub(crate) extensions: Extensions,
    /// The person's editor, `VISUAL` or `EDITOR`.
    pub(crate) editor: Option<OsString>,
    /// What the environment contains about the person's pager.
    pub(crate) pager: PagerVariables,
    /// What kind of terminal the person is at, as in the variable `TERM`.
    pub(crate) terminal: String,
    /// The machine, and what the environment contains about it.
    pub(crate) environment: Environment,
}

impl Context {
    /// Prints what was found or done, as JSON or in words.
    pub(crate) fn show<T: Serialize>(&self, value: &T, words: impl FnOnce() -> String) -> Result<u8> {
        if self.output.json {
            self.output.print_json(value)?;
        } else {
            self.output.print(&words())?;
        }
        Ok(exit::DONE)
    }
}
