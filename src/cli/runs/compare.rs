//! `runs compare`.

use clap::Args;

use crate::base::error::Result;
use crate::cli::Context;
use crate::lifecycle::Generator;
use crate::report::runs;
use crate::report::terminal::width;

/// The arguments of `runs compare`.
#[derive(Clone, Debug, Args)]
pub(super) struct CompareArgs {
    /// Runs, by their names or the first letters of these, or generations, ended or not
    #[arg(value_name = "RUN|GENERATION", required = true, num_args = 2..)]
    names: Vec<String>,
}

pub(super) fn execute(args: &CompareArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let all = generator.compared(&args.names)?;
    context.show(&all, || runs::compare(&all, width()))
}
