//! The page of what waits for a person: questions of agents, and tasks that are held.

use serde::Serialize;

use super::frame::{Content, Frame, TEXT, TITLE, rendered};
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::cli::serve::asked::Asked;
use crate::issues::issue::{Issue, Status};
use crate::report::numbers::counted;
use crate::report::page::Word;

#[derive(Serialize)]
struct View {
    frame: Frame,
    questions: Vec<Held>,
    held: Vec<Held>,
}

#[derive(Serialize)]
struct Held {
    id: String,
    title: String,
    reason: String,
    question: String,
    attempts: usize,
    last: Word,
    is_proposed: bool,
    can_accept: bool,
    /// Whether one answer is for all that is asked.
    has_one_question: bool,
}

/// Shows what waits for a person.
pub(super) fn content(asked: &Asked<'_>) -> Result<Content> {
    let repository = asked.repository()?;
    let issues = asked.tasks()?.read()?;
    let all = issues.iter().filter(|issue| issue.status == Status::Blocked);
    let (questions, held): (Vec<&Issue>, Vec<&Issue>) = all.partition(|issue| issue.question.is_some());
    let said = format!(
        "{}, {} held.",
        counted(questions.len(), "question"),
        counted(held.len(), "other task")
    );
    let view = View {
        frame: Frame::of(asked, &repository, ("Held", "/held")),
        questions: questions.into_iter().map(shown).collect(),
        held: held.into_iter().map(shown).collect(),
    };
    rendered(asked, Some(&repository), ("live/held.html", "Held", said), &view)
}

fn shown(issue: &Issue) -> Held {
    let asks =
        |last: &crate::issues::attempt::Attempt| last.candidates.iter().filter(|one| one.question.is_some()).count();
    Held {
        id: issue.id.to_string(),
        title: one_line(&issue.title, TITLE),
        reason: one_line(issue.hold.as_deref().unwrap_or_default(), TEXT),
        question: issue.question.clone().unwrap_or_default(),
        attempts: issue.attempts.len(),
        last: Word::of_outcome(issue.attempts.last().map(|last| last.outcome), "not attempted"),
        is_proposed: issue.is_proposed(),
        can_accept: issue.acceptable().is_ok(),
        has_one_question: issue.attempts.last().map_or(0, asks) < 2,
    }
}
