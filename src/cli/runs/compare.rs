//! `runs compare`.

use clap::Args;

use crate::base::error::Result;
use crate::base::text::one_line;
use crate::cli::Context;
use crate::lifecycle::{Comparison, Generator};
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
    let Comparison { compared, unreadable } = generator.compared(&args.names)?;
    for row in &unreadable {
        let why = one_line(&runs::outcome(row), 500);
        context
            .output
            .say(&format!("Warning: run {} is left out: {why}.", row.run));
    }
    context.show(&compared, || runs::compare(&compared, width()))
}
