//! `runs list`, `runs show` and `runs compare` for people.

use std::time::Duration;

use jiff::Timestamp;

use crate::base::text::one_line;
use crate::git::DiffStat;
use crate::lifecycle::{Compared, ComparedKind};
use crate::model::{Role, RunId, Usage};
use crate::record::overview::{AtWork, GateCounts, RunOutcome, RunOverview, RunRow, TaskCounts, TaskRow};
use crate::report::lines::Lines;
use crate::report::numbers::{calls, counted, dollars, tokens, usage};
use crate::report::output::Zone;
use crate::report::terminal::table;
use crate::report::time::{duration, moment};
use crate::report::tone::{Line, Tone};

/// How many of the dearest tasks are shown.
const DEAREST: usize = 5;
/// How many moments of a timeline are shown.
const MOMENTS: usize = 40;
/// What stands where there is nothing to say.
pub(super) const NOTHING: &str = "-";

/// Returns the runs of a repository, a line each; `left_out` is how many older ones there are beside these.
pub(crate) fn list(rows: &[RunRow], left_out: usize, zone: &Zone, width: Option<u16>) -> String {
    if rows.is_empty() {
        return "No run is recorded, or none that was asked for.".to_owned();
    }
    let header = [
        "run",
        "generation",
        "mode",
        "began",
        "time",
        "merged",
        "held",
        "score",
        "money",
        "outcome",
    ];
    let row = |row: &RunRow| -> Vec<String> {
        vec![
            row.run.to_string(),
            row.generation.as_ref().map_or(NOTHING, |name| name.as_str()).to_owned(),
            row.mode
                .as_deref()
                .map_or(NOTHING.to_owned(), |mode| one_line(mode, 40)),
            row.began_at.map_or(NOTHING.to_owned(), |at| moment(at, &zone.0)),
            row.began_at.map_or(NOTHING.to_owned(), |_| seconds(row.seconds)),
            format!("{} of {}", row.tasks.merged, row.tasks.attempted),
            row.tasks.held.to_string(),
            score(row.score),
            dollars(row.usage.cost_usd),
            one_line(&outcome(row), 60),
        ]
    };
    let mut text = table(&header, rows.iter().map(row).collect(), width);
    if left_out > 0 {
        text.push_str(&format!("\n{}; `--limit` shows more.", counted(left_out, "older run")));
    }
    text
}

/// Returns in words how a run stands.
pub(crate) fn outcome(row: &RunRow) -> String {
    let reason = row.reason.as_deref();
    match (row.outcome, reason) {
        (RunOutcome::AtWork, _) => "at work".to_owned(),
        (RunOutcome::Ended, reason) => reason.unwrap_or("ended").to_owned(),
        (RunOutcome::Died, _) => "died: it recorded no end".to_owned(),
        (RunOutcome::NotBegun, _) => "failed before it began".to_owned(),
        (RunOutcome::Unreadable, reason) => reason.unwrap_or("cannot be read").to_owned(),
    }
}

/// Returns everything about a run, for a person.
pub(crate) fn show(overview: &RunOverview, now: Timestamp, zone: &Zone, width: Option<u16>) -> Vec<Line> {
    let mut lines = vec![Line::from(facts(overview, zone))];
    let mut part = |title: &str, part: Vec<Line>| {
        if !part.is_empty() {
            lines.push(Line::from(format!("\n{title}:")));
            lines.extend(part);
        }
    };
    let is_at_work = overview.run.outcome == RunOutcome::AtWork;
    part(
        at_work_heading(overview.run.outcome),
        overview
            .at_work
            .iter()
            .map(|one| Line::from(format!("  {}", at_work(one, now, is_at_work))))
            .collect(),
    );
    part("Held", overview.tasks.iter().filter_map(held).collect());
    part("Dearest tasks", dearest(&overview.tasks, width));
    part("Timeline", timeline(overview, zone));
    lines
}

fn facts(overview: &RunOverview, zone: &Zone) -> String {
    let row = &overview.run;
    let mut rows = vec![fact("run", row.run.to_string())];
    rows.extend(row.generation.as_ref().map(|name| fact("generation", name.as_str())));
    rows.extend(row.mode.as_deref().map(|mode| fact("mode", one_line(mode, 100))));
    rows.push(fact("outcome", outcome(row)));
    rows.extend(row.began_at.map(|at| fact("began", moment(at, &zone.0))));
    rows.push(fact("time", seconds(row.seconds)));
    rows.push(fact("tasks", tasks(overview)));
    rows.extend(
        row.score
            .map(|found| fact("score", format!("{} of 10", score(Some(found))))),
    );
    rows.extend((row.changed != DiffStat::default()).then(|| fact("merged", row.changed.to_string())));
    rows.push(fact("used", used(&row.usage)));
    if overview.measures > 0 {
        rows.push(fact("measures", overview.measures.to_string()));
    }
    for (index, (gate, counts)) in overview.gates.iter().enumerate() {
        let name = if index == 0 { "gates" } else { "" };
        let counts = format!("{} passed, {} failed", counts.passed, counts.failed);
        rows.push(fact(name, format!("{}: {counts}", one_line(gate, 60))));
    }
    if row.unreadable_lines > 0 {
        let lines = usize::try_from(row.unreadable_lines).unwrap_or(usize::MAX);
        let note = format!("left out what cannot be read of its events: {}", counted(lines, "line"));
        rows.push(fact("note", note));
    }
    rows.join("\n")
}

fn fact(name: &str, value: impl AsRef<str>) -> String {
    format!("{name:<12}{}", value.as_ref())
}

fn used(used: &Usage) -> String {
    format!("{} in {}", usage(used), calls(used.calls))
}

pub(crate) fn since(began: Timestamp, now: Timestamp) -> String {
    duration(Duration::try_from(now.duration_since(began)).unwrap_or_default())
}

fn tasks(overview: &RunOverview) -> String {
    let TaskCounts { attempted, held, .. } = overview.run.tasks;
    let ended = overview
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"));
    let held = (held > 0).then(|| format!("{held} held"));
    let all: Vec<String> = ended.chain(held).collect();
    match (attempted, all.is_empty()) {
        (0, _) => "none".to_owned(),
        (_, true) => format!("{attempted} attempted"),
        (_, false) => format!("{attempted} attempted: {}", all.join(", ")),
    }
}

/// Returns what stands above what is in progress, or was when the run came to this.
pub(crate) fn at_work_heading(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::AtWork => "At work",
        RunOutcome::Died => "At work when it died",
        RunOutcome::Ended | RunOutcome::NotBegun | RunOutcome::Unreadable => "At work when it ended",
    }
}

/// Returns how far something is that is in progress, in a line.
pub(crate) fn at_work(one: &AtWork, now: Timestamp, is_at_work: bool) -> String {
    let whose = match (&one.task, one.candidate) {
        (Some(task), 0) => task.to_string(),
        (Some(task), candidate) => format!("{task}.{candidate}"),
        (None, _) => one.role.to_string(),
    };
    let stage = match one.gates.as_slice() {
        [] => one.stage.name().to_owned(),
        gates => format!("gate `{}`", gates.join("`, `")),
    };
    let mut parts = vec![format!("{whose}: {stage}")];
    if one.attempt > 1 {
        parts.push(format!("attempt {}", one.attempt));
    }
    if one.round > 0 {
        parts.push(match one.role {
            role @ (Role::Review | Role::Stage(_)) => format!("{role} {}", one.round),
            _ => format!("fix round {}", one.round),
        });
    }
    if is_at_work {
        parts.push(since(one.began_at, now));
    }
    if one.turns > 0 {
        parts.push(counted(one.turns as usize, "turn"));
    }
    if one.usage.tokens() > 0 {
        parts.push(usage(&one.usage));
    }
    parts.extend(one.tool.as_deref().map(|tool| one_line(tool, 60)));
    let mut text = parts.join(", ");
    if !one.title.is_empty() {
        text.push_str(&format!(" ({})", one_line(&one.title, 80)));
    }
    text
}

fn held(task: &TaskRow) -> Option<Line> {
    let reason = one_line(task.held.as_ref()?, 300);
    let title = one_line(&task.title, 80);
    let mut text = format!("  {} {title}: {reason}", task.task);
    if let Some(question) = &task.question {
        text.push_str(&format!("\n    it asks: {}", one_line(question, 300)));
    }
    Some(Line::new(Tone::Held, text))
}

/// Returns the tasks that cost most.
fn dearest(tasks: &[TaskRow], width: Option<u16>) -> Vec<Line> {
    let mut dear: Vec<&TaskRow> = tasks.iter().filter(|task| task.usage.calls > 0).collect();
    dear.sort_by(|one, other| other.usage.cost_usd.total_cmp(&one.usage.cost_usd));
    if dear.is_empty() {
        return Vec::new();
    }
    let row = |task: &&TaskRow| {
        vec![
            format!("  {}", task.task),
            dollars(task.usage.cost_usd),
            format!("{} tokens", tokens(task.usage.tokens())),
            seconds(task.seconds),
            task.outcome.map_or("at work".to_owned(), |outcome| outcome.to_string()),
            one_line(&task.title, 60),
        ]
    };
    let rows = dear.iter().take(DEAREST).map(row).collect();
    let header = ["  task", "money", "tokens", "time", "outcome", "title"];
    vec![Line::from(table(&header, rows, width))]
}

/// Returns the moments of a run, each with its time.
fn timeline(overview: &RunOverview, zone: &Zone) -> Vec<Line> {
    let mut lines = Lines::new(zone.clone());
    let moments: Vec<Line> = overview
        .timeline
        .iter()
        .flat_map(|event| {
            let at = moment(event.at, &zone.0);
            let of_event = lines.of(event).into_iter().filter(|line| line.tone != Some(Tone::Hint));
            let of_event = of_event.map(move |line| {
                let first = line.text.lines().next().unwrap_or_default().trim_start();
                Line::from(format!("  {at}  {first}"))
            });
            of_event.collect::<Vec<_>>()
        })
        .collect();
    let before = moments.len().saturating_sub(MOMENTS);
    if before == 0 && overview.left_out == 0 {
        return moments;
    }
    let more = before.saturating_sub(1) + overview.left_out;
    let note = format!("  … {more} more; `cordwainer runs logs {}` has them", overview.run.run);
    let first = moments.first().cloned();
    let last = moments.into_iter().skip(before.max(1));
    first.into_iter().chain([Line::from(note)]).chain(last).collect()
}

/// Returns runs and generations beside each other, a column each.
pub(crate) fn compare(all: &[Compared], width: Option<u16>) -> String {
    let row = |name: &str, of: &dyn Fn(&Compared) -> String| {
        let values = all.iter().map(of);
        [name.to_owned()].into_iter().chain(values).collect::<Vec<String>>()
    };
    let mut rows = vec![
        row("kind", &|one| match one.kind {
            ComparedKind::Run => "run".to_owned(),
            ComparedKind::Generation => format!("generation ({})", counted(one.runs, "run")),
        }),
        row("mode", &|one| {
            one.mode
                .as_deref()
                .map_or(NOTHING.to_owned(), |mode| one_line(mode, 40))
        }),
        row("tasks", &|one| one.tasks.attempted.to_string()),
    ];
    let mut outcomes: Vec<_> = all.iter().flat_map(|one| one.outcomes.keys().copied()).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    for outcome in outcomes {
        let count = move |one: &Compared| one.outcomes.get(&outcome).copied().unwrap_or_default().to_string();
        rows.push(row(&format!("  {outcome}"), &count));
    }
    rows.push(row("held", &|one| one.tasks.held.to_string()));
    rows.push(row("score", &|one| score(one.score)));
    let gates =
        |one: &Compared, of: fn(GateCounts) -> u32| one.gates.map_or(NOTHING.to_owned(), |gates| of(gates).to_string());
    rows.push(row("gates passed", &|one| gates(one, |gates| gates.passed)));
    rows.push(row("gates failed", &|one| gates(one, |gates| gates.failed)));
    rows.push(row("measures", &|one| one.measures.to_string()));
    rows.push(row("calls", &|one| one.usage.calls.to_string()));
    rows.push(row("tokens", &|one| tokens(one.usage.tokens())));
    rows.push(row("money", &|one| dollars(one.usage.cost_usd)));
    rows.push(row("time", &|one| one.seconds.map_or(NOTHING.to_owned(), seconds)));
    rows.push(row("lines", &|one| {
        format!("+{} -{}", one.changed.insertions, one.changed.deletions)
    }));
    rows.push(row("files", &|one| one.changed.files.to_string()));
    let header: Vec<String> = row("", &|one| one.name.clone());
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    table(&header, rows, width)
}

/// Returns the line that a follower ends with where the run recorded no end.
pub(crate) fn no_end(run: &RunId) -> String {
    format!("Warning: run {run} recorded no end: it was killed, or failed. `cordwainer resume` continues.")
}

/// Formats how long something took; `5 s`.
pub(crate) fn seconds(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Formats a score, with one digit after its point.
pub(crate) fn score(score: Option<f64>) -> String {
    score.map_or(NOTHING.to_owned(), |score| format!("{score:.1}"))
}

#[cfg(test)]
mod tests;
