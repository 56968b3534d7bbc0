//! The page of a run: what it is at now, what it has spent of its budgets, its tasks, and what happened.

use serde::Serialize;

use super::frame::{Content, Frame, TEXT, TITLE, now, rendered};
use crate::accounting::budget::Scope;
use crate::base::error::{ErrorKind, Result};
use crate::base::text::one_line;
use crate::cli::serve::asked::Asked;
use crate::lifecycle::{Generator, ReportedTask, Status};
use crate::project::RunState;
use crate::record::overview::{RunOutcome, RunOverview};
use crate::report::lasting_of;
use crate::report::numbers::{self, counted, dollars, tokens};
use crate::report::page::{Parts, Reader, Word};
use crate::report::runs::{outcome, score, seconds};
use crate::report::time::{moment, until};
use crate::report::tone::Tone;

/// How many lines of what happened are shown, the last ones.
const LINES: usize = 100;

#[derive(Serialize)]
struct View {
    frame: Frame,
    run: String,
    outcome: Word,
    is_at_work: bool,
    state: Option<Word>,
    facts: Vec<Fact>,
    budgets: Vec<Budget>,
    paused: String,
    tasks: Vec<Task>,
    lines: Vec<Line>,
    left_out: usize,
    #[serde(flatten)]
    parts: Parts,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

/// What is spent of a budget, as a meter and in words.
#[derive(Serialize)]
struct Budget {
    name: String,
    words: String,
    spent: f64,
    limit: f64,
}

#[derive(Serialize)]
struct Task {
    id: String,
    title: String,
    outcome: Word,
    held: String,
    question: String,
    attempts: usize,
    rounds: usize,
    score: String,
    money: String,
}

#[derive(Serialize)]
struct Line {
    /// The day, where it is another one than that of the line before.
    day: String,
    at: String,
    said: Word,
}

/// Shows a run.
pub(super) fn content(asked: &Asked<'_>) -> Result<Content> {
    let repository = asked.repository()?;
    let generator = asked.look()?;
    let run = asked.run(&generator)?;
    let course = asked.site.folds.course(&generator, &run)?;
    let overview = course.overview.clone();
    let report = generator.report_of_course(course)?;
    let parts = Parts::of(&report, &Reader::of(&report, &asked.site.context.output.zone.0));
    let is_at_work = overview.run.outcome == RunOutcome::AtWork;
    let status = if is_at_work {
        status(&generator, &overview)?
    } else {
        None
    };
    let paused = status
        .as_ref()
        .and_then(|status| paused(asked, status))
        .unwrap_or_default();
    let (lines, left_out) = lines(asked, &overview);
    let said = said(&overview);
    let other = other_generation(&generator, &overview)?;
    let view = View {
        frame: Frame::in_generation(asked, &repository, (&format!("Run {run}"), "/run"), other.as_deref()),
        run: run.to_string(),
        outcome: Word::of_run(&overview.run),
        is_at_work,
        state: status.as_ref().and_then(|status| status.run_state).and_then(state),
        facts: facts(asked, &overview),
        budgets: status.as_ref().map(budgets).unwrap_or_default(),
        paused,
        tasks: report.tasks.iter().map(|one| task(one, is_at_work)).collect(),
        lines,
        left_out,
        parts,
    };
    rendered(
        asked,
        Some(&repository),
        ("live/run.html", &format!("Run {run}"), said),
        &view,
    )
}

/// Returns the state of the generation that a run at work works on; `None` where that is not there any more.
fn status(generator: &Generator, overview: &RunOverview) -> Result<Option<Status>> {
    let generation = overview.run.generation.as_ref().map(ToString::to_string);
    match generator.clone().choose(generation).status() {
        Ok(status) => Ok(Some(status)),
        Err(error) if error.kind() == ErrorKind::Precondition => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the generation of a run whose tasks are not those that a link without a generation leads to.
fn other_generation(generator: &Generator, overview: &RunOverview) -> Result<Option<String>> {
    let own = overview.run.generation.as_ref();
    let current = match generator.generation() {
        Ok(current) => Some(current),
        Err(error) if error.kind() == ErrorKind::Precondition => None,
        Err(error) => return Err(error),
    };
    Ok(own.filter(|own| current.as_ref() != Some(own)).map(ToString::to_string))
}

/// Returns the sentence that says how a run stands.
fn said(overview: &RunOverview) -> String {
    let tasks = overview.run.tasks;
    format!(
        "Run {}: {} attempted, {} merged, {} held.",
        one_line(&outcome(&overview.run), TITLE),
        counted(tasks.attempted, "task"),
        tasks.merged,
        tasks.held
    )
}

fn state(state: RunState) -> Option<Word> {
    let word = match state {
        RunState::Working => return None,
        RunState::Pausing => "pausing: what is in progress comes to its end",
        RunState::Paused => "paused",
        RunState::Stopping => "stopping",
    };
    Some(Word::new(Some(Tone::Held), word))
}

fn paused(asked: &Asked<'_>, status: &Status) -> Option<String> {
    let zone = &asked.site.context.output.zone.0;
    let at = until(status.paused_until?, now(asked), zone);
    let because = one_line(status.paused_because.as_deref().unwrap_or_default(), TEXT);
    Some(format!("Calls pause until {at}: {because}"))
}

fn facts(asked: &Asked<'_>, overview: &RunOverview) -> Vec<Fact> {
    let row = &overview.run;
    let zone = &asked.site.context.output.zone.0;
    let fact = |name, value: String| Fact { name, value };
    let mut facts = Vec::new();
    facts.extend(row.generation.as_ref().map(|name| fact("generation", name.to_string())));
    facts.extend(row.mode.as_deref().map(|mode| fact("mode", one_line(mode, TITLE))));
    facts.extend(row.began_at.map(|at| fact("began", moment(at, zone))));
    facts.push(fact("time", seconds(row.seconds)));
    let tasks = row.tasks;
    facts.push(fact(
        "tasks",
        format!(
            "{} attempted, {} merged, {} held",
            tasks.attempted, tasks.merged, tasks.held
        ),
    ));
    facts.extend(
        row.score
            .map(|found| fact("score", format!("{} of 10", score(Some(found))))),
    );
    facts.push(fact(
        "used",
        format!(
            "{} tokens, {} in {}",
            tokens(row.usage.tokens()),
            dollars(row.usage.cost_usd),
            numbers::calls(row.usage.calls)
        ),
    ));
    for (gate, counts) in &overview.gates {
        let words = format!(
            "{}: {} passed, {} failed",
            one_line(gate, TITLE),
            counts.passed,
            counts.failed
        );
        facts.push(fact("gate", words));
    }
    if row.unreadable_lines > 0 {
        let lines = usize::try_from(row.unreadable_lines).unwrap_or(usize::MAX);
        facts.push(fact(
            "left out",
            format!("{} of its events cannot be read", counted(lines, "line")),
        ));
    }
    facts
}

fn budgets(status: &Status) -> Vec<Budget> {
    let of_one = |standing: &crate::accounting::budget::Standing| {
        let scope = match standing.scope {
            Scope::Call => "call",
            Scope::Task => "task",
            Scope::Cycle => "cycle",
            Scope::Run => "run",
            Scope::Generation => "generation",
        };
        let name = format!("budget of the {scope}");
        let usd = standing.usd.map(|usd| Budget {
            name: name.clone(),
            words: format!("{} of {}", dollars(usd.spent), dollars(usd.limit)),
            spent: usd.spent,
            limit: usd.limit,
        });
        let counted = standing.tokens.map(|counted| Budget {
            name,
            words: format!("{} of {} tokens", tokens(counted.spent), tokens(counted.limit)),
            spent: approximate(counted.spent),
            limit: approximate(counted.limit),
        });
        usd.into_iter().chain(counted).collect::<Vec<_>>()
    };
    status.budgets.iter().flat_map(of_one).collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "it is drawn, and the words beside it are exact"
)]
fn approximate(count: u64) -> f64 {
    count as f64
}

fn task(task: &ReportedTask, is_at_work: bool) -> Task {
    let without_end = if is_at_work { "at work" } else { "no end recorded" };
    let text = |text: &Option<String>| one_line(text.as_deref().unwrap_or_default(), TEXT);
    Task {
        id: task.id.to_string(),
        title: one_line(&task.title, TITLE),
        outcome: match (&task.held, task.outcome) {
            (Some(_), _) => Word::new(Some(Tone::Held), "held"),
            (None, outcome) => Word::of_outcome(outcome, without_end),
        },
        held: text(&task.held),
        question: text(&task.question),
        attempts: task.attempts.len(),
        rounds: task.rounds,
        score: task.score.map_or_else(String::new, |score| score.to_string()),
        money: dollars(task.usage.cost_usd),
    }
}

/// Returns what happened last, a line each, and how many lines are left out before them.
fn lines(asked: &Asked<'_>, overview: &RunOverview) -> (Vec<Line>, usize) {
    let zone = &asked.site.context.output.zone;
    let all: Vec<_> = lasting_of(&overview.timeline, zone);
    let left_out = all.len().saturating_sub(LINES);
    let mut last_day = String::new();
    let line = |(at, line): (jiff::Timestamp, crate::report::tone::Line)| {
        let moment = moment(at, &zone.0);
        let (day, time) = moment.split_once(' ').unwrap_or(("", &moment));
        let is_another = day != last_day;
        if is_another {
            day.clone_into(&mut last_day);
        }
        Line {
            day: if is_another { day.to_owned() } else { String::new() },
            at: time.to_owned(),
            said: Word::new(line.tone, one_line(&line.text, TEXT)),
        }
    };
    let shown = all.into_iter().skip(left_out).map(line).collect();
    (shown, left_out + overview.left_out)
}
