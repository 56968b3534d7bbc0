//! The commands that are named after modes: begin a generation unless one is open for this, run, and with `--stop` merge.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::ending::{self, StopArgs};
use super::request::RequestArgs;
use super::settings::{RunSettings, from_one};
use super::{Context, showing, start};
use crate::base::error::{Context as _, Error, ErrorKind, Result, exit};
use crate::base::interruption::Interruption;
use crate::base::text::sentence;
use crate::config::Setting;
use crate::issues::issue::GroupCounts;
use crate::lifecycle::{Estimate, Generator, RunOptions, RunSummary, StartOptions};
use crate::model::ModeKind;
use crate::model::generation::GenerationName;
use crate::prompt;
use crate::report::numbers::dollars;
use crate::report::plan;
use crate::report::tone::next_steps;

/// The options of a command that is named after a mode.
#[derive(Clone, Debug, Args)]
pub(crate) struct ModeArgs {
    /// What is to be done, in your words; `-` reads it from standard input [default: that of the generation that is open]
    #[arg(value_name = "REQUEST")]
    request: Vec<String>,
    #[command(flatten)]
    given: RequestArgs,
    #[command(flatten)]
    work: WorkArgs,
}

/// The options of each command that begins a generation unless one is open, and works.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkArgs {
    /// Name of the generation, without the prefix [default: the mode and the first words of the request, or the first document's name]
    #[arg(long)]
    name: Option<String>,
    /// Begin from this revision instead of the base branch
    #[arg(long, value_name = "REVISION")]
    from: Option<String>,
    /// Merge the generation when everything is done and the gates pass
    #[arg(long, conflicts_with = "confirm")]
    stop: bool,
    /// Hold what is proposed until you release it
    #[arg(long)]
    confirm: bool,
    /// Attempt this many tasks at most
    #[arg(long, value_name = "N", value_parser = from_one)]
    max_tasks: Option<u32>,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    settings: RunSettings,
}

/// Ways to look before anything is paid for.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
struct Look {
    /// Make one measure, print what it plans and what that will take, and file nothing; `cordwainer run --plan` files it
    #[arg(long, conflicts_with_all = ["stop", "confirm", "max_tasks", "estimate", "prompt"])]
    dry_run: bool,
    /// Write what is planned into this file, for `cordwainer issues import`
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    output: Option<PathBuf>,
    /// Print what the work will take, by what was made here, and make no call
    #[arg(long, conflicts_with_all = ["stop", "confirm", "max_tasks", "prompt"])]
    estimate: bool,
    /// Print the prompt of the measure, and make no call
    #[arg(long, conflicts_with_all = ["stop", "confirm", "max_tasks"])]
    prompt: bool,
    /// Print the sections and texts of the prompt with their sizes, instead of it
    #[arg(long, requires = "prompt")]
    parts: bool,
}

impl ModeArgs {
    /// Returns the keys of the configuration that the options set.
    pub(super) fn settings(&self) -> Vec<Setting> {
        self.work.settings()
    }
}

impl WorkArgs {
    /// Returns the keys of the configuration that the options set.
    pub(super) fn settings(&self) -> Vec<Setting> {
        self.settings.settings()
    }

    /// Returns the options to start a generation with, but for its mode and what it is asked for.
    pub(super) fn options(&self) -> StartOptions {
        StartOptions {
            name: self.name.clone(),
            from: self.from.clone(),
            ..StartOptions::default()
        }
    }
}

/// Does what a mode is for.
pub(super) async fn execute(mode: ModeKind, args: &ModeArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let options = StartOptions {
        mode: Some(mode.name().to_owned()),
        request: args.given.read(&args.request, context)?,
        ..args.work.options()
    };
    work(options, &args.work, generator, context).await
}

/// Returns the generation that is open for the options, or begins it.
pub(super) async fn open_or_begin(
    options: StartOptions,
    generator: &Generator,
    context: &Context,
) -> Result<GenerationName> {
    if let Some(open) = generator.open_for(&options)? {
        context.output.say(&format!("Continuing {open}."));
        // What is typed next is about this one.
        return generator.switch(open.as_str());
    }
    let options = start::asked(generator, options, context)?;
    start::begin(generator, &options, context).await
}

/// Looks, or begins a generation unless one is open for the options, runs, and with `--stop` merges.
pub(super) async fn work(
    options: StartOptions,
    args: &WorkArgs,
    generator: &Generator,
    context: &Context,
) -> Result<u8> {
    if args.look.prompt {
        return show_prompt(generator.measure_prompt(&options)?, args.look.parts, context);
    }
    if args.look.estimate {
        let estimate = generator.estimate(&options)?;
        return context.show(&estimate, || plan::estimate(&estimate));
    }
    let file = args.look.output.as_ref().map(|file| context.directory.join(file));
    // Before anything is paid for.
    file.as_deref().map_or(Ok(()), refuse_if_there)?;
    let replan = !options.documents.is_empty() || options.mode.as_deref() == Some(ModeKind::Build.name());
    let expected = args.look.dry_run.then(|| generator.estimate(&options)).transpose()?;
    let generation = open_or_begin(options, generator, context).await?;
    let generator = generator.clone().choose(Some(generation.to_string()));
    if let Some(expected) = expected {
        return dry_run(&generator, (&expected, file), context).await;
    }
    let options = RunOptions {
        max_tasks: args.max_tasks,
        confirm: args.confirm,
        replan,
        ..RunOptions::default()
    };
    let interruption = Interruption::default();
    let Some(done) = showing::run_shown(&generator, options, &interruption, context).await? else {
        return Ok(exit::INTERRUPTED);
    };
    if !args.stop {
        return Ok(done.exit_code);
    }
    if !is_all_done(&done) {
        context
            .output
            .say(&format!("Not merged, because not everything is done: {}.", done.reason));
        return Ok(done.exit_code);
    }
    let found_nothing = done.measures > 0 && done.exit_code == exit::NOTHING_TO_DO;
    let code = ending::stop(&generator, StopArgs::default(), interruption, context).await?;
    Ok(if found_nothing { exit::NOTHING_TO_DO } else { code })
}

/// Prints the prompt that a measure would get, or its parts.
pub(super) fn show_prompt((prompt, left_out): (String, Vec<String>), parts: bool, context: &Context) -> Result<u8> {
    for what in left_out {
        context.output.say(&sentence(&format!("Note: {what}")));
    }
    if parts {
        let parts = prompt::parts(&prompt);
        return context.show(&parts, || plan::parts(&parts));
    }
    if context.output.json {
        context.output.print_json(&serde_json::json!({ "prompt": prompt }))?;
    } else {
        context.output.print_document(prompt.trim_end())?;
    }
    Ok(exit::DONE)
}

/// Makes one measure that files nothing, and prints what it planned.
async fn dry_run(
    generator: &Generator,
    (expected, file): (&Estimate, Option<PathBuf>),
    context: &Context,
) -> Result<u8> {
    if let Some(measure) = expected.measure.filter(|_| !context.output.json) {
        let about = dollars(measure.takes.median.cost_usd);
        context.output.say(&format!("The measure will cost about {about}."));
    }
    let Some(planned) = showing::dry_run_shown(generator, context).await? else {
        return Ok(exit::INTERRUPTED);
    };
    if let Some(file) = file {
        let text = serde_json::to_string_pretty(&planned.tasks).context("cannot write a plan as JSON")?;
        let written = File::create_new(&file).and_then(|mut made| made.write_all(text.as_bytes()));
        written.with_context(ErrorKind::Unexpected, || {
            format!(
                "cannot write the plan into `{}`; `cordwainer run --plan {}` has it, too",
                file.display(),
                planned.run
            )
        })?;
    }
    if context.output.json {
        // One line, like the events before it.
        context.output.print_json_line(&planned)?;
    } else {
        context.output.print(&plan::plan(&planned))?;
    }
    if planned.tasks.is_empty() {
        return Ok(exit::NOTHING_TO_DO);
    }
    if !context.output.json {
        let next = format!("`cordwainer run --plan {}` files the plan, and does it", planned.run);
        let lines = next_steps(&[next]);
        lines.iter().try_for_each(|line| context.output.print_line(line))?;
    }
    Ok(exit::DONE)
}

/// Refuses to write over something, or into a folder that is not there.
fn refuse_if_there(path: &Path) -> Result<()> {
    let message = format!("cannot write `{}`", path.display());
    if path.symlink_metadata().is_ok() {
        return Err(
            Error::new(ErrorKind::Precondition, format!("{message}: it is there already"))
                .hint("remove it, or name another file"),
        );
    }
    if !path.parent().is_some_and(Path::is_dir) {
        return Err(
            Error::new(ErrorKind::Precondition, format!("{message}: its folder is not there"))
                .hint("make the folder first"),
        );
    }
    Ok(())
}

/// Returns whether a run has left nothing undone: it may have found nothing to do, too.
pub(super) fn is_all_done(done: &RunSummary) -> bool {
    let are_groups_done = done.groups.is_none_or(GroupCounts::is_complete);
    [exit::DONE, exit::NOTHING_TO_DO].contains(&done.exit_code)
        && done.open == 0
        && done.blocked == 0
        && are_groups_done
}
