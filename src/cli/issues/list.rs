//! `cordwainer issues list` and `cordwainer issues ready`.

use crate::base::error::Result;
use crate::base::text;
use crate::cli::Context;
use crate::issues::issue::{Issue, IssueCounts, Issues, Status};
use crate::issues::store::Store;
use crate::model::id_list;
use crate::report::terminal;

/// The longest reason in a list, in characters.
const NOTE_MAX: usize = 120;

/// Prints the tasks that have one of the statuses and all of the labels, and are of the group; no status means any.
pub(super) fn list(
    context: &Context,
    store: &Store,
    (statuses, labels, group): (&[Status], &[String], Option<&str>),
) -> Result<()> {
    let issues = store.read()?;
    let found = found(&issues, (statuses, labels, group))?;
    print(context, &issues, &found, || match issues.len() {
        0 => "There are no tasks yet.".to_owned(),
        1 => "The only task does not match.".to_owned(),
        all => format!("None of the {all} tasks matches."),
    })
}

/// Returns the tasks that have one of the statuses and all of the labels, and are of the group; no status means any.
///
/// # Errors
///
/// Where there is no such group.
pub(in crate::cli) fn found<'a>(
    issues: &'a Issues,
    (statuses, labels, group): (&[Status], &[String], Option<&str>),
) -> Result<Vec<&'a Issue>> {
    if let Some(group) = group {
        issues.group(group)?;
    }
    let wanted = |issue: &&Issue| {
        (statuses.is_empty() || statuses.contains(&issue.status))
            && labels.iter().all(|label| issue.labels.contains(label))
            && (group.is_none() || issue.group.as_deref() == group)
    };
    Ok(issues.iter().filter(wanted).collect())
}

/// Prints the tasks that can begin, in the order in which they would.
pub(super) fn ready(context: &Context, store: &Store) -> Result<()> {
    let issues = store.read()?;
    print(context, &issues, &issues.ready(), || nothing_ready(issues.counts()))
}

fn print(context: &Context, issues: &Issues, found: &[&Issue], nothing: impl FnOnce() -> String) -> Result<()> {
    if context.output.json {
        return context.output.print_json(&found);
    }
    if found.is_empty() {
        context.output.say(&nothing());
        return Ok(());
    }
    context.output.print(&table(issues, found, terminal::width()))
}

fn table(issues: &Issues, found: &[&Issue], width: Option<u16>) -> String {
    let row = |issue: &&Issue| {
        vec![
            issue.id.to_string(),
            issue.status.word().to_owned(),
            issue.priority.to_string(),
            text::one_line(&issue.title, 200),
            note(issues, issue),
        ]
    };
    terminal::table(
        &["id", "status", "priority", "title", "note"],
        found.iter().map(row).collect(),
        width,
    )
}

/// Returns why a task has its status.
fn note(issues: &Issues, issue: &Issue) -> String {
    let note = match issue.status {
        Status::Open => waits(issues, issue),
        Status::InProgress => issue
            .claim
            .as_ref()
            .map_or(String::new(), |claim| format!("in run {}", claim.run)),
        Status::Blocked => match (&issue.question, &issue.hold) {
            (Some(question), _) => format!("asks: {question}"),
            (None, hold) => hold.as_ref().map_or(String::new(), |hold| format!("held: {hold}")),
        },
        Status::Closed => issue.close_reason.clone().unwrap_or_default(),
    };
    text::one_line(&note, NOTE_MAX)
}

fn waits(issues: &Issues, issue: &Issue) -> String {
    match issues.waits_for(issue).as_slice() {
        [] => "ready".to_owned(),
        ids => format!("waits for {}", id_list(ids)),
    }
}

fn nothing_ready(counts: IssueCounts) -> String {
    format!(
        "Nothing is ready: {} open and waiting, {} in progress, {} held, {} closed.",
        counts.open - counts.ready,
        counts.in_progress,
        counts.blocked,
        counts.closed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::issues::tests::sample;

    #[test]
    fn a_list_says_why_each_issue_is_where_it_is() {
        let issues = sample();
        let all: Vec<&Issue> = issues.iter().collect();
        insta::assert_snapshot!("list_piped", table(&issues, &all, None));
        insta::assert_snapshot!("list_narrow", table(&issues, &all, Some(60)));
        let told = "Nothing is ready: 1 open and waiting, 1 in progress, 1 held, 1 closed.";
        assert_eq!(nothing_ready(issues.counts()), told);
    }
}
