//! What is shown before anything is paid for: a plan, an estimate, the parts of a prompt.

use crate::accounting::estimate::{Figures, Part, Size, Source, Spread};
use crate::base::text::one_line;
use crate::issues::issue::GroupStanding;
use crate::issues::planned::PlannedTask;
use crate::lifecycle::{Estimate, Plan, SizeEstimate};
use crate::prompt::PromptPart;
use crate::report::numbers::{bytes, counted, dollars, tokens, usage};
use crate::report::status::plain_table;
use crate::report::words::in_words;

/// Returns a plan: its tasks as a table, what waits for what, the gates, and what it will take.
pub(crate) fn plan(plan: &Plan) -> String {
    let mut text = format!(
        "{} planned for {} ({}).",
        counted(plan.tasks.len(), "task"),
        plan.generation,
        plan.mode
    );
    if plan.tasks.is_empty() {
        return text;
    }
    let mut table = plain_table();
    table.set_header(["", "task", "type", "lines", "files", "title"]);
    for (index, task) in plan.tasks.iter().enumerate() {
        let lines = task
            .plan
            .estimated_lines
            .map(|lines| lines.to_string())
            .unwrap_or_default();
        table.add_row([
            (index + 1).to_string(),
            task.key.clone(),
            task.issue_type.clone(),
            lines,
            task.plan.files.len().to_string(),
            one_line(&task.title, 100),
        ]);
    }
    text.push_str(&format!("\n\n{}\n\n{}", table.trim_fmt(), graph(&plan.tasks)));
    for task in &plan.tasks {
        if let Some(proof) = &task.plan.proof {
            text.push_str(&format!("\nProof of {}: {}", task.key, one_line(proof, 200)));
        }
    }
    if !plan.groups.is_empty() {
        text.push_str(&format!("\n\n{}", groups(&plan.groups)));
    }
    let gates = match plan.gates.as_slice() {
        [] => "No gates are configured: what an agent finishes is merged unchecked.".to_owned(),
        gates => format!("Gates: {}.", one_line(&gates.join(", "), 500)),
    };
    text.push_str(&format!("\n{gates}\n\n{}", estimate(&plan.estimate)));
    let which = if plan.groups.is_empty() {
        "measure"
    } else {
        "plan and the measure"
    };
    text.push_str(&format!("\nThe {which} used {}.", usage(&plan.usage)));
    text
}

/// Returns groups as a table, in their order, with how each stands.
pub(crate) fn groups(groups: &[GroupStanding]) -> String {
    let mut table = plain_table();
    table.set_header(["group", "state", "tasks", "effort", "name", ""]);
    for group in groups {
        let tasks = match group.tasks {
            0 => format!("about {}", group.estimated_tasks),
            all => format!("{} of {all} closed", group.closed),
        };
        let note = match (group.waits_for.as_slice(), group.held) {
            ([], 0) => String::new(),
            ([], held) => format!("{held} held"),
            (on, _) => format!("after {}", on.join(", ")),
        };
        let state = in_words(group.state);
        let (effort, name) = (group.effort.name().to_owned(), one_line(&group.name, 100));
        table.add_row([group.key.clone(), state, tasks, effort, name, note]);
    }
    table.trim_fmt()
}

/// Returns the order of tasks: those in one line can be done side by side, and each waits for what is said behind it.
fn graph(tasks: &[PlannedTask]) -> String {
    let mut levels: Vec<Vec<String>> = Vec::new();
    let mut level_of = std::collections::BTreeMap::new();
    for task in tasks {
        let after = task.depends_on.iter().filter_map(|key| level_of.get(key.as_str()));
        let level = after.max().map_or(0, |level: &usize| level + 1);
        level_of.insert(task.key.as_str(), level);
        levels.resize(levels.len().max(level + 1), Vec::new());
        let waits = match task.depends_on.as_slice() {
            [] => String::new(),
            on => format!(" (after {})", on.join(", ")),
        };
        levels[level].push(format!("{}{waits}", task.key));
    }
    let lines = levels.iter().enumerate().map(|(index, level)| {
        let arrow = if index == 0 { "  " } else { "→ " };
        format!("{arrow}{}", level.join("   "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns an estimate with its spread and where it comes from.
pub(crate) fn estimate(estimate: &Estimate) -> String {
    let mut table = plain_table();
    table.set_header(["estimate", "calls", "tokens", "money", "agents at work", "from"]);
    let mut row = |what: String, takes: &Spread, from: String| {
        table.add_row([
            what,
            spread(takes, |one| one.calls, |calls| format!("{calls:.0}")),
            spread(takes, |one| one.tokens, whole_tokens),
            money(takes),
            time(takes),
            from,
        ]);
    };
    if let Some(Part { takes, from }) = &estimate.measure {
        let (what, one) = match (estimate.parts, estimate.group_calls) {
            (Some(parts), _) => (format!("{} (each)", counted(parts, "part")), "part"),
            (None, Some(calls)) => {
                let calls = counted(calls, "call");
                (
                    format!("{calls} of plan, measures and closing reviews (each)"),
                    "measure",
                )
            }
            (None, None) => ("measure".to_owned(), "measure"),
        };
        row(what, takes, source(*from, one));
    }
    for SizeEstimate { size, tasks, each } in &estimate.sizes {
        let what = format!("{} (each)", counted(*tasks, &format!("{} task", name(*size))));
        row(what, &each.takes, source(each.from, "task"));
    }
    row("all".to_owned(), &estimate.total, String::new());
    let mut text = table.trim_fmt();
    if let Some(from) = estimate.tasks_from {
        let groups = estimate.groups.map(|groups| counted(groups, "group"));
        let tasks = match (estimate.unplanned_tasks, groups) {
            (Some(new), None) => format!("{} of groups that are not planned yet", counted(new, "task")),
            (Some(new), Some(groups)) => format!("{} in {groups}, not planned yet", counted(new, "task")),
            (None, Some(groups)) => format!("{} in {groups}", counted(estimate.tasks, "task")),
            (None, None) => counted(estimate.tasks, "task"),
        };
        text.push_str(&match from {
            Source::History(measures) => {
                let measures = counted(measures, "measure");
                format!("\n{tasks}: the median of {measures} here.")
            }
            Source::Table => format!("\n{tasks}: a guess, since no measure was made here."),
        });
    }
    if estimate.without_fixes {
        text.push_str("\nThe fixes are not in this estimate.");
    }
    text.push_str("\nIn brackets: what a quarter of those here took less than, and more than; in the table, how far off it may be.");
    text
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate of tokens is far below the largest number, and never negative"
)]
fn whole_tokens(count: f64) -> String {
    tokens(count.max(0.0).round() as u64)
}

fn name(size: Size) -> &'static str {
    match size {
        Size::Small => "small",
        Size::Medium => "medium",
        Size::Large => "large",
    }
}

fn source(from: Source, thing: &str) -> String {
    match from {
        Source::History(count) => format!("{} here", counted(count, thing)),
        Source::Table => "the table of docs/modes.md".to_owned(),
    }
}

/// Returns what calls will cost, with its spread.
pub(super) fn money(takes: &Spread) -> String {
    spread(takes, |one| one.cost_usd, dollars)
}

/// Returns how long agents will be at work, with its spread.
pub(super) fn time(takes: &Spread) -> String {
    spread(takes, |one| one.seconds, |seconds| format!("{:.0} min", seconds / 60.0))
}

fn spread(takes: &Spread, figure: fn(&Figures) -> f64, shown: impl Fn(f64) -> String) -> String {
    let [low, median, high] = [&takes.low, &takes.median, &takes.high].map(|one| shown(figure(one)));
    format!("{median} ({low} to {high})")
}

/// Returns the parts of a prompt as a table.
pub(crate) fn parts(parts: &[PromptPart]) -> String {
    let mut table = plain_table();
    table.set_header(["section", "text", "bytes", "tokens (about)"]);
    for part in parts {
        let section = if part.section.is_empty() {
            "(beginning)"
        } else {
            &part.section
        };
        table.add_row([
            section.to_owned(),
            one_line(part.text.as_deref().unwrap_or_default(), 80),
            part.bytes.to_string(),
            part.tokens.to_string(),
        ]);
    }
    let all: usize = parts.iter().map(|part| part.bytes).sum();
    let about: usize = parts.iter().map(|part| part.tokens).sum();
    table.add_row(["all", "", &bytes(all as u64), &about.to_string()]);
    table.trim_fmt()
}
