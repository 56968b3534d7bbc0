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
    /// Read the configuration from this file, instead of the one at the repository's root
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Set a key of the configuration, as in `--set stitch.model=opus`; can be given several times
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Generation to work on; the prefix may be left out
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) generation: Option<String>,
}
