//! Which tasks a run had at work at the same time, by its record.

use std::path::Path;

use anyhow::{Context as _, Result};
use cordwainer::event::{Event, EventKind};
use cordwainer::history;
use cordwainer::issue::{IssueId, RunId};
use jiff::{SignedDuration, Timestamp};

/// Two attempts that were at work at the same time.
#[derive(Debug, PartialEq)]
pub(super) struct AtOnce {
    /// The tasks, with their titles.
    pub(super) tasks: [(IssueId, String); 2],
    /// For how long.
    pub(super) time: SignedDuration,
}

/// One attempt.
struct Attempt<'a> {
    task: &'a IssueId,
    title: &'a str,
    begun: Timestamp,
    ended: Timestamp,
}

/// Finds the two attempts of the repository's last run that were at work together for longest.
pub(super) fn in_the_last_run(repository: &Path) -> Result<Option<AtOnce>> {
    let state = repository.join(".git/cordwainer");
    let runs = std::fs::read_dir(state.join("runs")).context("the run has left no record")?;
    let mut names = Vec::new();
    for run in runs {
        let name = run.context("cannot list the records")?.file_name();
        names.extend(name.to_str().and_then(RunId::parse));
    }
    let last = names.iter().max().context("the run has left no record")?;
    Ok(longest(&history::events(&state, last)?))
}

fn longest(events: &[Event]) -> Option<AtOnce> {
    let attempts = attempts(events);
    let pairs = attempts.iter().enumerate().flat_map(|(index, one)| {
        let later = &attempts[index + 1..];
        later.iter().map(move |other| (one, other))
    });
    let together = pairs.map(|(one, other)| {
        let time = one.ended.min(other.ended).duration_since(one.begun.max(other.begun));
        let tasks = [one, other].map(|attempt| (attempt.task.clone(), attempt.title.to_owned()));
        AtOnce { tasks, time }
    });
    together
        .filter(|pair| pair.time.is_positive())
        .max_by_key(|pair| pair.time)
}

fn attempts(events: &[Event]) -> Vec<Attempt<'_>> {
    let mut found: Vec<Attempt<'_>> = Vec::new();
    let last = events.last().map(|event| event.at).unwrap_or_default();
    for Event { at, kind } in events {
        match kind {
            EventKind::TaskClaimed { task, title, .. } => found.push(Attempt {
                task,
                title,
                begun: *at,
                ended: last,
            }),
            EventKind::AttemptEnded { task, .. } => {
                if let Some(attempt) = found.iter_mut().rev().find(|attempt| attempt.task == task) {
                    attempt.ended = *at;
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, json: &str) -> Event {
        Event {
            at: Timestamp::from_second(second).unwrap(),
            kind: serde_json::from_str(json).unwrap(),
        }
    }

    fn claimed(second: i64, task: &str) -> Event {
        let json = format!(r#"{{"type": "task_claimed", "task": "{task}", "title": "of {task}", "attempt": 1}}"#);
        event(second, &json)
    }

    fn ended(second: i64, task: &str) -> Event {
        let json = format!(
            r#"{{"type": "attempt_ended", "task": "{task}", "title": "", "attempt": 1, "outcome": "merged", "reason": "",
                "commit": null, "usage": {{}}, "seconds": 1.0}}"#
        );
        event(second, &json)
    }

    #[test]
    fn two_are_at_once_only_while_both_are_at_work() {
        let one_by_one = [
            claimed(0, "cw-1"),
            ended(2, "cw-1"),
            claimed(2, "cw-2"),
            ended(5, "cw-2"),
        ];
        assert_eq!(longest(&one_by_one), None);
        let at_once = [
            claimed(0, "cw-1"),
            claimed(1, "cw-2"),
            ended(4, "cw-1"),
            claimed(4, "cw-3"),
            ended(5, "cw-2"),
            ended(9, "cw-3"),
        ];
        let found = longest(&at_once).unwrap();
        assert_eq!(found.time, SignedDuration::from_secs(3));
        assert_eq!(
            found.tasks.map(|(task, title)| format!("{task} {title}")),
            ["cw-1 of cw-1", "cw-2 of cw-2"]
        );
    }
}
