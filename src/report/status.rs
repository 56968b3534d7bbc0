//! `status` and `list` for people.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use crate::accounting::budget::Scope;
use crate::base::text::one_line;
use crate::issues::issue::Status as TaskStatus;
use crate::lifecycle::{GenerationSummary, Listing, Status};
use crate::model::CommitId;
use crate::model::generation::Phase;
use crate::report::lines::short_id;
use crate::report::numbers::{budget, calls, usage};

/// Returns the word by which people read and type a task's status. JSON has `blocked` where people read `held`.
pub(crate) fn word(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Open => "open",
        TaskStatus::InProgress => "in_progress",
        TaskStatus::Blocked => "held",
        TaskStatus::Closed => "closed",
    }
}

/// Returns the state of a generation, as a small table.
pub(crate) fn status(status: &Status) -> String {
    let mut table = plain_table();
    let tasks = &status.tasks;
    table.add_row(["generation", status.generation.as_str()]);
    table.add_row(["phase", phase(status.phase)]);
    table.add_row(["base", &short(status.base.as_ref().map(CommitId::as_str))]);
    table.add_row(["tip", &short(status.tip.as_ref().map(CommitId::as_str))]);
    let counts = format!(
        "{} open ({} ready), {} in progress, {} held, {} closed",
        tasks.open, tasks.ready, tasks.in_progress, tasks.blocked, tasks.closed
    );
    table.add_row(["tasks", &counts]);
    table.add_row(["cycles", &status.cycles.to_string()]);
    table.add_row([
        "used",
        &format!("{} in {}", usage(&status.usage), calls(status.usage.calls)),
    ]);
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
    if let Some(run) = &status.run {
        table.add_row(["run", &format!("{} (process {})", run.id, run.pid)]);
    }
    if let Some(until) = status.paused_until {
        table.add_row(["paused until", &until.to_string()]);
    }
    if let Some(reason) = &status.paused_because {
        table.add_row(["", &one_line(reason, 200)]);
    }
    if let Some(way_out) = status.way_out {
        table.add_row(["", way_out]);
    }
    for hazard in &status.hazards {
        table.add_row(["note", hazard]);
    }
    table.trim_fmt()
}

/// Returns the generations of a repository, a line each.
pub(crate) fn listing(listing: &Listing) -> String {
    if listing.open.is_empty() && listing.ended.is_empty() {
        return "There is no generation yet: `cordwainer start` creates one.".to_owned();
    }
    let mut table = plain_table();
    for one in listing.open.iter().chain(&listing.ended) {
        let mark = if one.current { "*" } else { " " };
        table.add_row([
            mark,
            one.generation.as_str(),
            phase(one.phase),
            &short(one.tip.as_deref()),
            &place(one),
        ]);
    }
    table.trim_fmt()
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn phase(phase: Phase) -> &'static str {
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
