//! `runs …`: stopping and pausing the run that is at work, from anywhere.

use clap::{Args, Subcommand};

use super::Context;
use crate::base::error::{Result, exit};
use crate::lifecycle::{Generator, RunEnd, RunStanding, RunState};
use crate::report;
use crate::report::live::Waiting;

/// The arguments of `runs`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
}

/// The commands on a run that is at work.
#[derive(Clone, Debug, Subcommand)]
enum RunsCommand {
    /// Stop the run that is at work, as Ctrl-C does where it was begun
    ///
    /// Nothing new begins, and calls in progress have `stop_grace` to finish; then their sessions are suspended. It waits
    /// until the run has ended. `cordwainer resume` continues. It merges nothing: that is what `cordwainer stop` is for.
    #[command(after_long_help = "Examples:\n  cordwainer runs stop\n  cordwainer runs stop search --now")]
    Stop {
        #[command(flatten)]
        named: Named,
        /// Suspend what is in progress at once
        #[arg(long)]
        now: bool,
    },
    /// Pause the run that is at work
    ///
    /// Nothing new begins, and the tasks in progress come to their end. The run stays, and waits for `cordwainer runs
    /// resume`. If it is stopped or dies meanwhile, `cordwainer resume` continues as always.
    #[command(after_long_help = "Example:\n  cordwainer runs pause")]
    Pause {
        #[command(flatten)]
        named: Named,
    },
    /// Have the run that is at work take in what has changed in its configuration
    ///
    /// `stitch.parallel`, `limits.wait` and the budgets of `budget` take effect at once. If another key has changed since the
    /// run began, nothing does.
    #[command(after_long_help = "Example:\n  cordwainer runs reload")]
    Reload {
        #[command(flatten)]
        named: Named,
    },
    /// Let a paused run go on
    #[command(after_long_help = "Example:\n  cordwainer runs resume")]
    Resume {
        #[command(flatten)]
        named: Named,
    },
}

#[derive(Clone, Debug, Args)]
struct Named {
    /// Name of the run or of its generation, to be sure that no other one is meant [default: the run that is at work on
    /// this repository]
    #[arg(value_name = "RUN|NAME")]
    name: Option<String>,
}

impl Named {
    fn as_deref(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

pub(super) async fn execute(args: &RunsArgs, generator: &Generator, context: &Context) -> Result<u8> {
    match &args.command {
        RunsCommand::Stop { named, now } => stop(generator, named.as_deref(), *now, context).await,
        RunsCommand::Pause { named } => {
            let (run, is_new) = generator.pause_run(named.as_deref())?;
            let whose = whose(&run);
            context.show(&run, || match (run.state, is_new) {
                (RunState::Paused, false) => format!("{whose} is paused already."),
                (RunState::Paused, true) => format!("{whose} is paused."),
                _ => format!("{whose} is pausing: nothing new begins, and what is in progress comes to its end."),
            })
        }
        RunsCommand::Reload { named } => {
            let (run, keys) = generator.reload_run(named.as_deref())?;
            let value = Reload {
                run: &run,
                reloaded: &keys,
            };
            context.show(&value, || match keys.as_slice() {
                [] => format!("{} has this configuration already.", whose(&run)),
                keys => format!(
                    "{} has reloaded its configuration: `{}`.",
                    whose(&run),
                    keys.join("`, `")
                ),
            })
        }
        RunsCommand::Resume { named } => {
            let run = generator.resume_run(named.as_deref())?;
            context.show(&run, || format!("{} goes on.", whose(&run)))
        }
    }
}

/// What came of `runs reload`, as JSON.
#[derive(serde::Serialize)]
struct Reload<'a> {
    run: &'a RunStanding,
    reloaded: &'a [String],
}

/// Names a run in the beginning of a sentence.
fn whose(run: &RunStanding) -> String {
    format!("Run {} (process {})", run.id, run.pid)
}

async fn stop(generator: &Generator, name: Option<&str>, now: bool, context: &Context) -> Result<u8> {
    let mut waiting = None;
    let told = |run: &RunStanding| {
        let how = if now {
            "what is in progress is suspended now"
        } else {
            "nothing new begins, and what is in progress has `stop_grace` to finish"
        };
        context.output.say(&format!("{} is stopping: {how}.", whose(run)));
        let is_live = context.is_live();
        waiting = is_live.then(|| Waiting::begin(&context.output.screen, "waiting until the run has ended"));
    };
    let done = generator.stop_run(name, now, told).await?;
    drop(waiting);
    if context.output.json {
        context.output.print_json(&done)?;
        return Ok(exit::DONE);
    }
    let RunEnd { run, pid, end } = done;
    context.output.print(&format!("Run {run} (process {pid}) has ended."))?;
    let lines = end.iter().flat_map(|event| report::lasting(&context.output, event));
    for line in lines {
        context.output.print_line(&line)?;
    }
    Ok(exit::DONE)
}
