//! The figures of `cordwainer stats` for people, and as rows for programs: lines, tasks and models.

use std::time::Duration;

use crate::accounting::ledger::Sum;
use crate::base::text::one_line;
use crate::git::DiffStat;
use crate::lifecycle::{
    LanguageLines, LineReport, Lines, ModelFigures, ModelReport, NotCounted, TaskFigures, TaskReport,
};
use crate::model::Usage;
use crate::record::overview::sum;
use crate::report::csv::Field;
use crate::report::numbers::{calls, counted, dollars, tokens};
use crate::report::plan::estimate;
use crate::report::runs::{NOTHING, score, seconds};
use crate::report::terminal::table;
use crate::report::time::duration;

/// The longest title or model in a table, in characters.
const NAME_MAX: usize = 40;
/// How many files that are too large are named; JSON has all.
const LISTED: usize = 5;

/// The columns of lines as CSV.
pub(crate) const LINES: [&str; 9] = [
    "language",
    "files",
    "lines",
    "code",
    "comments",
    "blank",
    "production",
    "test",
    "revision",
];

/// The columns of tasks as CSV.
pub(crate) const TASKS: [&str; 18] = [
    "id",
    "title",
    "status",
    "outcome",
    "attempts",
    "rounds",
    "score",
    "files",
    "insertions",
    "deletions",
    "calls",
    "turns",
    "tokens",
    "cost_usd",
    "estimated_calls",
    "agent_seconds",
    "seconds",
    "generation",
];

/// The columns of models as CSV.
pub(crate) const MODELS: [&str; 13] = [
    "model",
    "role",
    "attempts",
    "interrupted",
    "merged",
    "merged_rate",
    "score",
    "calls",
    "turns",
    "tokens",
    "cost_usd",
    "estimated_calls",
    "agent_seconds",
];

/// Returns the lines of a commit as a table, and what is not counted below it.
pub(crate) fn lines(report: &LineReport, width: Option<u16>) -> String {
    let row = |name: &str, lines: &Lines| -> Vec<String> {
        let figures = figures(lines).map(|figure| figure.to_string());
        [vec![name.to_owned()], figures.to_vec()].concat()
    };
    let mut rows: Vec<Vec<String>> = report
        .languages
        .iter()
        .map(|one| row(&one.language, &one.lines))
        .collect();
    rows.push(row("total", &report.total));
    let revision = report.revision.as_str();
    let header = [
        &[revision.get(..10).unwrap_or(revision)],
        // The revision stands in the corner.
        &LINES[1..LINES.len() - 1],
    ]
    .concat();
    let mut text = table(&header, rows, width);
    text.push_str(&not_counted(&report.not_counted));
    text
}

fn figures(lines: &Lines) -> [u64; 7] {
    let Lines {
        files,
        all,
        code,
        comments,
        blank,
        production,
        test,
    } = *lines;
    [files, all, code, comments, blank, production, test]
}

/// Returns in a line what is not counted; nothing where all is.
fn not_counted(not: &NotCounted) -> String {
    let some = |count: u64, what: &str| {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        (count > 0).then(|| counted(count, what))
    };
    let names: Vec<&str> = not.unknown_names.iter().map(|(name, _)| name.as_str()).collect();
    let unknown = some(not.unknown, "text");
    let unknown = unknown.map(|texts| format!("{texts} in no known language ({})", names.join(", ")));
    let large: Vec<String> = not
        .too_large
        .iter()
        .take(LISTED)
        .map(|path| one_line(path, 100))
        .collect();
    let too_large = some(not.too_large.len() as u64, "file");
    let parts = [
        unknown,
        some(not.binary, "binary file"),
        some(not.links, "link"),
        some(not.submodules, "submodule"),
        too_large.map(|files| format!("{files} of more than 64 MiB ({})", large.join(", "))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("\n\nNot counted: {}.", parts.join("; "))
}

/// Returns the lines of a commit as rows.
pub(crate) fn lines_rows(report: &LineReport) -> Vec<Vec<Field>> {
    let row = |one: &LanguageLines| {
        let figures = figures(&one.lines).map(Field::count);
        let revision = vec![Field::text(report.revision.as_str())];
        [vec![Field::text(&one.language)], figures.to_vec(), revision].concat()
    };
    report.languages.iter().map(row).collect()
}

/// Returns the tasks of a generation as a table, and what is left below it.
pub(crate) fn tasks(report: &TaskReport, width: Option<u16>) -> String {
    let header = [
        report.generation.as_str(),
        "state",
        "attempts",
        "rounds",
        "score",
        "lines",
        "tokens",
        "money",
        "time",
        "title",
    ];
    let mut text = if report.tasks.is_empty() {
        format!("{} has no tasks yet.", report.generation)
    } else {
        let mut rows: Vec<Vec<String>> = report.tasks.iter().map(task).collect();
        rows.push(all_tasks(&report.tasks));
        table(&header, rows, width)
    };
    if let Some(left) = &report.left {
        text.push_str("\n\n");
        text.push_str(&match left.tasks {
            0 if left.group_calls.is_none() => "No task is left.".to_owned(),
            tasks => format!("Left, with {} to do:\n\n{}", counted(tasks, "task"), estimate(left)),
        });
    }
    text
}

fn task(task: &TaskFigures) -> Vec<String> {
    let state = match task.outcome {
        Some(outcome) => format!("{}, {outcome}", task.status.word()),
        None => task.status.word().to_owned(),
    };
    let tried = task.attempts > 0;
    let found = |text: String| if tried { text } else { NOTHING.to_owned() };
    vec![
        task.id.to_string(),
        state,
        task.attempts.to_string(),
        task.rounds.to_string(),
        score(task.score.map(f64::from)),
        task.changed.map_or(NOTHING.to_owned(), changed),
        found(tokens(task.used.usage.tokens())),
        found(dollars(task.used.usage.cost_usd)),
        found(seconds(task.seconds)),
        one_line(&task.title, NAME_MAX),
    ]
}

/// Returns the row of all tasks together.
fn all_tasks(tasks: &[TaskFigures]) -> Vec<String> {
    let lines = tasks.iter().filter_map(|task| task.changed);
    let lines = lines.fold(DiffStat::default(), sum);
    let usage = tasks.iter().map(|task| task.used.usage).sum::<Usage>();
    vec![
        "total".to_owned(),
        String::new(),
        tasks.iter().map(|task| task.attempts).sum::<usize>().to_string(),
        tasks.iter().map(|task| task.rounds).sum::<usize>().to_string(),
        String::new(),
        changed(lines),
        tokens(usage.tokens()),
        dollars(usage.cost_usd),
        seconds(tasks.iter().map(|task| task.seconds).sum()),
        counted(tasks.len(), "task"),
    ]
}

fn changed(changed: DiffStat) -> String {
    format!("+{} -{}", changed.insertions, changed.deletions)
}

/// Returns the tasks of a generation as rows.
pub(crate) fn tasks_rows(report: &TaskReport) -> Vec<Vec<Field>> {
    let row = |task: &TaskFigures| {
        let changed = |of: fn(DiffStat) -> u64| Field::known(task.changed, |changed| Field::count(of(changed)));
        let about = vec![
            Field::text(&task.id),
            Field::text(&task.title),
            Field::text(task.status.word()),
            Field::known(task.outcome, |outcome| Field::text(&outcome)),
            Field::count(task.attempts),
            Field::count(task.rounds),
            Field::known(task.score, Field::count),
            changed(|changed| changed.files),
            changed(|changed| changed.insertions),
            changed(|changed| changed.deletions),
        ];
        let took = vec![Field::number(task.seconds, 3), Field::text(&report.generation)];
        [about, used(&task.used).to_vec(), took].concat()
    };
    report.tasks.iter().map(row).collect()
}

/// Returns calls, turns, tokens, money, how many of the calls these are estimated of, and the time of the calls.
fn used(used: &Sum) -> [Field; 6] {
    [
        Field::count(used.usage.calls),
        Field::count(used.turns),
        Field::count(used.usage.tokens()),
        Field::number(used.usage.cost_usd, 6),
        Field::count(used.estimated),
        Field::number(Duration::from_millis(used.duration_ms).as_secs_f64(), 3),
    ]
}

/// Returns what models came to as a table.
pub(crate) fn models(report: &ModelReport, width: Option<u16>) -> String {
    if report.models.is_empty() {
        return match report.generations.as_slice() {
            [only] => format!("{only} made no calls yet."),
            _ => "No call was made yet.".to_owned(),
        };
    }
    let header = [
        "model", "role", "attempts", "merged", "rate", "score", "calls", "tokens", "money", "time",
    ];
    let rows = report.models.iter().map(model).collect();
    table(&header, rows, width)
}

fn model(one: &ModelFigures) -> Vec<String> {
    let is_about_tasks = one.attempts > 0;
    let count = |count: usize| {
        if is_about_tasks {
            count.to_string()
        } else {
            NOTHING.to_owned()
        }
    };
    vec![
        one_line(&one.model, NAME_MAX),
        one.role.to_string(),
        count(one.attempts),
        count(one.merged),
        one.merged_rate
            .map_or(NOTHING.to_owned(), |rate| format!("{:.0} %", rate * 100.0)),
        score(one.score),
        one.used.usage.calls.to_string(),
        tokens(one.used.usage.tokens()),
        dollars(one.used.usage.cost_usd),
        duration(Duration::from_millis(one.used.duration_ms)),
    ]
}

/// Returns what models came to as rows.
pub(crate) fn models_rows(report: &ModelReport) -> Vec<Vec<Field>> {
    let row = |one: &ModelFigures| {
        let about = vec![
            Field::text(&one.model),
            Field::text(&one.role),
            Field::count(one.attempts),
            Field::count(one.interrupted),
            Field::count(one.merged),
            Field::known(one.merged_rate, |rate| Field::number(rate, 4)),
            Field::known(one.score, |score| Field::number(score, 2)),
        ];
        [about, used(&one.used).to_vec()].concat()
    };
    report.models.iter().map(row).collect()
}

/// Returns a note where some figures are not exact; `calls` is how many there are.
pub(crate) fn note_of_estimates(estimated: u64, all: u64) -> Option<String> {
    (estimated > 0).then(|| {
        format!(
            "{estimated} of {} were killed before reporting usage; their output tokens and cost are estimates.",
            calls(all)
        )
    })
}
