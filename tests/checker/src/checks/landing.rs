//! What landed: the commits of the generation branch.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Outcome;
use crate::facts::{Commit, Facts};
use crate::person::list;

use super::store::versions;

pub(super) fn merged_once(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found: Vec<String> = facts.issues.iter().flat_map(|issue| of_task(facts, issue)).collect();
    for commit in &facts.commits {
        if let Some(task) = commit.task(&facts.branch).filter(|task| facts.issue(task).is_none()) {
            found.push(format!(
                "the commit {} names the task {task}, which the store does not have",
                commit.id
            ));
        }
    }
    Ok(found)
}

fn of_task(facts: &Facts, issue: &Value) -> Vec<String> {
    let id = issue["id"].as_str().unwrap_or_default();
    // What a person took out again does not count as landed, and is recorded as merged for ever.
    let (taken_out, landed): (Vec<&Commit>, Vec<&Commit>) =
        facts.landed(id).partition(|commit| facts.is_taken_out(commit));
    let is_taken_out = |attempt: &&Value| taken_out.iter().any(|commit| of_attempt(id, attempt, commit).is_none());
    let merged: Vec<&Value> = list(&issue["attempts"])
        .iter()
        .filter(|attempt| attempt["outcome"] == "merged" && !is_taken_out(attempt))
        .collect();
    let mut found = Vec::new();
    let (status, named) = (&issue["status"], issue["commit"].as_str());
    if landed.len() > 1 {
        found.push(format!("{id} landed {} times", landed.len()));
    }
    if merged.len() > 1 {
        found.push(format!("{} attempts at {id} are recorded as merged", merged.len()));
    }
    match (landed.first(), named) {
        (None, None) if merged.is_empty() => {}
        (None, None) => found.push(format!(
            "an attempt at {id} is recorded as merged, and no commit of it is there"
        )),
        (None, Some(commit)) if taken_out.iter().any(|one| one.id == commit) => {
            found.push(format!("{id} is closed with {commit}, which was taken out again"));
        }
        (None, Some(commit)) => found.push(format!("{id} is closed with {commit}, which is not on the branch")),
        (Some(commit), None) => found.push(format!(
            "{id} landed with {}, and is {status} without a commit",
            commit.id
        )),
        (Some(commit), Some(named)) if commit.id != named => {
            found.push(format!("{id} landed with {}, and the store names {named}", commit.id));
        }
        (Some(_), Some(_)) if status != "closed" => found.push(format!("{id} landed, and is {status}")),
        (Some(commit), Some(_)) => found.extend(merged.iter().filter_map(|attempt| of_attempt(id, attempt, commit))),
    }
    found
}

/// The attempt that is recorded as merged is the one whose trailers the commit has.
fn of_attempt(id: &str, attempt: &Value, commit: &Commit) -> Option<String> {
    let recorded = (
        attempt["number"].to_string(),
        attempt["run"].as_str().unwrap_or_default(),
    );
    let trailers = ["Cordwainer-Attempt", "Cordwainer-Run"].map(|name| commit.trailer(name).unwrap_or_default());
    (trailers != [recorded.0.as_str(), recorded.1]).then(|| {
        let (number, run) = recorded;
        format!(
            "{id} landed as attempt {} of {}, and attempt {number} of {run} is recorded as merged",
            trailers[0], trailers[1]
        )
    })
}

pub(super) fn linear(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    let mut before = &facts.base;
    for commit in &facts.commits {
        if commit.parents != [before.clone()] {
            let parents = commit.parents.join(" and ");
            found.push(format!(
                "the commit {} is on {parents} instead of {before} alone",
                commit.id
            ));
        }
        before = &commit.id;
    }
    let tip = facts.repository.tip(&format!("refs/heads/{}", facts.branch))?;
    if tip.as_ref() != Some(before) {
        found.push(format!("the branch is at {tip:?} instead of {before}"));
    }
    Ok(found)
}

pub(super) fn gated(facts: &Facts) -> Outcome<Vec<String>> {
    let events = || facts.runs.iter().flat_map(|run| &run.events);
    let name = |event: &Value| event["gate"].as_str().map(str::to_owned);
    let mut gates: BTreeSet<String> = facts.options.gates.iter().cloned().collect();
    if gates.is_empty() {
        gates = events()
            .filter(|event| event["type"] == "gate_tried")
            .filter_map(name)
            .collect();
    }
    // The last verdict on each tree: a gate whose verdict depends on chance is asked again.
    let mut verdicts: BTreeMap<(String, String), bool> = BTreeMap::new();
    for event in events().filter(|event| event["type"] == "gate_ended") {
        if let (Some(tree), Some(gate)) = (event["tree"].as_str(), name(event)) {
            let excused = event["advisory"] == true
                || ["not_yet", "still_failing"]
                    .iter()
                    .any(|word| event["verdict"] == *word);
            verdicts.insert((tree.to_owned(), gate), event["passed"] == true || excused);
        }
    }
    let within = within_groups(facts);
    let mut found = Vec::new();
    for commit in facts
        .commits
        .iter()
        .filter(|commit| commit.task(&facts.branch).is_some() && !within.contains(commit.id.as_str()))
    {
        // What a person accepted was merged on their decision, without gates.
        if commit.trailer("Cordwainer-Accepted-By").is_some() {
            continue;
        }
        for gate in &gates {
            let verdict = verdicts.get(&(commit.tree.clone(), gate.clone()));
            if verdict != Some(&true) {
                let how = if verdict.is_some() {
                    "failed on it"
                } else {
                    "was never run on it"
                };
                found.push(format!(
                    "the commit {} has the tree {}, and the gate `{gate}` {how}",
                    commit.id, commit.tree
                ));
            }
        }
    }
    Ok(found)
}

/// Returns the commits that landed together with the one after them: their gates have seen the tree of the last of a group.
fn within_groups(facts: &Facts) -> BTreeSet<&str> {
    let mut within = BTreeSet::new();
    for event in facts.runs.iter().flat_map(|run| &run.events) {
        if event["type"] != "merge_judged" || event["passed"] != true {
            continue;
        }
        let group: Vec<&str> = list(&event["tasks"]).iter().filter_map(Value::as_str).collect();
        for commits in facts.commits.windows(group.len().max(1)) {
            let is_group = commits
                .iter()
                .map(|commit| commit.task(&facts.branch))
                .eq(group.iter().map(|task| Some(*task)));
            if is_group {
                within.extend(commits.iter().rev().skip(1).map(|commit| commit.id.as_str()));
            }
        }
    }
    within
}

pub(super) fn no_merge_lost(facts: &Facts) -> Outcome<Vec<String>> {
    let reference = format!("refs/heads/{}", facts.branch);
    let reached: BTreeSet<String> = facts.repository.reachable(&reference)?.into_iter().collect();
    let mut landed = BTreeMap::new();
    for event in facts.runs.iter().flat_map(|run| &run.events) {
        if let Some(commit) = event["commit"].as_str().filter(|_| event["type"] == "attempt_ended") {
            landed.insert(commit.to_owned(), format!("an event of {}", event["task"]));
        }
    }
    for version in versions(facts)? {
        if let Some(commit) = version.after["commit"].as_str() {
            landed.insert(commit.to_owned(), format!("the store's version {}", version.commit));
        }
    }
    let log = facts
        .repository
        .try_git(&["reflog", "show", "--format=%H", &reference])?;
    // Where logs of refs are switched off, there is none.
    for commit in String::from_utf8(log.stdout)?.lines() {
        landed.insert(commit.to_owned(), "the log of the branch".to_owned());
    }
    let lost = landed.iter().filter(|(commit, _)| !reached.contains(*commit));
    Ok(lost
        .map(|(commit, by)| format!("{commit} landed by {by}, and is not on the branch"))
        .collect())
}
