//! `build` and `plan`: work from documents that are named, in groups.

use clap::Args;

use super::Context;
use super::documents::documents;
use super::mode::{self, WorkArgs};
use super::settings::RunSettings;
use super::showing::showing;
use crate::base::error::{Result, exit};
use crate::base::interruption::Interruption;
use crate::config::Setting;
use crate::lifecycle::{Generator, StartOptions};
use crate::model::ModeKind;
use crate::report::plan::groups;
use crate::report::tone::next_steps;

/// The options of `build`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BuildArgs {
    /// Documents to build from, files or folders of the repository [default: those of the generation that is open]
    #[arg(value_name = "SPEC")]
    specs: Vec<String>,
    #[command(flatten)]
    work: WorkArgs,
}

/// The options of `plan`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlanArgs {
    /// Documents to plan from, files or folders of the repository [default: those of the generation that is open]
    #[arg(value_name = "SPEC")]
    specs: Vec<String>,
    /// Make all that is new one group, and no call
    #[arg(long)]
    one_group: bool,
    /// Name of the generation, without the prefix [default: `build` and the first document's name]
    #[arg(long)]
    name: Option<String>,
    /// Begin from this revision instead of the base branch
    #[arg(long, value_name = "REVISION")]
    from: Option<String>,
    /// Mode that works in groups, of `modes` in the configuration [default: build]
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// Print the prompt of the plan, and make no call
    #[arg(long, conflicts_with = "one_group")]
    prompt: bool,
    /// Print the sections and texts of the prompt with their sizes, instead of it
    #[arg(long, requires = "prompt")]
    parts: bool,
    #[command(flatten)]
    settings: RunSettings,
}

impl BuildArgs {
    /// Returns the keys of the configuration that the options set.
    pub(super) fn settings(&self) -> Vec<Setting> {
        self.work.settings()
    }
}

impl PlanArgs {
    /// Returns the keys of the configuration that the options set.
    pub(super) fn settings(&self) -> Vec<Setting> {
        self.settings.settings()
    }
}

/// Builds what documents ask for, group by group.
pub(super) async fn build(args: &BuildArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let options = StartOptions {
        mode: Some(ModeKind::Build.name().to_owned()),
        documents: documents(&args.specs, generator, context)?,
        ..args.work.options()
    };
    mode::work(options, &args.work, generator, context).await
}

/// Plans groups, and prints them.
pub(super) async fn plan(args: &PlanArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let mode = args.mode.clone().unwrap_or_else(|| ModeKind::Build.name().to_owned());
    let options = StartOptions {
        name: args.name.clone(),
        from: args.from.clone(),
        mode: Some(mode),
        documents: documents(&args.specs, generator, context)?,
        ..StartOptions::default()
    };
    // Before anything begins.
    generator.refuse_to_plan_in(&options)?;
    if args.prompt {
        return mode::show_prompt(generator.plan_prompt(&options)?, args.parts, context);
    }
    let generation = mode::open_or_begin(options, generator, context).await?;
    let generator = generator.clone().choose(Some(generation.to_string()));
    let work = |events, interruption| Box::pin(generator.plan_groups(args.one_group, events, interruption));
    let (planned, _) = showing(&generator, (context, &Interruption::default()), work).await?;
    let Some(planned) = planned else {
        return Ok(exit::INTERRUPTED);
    };
    if context.output.json {
        // One line, like the events before it.
        context.output.print_json_line(&planned)?;
        return Ok(exit::DONE);
    }
    context.output.print(&groups(&planned))?;
    let next = [
        "`cordwainer issues group edit` changes a group before its tasks are filed".to_owned(),
        "`cordwainer build` works through them".to_owned(),
    ];
    let lines = next_steps(&next);
    lines.iter().try_for_each(|line| context.output.print_line(line))?;
    Ok(exit::DONE)
}
