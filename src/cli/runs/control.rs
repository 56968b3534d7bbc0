//! `runs pause`, `runs resume` and `runs reload`: what is requested of the run that is at work.

use clap::Args;

use super::stop::whose;
use crate::base::error::Result;
use crate::cli::Context;
use crate::lifecycle::{Generator, RunStanding, RunState};

/// Which run is meant.
#[derive(Clone, Debug, Args)]
pub(super) struct Named {
    /// Name of the run or of its generation, to be sure that no other one is meant [default: the run that is at work on
    /// this repository]
    #[arg(value_name = "RUN|NAME")]
    name: Option<String>,
}

impl Named {
    pub(super) fn as_deref(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

pub(super) fn pause(generator: &Generator, name: Option<&str>, context: &Context) -> Result<u8> {
    let (run, is_new) = generator.pause_run(name)?;
    let whose = whose(&run);
    context.show(&run, || match (run.state, is_new) {
        (RunState::Paused, false) => format!("{whose} is paused already."),
        (RunState::Paused, true) => format!("{whose} is paused."),
        _ => format!("{whose} is pausing: nothing new begins, and what is in progress comes to its end."),
    })
}

pub(super) fn reload(generator: &Generator, name: Option<&str>, context: &Context) -> Result<u8> {
    let (run, keys) = generator.reload_run(name)?;
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

pub(super) fn resume(generator: &Generator, name: Option<&str>, context: &Context) -> Result<u8> {
    let run = generator.resume_run(name)?;
    context.show(&run, || format!("{} goes on.", whose(&run)))
}

/// What came of `runs reload`, as JSON.
#[derive(serde::Serialize)]
struct Reload<'a> {
    run: &'a RunStanding,
    reloaded: &'a [String],
}
