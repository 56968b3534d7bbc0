//! The page of a repository: its runs and its generations.

use serde::Serialize;

use super::frame::{Content, Frame, rendered};
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::cli::serve::asked::Asked;
use crate::cli::serve::pages::frame::query;
use crate::lifecycle::GenerationSummary;
use crate::model::generation::GenerationName;
use crate::record::overview::{RunOutcome, RunRow};
use crate::report::numbers::{counted, dollars};
use crate::report::page::Word;
use crate::report::runs::{score, seconds};
use crate::report::time::moment;

/// How many runs are shown.
const RUNS: usize = 50;

#[derive(Serialize)]
struct View {
    frame: Frame,
    runs: Vec<Run>,
    left_out: usize,
    generations: Vec<Generation>,
}

#[derive(Serialize)]
struct Run {
    name: String,
    generation: String,
    mode: String,
    began: String,
    time: String,
    merged: String,
    held: usize,
    score: String,
    money: String,
    outcome: Word,
}

#[derive(Serialize)]
struct Generation {
    name: String,
    query: String,
    phase: String,
    is_current: bool,
    began: String,
    tasks: String,
}

/// Shows the runs and generations of a repository.
pub(super) fn content(asked: &Asked<'_>) -> Result<Content> {
    let repository = asked.repository()?;
    let generator = asked.look()?;
    let mut rows = asked.site.folds.runs(&generator)?;
    rows.retain(|row| row.outcome != RunOutcome::NotBegun);
    let left_out = rows.len().saturating_sub(RUNS);
    let is_at_work = rows.iter().any(|row| row.outcome == RunOutcome::AtWork);
    let said = format!(
        "{}, {}.",
        counted(rows.len(), "run"),
        if is_at_work {
            "one is at work"
        } else {
            "none is at work"
        }
    );
    let listing = generator.list()?;
    let view = View {
        frame: Frame::of(asked, &repository, ("Runs and generations", "")),
        runs: rows.iter().take(RUNS).map(|row| run(asked, row)).collect(),
        left_out,
        generations: listing
            .open
            .iter()
            .chain(&listing.ended)
            .map(|one| generation(asked, one))
            .collect(),
    };
    rendered(asked, Some(&repository), ("live/runs.html", "Runs", said), &view)
}

fn run(asked: &Asked<'_>, row: &RunRow) -> Run {
    let zone = &asked.site.context.output.zone.0;
    Run {
        name: row.run.to_string(),
        generation: row
            .generation
            .as_ref()
            .map_or_else(String::new, GenerationName::to_string),
        mode: one_line(row.mode.as_deref().unwrap_or_default(), 60),
        began: row.began_at.map_or_else(String::new, |at| moment(at, zone)),
        time: seconds(row.seconds),
        merged: format!("{} of {}", row.tasks.merged, row.tasks.attempted),
        held: row.tasks.held,
        score: score(row.score),
        money: dollars(row.usage.cost_usd),
        outcome: Word::of_run(row),
    }
}

fn generation(asked: &Asked<'_>, one: &GenerationSummary) -> Generation {
    let zone = &asked.site.context.output.zone.0;
    let name = one.generation.to_string();
    Generation {
        query: query(&[("generation", &name)]),
        name,
        phase: if one.archive.is_some() {
            "ended".to_owned()
        } else {
            crate::report::status::phase(one.phase).to_owned()
        },
        is_current: one.current,
        began: one.began.map_or_else(String::new, |at| moment(at, zone)),
        tasks: one.tasks.map_or_else(String::new, |tasks| {
            format!(
                "{} open, {} in progress, {} held, {} closed",
                tasks.open, tasks.in_progress, tasks.blocked, tasks.closed
            )
        }),
    }
}
