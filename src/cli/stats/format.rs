//! How figures are printed: as a table for people, as JSON, or as CSV.

use clap::Args;
use serde::Serialize;

use crate::accounting::ledger::Sum;
use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::cli::Context;
use crate::report::csv::Field;
use crate::report::stats::note_of_estimates;

/// The options of commands that print a table of figures.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct FormatArgs {
    /// Print the rows as CSV
    #[arg(long)]
    csv: bool,
}

/// The rows of a table for programs, with the names of its columns.
pub(super) struct Rows<'a> {
    pub(super) columns: &'a [&'a str],
    pub(super) rows: Vec<Vec<Field>>,
}

impl FormatArgs {
    /// Refuses what cannot be printed at once.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where both formats for programs are asked for.
    pub(super) fn check(self, context: &Context) -> Result<()> {
        if self.csv && context.output.json {
            let error = Error::new(ErrorKind::Usage, "`--csv` and `--json` are two formats of one output");
            return Err(error.hint("leave one of them out"));
        }
        Ok(())
    }

    /// Returns whether the output is a table for people.
    pub(super) fn is_for_people(self, context: &Context) -> bool {
        !self.csv && !context.output.json
    }

    /// Prints a report in the format that is asked for.
    pub(super) fn show<T: Serialize>(
        self,
        context: &Context,
        report: &T,
        rows: impl FnOnce(&T) -> Rows<'static>,
        text: impl FnOnce(&T) -> String,
    ) -> Result<u8> {
        if !self.csv {
            return context.show(report, || text(report));
        }
        let Rows { columns, rows } = rows(report);
        context.output.print_csv(columns, &rows)?;
        Ok(exit::DONE)
    }
}

/// Says to the person where some of these figures are not exact.
pub(super) fn say_estimates<'a>(context: &Context, sums: impl Iterator<Item = &'a Sum>) {
    let (estimated, calls) = sums.fold((0, 0), |(estimated, calls), sum| {
        (estimated + sum.estimated, calls + sum.usage.calls)
    });
    if let Some(note) = note_of_estimates(estimated, calls) {
        context.output.say(&note);
    }
}
