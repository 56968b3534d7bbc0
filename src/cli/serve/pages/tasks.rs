//! The page of all tasks: a board by state, groups, and which waits for which.

use serde::Serialize;

use super::frame::{Content, Frame, TEXT, TITLE, query, rendered};
use super::graph::Graph;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::cli::issues::list;
use crate::cli::serve::asked::Asked;
use crate::cli::serve::reading::status_of;
use crate::issues::issue::{GroupStanding, Issue, Issues, Status};
use crate::model::id_list;
use crate::report::numbers::{counted, dollars};
use crate::report::page::Word;
use crate::report::tone::Tone;
use crate::report::words::in_words;

/// How many tasks a column of the board shows.
const MOST: usize = 500;

#[derive(Serialize)]
struct View {
    frame: Frame,
    generation: String,
    counts: String,
    filters: Filters,
    columns: Vec<Column>,
    groups: Vec<Group>,
    graph: Option<Graph>,
}

/// What is filtered by, and what can be.
#[derive(Serialize)]
struct Filters {
    generation: String,
    words: String,
    statuses: Vec<Choice>,
    labels: Vec<Choice>,
    groups: Vec<Choice>,
    is_any: bool,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    text: String,
    is_chosen: bool,
}

/// The tasks in one state.
#[derive(Serialize)]
struct Column {
    key: &'static str,
    name: &'static str,
    tasks: Vec<Card>,
    left_out: usize,
}

#[derive(Serialize)]
struct Card {
    id: String,
    title: String,
    priority: u8,
    labels: String,
    note: Word,
    attempts: usize,
    money: String,
}

#[derive(Serialize)]
struct Group {
    query: String,
    name: String,
    words: String,
}

/// Shows the tasks.
pub(super) fn content(asked: &Asked<'_>) -> Result<Content> {
    let repository = asked.repository()?;
    let issues = asked.tasks()?.read()?;
    let statuses = asked.all("status").map(status_of).collect::<Result<Vec<_>>>()?;
    let labels: Vec<String> = asked.all("label").map(str::to_owned).collect();
    let mut found = list::found(&issues, (&statuses, &labels, asked.query("group")))?;
    if let Some(words) = asked.query("words") {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        found.retain(|issue| has_words(issue, &words));
    }
    let counts = issues.counts();
    let said = format!(
        "{} open, {} in progress, {} held, {} closed.",
        counts.open, counts.in_progress, counts.blocked, counts.closed
    );
    let view = View {
        frame: Frame::of(asked, &repository, ("Tasks", "/tasks")),
        generation: issues.meta().generation.to_string(),
        counts: said.clone(),
        filters: filters(asked, &issues, (&statuses, &labels)),
        columns: columns(&issues, &found),
        groups: issues.group_standings().iter().map(group).collect(),
        graph: Graph::of(&issues),
    };
    rendered(asked, Some(&repository), ("live/tasks.html", "Tasks", said), &view)
}

fn has_words(issue: &Issue, words: &[String]) -> bool {
    let text = format!("{} {} {}", issue.id, issue.title, issue.description).to_lowercase();
    words.iter().all(|word| text.contains(word))
}

fn filters(asked: &Asked<'_>, issues: &Issues, (statuses, labels): (&[Status], &[String])) -> Filters {
    let status = |status: &Status| Choice {
        value: status.word().to_owned(),
        text: in_words(status.word()),
        is_chosen: statuses.contains(status),
    };
    let mut known: Vec<&String> = issues.iter().flat_map(|issue| &issue.labels).collect();
    known.sort();
    known.dedup();
    let label = |label: &&String| Choice {
        value: (*label).clone(),
        text: one_line(label, TITLE),
        is_chosen: labels.contains(label),
    };
    let group = |one: &GroupStanding| Choice {
        value: one.key.clone(),
        text: one_line(&one.name, TITLE),
        is_chosen: asked.query("group") == Some(&one.key),
    };
    let all = [Status::Open, Status::InProgress, Status::Blocked, Status::Closed];
    let words = asked.query("words").unwrap_or_default().to_owned();
    Filters {
        is_any: !statuses.is_empty() || !labels.is_empty() || !words.is_empty() || asked.query("group").is_some(),
        generation: asked.query("generation").unwrap_or_default().to_owned(),
        words,
        statuses: all.iter().map(status).collect(),
        labels: known.iter().map(label).collect(),
        groups: issues.group_standings().iter().map(group).collect(),
    }
}

fn columns(issues: &Issues, found: &[&Issue]) -> Vec<Column> {
    type IsIn = fn(&Issues, &Issue) -> bool;
    let all: [(&str, &str, IsIn); 5] = [
        ("in-progress", "In progress", |_, issue| {
            issue.status == Status::InProgress
        }),
        ("held", "Held", |_, issue| issue.status == Status::Blocked),
        ("ready", "Ready", |issues, issue| issues.is_ready(issue)),
        ("waiting", "Waiting", |issues, issue| {
            issue.status == Status::Open && !issues.is_ready(issue)
        }),
        ("closed", "Closed", |_, issue| issue.status == Status::Closed),
    ];
    let column = |(key, name, is_in): (&'static str, &'static str, IsIn)| {
        let own: Vec<&&Issue> = found.iter().filter(|issue| is_in(issues, issue)).collect();
        Column {
            key,
            name,
            left_out: own.len().saturating_sub(MOST),
            tasks: own.into_iter().take(MOST).map(|issue| card(issues, issue)).collect(),
        }
    };
    all.into_iter().map(column).collect()
}

fn card(issues: &Issues, issue: &Issue) -> Card {
    let used = issue.usage();
    Card {
        id: issue.id.to_string(),
        title: one_line(&issue.title, TITLE),
        priority: issue.priority,
        labels: one_line(&issue.labels.join(", "), TITLE),
        note: note(issues, issue),
        attempts: issue.attempts.len(),
        money: if used.calls > 0 {
            dollars(used.cost_usd)
        } else {
            String::new()
        },
    }
}

/// Returns why a task has its state, in a word with its tone.
pub(super) fn note(issues: &Issues, issue: &Issue) -> Word {
    match issue.status {
        Status::Open => match issues.waits_for(issue).as_slice() {
            [] => Word::new(None, "can begin"),
            ids => Word::new(None, format!("waits for {}", id_list(ids))),
        },
        Status::InProgress => {
            let run = issue
                .claim
                .as_ref()
                .map_or_else(String::new, |claim| format!(" in run {}", claim.run));
            Word::new(None, format!("at work{run}"))
        }
        Status::Blocked => {
            let asks = issue.question.as_deref().map(|question| format!("asks: {question}"));
            let held = || issue.hold.clone().unwrap_or_default();
            Word::new(Some(Tone::Held), one_line(&asks.unwrap_or_else(held), TEXT))
        }
        Status::Closed if issue.commit.is_some() => Word::new(Some(Tone::Good), "merged"),
        Status::Closed => Word::new(None, one_line(issue.close_reason.as_deref().unwrap_or("closed"), TEXT)),
    }
}

fn group(standing: &GroupStanding) -> Group {
    let state = in_words(standing.state);
    Group {
        query: query(&[("group", &standing.key)]),
        name: one_line(&standing.name, TITLE),
        words: format!(
            "{state}: {}, {} closed, {} held",
            counted(standing.tasks, "task"),
            standing.closed,
            standing.held
        ),
    }
}
