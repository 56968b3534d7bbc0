//! `status` and `list` for people.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use jiff::Timestamp;

use crate::accounting::budget::Scope;
use crate::base::fs::LockHolder;
use crate::base::text::one_line;
use crate::issues::issue::{GroupStanding, IssueCounts};
use crate::lifecycle::{GenerationSummary, Listing, RunState, Status};
use crate::model::generation::Phase;
use crate::model::{CommitId, ModeKind};
use crate::report::lines::short_id;
use crate::report::numbers::{budget, calls, usage};
use crate::report::output::Zone;
use crate::report::runs;
use crate::report::time::{moment, until};
use crate::report::tone::{Line, next_steps};

/// Returns the state of a generation: a small table, and what to do next below it.
pub(crate) fn status(status: &Status, now: Timestamp, zone: &Zone) -> Vec<Line> {
    let mut table = plain_table();
    let tasks = &status.tasks;
    table.add_row(["generation", status.generation.as_str()]);
    if let Some(request) = &status.request {
        table.add_row(["asked for", &format!("{}: {}", status.mode, request.in_words())]);
    } else if !status.documents.is_empty() {
        let documents = one_line(&status.documents.join(", "), 200);
        table.add_row(["built from", &documents]);
    } else if status.mode != ModeKind::Generate.name() {
        table.add_row(["mode", &status.mode]);
    }
    table.add_row(["phase", phase(status.phase)]);
    let base = short(status.base.as_ref().map(CommitId::as_str));
    let began = moment(status.began, &zone.0);
    table.add_row(["base", &format!("{} at {base}", one_line(&status.base_branch, 100))]);
    table.add_row(["began", &began]);
    table.add_row(["tip", &short(status.tip.as_ref().map(CommitId::as_str))]);
    let counts = format!(
        "{} open ({} ready), {} in progress, {} held, {} closed",
        tasks.open, tasks.ready, tasks.in_progress, tasks.blocked, tasks.closed
    );
    table.add_row(["tasks", &counts]);
    for (index, group) in status.groups.iter().enumerate() {
        let name = if index == 0 { "groups" } else { "" };
        table.add_row([name, &group_row(group)]);
    }
    for one in &status.contradictions {
        table.add_row(["contradiction", &one_line(one, 300)]);
    }
    for asked in &status.questions {
        let question = format!("{} asks: {}", asked.task, one_line(&asked.question, 300));
        table.add_row(["question", &question]);
    }
    for stuck in &status.stuck {
        let reason = format!("{}: {}", stuck.task, one_line(&stuck.reason, 300));
        table.add_row(["stuck", &reason]);
    }
    table.add_row(["cycles", &status.cycles.to_string()]);
    used(&mut table, status);
    if let Some(run) = &status.run {
        table.add_row(["run", &run_row(run, status, zone)]);
    }
    if let (Some(used), Some(since)) = (&status.run_usage, status.run_since) {
        table.add_row(["so far", &format!("{}, {}", runs::since(since, now), usage(used))]);
    }
    for (index, one) in status.at_work.iter().enumerate() {
        let name = if index == 0 { "at work" } else { "" };
        table.add_row([name, &runs::at_work(one, now, true)]);
    }
    if let Some(at) = status.paused_until {
        table.add_row(["paused until", &until(at, now, &zone.0)]);
    }
    if let Some(reason) = &status.paused_because {
        table.add_row(["", &one_line(reason, 200)]);
    }
    for hazard in &status.hazards {
        table.add_row(["note", hazard]);
    }
    let mut lines = vec![Line::from(table.trim_fmt())];
    lines.extend(next_steps(&status.next));
    lines
}

/// Returns how a group stands, in a line.
fn group_row(group: &GroupStanding) -> String {
    let (key, name) = (&group.key, one_line(&group.name, 100));
    let tasks = format!("{} of {} tasks closed", group.closed, group.tasks);
    match (group.state, group.waits_for.as_slice()) {
        ("done", _) => format!("{key}: done ({name})"),
        ("at_work", _) => format!("{key}: at work, {tasks} ({name})"),
        (_, []) => format!("{key}: open ({name})"),
        (_, on) => format!("{key}: waits for {} ({name})", one_line(&on.join(", "), 200)),
    }
}

/// Returns what is at work, since when, and what it says that it does.
fn run_row(run: &LockHolder, status: &Status, zone: &Zone) -> String {
    let since = status.run_since.map(|at| format!(", since {}", moment(at, &zone.0)));
    let state = match status.run_state {
        None if run.is_run() => ": it does not answer",
        None | Some(RunState::Working) => "",
        Some(RunState::Pausing) => ": it pauses when what is in progress has ended",
        Some(RunState::Paused) => ": paused",
        Some(RunState::Stopping) => ": stopping",
    };
    format!("{} (process {}{}){state}", run.id, run.pid, since.unwrap_or_default())
}

/// Adds what was used, by role, and what is spent of the budgets.
fn used(table: &mut Table, status: &Status) {
    let all = format!("{} in {}", usage(&status.usage), calls(status.usage.calls));
    table.add_row(["used", &all]);
    for (role, used) in &status.roles {
        let name = format!("  {role}");
        table.add_row([name.as_str(), &format!("{} in {}", usage(used), calls(used.calls))]);
    }
    for standing in &status.budgets {
        let name = match standing.scope {
            Scope::Generation => "budget".to_owned(),
            scope => format!("budget of the {}", scope.name()),
        };
        table.add_row([name.as_str(), &budget(standing)]);
    }
}

/// Returns the generations of a repository, a line each, the newest first.
pub(crate) fn listing(listing: &Listing, zone: &Zone) -> String {
    if listing.open.is_empty() && listing.ended.is_empty() {
        return "There is no generation yet: `cordwainer start` creates one.".to_owned();
    }
    let mut table = plain_table();
    table.add_row(["", "generation", "phase", "began", "tip", "tasks", ""]);
    for one in listing.open.iter().chain(&listing.ended) {
        let mark = if one.current { "*" } else { " " };
        let began = one.began.map_or_else(|| "unknown".to_owned(), |at| moment(at, &zone.0));
        table.add_row([
            mark,
            one.generation.as_str(),
            phase(one.phase),
            &began,
            &short(one.tip.as_deref()),
            &one.tasks.as_ref().map_or_else(|| "cannot be read".to_owned(), counts),
            &place(one),
        ]);
    }
    table.trim_fmt()
}

/// Returns how many tasks there are in which state, of those states that any is in.
fn counts(tasks: &IssueCounts) -> String {
    let counts = [
        (tasks.closed, "closed"),
        (tasks.open, "open"),
        (tasks.in_progress, "in progress"),
        (tasks.blocked, "held"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, state)| format!("{count} {state}")).collect();
    if counts.is_empty() {
        "none".to_owned()
    } else {
        counts.join(", ")
    }
}

pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Finished => "finished",
        Phase::Merged => "merged",
        Phase::Archived => "archived",
    }
}

fn short(id: Option<&str>) -> String {
    id.map_or("none", short_id).to_owned()
}

fn place(one: &GenerationSummary) -> String {
    match (&one.merged, &one.archive) {
        (Some(merged), _) => format!("merged as {}", short(Some(merged))),
        (None, Some(archive)) => format!("kept under {archive}"),
        (None, None) => String::new(),
    }
}
