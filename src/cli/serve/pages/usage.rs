//! The page of what was used: charts in the course of time, and sums by role, cycle, task and model.

use serde::Serialize;

use super::frame::{Content, Frame, TITLE, rendered};
use crate::accounting::ledger::Sum;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::cli::serve::asked::Asked;
use crate::lifecycle::UsageReport;
use crate::report::numbers::{calls, dollars, tokens};
use crate::report::page::Spending;
use crate::report::runs::seconds;

#[derive(Serialize)]
struct View {
    frame: Frame,
    generation: String,
    total: String,
    spending: Option<Spending>,
    tables: Vec<Table>,
}

/// Sums by one thing.
#[derive(Serialize)]
struct Table {
    by: &'static str,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    calls: u64,
    turns: u64,
    tokens: String,
    money: String,
    time: String,
}

/// Shows what a generation used.
pub(super) fn content(asked: &Asked<'_>) -> Result<Content> {
    let repository = asked.repository()?;
    let generator = asked.look()?;
    let over_time = asked.site.folds.usage(&generator)?;
    let report = &over_time.usage;
    let used = &report.total.usage;
    let said = format!(
        "{} tokens, {} in {}.",
        tokens(used.tokens()),
        dollars(used.cost_usd),
        calls(used.calls)
    );
    let view = View {
        frame: Frame::of(asked, &repository, ("Usage", "/usage")),
        generation: report.generation.to_string(),
        total: said.clone(),
        spending: Spending::over_time(&over_time, &asked.site.context.output.zone.0),
        tables: tables(report),
    };
    rendered(asked, Some(&repository), ("live/usage.html", "Usage", said), &view)
}

fn tables(report: &UsageReport) -> Vec<Table> {
    let by = |by, rows: Vec<Row>| Table { by, rows };
    let tables = [
        by(
            "role",
            report
                .roles
                .iter()
                .map(|(role, sum)| row(role.to_string(), sum))
                .collect(),
        ),
        by(
            "model",
            report
                .models
                .iter()
                .map(|(model, sum)| row(one_line(model, TITLE), sum))
                .collect(),
        ),
        by(
            "cycle",
            report
                .cycles
                .iter()
                .map(|one| row(one.cycle.to_string(), &one.used))
                .collect(),
        ),
        by(
            "task",
            report
                .tasks
                .iter()
                .map(|one| row(one_line(&format!("{} {}", one.id, one.title), TITLE), &one.used))
                .collect(),
        ),
    ];
    tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "shown to the second")]
fn row(name: String, sum: &Sum) -> Row {
    Row {
        name,
        calls: sum.usage.calls,
        turns: sum.turns,
        tokens: tokens(sum.usage.tokens()),
        money: dollars(sum.usage.cost_usd),
        time: seconds(sum.duration_ms as f64 / 1000.0),
    }
}
