//! The work of attempts: what they left, and that none is forgotten.

use std::collections::BTreeSet;

use crate::Outcome;
use crate::facts::Facts;
use crate::person::list;
use crate::witness::{lost, markers};

pub(super) fn snapshots(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for issue in &facts.issues {
        let id = issue["id"].as_str().unwrap_or_default();
        let reference = format!("refs/cordwainer/{}/tasks/{id}", facts.branch);
        let mut kept = BTreeSet::new();
        if facts.repository.tip(&reference)?.is_some() {
            kept.extend(facts.repository.reachable(&reference)?);
        }
        for attempt in list(&issue["attempts"]) {
            let Some(commit) = attempt["snapshot"].as_str() else {
                continue;
            };
            let number = &attempt["number"];
            if !kept.contains(commit) {
                found.push(format!(
                    "attempt {number} at {id} left {commit}, which `{reference}` does not reach"
                ));
                continue;
            }
            let trailers = facts
                .repository
                .git(&["log", "-1", "--format=%(trailers:only,unfold)", commit])?;
            let value = |name: &str| {
                trailers
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            // What is as an earlier attempt left it is not committed again.
            let by = value("Cordwainer-Attempt").and_then(|by| by.parse::<u64>().ok());
            let is_by_then = by.is_some_and(|by| Some(by) <= number.as_u64());
            if value("Cordwainer-Task") != Some(id) || !is_by_then {
                found.push(format!(
                    "{commit} is what attempt {number} at {id} left, and its trailers do not say so"
                ));
            }
        }
    }
    Ok(found)
}

pub(super) fn slots(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for (number, owner) in markers(&facts.repository)? {
        let task = owner["task"].as_str();
        let issue = task.and_then(|task| facts.issue(task));
        let is_open = issue.is_some_and(|issue| issue["status"] != "closed");
        if !(owner["session"].is_string() && is_open) {
            found.push(format!("slot {number} is marked as in use: {owner}"));
        }
    }
    Ok(found)
}

pub(super) fn left_work(facts: &Facts) -> Outcome<Vec<String>> {
    match &facts.options.witnessed {
        Some(file) if file.exists() => lost(&facts.repository, file),
        _ => Ok(Vec::new()),
    }
}

pub(super) fn attempts(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let mut recorded = BTreeSet::new();
    for issue in &facts.issues {
        let numbers: Vec<Option<u64>> = list(&issue["attempts"])
            .iter()
            .map(|attempt| attempt["number"].as_u64())
            .collect();
        let expected: Vec<Option<u64>> = (1..).map(Some).take(numbers.len()).collect();
        if numbers != expected {
            found.push(format!("attempts at {} are numbered {numbers:?}", issue["id"]));
        }
        recorded.extend(numbers.iter().map(|number| (issue["id"].to_string(), *number)));
    }
    for event in facts.runs.iter().flat_map(|run| &run.events) {
        let name = (event["task"].to_string(), event["attempt"].as_u64());
        if event["type"] == "task_claimed" && !recorded.contains(&name) {
            found.push(format!(
                "attempt {} at {} began, and is not recorded",
                event["attempt"], event["task"]
            ));
        }
    }
    Ok(found)
}

pub(super) fn claims(facts: &Facts) -> Outcome<Vec<String>> {
    let claimed = facts
        .issues
        .iter()
        .filter(|issue| issue["status"] == "in_progress" || issue["claim"].is_object());
    Ok(claimed
        .map(|issue| format!("{} is {} for {}", issue["id"], issue["status"], issue["claim"]))
        .collect())
}
