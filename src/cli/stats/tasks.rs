//! `cordwainer stats tasks`.

use clap::Args;

use super::format::{FormatArgs, Rows, say_estimates};
use crate::base::error::Result;
use crate::cli::Context;
use crate::report::stats;
use crate::report::terminal::width;

/// The arguments of `cordwainer stats tasks`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TasksArgs {
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn execute(args: &TasksArgs, context: &Context) -> Result<u8> {
    args.format.check(context)?;
    let report = context.look()?.task_figures()?;
    let rows = |report: &_| Rows {
        columns: &stats::TASKS,
        rows: stats::tasks_rows(report),
    };
    let done = args
        .format
        .show(context, &report, rows, |report| stats::tasks(report, width()))?;
    if args.format.is_for_people(context) {
        say_estimates(context, report.tasks.iter().map(|task| &task.used));
    }
    Ok(done)
}
