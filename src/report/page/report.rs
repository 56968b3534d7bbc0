//! The report of a run or a generation: a page that stands alone, and a text in Markdown.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::at_work::AtWork;
use super::axis::Axis;
use super::findings::Finding;
use super::spending::Spending;
use super::tasks::{Detail, Fact, Reader, Task, fact, left_out, used};
use super::timeline::{Look, Timeline};
use super::words::Word;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::git::DiffStat;
use crate::lifecycle::{ComparedKind, ReportedTask, WorkReport};
use crate::model::IssueId;
use crate::record::overview::{GateCounts, RunRow};
use crate::report::numbers::counted;
use crate::report::runs::{score, seconds};
use crate::report::templates::{Pages, Rendered};
use crate::report::time::moment;

/// How large a page may be, in bytes: mail and chat programs take no more of a file with ease.
const LIMIT: usize = 1_000_000;

/// How much a report has, the most first. A page that is too large is made again with less.
const LEVELS: [Level; 4] = [
    Level {
        detail: Detail {
            title: 200,
            text: 500,
            steps: 60,
            lines: 20,
            is_full: true,
        },
        look: Look {
            has_table: true,
            has_names: true,
        },
        findings: 200,
        runs: 200,
        tasks: usize::MAX,
    },
    Level {
        detail: Detail {
            title: 160,
            text: 240,
            steps: 12,
            lines: 4,
            is_full: true,
        },
        findings: 100,
        ..SHORT
    },
    Level {
        detail: Detail {
            title: 100,
            text: 120,
            steps: 4,
            lines: 0,
            is_full: true,
        },
        findings: 50,
        ..SHORT
    },
    SHORT,
];
/// The least that is said of each task. Where that is too much, some tasks are left out.
const SHORT: Level = Level {
    detail: Detail {
        title: 60,
        text: 60,
        steps: 0,
        lines: 0,
        is_full: false,
    },
    look: Look {
        has_table: false,
        has_names: false,
    },
    findings: 20,
    runs: 50,
    tasks: usize::MAX,
};
/// How many runs are named that cannot be read.
const NAMED: usize = 20;
/// How many gates are listed.
const GATES: usize = 100;
/// How many tasks are listed that are held: it is these that somebody has to see, whichever tasks there is room for.
const HELD: usize = 500;

/// How much a report has.
#[derive(Clone, Copy, Debug)]
struct Level {
    detail: Detail,
    look: Look,
    /// How many findings.
    findings: usize,
    /// How many runs, the last ones.
    runs: usize,
    /// How many tasks.
    tasks: usize,
}

/// A form of a report.
struct Form {
    /// Its template.
    template: &'static str,
    /// How many bytes an attempt with its figures has at least.
    attempt: usize,
    /// How many bytes a step of one has at least.
    step: usize,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Report {
    /// `Run`, `Generation`.
    kind: &'static str,
    name: String,
    /// How it stands.
    outcome: Word,
    facts: Vec<Fact>,
    /// What is wrong with the records, or left out.
    notes: Vec<String>,
    /// The runs of a generation; none of a run's own report.
    runs: Vec<Run>,
    at_work: Option<AtWork>,
    held: Vec<Held>,
    /// How many more are held, in words; empty where none are.
    held_left_out: String,
    timeline: Option<Timeline>,
    spending: Option<Spending>,
    scores: Vec<Score>,
    gates: Vec<Gate>,
    findings: Vec<Finding>,
    tasks: Vec<Task>,
    made_at: String,
    version: &'static str,
}

/// A run of a generation.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Run {
    name: String,
    outcome: Word,
    facts: Vec<Fact>,
}

/// A task that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Held {
    id: String,
    /// Whether the page has that task, so that a link leads there.
    is_linked: bool,
    title: String,
    reason: String,
    /// What its agent asks; empty where it asks nothing.
    question: String,
}

/// How many tasks have a score.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Score {
    score: u8,
    tasks: usize,
}

/// How often a gate passed and failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Gate {
    name: String,
    passed: u32,
    failed: u32,
}

/// Returns the report as a page that stands alone.
///
/// # Errors
///
/// Of kind [`ErrorKind::Unexpected`](crate::base::error::ErrorKind::Unexpected) where the templates do not fit.
pub(crate) fn html(report: &WorkReport, pages: &Pages, reader: &Reader) -> Result<Rendered> {
    let form = Form {
        template: "report.html",
        attempt: 400,
        step: 60,
    };
    rendered(&form, report, pages, reader)
}

/// Returns the report as Markdown, in which no text of an agent is markup.
///
/// # Errors
///
/// As [`html`].
pub(crate) fn markdown(report: &WorkReport, pages: &Pages, reader: &Reader) -> Result<Rendered> {
    let form = Form {
        template: "report.md",
        attempt: 30,
        step: 20,
    };
    rendered(&form, report, pages, reader)
}

/// Renders a report with as much as there is room for.
fn rendered(form: &Form, report: &WorkReport, pages: &Pages, reader: &Reader) -> Result<Rendered> {
    let with = |level: &Level, is_short: bool| {
        let report = Report::of(report, level, is_short, reader);
        pages.render(form.template, &report)
    };
    let mut levels = LEVELS.iter().enumerate();
    while let Some((index, level)) = levels.find(|(_, level)| form.least(report, level) < LIMIT) {
        let text = with(level, index > 0)?;
        if text.as_str().len() < LIMIT {
            return Ok(text);
        }
    }
    let mut level = SHORT;
    level.tasks = report.tasks.len();
    loop {
        level.tasks /= 2;
        let text = with(&level, true)?;
        if text.as_str().len() < LIMIT || level.tasks == 0 {
            return Ok(text);
        }
    }
}

impl Form {
    /// Returns how large the report is at least, so that one which is certain to be too large is not rendered.
    fn least(&self, report: &WorkReport, level: &Level) -> usize {
        if !level.detail.is_full {
            return 0;
        }
        let attempts = report.tasks.iter().flat_map(|task| &task.attempts);
        let bytes = attempts.map(|attempt| self.attempt + self.step * attempt.steps.len().min(level.detail.steps));
        bytes.sum()
    }
}

/// The parts of a page of a run that is served, beside those that it has for itself.
#[cfg(feature = "serve")]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Parts {
    pub(crate) at_work: Option<AtWork>,
    pub(crate) timeline: Option<Timeline>,
    pub(crate) spending: Option<Spending>,
    pub(crate) findings: Vec<Finding>,
}

#[cfg(feature = "serve")]
impl Parts {
    /// Shows the parts of a report.
    pub(crate) fn of(report: &WorkReport, reader: &Reader) -> Self {
        let level = &LEVELS[0];
        let axis = Axis::of(report);
        let findings = report.findings.iter().take(level.findings);
        Self {
            at_work: AtWork::of(report, reader, level.detail.text),
            timeline: Timeline::of(report, axis.as_ref(), reader, level.look),
            spending: Spending::of(&report.spent, axis.as_ref(), &reader.zone),
            findings: findings
                .map(|found| Finding::of(found, level.detail.text, true))
                .collect(),
        }
    }
}

impl Report {
    fn of(report: &WorkReport, level: &Level, is_short: bool, reader: &Reader) -> Self {
        let axis = Axis::of(report);
        let of_run = report.summary.kind == ComparedKind::Run;
        let tasks = &report.tasks[..report.tasks.len().min(level.tasks)];
        let linked: HashSet<&IssueId> = tasks.iter().map(|task| &task.id).collect();
        let findings = report.findings.iter().take(level.findings);
        let is_linked = |task: &IssueId| linked.contains(task);
        let (held, held_left_out) = held(report, level, is_linked);
        Self {
            kind: if of_run { "Run" } else { "Generation" },
            name: report.summary.name.clone(),
            outcome: outcome(report),
            facts: facts(report, reader),
            notes: notes(report, level, is_short),
            runs: if of_run {
                Vec::new()
            } else {
                runs(report, level, reader)
            },
            at_work: AtWork::of(report, reader, level.detail.text),
            held,
            held_left_out,
            timeline: Timeline::of(report, axis.as_ref(), reader, level.look),
            spending: Spending::of(&report.spent, axis.as_ref(), &reader.zone),
            scores: scores(&report.tasks),
            gates: gates(report),
            findings: findings
                .map(|found| Finding::of(found, level.detail.text, is_linked(&found.task)))
                .collect(),
            tasks: tasks.iter().map(|task| Task::of(task, level.detail, reader)).collect(),
            made_at: moment(report.made_at, &reader.zone),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Returns how a run stands, or the last run of a generation.
fn outcome(report: &WorkReport) -> Word {
    match report.runs.last() {
        Some(run) => Word::of_run(run),
        None => Word::new(None, "no run of it is recorded"),
    }
}

fn facts(report: &WorkReport, reader: &Reader) -> Vec<Fact> {
    let summary = &report.summary;
    let mut facts = Vec::new();
    if let (ComparedKind::Run, Some(run)) = (summary.kind, report.runs.last()) {
        facts.extend(run.generation.as_ref().map(|name| fact("generation", name.as_str())));
    }
    facts.extend(summary.mode.as_deref().map(|mode| fact("mode", one_line(mode, 100))));
    let began = report.runs.iter().filter_map(|run| run.began_at).min();
    facts.extend(began.map(|at| fact("began", moment(at, &reader.zone))));
    facts.extend(summary.seconds.map(|time| fact("time at work", seconds(time))));
    facts.push(fact("tasks", tasks(report)));
    facts.extend(
        summary
            .score
            .map(|one| fact("score", format!("{} of 10", score(Some(one))))),
    );
    if summary.changed != DiffStat::default() {
        facts.push(fact("merged", summary.changed.to_string()));
    }
    if summary.measures > 0 {
        facts.push(fact("measures", summary.measures.to_string()));
    }
    facts.extend(used(&summary.usage));
    facts
}

/// Returns how many tasks there are, and how their last attempts ended.
fn tasks(report: &WorkReport) -> String {
    let outcomes = report.summary.outcomes.iter();
    let mut parts: Vec<String> = outcomes.map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let held = report.tasks.iter().filter(|task| task.held.is_some()).count();
    if held > 0 {
        parts.push(format!("{held} held"));
    }
    let count = report.tasks.len();
    if parts.is_empty() {
        count.to_string()
    } else {
        format!("{count}: {}", parts.join(", "))
    }
}

fn notes(report: &WorkReport, level: &Level, is_short: bool) -> Vec<String> {
    let mut notes: Vec<String> = report
        .unreadable
        .iter()
        .take(NAMED)
        .map(|row| {
            let reason = one_line(row.reason.as_deref().unwrap_or_default(), 300);
            format!("Run {} cannot be read, and may be a part of this: {reason}.", row.run)
        })
        .collect();
    if report.unreadable.len() > NAMED {
        let more = counted(report.unreadable.len() - NAMED, "more run");
        notes.push(format!("The same holds of {more}."));
    }
    for run in report.runs.iter().filter(|run| run.unreadable_lines > 0) {
        let lines = usize::try_from(run.unreadable_lines).unwrap_or(usize::MAX);
        let lines = counted(lines, "line");
        notes.push(format!(
            "Of run {}, {lines} of its events cannot be read, and are left out.",
            run.run
        ));
    }
    if is_short {
        notes.push("Texts and lists are cut so that this page stays small: `--json` has all of it.".to_owned());
    }
    let more = |count: usize, shown: usize, thing: &str| {
        (count > shown).then(|| format!("There is more here: {}.", left_out(count - shown, thing)))
    };
    notes.extend(more(report.findings.len(), level.findings, "finding"));
    notes.extend(more(report.runs.len(), level.runs, "earlier run"));
    notes.extend(more(report.gates.len(), GATES, "gate"));
    notes.extend(more(report.tasks.len(), level.tasks, "task"));
    notes
}

fn runs(report: &WorkReport, level: &Level, reader: &Reader) -> Vec<Run> {
    let run = |row: &RunRow| {
        let began = row.began_at.map(|at| fact("began", moment(at, &reader.zone)));
        let merged = format!("{} of {}", row.tasks.merged, row.tasks.attempted);
        let facts = began
            .into_iter()
            .chain([fact("time", seconds(row.seconds)), fact("merged", merged)]);
        Run {
            name: row.run.to_string(),
            outcome: Word::of_run(row),
            facts: facts.chain(used(&row.usage)).collect(),
        }
    };
    let before = report.runs.len().saturating_sub(level.runs);
    report.runs[before..].iter().map(run).collect()
}

/// Returns the tasks that wait for a person, of all tasks, and how many more there are.
fn held(report: &WorkReport, level: &Level, is_linked: impl Fn(&IssueId) -> bool) -> (Vec<Held>, String) {
    let held = |task: &ReportedTask| {
        let reason = task.held.as_ref()?;
        Some(Held {
            id: task.id.to_string(),
            is_linked: is_linked(&task.id),
            title: one_line(&task.title, level.detail.title),
            reason: one_line(reason, level.detail.text),
            question: one_line(task.question.as_deref().unwrap_or_default(), level.detail.text),
        })
    };
    let mut all: Vec<Held> = report.tasks.iter().filter_map(held).collect();
    let more = all.len().saturating_sub(HELD);
    all.truncate(HELD);
    let left_out = (more > 0).then(|| format!("{}.", left_out(more, "held task")));
    (all, left_out.unwrap_or_default())
}

/// Counts the tasks of each score, the best first.
fn scores(tasks: &[ReportedTask]) -> Vec<Score> {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for score in tasks.iter().filter_map(|task| task.score) {
        *counts.entry(score).or_default() += 1;
    }
    let score = |(score, tasks)| Score { score, tasks };
    counts.into_iter().rev().map(score).collect()
}

fn gates(report: &WorkReport) -> Vec<Gate> {
    let gate = |(name, counts): (&String, &GateCounts)| Gate {
        name: one_line(name, 60),
        passed: counts.passed,
        failed: counts.failed,
    };
    report.gates.iter().take(GATES).map(gate).collect()
}

/// Returns what the templates see of a report.
#[cfg(test)]
pub(super) fn view(report: &WorkReport, reader: &Reader) -> serde_json::Value {
    serde_json::to_value(Report::of(report, &LEVELS[0], false, reader)).expect("it is made of texts and numbers")
}
