//! `runs …`: stopping and pausing the run that is at work, from anywhere.

use clap::{Args, Subcommand};

use super::Context;
use crate::base::error::Result;
use crate::lifecycle::{Generator, RunStanding, RunState};

pub(crate) mod stop;

use self::stop::whose;

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
    ///
    /// A name that this repository does not know is looked for among the runs of all others, which `cordwainer ps` lists; for
    /// that, and for `--all`, no repository is needed.
    #[command(
        after_long_help = "Examples:\n  cordwainer runs stop\n  cordwainer runs stop search --now\n  cordwainer runs stop --all"
    )]
    Stop(stop::StopArgs),
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

impl RunsArgs {
    /// Returns what is stopped that may be in another repository.
    pub(crate) fn stop_of_any(&self) -> Option<&stop::StopArgs> {
        match &self.command {
            RunsCommand::Stop(args) => Some(args).filter(|args| args.is_for_any()),
            _ => None,
        }
    }
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
        RunsCommand::Stop(args) => stop::here(args, generator, context).await,
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
