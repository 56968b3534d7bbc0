//! `cordwainer stats usage`: the time that the calls of a generation took, and what they used.

use std::time::Duration;

use clap::Args;

use super::format::say_estimates;
use crate::accounting::ledger::{Entry, Sum};
use crate::base::error::{Result, exit};
use crate::base::text::one_line;
use crate::cli::Context;
use crate::lifecycle::UsageReport;
use crate::model::Usage;
use crate::report::numbers::{dollars, tokens};
use crate::report::output::Zone;
use crate::report::terminal;
use crate::report::time::{duration, moment};

/// The longest title or model in a table, in characters.
const NAME_MAX: usize = 40;
/// The names of the columns of [`used`].
const USED: [&str; 5] = ["input", "cache write", "cache read", "output", "cost"];

/// The arguments of `cordwainer stats usage`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UsageArgs {
    /// List every call instead of the sums
    #[arg(long)]
    calls: bool,
}

pub(super) fn execute(args: &UsageArgs, context: &Context) -> Result<u8> {
    let report = context.look()?.usage()?;
    if context.output.json {
        context.output.print_json(&report)?;
    } else if report.calls.is_empty() {
        context.output.say(&format!("{} made no calls yet.", report.generation));
    } else {
        let width = terminal::width();
        let table = if args.calls {
            ledger(&report, width, &context.output.zone)
        } else {
            sums(&report, width)
        };
        context.output.print(&table)?;
        say_estimates(context, std::iter::once(&report.total));
    }
    Ok(exit::DONE)
}

/// Returns the sums, a line each, in groups.
fn sums(report: &UsageReport, width: Option<u16>) -> String {
    let roles = report.roles.iter().map(|(role, sum)| (role.to_string(), sum));
    let cycles = report.cycles.iter().map(|one| (one.cycle.to_string(), &one.used));
    let title = |title: &str| one_line(title, NAME_MAX);
    let tasks = report
        .tasks
        .iter()
        .map(|one| (format!("{} {}", one.id, title(&one.title)), &one.used));
    let models = report.models.iter().map(|(model, sum)| (title(model), sum));
    let mut rows = Vec::new();
    rows.extend(group("role", roles));
    rows.extend(group("cycle", cycles));
    rows.extend(group("task", tasks));
    rows.extend(group("model", models));
    rows.push(row("total".to_owned(), &report.total));
    let header = [&[report.generation.as_str(), "calls", "turns"][..], &USED, &["time"]].concat();
    terminal::table(&header, rows, width)
}

/// Formats one group of sums below its name; returns nothing for an empty group.
fn group<'a>(name: &str, sums: impl Iterator<Item = (String, &'a Sum)>) -> Vec<Vec<String>> {
    let rows: Vec<_> = sums.map(|(name, sum)| row(format!("  {name}"), sum)).collect();
    if rows.is_empty() {
        return rows;
    }
    [vec![vec![format!("by {name}")]], rows].concat()
}

fn row(name: String, sum: &Sum) -> Vec<String> {
    let counts = vec![name, sum.usage.calls.to_string(), sum.turns.to_string()];
    [counts, used(&sum.usage), vec![time(sum.duration_ms)]].concat()
}

/// Returns every call, a line each.
fn ledger(report: &UsageReport, width: Option<u16>, zone: &Zone) -> String {
    let header = [
        &["ended", "role", "task", "attempt", "cycle", "model", "turns"][..],
        &USED,
        &["time", "outcome"],
    ];
    let rows = report.calls.iter().map(|entry| call(entry, zone)).collect();
    terminal::table(&header.concat(), rows, width)
}

fn call(entry: &Entry, zone: &Zone) -> Vec<String> {
    let task = entry.task.as_ref().map_or_else(String::new, ToString::to_string);
    let model = one_line(entry.model.as_deref().unwrap_or("unknown"), NAME_MAX);
    let place = vec![
        moment(entry.ended_at, &zone.0),
        entry.role.to_string(),
        task,
        match entry.candidate {
            0 => entry.attempt.to_string(),
            candidate => format!("{}.{candidate}", entry.attempt),
        },
        entry.cycle.to_string(),
        model,
        entry.turns.to_string(),
    ];
    let about = if entry.estimated { " (estimated)" } else { "" };
    let end = vec![time(entry.duration_ms), format!("{}{about}", entry.outcome)];
    [place, used(&entry.usage), end].concat()
}

fn used(usage: &Usage) -> Vec<String> {
    let counts = [usage.input, usage.cache_write, usage.cache_read, usage.output];
    let money = dollars(usage.cost_usd);
    counts.into_iter().map(tokens).chain([money]).collect()
}

fn time(milliseconds: u64) -> String {
    duration(Duration::from_millis(milliseconds))
}
