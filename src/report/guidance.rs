//! What a person types next about one task: after an attempt at it, and while it is held. After a run it is
//! `run/guidance.rs`.

use crate::base::text::one_line;
use crate::issues::attempt::Outcome;
use crate::issues::issue::{Issue, Status};
use crate::run::guidance::{with_held, with_questions, with_stuck};

/// Returns what to do after one attempt at a task that was not merged.
pub(crate) fn after_attempt(issue: &Issue) -> Vec<String> {
    match issue.status {
        Status::Blocked if issue.question.is_some() => with_questions(&[&issue.id]),
        Status::Blocked if issue.acceptable().is_ok() => with_held(&[&issue.id], &[&issue.id]),
        Status::Blocked if issue.is_stuck() => with_stuck(&[&issue.id]),
        Status::Blocked => with_held(&[&issue.id], &[]),
        Status::Open if issue.attempts.last().is_some_and(|last| is_waited_for(last.outcome)) => vec![
            "`cordwainer status` shows until when calls pause, and what is spent of each budget".to_owned(),
            format!("`cordwainer stitch {}` continues", issue.id),
        ],
        Status::Open => vec![
            format!("`cordwainer issues show {}` shows what the attempt left", issue.id),
            format!("`cordwainer stitch {}` tries again", issue.id),
        ],
        Status::InProgress | Status::Closed => Vec::new(),
    }
}

/// Returns whether an attempt ended because its time or money was up, so that its session goes on later.
fn is_waited_for(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Limited | Outcome::BudgetSpent)
}

/// Returns the commands for a held task, all of them: what to look at, and what to do then. Nothing of any other task.
pub(crate) fn to_decide(issue: &Issue) -> Vec<String> {
    if issue.status != Status::Blocked {
        return Vec::new();
    }
    let id = &issue.id;
    let mut lines = Vec::new();
    if issue.attempts.last().is_some_and(|last| last.snapshot.is_some()) {
        let what = if issue.acceptable().is_ok() {
            "what it changes"
        } else {
            "what the last attempt left"
        };
        lines.push(format!("`cordwainer issues diff {id}` shows {what}"));
    }
    // Without a call there is nothing to read.
    let called = issue.attempts.last().filter(|last| last.call.is_some());
    if let Some(records) = called.and_then(|last| last.records.as_deref()) {
        let records = one_line(records, 200);
        lines.push(format!("`cordwainer transcript {records}` shows what the agent did"));
    }
    if issue.acceptable().is_ok() {
        lines.push(format!(
            "`cordwainer issues release {id} --accept` merges it as it is; gates do not run"
        ));
    }
    if issue.question.is_some() {
        lines.push(format!(
            "`cordwainer issues answer {id} TEXT` answers what it asks; its session goes on with that"
        ));
    } else if !issue.attempts.is_empty() {
        lines.push(format!(
            "`cordwainer issues comment {id} TEXT` adds to what the next attempt is told"
        ));
    }
    if issue.is_stuck() {
        lines.push(format!(
            "`rules: [{{when: {{attempt: {}}}, model: …}}]` in the configuration gives the next attempt another model",
            issue.next_attempt()
        ));
    }
    let again = if issue.question.is_some() {
        "lets it go on without an answer; earlier attempts no longer count"
    } else if issue.attempts.is_empty() {
        "lets it begin"
    } else {
        "has it attempted again; earlier attempts no longer count"
    };
    lines.push(format!("`cordwainer issues release {id}` {again}"));
    lines.push(format!("`cordwainer issues close {id} --reason TEXT` drops it"));
    lines
}
