//! `ps`: the runs of all repositories of this user.

use std::time::Duration;

use clap::Args;

use super::Context;
use super::runs::stop::look;
use crate::base::error::{Result, exit};
use crate::base::text::one_line;
use crate::lifecycle::{RegisteredRun, RegisteredState};
use crate::report::numbers::dollars;
use crate::report::terminal::{table, width};
use crate::report::time::duration;

/// The longest path that is shown.
const LONGEST_PATH: usize = 200;

/// The arguments of `ps`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PsArgs {
    /// List the last run of repositories, too, in which none is at work
    #[arg(long)]
    all: bool,
}

pub(super) fn execute(args: &PsArgs, context: &Context) -> Result<u8> {
    let found = look(context)?;
    let is_listed = |run: &&RegisteredRun| args.all || run.state != RegisteredState::Ended;
    let runs: Vec<&RegisteredRun> = found.runs.iter().filter(is_listed).collect();
    if context.output.json {
        context.output.print_json(&runs)?;
        return Ok(exit::DONE);
    }
    if runs.is_empty() {
        context.output.print("No run is at work in any repository of yours.")?;
        return Ok(exit::DONE);
    }
    let now = context.environment.clock.now();
    let header = [
        "repository",
        "generation",
        "run",
        "mode",
        "state",
        "tasks",
        "money",
        "elapsed",
        "pid",
    ];
    let row = |run: &&RegisteredRun| {
        let elapsed = Duration::try_from(now.duration_since(run.began)).unwrap_or_default();
        let is_over = run.state == RegisteredState::Ended;
        vec![
            one_line(&run.repository.display().to_string(), LONGEST_PATH),
            run.generation.to_string(),
            run.run.to_string(),
            one_line(run.mode.as_deref().unwrap_or_default(), LONGEST_PATH),
            word(run.state).to_owned(),
            run.so_far
                .map(|so_far| format!("{} of {}", so_far.task, so_far.tasks))
                .unwrap_or_default(),
            run.so_far
                .map(|so_far| dollars(so_far.usage.cost_usd))
                .unwrap_or_default(),
            if is_over {
                String::new()
            } else {
                duration(Duration::from_secs(elapsed.as_secs().max(1)))
            },
            if is_over { String::new() } else { run.pid.to_string() },
        ]
    };
    context
        .output
        .print(&table(&header, runs.iter().map(row).collect(), width()))?;
    Ok(exit::DONE)
}

fn word(state: RegisteredState) -> &'static str {
    match state {
        RegisteredState::Working => "working",
        RegisteredState::Pausing => "pausing",
        RegisteredState::Paused => "paused",
        RegisteredState::Stopping => "stopping",
        RegisteredState::Silent => "silent",
        RegisteredState::Ended => "ended",
    }
}
