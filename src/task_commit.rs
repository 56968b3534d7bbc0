//! What a task commits: one commit an attempt on its task ref, and one on the generation branch.

use std::fmt::Write as _;

use crate::agent::CallReport;
use crate::error::{Error, ErrorKind, Result};
use crate::generation::GenerationName;
use crate::generator::Generator;
use crate::git::{NewCommit, Oid, RefMove};
use crate::issue::{Issue, IssueId};
use crate::text::one_line;

/// The task that a commit did.
pub(crate) const TASK_TRAILER: &str = "Cordwainer-Task";
/// The attempt at the task, counted from 1.
pub(crate) const ATTEMPT_TRAILER: &str = "Cordwainer-Attempt";
const RUN_TRAILER: &str = "Cordwainer-Run";
const MODEL_TRAILER: &str = "Cordwainer-Model";
const TOKENS_TRAILER: &str = "Cordwainer-Tokens";
const COST_TRAILER: &str = "Cordwainer-Cost";

/// Commits what an attempt left to its task's ref: first parent the commit it was made from, second the
/// attempt before, so that every attempt stays reachable.
pub(crate) fn keep_snapshot(
    generator: &Generator,
    generation: &GenerationName,
    task: &IssueId,
    base: Oid,
    tree: Oid,
    message: &str,
) -> Result<Oid> {
    let git = &generator.git;
    let reference = generation.task(task);
    let before = git.reference(&reference)?;
    let mut parents = vec![base];
    parents.extend(before);
    let commit = NewCommit {
        tree,
        parents,
        message: message.to_owned(),
        author: None,
        time: generator.world().now(),
    };
    let id = git.commit(&commit)?;
    match git.move_reference(&reference, before, Some(id), "cordwainer: keep an attempt")? {
        RefMove::Moved => Ok(id),
        RefMove::Stale { .. } => Err(Error::new(
            ErrorKind::Unexpected,
            format!("`{reference}` moved although its task is claimed"),
        )),
    }
}

/// The message of a task's commit: what the task was, and trailers that say where it came from.
pub(crate) fn message(issue: &Issue, attempt: u32, run: &str, report: &CallReport) -> String {
    let mut text = format!("{}\n\n", one_line(&issue.title, 200));
    let trailers = [
        (TASK_TRAILER, issue.id.to_string()),
        (ATTEMPT_TRAILER, attempt.to_string()),
        (RUN_TRAILER, run.to_owned()),
        (
            MODEL_TRAILER,
            one_line(report.model.as_deref().unwrap_or("unknown"), 100),
        ),
        (TOKENS_TRAILER, report.usage.tokens().to_string()),
        (COST_TRAILER, format!("{:.4} USD", report.usage.cost_usd)),
    ];
    for (key, value) in trailers {
        let _ = writeln!(text, "{key}: {value}");
    }
    text
}
