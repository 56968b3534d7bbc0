//! `runs …`: what runs came to and what they do, and stopping and pausing the one that is at work, from anywhere.

use clap::{Args, Subcommand};

use super::Context;
use crate::base::error::Result;
use crate::lifecycle::Generator;

mod compare;
mod control;
mod list;
mod logs;
mod show;
pub(crate) mod stop;

use control::Named;

/// The arguments of `runs`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
}

/// The commands on runs.
#[derive(Clone, Debug, Subcommand)]
enum RunsCommand {
    /// List the runs, the newest first, those of ended generations, too
    ///
    /// A run is listed while its records are there: `keep` in the configuration says how long. Of a run that was killed it
    /// shows what it came to until then.
    #[command(
        after_long_help = "Examples:\n  cordwainer runs list\n  cordwainer runs list --of search --outcome died,ended\n  cordwainer runs list --limit 0 --json"
    )]
    List(list::ListArgs),
    /// Show everything about a run: its tasks, what is held and why, the dearest tasks, a timeline
    #[command(after_long_help = "Examples:\n  cordwainer runs show\n  cordwainer runs show search")]
    Show(show::ShowArgs),
    /// Print what happened in a run, what its agents said and did, and what came of that
    ///
    /// It can be read while the run is at work, from any terminal. With `--json` it prints the events, one a line, without the
    /// words of agents: these are in the transcripts, for `cordwainer transcript`.
    #[command(
        after_long_help = "Examples:\n  cordwainer runs logs -f\n  cordwainer runs logs 20261130 cw-k7qd\n  cordwainer runs logs --since 10m --level warning"
    )]
    Logs(logs::LogsArgs),
    /// Print what runs or generations came to, beside each other
    ///
    /// Of a generation, tasks, usage and lines are those of its branch and tasks; gates and times are those of its runs whose
    /// records are there.
    #[command(after_long_help = "Example:\n  cordwainer runs compare search search-again")]
    Compare(compare::CompareArgs),
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

pub(super) async fn execute(args: &RunsArgs, generator: &Generator, context: &Context) -> Result<u8> {
    match &args.command {
        RunsCommand::List(args) => list::execute(args, generator, context),
        RunsCommand::Show(args) => show::execute(args, generator, context),
        RunsCommand::Logs(args) => logs::execute(args, generator, context),
        RunsCommand::Compare(args) => compare::execute(args, generator, context),
        RunsCommand::Stop(args) => stop::here(args, generator, context).await,
        RunsCommand::Pause { named } => control::pause(generator, named.as_deref(), context),
        RunsCommand::Reload { named } => control::reload(generator, named.as_deref(), context),
        RunsCommand::Resume { named } => control::resume(generator, named.as_deref(), context),
    }
}
