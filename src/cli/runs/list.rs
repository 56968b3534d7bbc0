//! `runs list`.

use clap::{Args, ValueEnum};

use crate::base::error::{Result, exit};
use crate::cli::Context;
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;
use crate::record::overview::{RunOutcome, RunRow};
use crate::report::runs;
use crate::report::terminal::width;

/// The arguments of `runs list`.
#[derive(Clone, Debug, Args)]
pub(super) struct ListArgs {
    /// Number of runs to list; 0 lists all
    #[arg(short = 'L', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Only runs of this generation, ended or not; the prefix may be left out
    #[arg(long, value_name = "GENERATION")]
    of: Option<String>,
    /// Only runs with this outcome; may be repeated
    #[arg(long, value_enum, value_delimiter = ',')]
    outcome: Vec<Outcome>,
    /// Only runs in this mode
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// Also runs that failed before they had an engine to work with
    #[arg(short, long)]
    all: bool,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Outcome {
    /// It is at work
    AtWork,
    /// It came to its end
    Ended,
    /// It recorded no end
    Died,
    /// It failed before it began
    NotBegun,
    /// Its records cannot be read
    Unreadable,
}

impl From<Outcome> for RunOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::AtWork => Self::AtWork,
            Outcome::Ended => Self::Ended,
            Outcome::Died => Self::Died,
            Outcome::NotBegun => Self::NotBegun,
            Outcome::Unreadable => Self::Unreadable,
        }
    }
}

impl ListArgs {
    /// Returns whether a run is asked for; `prefix` is that of the names of generations.
    fn has(&self, row: &RunRow, prefix: &str) -> bool {
        let of_generation = self.of.as_ref().is_none_or(|wanted| {
            let name = row.generation.as_ref().map(GenerationName::as_str);
            name.is_some_and(|name| name == wanted || name.strip_prefix(prefix) == Some(wanted))
        });
        let of_mode = self.mode.is_none() || row.mode == self.mode;
        let of_outcome = match self.outcome.as_slice() {
            [] => self.all || row.outcome != RunOutcome::NotBegun,
            wanted => wanted.iter().any(|wanted| RunOutcome::from(*wanted) == row.outcome),
        };
        of_generation && of_mode && of_outcome
    }
}

pub(super) fn execute(args: &ListArgs, generator: &Generator, context: &Context) -> Result<u8> {
    let prefix = &generator.config().gen_prefix;
    let mut rows = generator.runs()?;
    rows.retain(|row| args.has(row, prefix));
    let limit = if args.limit == 0 { rows.len() } else { args.limit };
    let left_out = rows.len().saturating_sub(limit);
    rows.truncate(limit);
    if context.output.json {
        context.output.print_json(&rows)?;
        return Ok(exit::DONE);
    }
    let text = runs::list(&rows, left_out, &context.output.zone, width());
    context.output.print(&text)?;
    Ok(exit::DONE)
}
