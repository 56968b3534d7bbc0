//! `cordwainer start`.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Args;

use super::Context;
use super::documents::documents;
use super::request::RequestArgs;
use crate::base::error::{Context as _, Error, ErrorKind, Result, exit};
use crate::base::text::{one_line, sentence};
use crate::git::DiffStat;
use crate::lifecycle::{CarryFrom, Generator, StartOptions, StartSummary};
use crate::model::generation::GenerationName;
use crate::model::id_list;
use crate::report::numbers::counted;
use crate::report::tone::{Line, Tone};

/// What `--carry` means without a name. No generation is named so.
const LAST: &str = "";

/// The options of `start`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StartArgs {
    /// Name of the generation, without the prefix [default: mode and request, or the current time]
    #[arg(long)]
    name: Option<String>,
    /// Begin from this revision instead of the base branch
    #[arg(long, value_name = "REVISION")]
    from: Option<String>,
    /// Begin with the undone tasks of an ended generation [default: the last one]
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = LAST)]
    carry: Option<String>,
    /// Mode that the generation works in: a built-in one, or one of `modes` in the configuration [default: generate]
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// What is to be done, in your words; `-` reads it from standard input
    #[arg(long, value_name = "TEXT")]
    request: Option<String>,
    #[command(flatten)]
    given: RequestArgs,
    /// Document that it is built from, a file or a folder of the repository; can be given several times
    #[arg(long, value_name = "SPEC")]
    spec: Vec<String>,
    /// Do not ask, however much is cleared
    #[arg(long, short)]
    yes: bool,
}

impl StartArgs {
    fn options(&self, generator: &Generator, context: &Context) -> Result<StartOptions> {
        let carry = |name: &String| match name.as_str() {
            LAST => CarryFrom::Last,
            name => CarryFrom::Named(name.to_owned()),
        };
        let words: Vec<String> = self.request.iter().cloned().collect();
        Ok(StartOptions {
            name: self.name.clone(),
            from: self.from.clone(),
            carry: self.carry.as_ref().map(carry),
            mode: self.mode.clone(),
            request: self.given.read(&words, context)?,
            documents: documents(&self.spec, generator, context)?,
            base: None,
        })
    }
}

/// Asks a person at a terminal before much is cleared. Returns the options to start with.
///
/// It is asked before anything is locked, and before a signal means anything else than the end.
pub(super) fn ask(generator: &Generator, args: &StartArgs, context: &Context) -> Result<StartOptions> {
    let options = args.options(generator, context)?;
    if args.yes {
        return Ok(options);
    }
    asked(generator, options, context)
}

/// Does what [`ask`] does, with options that come from elsewhere.
pub(super) fn asked(generator: &Generator, mut options: StartOptions, context: &Context) -> Result<StartOptions> {
    let at_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if context.output.json || !at_terminal {
        return Ok(options);
    }
    // Where that cannot be determined, `start` fails, too, and says better why.
    let clearing = generator.clearing(&options).unwrap_or_default();
    let Some(clearing) = clearing.filter(|clearing| is_much(clearing.diff)) else {
        return Ok(options);
    };
    let (folders, size) = (clearing.folders.join(", "), size(clearing.diff));
    let question = format!("The generation begins without {folders}: {size}. Start it? [y/N]");
    context.output.say(&question);
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.context("cannot read the answer")?;
    if !matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES") {
        let message = "nothing was started, since the answer was not yes";
        return Err(Error::new(ErrorKind::Precondition, message).hint(
            "`preserve_sources: true` keeps the sources; `cordwainer start --yes` clears them without a question",
        ));
    }
    options.base = Some(clearing.base);
    Ok(options)
}

/// So much is not cleared without a question.
fn is_much(diff: DiffStat) -> bool {
    diff.files > 20 || diff.lines() > 1000
}

fn size(diff: DiffStat) -> String {
    let count = |count: u64, what| counted(usize::try_from(count).unwrap_or(usize::MAX), what);
    format!("{} with {}", count(diff.files, "file"), count(diff.deletions, "line"))
}

/// So many tasks that were carried over are named.
const NAMED: usize = 10;

/// Starts a generation and prints what it begins with.
pub(super) async fn start(generator: &Generator, options: &StartOptions, context: &Context) -> Result<u8> {
    let done = generator.start(options).await?;
    if context.output.json {
        context.output.print_json(&done)?;
        return Ok(exit::DONE);
    }
    tell(&done, options.from.as_deref(), context)?;
    Ok(exit::DONE)
}

/// Starts a generation for a command that goes on with it, and prints what it begins with; returns its name.
pub(super) async fn begin(generator: &Generator, options: &StartOptions, context: &Context) -> Result<GenerationName> {
    let done = generator.start(options).await?;
    if !context.output.json {
        tell(&done, options.from.as_deref(), context)?;
    }
    Ok(done.generation)
}

fn tell(done: &StartSummary, from: Option<&str>, context: &Context) -> Result<()> {
    for hazard in done.hazards.iter().chain(&done.notes) {
        context.output.say(&sentence(&format!("Note: {hazard}")));
    }
    let base_branch = &done.base_branch;
    let (from, into) = match from {
        Some(from) => (one_line(from, 100), format!("; it will be merged into {base_branch}")),
        None => (base_branch.clone(), String::new()),
    };
    let started = format!("Started {} from {from} ({}){into}.", done.generation, &done.base[..10]);
    context.output.print_line(&Line::new(Tone::Good, started))?;
    if !done.cleared.is_empty() {
        let size = done
            .cleared_diff
            .map(|diff| format!(" ({})", size(diff)))
            .unwrap_or_default();
        let folders = done.cleared.join(", ");
        context
            .output
            .print(&format!("Cleared on the generation branch: {folders}{size}."))?;
    }
    if !done.seeded.is_empty() {
        context.output.print(&format!("Seeded: {}.", done.seeded.join(", ")))?;
    }
    if !done.carried.is_empty() {
        let tasks = counted(done.carried.len(), "task");
        let which = if done.carried.len() <= NAMED {
            format!(": {}", id_list(&done.carried))
        } else {
            "; `cordwainer issues list` lists them".to_owned()
        };
        context.output.print(&format!("Carried over {tasks}{which}."))?;
    }
    Ok(())
}
