//! `stats`: counts documents and lines, and sums up what tasks, models and generations used.

use clap::{Args, Subcommand};
use globset::GlobBuilder;
use serde::Serialize;

use crate::base::error::{Context as _, ErrorKind, Result, exit};
use crate::cli::Context;
use crate::git::{EntryKind, Head, TreeEntry};
use crate::lifecycle::Generator;

mod format;
mod lines;
mod models;
mod tasks;
mod usage;

/// The arguments of `stats`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StatsArgs {
    #[command(subcommand)]
    pub(super) command: Option<StatsCommand>,
}

/// What `stats` sums up beside documents.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum StatsCommand {
    /// Count the lines of a commit by language: code, comments and blank ones, production and tests
    ///
    /// Without `--at` and `--generation` it counts the commit that is checked out. It reads git alone: what is not committed does not
    /// count. The program must be compiled with the feature `lines`.
    #[command(
        after_long_help = "Examples:\n  cordwainer stats lines\n  cordwainer stats lines --at generation-search --csv"
    )]
    Lines(lines::LinesArgs),
    /// Sum up what each task took, and estimate what is left
    ///
    /// A row has all attempts at a task, however they ended: rounds, tokens, cost and time of each, and the lines that were merged.
    /// Below, for an open generation, is what its tasks that are not closed will take, with the spread of what such tasks took here.
    #[command(
        after_long_help = "Examples:\n  cordwainer stats tasks\n  cordwainer stats tasks --csv --generation search"
    )]
    Tasks(tasks::TasksArgs),
    /// Compare models by role: how many attempts were merged, their scores, cost and time
    ///
    /// The rate leaves out attempts that a limit of the account, the infrastructure, a person or the end of a run stopped.
    #[command(after_long_help = "Examples:\n  cordwainer stats models --all\n  cordwainer stats models --csv")]
    Models(models::ModelsArgs),
    /// Sum up calls, tokens, cost and time of a generation, open or ended
    ///
    /// The sums are by role, cycle, task and model.
    #[command(
        after_long_help = "Examples:\n  cordwainer stats usage\n  cordwainer stats usage --calls --generation search"
    )]
    Usage(usage::UsageArgs),
}

/// The counts of one label of `spec_globs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Count {
    label: String,
    files: usize,
    lines: usize,
    words: usize,
}

pub(super) fn execute(args: &StatsArgs, context: &Context) -> Result<u8> {
    match &args.command {
        Some(StatsCommand::Lines(args)) => lines::execute(args, context),
        Some(StatsCommand::Tasks(args)) => tasks::execute(args, context),
        Some(StatsCommand::Models(args)) => models::execute(args, context),
        Some(StatsCommand::Usage(args)) => usage::execute(args, context),
        None => documents(context),
    }
}

fn documents(context: &Context) -> Result<u8> {
    let generator = context.open()?;
    let counts = counts(&generator)?;
    if context.output.json {
        context.output.print_json(&counts)?;
        return Ok(exit::DONE);
    }
    if counts.is_empty() {
        context
            .output
            .say("Nothing to count: `spec_globs` of the configuration is empty.");
    }
    for one in &counts {
        context.output.print(&format!(
            "{}: {} files, {} lines, {} words",
            one.label, one.files, one.lines, one.words
        ))?;
    }
    Ok(exit::DONE)
}

/// Counts in the commit that is checked out.
fn counts(generator: &Generator) -> Result<Vec<Count>> {
    let git = generator.git();
    let entries = match git.head()? {
        Head::Branch { tip, .. } | Head::Detached { tip } => git.files(tip)?,
        Head::Unborn { .. } => Vec::new(),
    };
    let mut counts = Vec::new();
    for (label, glob) in &generator.config().spec_globs {
        let built = GlobBuilder::new(glob).literal_separator(true).build();
        let matcher = built
            .with_context(ErrorKind::Configuration, || format!("`spec_globs.{label}`: not a glob"))?
            .compile_matcher();
        let mut count = Count {
            label: label.clone(),
            files: 0,
            lines: 0,
            words: 0,
        };
        let text_files = entries
            .iter()
            .filter(|entry: &&TreeEntry| entry.kind != EntryKind::Submodule);
        for entry in text_files.filter(|entry| matcher.is_match(&entry.path)) {
            let bytes = git.read_blob(entry.id)?;
            let text = String::from_utf8_lossy(&bytes);
            count.files += 1;
            count.lines += text.lines().count();
            count.words += text.split_whitespace().count();
        }
        counts.push(count);
    }
    Ok(counts)
}
