//! `cordwainer stats models`.

use clap::Args;

use super::format::{FormatArgs, Rows, say_estimates};
use crate::base::error::Result;
use crate::cli::Context;
use crate::report::stats;
use crate::report::terminal::width;

/// The arguments of `cordwainer stats models`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Look at all generations, open and ended
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn execute(args: &ModelsArgs, context: &Context) -> Result<u8> {
    args.format.check(context)?;
    let report = context.look()?.model_figures(args.all)?;
    let rows = |report: &_| Rows {
        columns: &stats::MODELS,
        rows: stats::models_rows(report),
    };
    let done = args
        .format
        .show(context, &report, rows, |report| stats::models(report, width()))?;
    if args.format.is_for_people(context) {
        say_estimates(context, report.models.iter().map(|model| &model.used));
    }
    Ok(done)
}
