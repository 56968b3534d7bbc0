//! `cordwainer stats lines`.

use clap::Args;

use super::format::{FormatArgs, Rows};
use crate::base::error::Result;
use crate::cli::Context;
use crate::report::stats;
use crate::report::terminal::width;

/// The arguments of `cordwainer stats lines`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LinesArgs {
    /// Commit to count: a revision, or a generation, open or ended
    #[arg(long, value_name = "REVISION|GENERATION")]
    at: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn execute(args: &LinesArgs, context: &Context) -> Result<u8> {
    args.format.check(context)?;
    let report = context.look()?.lines(args.at.as_deref())?;
    let rows = |report: &_| Rows {
        columns: &stats::LINES,
        rows: stats::lines_rows(report),
    };
    args.format
        .show(context, &report, rows, |report| stats::lines(report, width()))
}
