//! The options that every command takes.

use std::path::PathBuf;

use clap::Args;

/// The options of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Common {
    /// Print one JSON document on stdout; a run prints its events, one per line
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Verbose logging; `-vv` includes dependencies
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Use the repository that contains this folder
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    pub(super) directory: Option<PathBuf>,
    /// Generation to work on; the prefix may be left out
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) generation: Option<String>,
}
