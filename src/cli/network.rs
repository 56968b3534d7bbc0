//! `network`: what the containers of a run were refused, as entries of `network.allow`.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::base::error::{Context as _, Error, ErrorKind, Result, exit};
use crate::base::text::one_line;
use crate::cli::Context;
use crate::model::RunId;
use crate::record::network::{NetworkLog, Suggested, Suggestions, read, suggest};
use crate::report::numbers::counted;

/// The arguments of `network`.
#[derive(Clone, Debug, Args)]
pub(crate) struct NetworkArgs {
    #[command(subcommand)]
    pub(super) command: NetworkCommand,
}

/// The commands of `network`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum NetworkCommand {
    /// Print the narrowest rules for what a run was refused
    ///
    /// Prints YAML to paste into the configuration, after you have read it: agents choose what they ask for. Exits with 4
    /// if nothing was refused.
    #[command(
        after_long_help = "Examples:\n  cordwainer network suggest\n  cordwainer network suggest 20261128-122521528-5083"
    )]
    Suggest {
        /// The run [default: the last one]
        run: Option<String>,
    },
}

/// The JSON of `cordwainer network suggest`.
#[derive(Serialize)]
struct Shown<'a> {
    run: &'a RunId,
    #[serde(flatten)]
    suggestions: &'a Suggestions,
    left_out: u64,
    torn: u64,
}

pub(super) fn execute(command: &NetworkCommand, context: &Context) -> Result<u8> {
    let NetworkCommand::Suggest { run } = command;
    let generator = context.open()?;
    let run = match run {
        Some(named) => existing(generator.state_dir(), named)?,
        None => last(generator.state_dir())?,
    };
    let log = read(generator.state_dir(), &run)?;
    let suggestions = suggest(&log.records);
    let is_empty = suggestions.allow.is_empty() && suggestions.remarks.is_empty();
    if context.output.json {
        context.output.print_json(&Shown {
            run: &run,
            suggestions: &suggestions,
            left_out: log.left_out,
            torn: log.torn,
        })?;
    } else if is_empty {
        context
            .output
            .say(&format!("Run {run} was refused nothing that a rule would allow."));
        say_gaps(&log, context);
    } else {
        context.output.print(yaml(&run, &suggestions).trim_end())?;
        say_gaps(&log, context);
    }
    Ok(if is_empty { exit::NOTHING_TO_DO } else { exit::DONE })
}

/// Says what the record does not have.
fn say_gaps(log: &NetworkLog, context: &Context) {
    let numbered = |count: u64, thing: &str| counted(usize::try_from(count).unwrap_or(usize::MAX), thing);
    if log.left_out > 0 {
        let more = numbered(log.left_out, "connection");
        context.output.say(&format!("Not recorded one by one: {more}."));
    }
    if log.torn > 0 {
        let torn = numbered(log.torn, "line");
        context
            .output
            .say(&format!("Cut short in the record, and left out: {torn}."));
    }
}

fn yaml(run: &RunId, suggestions: &Suggestions) -> String {
    let mut text = format!("# Refused in run {run}. Agents choose what they ask for: keep what they need.\n");
    if !suggestions.allow.is_empty() {
        text.push_str("network:\n  allow:\n");
    }
    for Suggested {
        entry,
        requests,
        warning,
    } in &suggestions.allow
    {
        let warning = warning
            .as_deref()
            .map_or(String::new(), |warning| format!("; {warning}"));
        // Writing to a text does not fail.
        let _ = writeln!(text, "    - {}  # {requests} refused{warning}", entry.to_yaml());
    }
    for remark in &suggestions.remarks {
        let _ = writeln!(text, "# No rule for {}", one_line(remark, 250));
    }
    text
}

/// Returns the run of this name.
fn existing(state_dir: &Path, named: &str) -> Result<RunId> {
    let run = RunId::parse(named).filter(|run| state_dir.join("runs").join(run.as_str()).is_dir());
    run.ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("there is no run `{}`", one_line(named, 60)))
            .hint("each has a folder in `runs` of the state folder; without a name it is the last one")
    })
}

/// Returns the run that began last: their names begin with the time.
fn last(state_dir: &Path) -> Result<RunId> {
    let runs = state_dir.join("runs");
    let failed = || format!("cannot list `{}`", runs.display());
    let entries = match std::fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(none()),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut last: Option<RunId> = None;
    for entry in entries {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        let run = entry.file_name().to_str().and_then(RunId::parse);
        last = last.max(run);
    }
    last.ok_or_else(none)
}

fn none() -> Error {
    Error::new(ErrorKind::NothingToDo, "there was no run yet").hint("`cordwainer run` makes one")
}
