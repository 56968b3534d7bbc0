//! `runs show`.

use clap::Args;

use crate::base::error::{Result, exit};
use crate::cli::Context;
use crate::lifecycle::Generator;
use crate::report::runs;
use crate::report::terminal::width;

/// The arguments of `runs show`.
#[derive(Clone, Debug, Args)]
pub(super) struct ShowArgs {
    /// Name of the run or the first letters of it, or a generation, for its last run [default: the run that is at work, else
    /// the last one]
    #[arg(value_name = "RUN|NAME")]
    run: Option<String>,
}

pub(super) fn execute(args: &ShowArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let overview = generator.recorded_run(args.run.as_deref())?;
    if context.output.json {
        context.output.print_json(&overview)?;
        return Ok(exit::DONE);
    }
    let now = context.environment.clock.now();
    for line in runs::show(&overview, now, &context.output.zone, width()) {
        context.output.print_line(&line)?;
    }
    Ok(exit::DONE)
}
