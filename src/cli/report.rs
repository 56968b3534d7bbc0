//! `report`: the reports of audits and reviews.

use clap::{Args, Subcommand, ValueEnum};

use crate::base::error::{Result, exit};
use crate::cli::Context;

/// The arguments of `report`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(subcommand)]
    command: ReportCommand,
}

/// The commands of `report`.
#[derive(Clone, Debug, Subcommand)]
enum ReportCommand {
    /// Print the report of an audit or a review
    #[command(
        after_long_help = "Examples:\n  cordwainer report show\n  cordwainer report show --format sarif > report.sarif"
    )]
    Show {
        /// Run that wrote it [default: the last one that wrote any]
        run: Option<String>,
        /// Form in which it is printed
        #[arg(long, value_enum, default_value = "markdown")]
        format: Format,
    },
}

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Markdown,
    /// For programs; its schema is in the documentation of the library
    Json,
    /// SARIF 2.1.0, for programs that show findings
    Sarif,
}

pub(super) fn execute(args: &ReportArgs, context: &Context) -> Result<u8> {
    let ReportCommand::Show { run, format } = &args.command;
    let (_, report) = context.look()?.findings_report(run.as_deref())?;
    match format {
        Format::Markdown if context.output.json => context.output.print_json(&report)?,
        Format::Markdown => context.output.print_document(report.markdown().trim_end())?,
        Format::Json => context.output.print_document(&report.json()?)?,
        Format::Sarif => context.output.print_json(&report.sarif())?,
    }
    Ok(exit::DONE)
}
