//! The page of a task: what it is, its attempts, what an attempt changed, and what can be done.

use std::ops::ControlFlow;

use serde::Serialize;

use super::frame::{Content, Frame, TEXT, TITLE, query, reader, rendered};
use super::task_parts::{Fact, Shown, fact};
use super::tasks::note;
use crate::base::error::{ErrorKind, Result};
use crate::base::redact::Redactor;
use crate::base::text::one_line;
use crate::cli::issues::diff::sides;
use crate::cli::serve::asked::Asked;
use crate::cli::serve::reading::attempt_of;
use crate::git::Git;
use crate::issues::issue::{Issue, Issues, Status};
use crate::model::{AttemptId, IssueId};
use crate::report::page::{Reader, Word};
use crate::report::time::moment;
use crate::report::words::in_words;

/// How many bytes of changes a page has at most.
const MOST_CHANGES: usize = 512 << 10;
/// How many files a page shows at most.
const MOST_FILES: usize = 300;

#[derive(Serialize)]
struct View {
    frame: Frame,
    id: String,
    title: String,
    status: String,
    note: Word,
    facts: Vec<Fact>,
    question: String,
    description: String,
    plan: Vec<Part>,
    depends_on: Vec<Related>,
    needed_by: Vec<Related>,
    comments: Vec<Said>,
    attempts: Vec<Shown>,
    changes: Option<Changes>,
    actions: Actions,
}

/// A part of a plan.
#[derive(Serialize)]
struct Part {
    name: &'static str,
    items: Vec<String>,
}

#[derive(Serialize)]
struct Related {
    id: String,
    title: String,
    status: String,
}

#[derive(Serialize)]
struct Said {
    at: String,
    by: String,
    text: String,
}

/// What an attempt changed.
#[derive(Serialize)]
struct Changes {
    attempt: String,
    choices: Vec<Choice>,
    files: Vec<ChangedFile>,
    left_out: usize,
    problem: String,
}

#[derive(Serialize)]
struct Choice {
    id: String,
    query: String,
    is_chosen: bool,
}

#[derive(Serialize)]
struct ChangedFile {
    key: String,
    path: String,
    words: String,
    lines: Vec<Line>,
    /// Whether its text is left out.
    is_large: bool,
}

#[derive(Serialize)]
struct Line {
    class: &'static str,
    text: String,
}

/// What can be done with a task now.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an action")]
struct Actions {
    hold: bool,
    release: bool,
    accept: bool,
    answer: usize,
    close: bool,
    revert: bool,
    say: bool,
    /// The attempts that the next one can begin with.
    from: Vec<String>,
}

/// Shows a task.
pub(super) fn content(asked: &Asked<'_>) -> Result<Content> {
    let repository = asked.repository()?;
    let store = asked.tasks()?;
    let issues = store.read()?;
    let issue = issues.get(&asked.task(&issues)?)?;
    let reader = reader(asked);
    let heading = format!("{} {}", issue.id, one_line(&issue.title, TITLE));
    let note = note(&issues, issue);
    let said = format!("{}: {}, {}.", issue.id, in_words(issue.status.word()), note.text);
    let view = View {
        frame: Frame::of(asked, &repository, (&heading, "/task")),
        id: issue.id.to_string(),
        title: one_line(&issue.title, TITLE),
        status: in_words(issue.status.word()),
        note,
        facts: facts(issue, &reader),
        question: issue.question.clone().unwrap_or_default(),
        description: issue.description.clone(),
        plan: plan(issue),
        depends_on: related(&issues, issue.dependencies.iter().map(|edge| &edge.depends_on_id))?,
        needed_by: related(&issues, &issues.dependents(&issue.id)?)?,
        comments: issue
            .comments
            .iter()
            .map(|comment| Said {
                at: moment(comment.created_at, &reader.zone),
                by: one_line(&comment.author, TITLE),
                text: comment.text.clone(),
            })
            .collect(),
        attempts: issue
            .attempts
            .iter()
            .rev()
            .map(|attempt| Shown::of(attempt, &reader))
            .collect(),
        changes: changes(
            (store.git(), &asked.site.context.output.redactor),
            issue,
            attempt_of(asked)?,
        )?,
        actions: Actions::of(issue),
    };
    rendered(
        asked,
        Some(&repository),
        ("live/task.html", &issue.id.to_string(), said),
        &view,
    )
}

fn facts(issue: &Issue, reader: &Reader) -> Vec<Fact> {
    let mut facts = vec![
        fact("priority", issue.priority.to_string()),
        fact("type", one_line(&issue.issue_type, TITLE)),
    ];
    let labels = one_line(&issue.labels.join(", "), TEXT);
    facts.extend((!labels.is_empty()).then(|| fact("labels", labels)));
    facts.extend(
        issue
            .group
            .as_deref()
            .map(|group| fact("group", one_line(group, TITLE))),
    );
    facts.extend(
        issue
            .external
            .as_deref()
            .map(|external| fact("external", one_line(external, TEXT))),
    );
    facts.push(fact("created", moment(issue.created_at, &reader.zone)));
    facts.push(fact("changed", moment(issue.updated_at, &reader.zone)));
    facts.extend(issue.closed_at.map(|at| fact("closed", moment(at, &reader.zone))));
    facts.extend(
        issue
            .close_reason
            .as_deref()
            .map(|reason| fact("because", one_line(reason, TEXT))),
    );
    facts.extend(issue.commit.as_ref().map(|commit| fact("commit", commit.to_string())));
    facts.extend(issue.hold.as_deref().map(|hold| fact("held", one_line(hold, TEXT))));
    facts.extend(
        issue
            .taken
            .as_ref()
            .map(|taken| fact("taken as", one_line(&taken.branch, TITLE))),
    );
    facts.extend(
        issue
            .begins_from
            .map(|from| fact("begins from", format!("what attempt {from} left"))),
    );
    facts
}

fn plan(issue: &Issue) -> Vec<Part> {
    let plan = &issue.plan;
    let files = plan.files.iter().map(|file| {
        let action = serde_json::to_value(file.action).ok();
        let action = action
            .as_ref()
            .and_then(|action| action.as_str())
            .unwrap_or_default()
            .to_owned();
        format!("{action} {}", one_line(&file.path, TEXT))
    });
    let parts = [
        ("Required reading", plan.required_reading.clone()),
        ("Files", files.collect()),
        ("Requirements", plan.requirements.clone()),
        ("Acceptance criteria", plan.acceptance_criteria.clone()),
        ("Proof", plan.proof.iter().cloned().collect()),
        (
            "Size",
            plan.estimated_lines
                .map(|lines| format!("about {lines} lines"))
                .into_iter()
                .collect(),
        ),
    ];
    let there = parts
        .into_iter()
        .filter(|(_, items): &(_, Vec<String>)| !items.is_empty());
    there.map(|(name, items)| Part { name, items }).collect()
}

fn related<'a>(issues: &Issues, ids: impl IntoIterator<Item = &'a IssueId>) -> Result<Vec<Related>> {
    let one = |id: &IssueId| {
        let issue = issues.get(id)?;
        Ok(Related {
            id: id.to_string(),
            title: one_line(&issue.title, TITLE),
            status: in_words(issue.status.word()),
        })
    };
    ids.into_iter().map(one).collect()
}

/// Returns what an attempt changed, the last one that left a commit where none is named; `None` where none did.
fn changes((git, redactor): (&Git, &Redactor), issue: &Issue, wanted: Option<AttemptId>) -> Result<Option<Changes>> {
    let Ok((attempt, commit)) = issue.left_by(wanted) else {
        return Ok(None);
    };
    let mut changes = Changes {
        attempt: attempt.to_string(),
        choices: left(issue)
            .into_iter()
            .map(|id| Choice {
                query: query(&[("attempt", &id)]),
                is_chosen: id == attempt.to_string(),
                id,
            })
            .collect(),
        files: Vec::new(),
        left_out: 0,
        problem: String::new(),
    };
    let (old, new) = match sides(git, (issue, attempt), commit) {
        Ok(sides) => sides,
        Err(error) if error.kind() == ErrorKind::Precondition => {
            changes.problem = error.to_string();
            return Ok(Some(changes));
        }
        Err(error) => return Err(error),
    };
    let mut room = MOST_CHANGES;
    git.each_patch(old, new, |patch| {
        if changes.files.len() == MOST_FILES {
            changes.left_out += 1;
            return Ok(ControlFlow::Continue(()));
        }
        let is_large = patch.text.len() > room;
        room -= if is_large { 0 } else { patch.text.len() };
        let count = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let moved = patch.old_path.as_deref().map_or_else(String::new, |old| {
            format!(", was {}", one_line(&old.to_string_lossy(), TITLE))
        });
        changes.files.push(ChangedFile {
            key: format!("file-{}", changes.files.len() + 1),
            path: one_line(&patch.path.to_string_lossy(), TITLE),
            words: format!("+{} -{}{moved}", count(patch.insertions), count(patch.deletions)),
            // A key has several lines: what is redacted line by line would show it.
            lines: if is_large {
                Vec::new()
            } else {
                lines(&redactor.text(&patch.text))
            },
            is_large,
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Some(changes))
}

/// Returns the attempts and candidates that left a commit.
fn left(issue: &Issue) -> Vec<String> {
    let of_one = |attempt: &crate::issues::attempt::Attempt| {
        let own = attempt.snapshot.as_ref().map(|_| attempt.number.to_string());
        let candidates = attempt.candidates.iter().filter(|one| one.snapshot.is_some());
        let candidates = candidates.map(|one| format!("{}.{}", attempt.number, one.number));
        own.into_iter().chain(candidates).collect::<Vec<_>>()
    };
    issue.attempts.iter().flat_map(of_one).collect()
}

/// Returns the lines of a change of a file, without its heading.
fn lines(text: &str) -> Vec<Line> {
    let body = text.lines().skip_while(|line| !line.starts_with("@@"));
    let line = |line: &str| Line {
        class: match line.bytes().next() {
            Some(b'+') => "added",
            Some(b'-') => "removed",
            Some(b'@') => "place",
            _ => "",
        },
        text: line.to_owned(),
    };
    let shown: Vec<Line> = body.map(line).collect();
    if shown.is_empty() {
        // Nothing but its heading: a mode, a rename, a file that is not text.
        return text
            .lines()
            .map(|text| Line {
                class: "place",
                text: text.to_owned(),
            })
            .collect();
    }
    shown
}

impl Actions {
    fn of(issue: &Issue) -> Self {
        let is = |status| issue.status == status;
        let questions = match (&issue.question, issue.attempts.last()) {
            (None, _) => 0,
            (Some(_), last) => {
                let asks = |last: &crate::issues::attempt::Attempt| {
                    last.candidates.iter().filter(|one| one.question.is_some()).count()
                };
                last.map_or(1, asks).max(1)
            }
        };
        Self {
            hold: is(Status::Open) || is(Status::InProgress),
            release: is(Status::Blocked),
            accept: is(Status::Blocked) && issue.acceptable().is_ok(),
            answer: questions,
            close: !is(Status::Closed) && !is(Status::InProgress),
            revert: is(Status::Closed) && issue.commit.is_some(),
            say: is(Status::InProgress),
            from: left(issue),
        }
    }
}
