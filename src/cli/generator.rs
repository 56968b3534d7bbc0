//! `generator …`: the life of a generation.

use clap::{Args, Subcommand};

use crate::base::error::{Result, exit};
use crate::base::interruption::Interruption;
use crate::base::text::{one_line, sentence};
use crate::cli::audit::{self, AuditArgs};
use crate::cli::build::{self, BuildArgs, PlanArgs};
use crate::cli::ending::{self, StopArgs};
use crate::cli::mode::{self, ModeArgs};
use crate::cli::settings::{RunSettings, from_one};
use crate::cli::showing::{run_shown, showing};
use crate::cli::signal::{self, OnSignal};
use crate::cli::start::{self, StartArgs};
use crate::cli::{Context, gc, init, runs, watch};
use crate::config::Setting;
use crate::lifecycle::{self, Generator, RunOptions, StartOptions};
use crate::model::{ModeKind, TypedId};
use crate::report::time::clock_time;
use crate::report::tone::next_steps;
use crate::report::{self, guidance};

/// The arguments of `generator`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GeneratorArgs {
    #[command(subcommand)]
    pub(super) command: GeneratorCommand,
}

/// The commands of a generation's life.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GeneratorCommand {
    /// Write a commented configuration.yaml, fitted to the repository
    ///
    /// The default branch of `origin` becomes the base branch, without one the branch that is checked out. It overwrites
    /// nothing, and prints what it chose and what to type next.
    #[command(after_long_help = "Example:\n  cordwainer init --scaffold")]
    Init(init::InitArgs),
    /// Create a generation branch from the base branch
    ///
    /// Clears `source_dirs` on the new branch, unless `preserve_sources` is set, and writes the seed files. Your checkout
    /// stays as it is.
    #[command(
        after_long_help = "Examples:\n  cordwainer start --name search\n  cordwainer start --from v1.2\n  cordwainer start --carry"
    )]
    Start(StartArgs),
    /// Work from the documents of the repository: measure, do the tasks, measure again
    ///
    /// Like `start` and `run` in one. A generation of this mode that is open is continued.
    #[command(after_long_help = "Example:\n  cordwainer generate --name search")]
    Generate(ModeArgs),
    /// Build what documents ask for, group by group
    ///
    /// Groups are planned where there are none: documents of at most 2048 bytes are one group, and no call is made for that. Then
    /// group by group the tasks are asked for and done, all changes of the group are reviewed, and the gates pass on it.
    #[command(
        after_long_help = "Examples:\n  cordwainer build docs/specification.md\n  cordwainer build docs/specification.md --stop"
    )]
    Build(BuildArgs),
    /// Plan the groups in which documents are built, and do nothing of it
    ///
    /// Begins a generation of the mode `build`, unless one is open for the documents. Where documents changed since the last plan,
    /// groups are added for what is new.
    #[command(
        after_long_help = "Examples:\n  cordwainer plan docs/specification.md\n  cordwainer plan docs/specification.md --one-group"
    )]
    Plan(PlanArgs),
    /// Add what a request asks for
    ///
    /// One measure proposes the tasks, all of them are done, and the code that is there stays. The generation is named
    /// after the request; the same request again continues it.
    #[command(
        after_long_help = "Examples:\n  cordwainer feature \"export entries as CSV\"\n  cordwainer feature --request-file csv.md --stop"
    )]
    Feature(ModeArgs),
    /// Fix the fault that a report describes
    ///
    /// Each task has a proof: a command that fails before the work and passes on its result.
    #[command(
        after_long_help = "Examples:\n  cordwainer fix \"half sizes round down\" --attach test.log\n  cordwainer fix --request-file report.md --stop"
    )]
    Fix(ModeArgs),
    /// Add tests that are missing
    ///
    /// Without a request, the agent looks for what no test checks.
    #[command(after_long_help = "Examples:\n  cordwainer test\n  cordwainer test \"the parser's errors\" --stop")]
    Test(ModeArgs),
    /// Change the form of the code, and nothing that its tests see
    ///
    /// Changes to existing tests are not accepted.
    #[command(after_long_help = "Example:\n  cordwainer refactor \"one module for each format\"")]
    Refactor(ModeArgs),
    /// Do what a request says, in one task or a few
    #[command(after_long_help = "Example:\n  cordwainer exec \"rename the crate to ledgerline\" --stop")]
    Exec(ModeArgs),
    /// Look for what is wrong with files, change none, and report it
    ///
    /// Reads what is committed, in parts that fit into a call each. The report is kept with the run, as Markdown, JSON and
    /// SARIF; what was not read is listed in it. Nothing else is left behind, unless findings become tasks.
    #[command(
        after_long_help = "Examples:\n  cordwainer audit --type security src\n  cordwainer audit --since v1.2 --fail-on high\n  cordwainer audit --fix --stop"
    )]
    Audit(AuditArgs),
    /// Say what is wrong with files, or with what changed in them, and report it
    ///
    /// Works like `audit`: without `--type`, it looks at correctness, form and tests.
    #[command(
        after_long_help = "Examples:\n  cordwainer review --since main\n  cordwainer review src/parser --severity high"
    )]
    Review(AuditArgs),
    /// Do the ready tasks and measure, until the cycles are done or nothing is left
    ///
    /// A cycle is one measure, which files tasks, and the tasks that follow. After Ctrl-C nothing new begins, and calls
    /// in progress have `stop_grace` to finish; a second Ctrl-C suspends them at once. `cordwainer runs stop` does the same from
    /// any terminal.
    #[command(
        after_long_help = "Examples:\n  cordwainer run --cycles 3\n  cordwainer run --confirm --budget-usd 2\n  cordwainer run --only docs --model haiku"
    )]
    Run(RunArgs),
    /// Continue after an interruption, a limit or a crash
    ///
    /// Works like `run`: suspended sessions continue in their worktrees. While a run is at work, only `--now` has an effect,
    /// on that run.
    #[command(after_long_help = "Example:\n  cordwainer resume --now")]
    Resume(ResumeArgs),
    /// List, show, follow and compare runs; stop and pause the one that is at work, from any terminal
    #[command(after_long_help = "Examples:\n  cordwainer runs list\n  cordwainer runs logs -f\n  cordwainer runs stop")]
    Runs(runs::RunsArgs),
    /// Show what the run that is at work does, as its own terminal does, until it has ended
    ///
    /// It begins with what the run did before. Ctrl-C ends the watching, and not the run.
    #[command(after_long_help = "Example:\n  cordwainer watch")]
    Watch,
    /// Merge the generation into the base branch and end it
    ///
    /// It does not end a run that is at work: `cordwainer runs stop` does. The gates run on the merge before anything is moved. The merge is all or nothing: on a conflict, or a gate that
    /// fails, nothing changes. Tasks and their commits stay reachable under `refs/cordwainer/archive/`.
    #[command(after_long_help = "Examples:\n  cordwainer stop\n  cordwainer stop --no-merge")]
    Stop(StopArgs),
    /// End the generation without merging it
    ///
    /// Its branch, issues and task commits stay reachable under `refs/cordwainer/archive/`.
    #[command(after_long_help = "Example:\n  cordwainer reset --generation search")]
    Reset,
    /// Run one measure phase: ask the agent for tasks
    ///
    /// The agent reads the documents and proposes tasks; valid ones are filed. It changes no files.
    #[command(after_long_help = "Examples:\n  cordwainer measure\n  cordwainer measure --confirm")]
    Measure {
        /// Hold what it proposes until you release it
        #[arg(long)]
        confirm: bool,
        #[command(flatten)]
        settings: RunSettings,
    },
    /// Make one attempt at a task
    ///
    /// On success the result is merged onto the generation branch, and the task is closed.
    #[command(after_long_help = "Example:\n  cordwainer stitch cw-k7qd")]
    Stitch {
        /// Task to attempt, by its id or the first letters of it [default: the first ready one]
        id: Option<TypedId>,
        #[command(flatten)]
        settings: RunSettings,
    },
    /// Print the state of the generation: tasks, usage, budgets and pauses, and what the run that is at work is at
    #[command(after_long_help = "Examples:\n  cordwainer status --json\n  cordwainer status --watch")]
    Status {
        /// Follow the run that is at work until it has ended, as `cordwainer watch` does
        #[arg(long)]
        watch: bool,
    },
    /// List the generations, open and ended
    #[command(after_long_help = "Example:\n  cordwainer list")]
    List,
    /// Switch the current generation
    ///
    /// Commands without `--generation` then use it.
    #[command(after_long_help = "Example:\n  cordwainer switch search")]
    Switch {
        /// Name of the generation; the prefix may be left out
        name: String,
    },
    /// Free disk space: spare slots, old records of runs, archives of merged generations, leftover containers
    ///
    /// `keep` in the configuration sets how much stays. Work that is not merged always stays, unless `--archive` names
    /// it. The objects of an archive are freed when git itself next cleans up.
    #[command(after_long_help = "Examples:\n  cordwainer gc --dry-run\n  cordwainer gc")]
    Gc(gc::GcArgs),
}

/// The options of `run`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// Number of measures, or `off` for as many as it takes, instead of `cycles` in the configuration
    #[arg(long, value_name = "N", value_parser = cycles)]
    cycles: Option<u32>,
    /// Attempt the tasks that are there, and make no measure
    #[arg(long, conflicts_with = "cycles")]
    tasks_only: bool,
    /// Attempt this many tasks at most
    #[arg(long, value_name = "N", value_parser = from_one)]
    max_tasks: Option<u32>,
    /// Attempt only these tasks, and make no measure; can be given several times
    #[arg(long, value_name = "LABEL|ID", conflicts_with = "cycles")]
    only: Vec<String>,
    /// Hold what the measure proposes until you release it
    #[arg(long, conflicts_with_all = ["cycles", "tasks_only", "only"])]
    confirm: bool,
    /// File what this run planned with `--dry-run`, and do it
    #[arg(long, value_name = "RUN", conflicts_with = "only")]
    plan: Option<String>,
    #[command(flatten)]
    settings: RunSettings,
}

/// So many measures that no run makes them.
const WITHOUT_END: u32 = u32::MAX;

fn cycles(text: &str) -> Result<u32, String> {
    match text {
        "off" => Ok(WITHOUT_END),
        count => count.parse().map_err(|_| "expected a whole number or `off`".to_owned()),
    }
}

impl RunArgs {
    fn options(&self) -> RunOptions {
        RunOptions {
            cycles: if self.tasks_only { Some(0) } else { self.cycles },
            max_tasks: self.max_tasks,
            only: self.only.clone(),
            confirm: self.confirm,
            plan: self.plan.clone(),
            replan: false,
        }
    }
}

/// The options of `resume`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    run: RunArgs,
    /// End a pause at once, including that of a run that is waiting, and that of `cordwainer runs pause`
    #[arg(long)]
    now: bool,
}

impl GeneratorCommand {
    /// Returns the mode that the command is named after, and its options.
    fn mode(&self) -> Option<(ModeKind, &ModeArgs)> {
        Some(match self {
            Self::Generate(args) => (ModeKind::Generate, args),
            Self::Feature(args) => (ModeKind::Feature, args),
            Self::Fix(args) => (ModeKind::Fix, args),
            Self::Test(args) => (ModeKind::Test, args),
            Self::Refactor(args) => (ModeKind::Refactor, args),
            Self::Exec(args) => (ModeKind::Exec, args),
            _ => return None,
        })
    }

    /// Returns the keys of the configuration that the command's own options set.
    fn settings(&self) -> Vec<Setting> {
        if let Some((_, args)) = self.mode() {
            return args.settings();
        }
        match self {
            Self::Build(args) => args.settings(),
            Self::Plan(args) => args.settings(),
            Self::Audit(args) | Self::Review(args) => args.settings(),
            Self::Run(args) | Self::Resume(ResumeArgs { run: args, .. }) => args.settings.settings(),
            Self::Measure { settings, .. } | Self::Stitch { settings, .. } => settings.settings(),
            _ => Vec::new(),
        }
    }
}

pub(super) async fn execute(command: &GeneratorCommand, context: &Context) -> Result<u8> {
    if let GeneratorCommand::Init(args) = command {
        return init::execute(args, context);
    }
    if let GeneratorCommand::Runs(args) = command
        && let Some(stop) = args.stop_of_any()
    {
        return runs::stop::any(stop, context).await;
    }
    let context = &context.with_settings(command.settings());
    let generator = match command {
        GeneratorCommand::Status { watch: false } | GeneratorCommand::List => context.look()?,
        GeneratorCommand::Runs(_) | GeneratorCommand::Watch | GeneratorCommand::Status { watch: true } => {
            Generator::open_to_request(&context.directory, context.environment.clone())?
        }
        _ => context.open()?,
    };
    match command {
        GeneratorCommand::Build(args) => Box::pin(build::build(args, &generator, context)).await,
        GeneratorCommand::Plan(args) => Box::pin(build::plan(args, &generator, context)).await,
        GeneratorCommand::Audit(args) => Box::pin(audit::execute(ModeKind::Audit, args, &generator, context)).await,
        GeneratorCommand::Review(args) => Box::pin(audit::execute(ModeKind::Review, args, &generator, context)).await,
        _ => match command.mode() {
            Some((mode, args)) => Box::pin(mode::execute(mode, args, &generator, context)).await,
            None => Box::pin(step(command, &generator, context)).await,
        },
    }
}

/// Runs a command that is a step of a generation's life, or looks at it.
async fn step(command: &GeneratorCommand, generator: &Generator, context: &Context) -> Result<u8> {
    // Before signals are listened to: at a question, Ctrl-C ends the command.
    let start_options = match command {
        GeneratorCommand::Start(args) => start::ask(generator, args, context)?,
        _ => StartOptions::default(),
    };
    let interruption = Interruption::default();
    if let GeneratorCommand::Start(_) | GeneratorCommand::Stop(_) | GeneratorCommand::Reset = command {
        let finish = OnSignal::Finish {
            interruption: interruption.clone(),
            grace: generator.config().stop_grace,
        };
        signal::listen(finish, context)?;
    }
    match command {
        GeneratorCommand::Init(_) => unreachable!("handled above, because it needs no configuration"),
        GeneratorCommand::Generate(_)
        | GeneratorCommand::Build(_)
        | GeneratorCommand::Plan(_)
        | GeneratorCommand::Feature(_)
        | GeneratorCommand::Fix(_)
        | GeneratorCommand::Test(_)
        | GeneratorCommand::Refactor(_)
        | GeneratorCommand::Exec(_)
        | GeneratorCommand::Audit(_)
        | GeneratorCommand::Review(_) => unreachable!("handled above, because a run listens to signals in another way"),
        GeneratorCommand::Start(_) => start::start(generator, &start_options, context).await,
        GeneratorCommand::Run(args) => Box::pin(run(generator, args, context)).await,
        GeneratorCommand::Resume(args) => Box::pin(resume(generator, args, context)).await,
        GeneratorCommand::Stop(args) => ending::stop(generator, *args, interruption, context).await,
        GeneratorCommand::Reset => ending::reset(generator, context).await,
        GeneratorCommand::Measure { confirm, .. } => measure(generator, *confirm, context).await,
        GeneratorCommand::Stitch { id, .. } => stitch(generator, id.as_ref(), context).await,
        GeneratorCommand::Watch | GeneratorCommand::Status { watch: true } => watch::execute(generator, context),
        GeneratorCommand::Status { watch: false } => status(generator, context),
        GeneratorCommand::List => {
            let listing = generator.list()?;
            context.show(&listing, || report::status::listing(&listing, &context.output.zone))
        }
        GeneratorCommand::Runs(args) => runs::execute(args, generator, context).await,
        GeneratorCommand::Gc(args) => gc::execute(args, generator, context).await,
        GeneratorCommand::Switch { name } => {
            let found = generator.switch(name)?;
            let value = serde_json::json!({ "generation": found });
            context.show(&value, || format!("Switched to {found}."))
        }
    }
}

fn status(generator: &Generator, context: &Context) -> Result<u8> {
    let status = generator.status()?;
    if context.output.json {
        context.output.print_json(&status)?;
        return Ok(exit::DONE);
    }
    let (now, zone) = (context.environment.clock.now(), &context.output.zone);
    let mut lines = report::status::status(&status, now, zone).into_iter();
    lines.try_for_each(|line| context.output.print_line(&line))?;
    Ok(exit::DONE)
}

async fn run(generator: &Generator, args: &RunArgs, context: &Context) -> Result<u8> {
    let done = run_shown(generator, args.options(), &Interruption::default(), context).await?;
    Ok(done.map_or(exit::INTERRUPTED, |done| done.exit_code))
}

async fn resume(generator: &Generator, args: &ResumeArgs, context: &Context) -> Result<u8> {
    if args.now {
        let lifted = generator.lift_pauses()?;
        for pause in &lifted {
            let reason = one_line(&pause.reason, 300);
            let (now, zone) = (context.environment.clock.now(), &context.output.zone);
            let until = clock_time(pause.until, now, &zone.0);
            let lifted = sentence(&format!("Lifted the pause until {until}: {reason}"));
            context.output.say(&lifted);
        }
        let resumed = generator.resume_if_paused()?;
        if resumed.is_some() {
            context.output.say("Lifted the pause of `cordwainer runs pause`.");
        }
        let is_lifted = !lifted.is_empty() || resumed.is_some();
        if let Some(waiting) = generator.run_at_work()?.filter(|_| is_lifted) {
            context
                .output
                .say(&format!("Run {} (process {}) continues.", waiting.id, waiting.pid));
            return Ok(exit::DONE);
        }
    }
    Box::pin(run(generator, &args.run, context)).await
}

async fn measure(generator: &Generator, confirm: bool, context: &Context) -> Result<u8> {
    let (filed, _) = showing(
        generator,
        (context, &Interruption::default()),
        |events, interruption| generator.measure(confirm, events, interruption),
    )
    .await?;
    Ok(filed.map_or(exit::INTERRUPTED, lifecycle::exit::of_measure))
}

async fn stitch(generator: &Generator, typed: Option<&TypedId>, context: &Context) -> Result<u8> {
    let find = |typed: &TypedId| generator.store()?.read()?.find(typed);
    let id = typed.map(find).transpose()?;
    let work = |events, interruption| Box::pin(generator.stitch(id, events, interruption));
    let (outcome, shown) = showing(generator, (context, &Interruption::default()), work).await?;
    if let Some(task) = shown.attempted.filter(|_| !context.output.json) {
        let issues = generator.store()?.read()?;
        let steps = next_steps(&guidance::after_attempt(issues.get(&task)?));
        steps.iter().try_for_each(|step| context.output.print_line(step))?;
    }
    Ok(outcome.map_or(exit::INTERRUPTED, lifecycle::exit::of_attempt))
}
