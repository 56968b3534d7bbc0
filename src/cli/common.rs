//! The options that every command takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::report::output::Detail;

/// The options of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Common {
    /// Print one JSON document on stdout; a run prints its events, one per line
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Say more of a run: each step, tool and gate; `-vv` adds what cordwainer traces, and `-vvv` what its dependencies do
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Say less of a run: what failed, what waits for you, and how it ended
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Whether to use colours [default: auto]
    #[arg(long, global = true, value_name = "WHEN")]
    pub(super) color: Option<ColorWhen>,
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

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal that has them, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always, and the symbols that they are of
    Always,
    /// Never
    Never,
}

impl Common {
    /// Returns how much is said of a run.
    pub(super) fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Less,
            (false, 0) => Detail::Usual,
            (false, _) => Detail::More,
        }
    }
}

impl ColorWhen {
    /// Has all that is written from now on follow it.
    pub(super) fn apply(self) {
        match self {
            Self::Auto => {}
            Self::Always => anstream::ColorChoice::Always.write_global(),
            Self::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}
