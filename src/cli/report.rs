//! `report`: what a run or a generation came to, as a page or as Markdown; and the reports of audits and reviews.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::base::fs::write_atomically;
use crate::cli::Context;
use crate::report::page::{self, Reader};

/// What stands for stdout in place of a file.
const STDOUT: &str = "-";

/// The arguments of `report`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ReportArgs {
    #[command(subcommand)]
    command: Option<ReportCommand>,
    #[command(flatten)]
    page: PageArgs,
}

/// What the report is of, and its form.
#[derive(Clone, Debug, Args)]
struct PageArgs {
    /// Name of the run or the first letters of it, or a generation, for all of its runs [default: the run that is at work, else
    /// the last one]
    #[arg(value_name = "RUN|GENERATION")]
    of: Option<String>,
    /// Write it to this file, as one page for a browser that needs no other file (`-` is stdout)
    #[arg(long, value_name = "FILE", conflicts_with = "markdown")]
    html: Option<PathBuf>,
    /// Print it as Markdown
    #[arg(long)]
    markdown: bool,
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

impl ReportArgs {
    /// Returns whether it is the report of a run or a generation.
    pub(super) fn is_of_work(&self) -> bool {
        self.command.is_none()
    }
}

pub(super) fn execute(args: &ReportArgs, context: &Context) -> Result<u8> {
    match &args.command {
        Some(ReportCommand::Show { run, format }) => show(run.as_deref(), *format, context),
        None => of_work(&args.page, context),
    }
}

fn show(run: Option<&str>, format: Format, context: &Context) -> Result<u8> {
    let (_, report) = context.look()?.findings_report(run)?;
    match format {
        Format::Markdown if context.output.json => context.output.print_json(&report)?,
        Format::Markdown => context.output.print_document(report.markdown().trim_end())?,
        Format::Json => context.output.print_document(&report.json()?)?,
        Format::Sarif => context.output.print_json(&report.sarif())?,
    }
    Ok(exit::DONE)
}

/// Prints or writes the report of a run or a generation.
fn of_work(args: &PageArgs, context: &Context) -> Result<u8> {
    let output = &context.output;
    if args.html.is_none() && !args.markdown && !output.json {
        return Err(
            Error::new(ErrorKind::Usage, "the form of the report is not named").hint(
                "`--html FILE` writes a page, `--markdown` prints a text, `--json` prints what both are made of; `cordwainer report show` \
                 prints the report of an audit or a review",
            ),
        );
    }
    if args.html.as_deref() == Some(Path::new(STDOUT)) && output.json {
        return Err(
            Error::new(ErrorKind::Usage, "a page and JSON cannot both go to stdout").hint("name a file for the page")
        );
    }
    let target = args.html.as_deref().filter(|path| *path != Path::new(STDOUT));
    let file = target
        .map(|path| target_of(&context.directory.join(path)))
        .transpose()?;
    let report = context.look()?.work_report(args.of.as_deref())?;
    let reader = Reader::of(&report, &output.zone.0);
    let pages = page::pages(output.redactor.clone());
    if let Some(file) = &file {
        write_atomically(file, page::html(&report, &pages, &reader)?.as_str().as_bytes())?;
        output.say(&format!("Wrote `{}`.", file.display()));
    } else if args.html.is_some() {
        output.print_rendered(&page::html(&report, &pages, &reader)?)?;
    }
    if output.json {
        output.print_json(&report)?;
    } else if args.markdown {
        output.print_rendered(&page::markdown(&report, &pages, &reader)?)?;
    }
    Ok(exit::DONE)
}

/// Returns the file that is written: what is there in its place is replaced, and must be a file, too.
fn target_of(path: &Path) -> Result<PathBuf> {
    // What a link leads to, so that the link stays.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match path.metadata() {
        Ok(found) if !found.is_file() => {
            let message = format!("`{}` is not a file that can be replaced", path.display());
            Err(Error::new(ErrorKind::Usage, message).hint("name a file, or `-` for stdout"))
        }
        _ => Ok(path),
    }
}
