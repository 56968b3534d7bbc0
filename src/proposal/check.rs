//! Checks a batch: what prose asks for, code makes sure of. Every problem is a sentence that can be
//! fed back to the agent as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::{KnownIssue, Limits, Proposal, order};
use crate::issue::IssueId;
use crate::text::{nearest, normalised_title, one_line};

mod fields;

/// What a batch came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validated {
    /// The tasks to file, each after what it depends on; empty when there are problems, since a
    /// batch is filed whole or not at all.
    pub accepted: Vec<Proposal>,
    /// Titles of proposals that repeat an issue, and which; dependencies on them now name that issue.
    pub dropped_duplicates: Vec<(String, IssueId)>,
    /// What is wrong, in sentences.
    pub problems: Vec<String>,
}

/// Checks a batch against itself, the issues that are there (open and closed) and the limits.
/// An empty batch is a valid answer: nothing is left to propose.
pub fn validate(proposals: Vec<Proposal>, existing: &[KnownIssue], limits: &Limits) -> Validated {
    let mut problems = repeated_keys(&proposals);
    let (mut fresh, repeats) = split_duplicates(proposals, existing);
    rewrite_dependencies(&mut fresh, &repeats);
    problems.extend(too_many(&fresh, limits));
    problems.extend(repeated_titles(&fresh));
    problems.extend(fresh.iter().flat_map(|one| fields::problems(one, limits)));
    problems.extend(unknown_dependencies(&fresh, existing));
    let dropped_duplicates = repeats.into_iter().map(|repeat| (repeat.title, repeat.id)).collect();
    let accepted = if problems.is_empty() {
        order::sort(fresh).unwrap_or_else(|keys| {
            problems.push(cycle_sentence(&keys));
            Vec::new()
        })
    } else {
        Vec::new()
    };
    Validated {
        accepted,
        dropped_duplicates,
        problems,
    }
}

/// A proposal that repeats an issue.
struct Repeat {
    key: String,
    title: String,
    id: IssueId,
}

fn repeated_keys(proposals: &[Proposal]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again: BTreeSet<&str> = proposals
        .iter()
        .map(|one| one.key.as_str())
        .filter(|key| !seen.insert(*key))
        .collect();
    again
        .into_iter()
        .map(|key| format!("The key `{}` is used more than once.", one_line(key, 60)))
        .collect()
}

fn split_duplicates(proposals: Vec<Proposal>, existing: &[KnownIssue]) -> (Vec<Proposal>, Vec<Repeat>) {
    let by_title: BTreeMap<String, &IssueId> = existing
        .iter()
        .map(|issue| (normalised_title(&issue.title), &issue.id))
        .collect();
    let mut fresh = Vec::new();
    let mut repeats = Vec::new();
    for one in proposals {
        let title = normalised_title(&one.title);
        match by_title.get(&title).filter(|_| !title.is_empty()) {
            Some(id) => repeats.push(Repeat {
                key: one.key,
                title: one.title,
                id: (*id).clone(),
            }),
            None => fresh.push(one),
        }
    }
    (fresh, repeats)
}

fn rewrite_dependencies(fresh: &mut [Proposal], repeats: &[Repeat]) {
    let ids: BTreeMap<&str, String> = repeats
        .iter()
        .map(|repeat| (repeat.key.as_str(), repeat.id.to_string()))
        .collect();
    for dependency in fresh.iter_mut().flat_map(|one| &mut one.depends_on) {
        if let Some(id) = ids.get(dependency.as_str()) {
            dependency.clone_from(id);
        }
    }
}

fn too_many(fresh: &[Proposal], limits: &Limits) -> Option<String> {
    let (count, most) = (fresh.len(), limits.max_issues);
    (u32::try_from(count).map_or(true, |count| count > most))
        .then(|| format!("There are {count} proposals, but at most {most} are allowed: keep the most important ones."))
}

fn repeated_titles(fresh: &[Proposal]) -> Vec<String> {
    let mut first: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for one in fresh {
        let key = one.key.as_str();
        if let Some(other) = first.insert(normalised_title(&one.title), key) {
            problems.push(format!("Proposals `{other}` and `{key}` have the same title."));
        }
    }
    problems
}

fn unknown_dependencies(fresh: &[Proposal], existing: &[KnownIssue]) -> Vec<String> {
    let keys: BTreeSet<&str> = fresh.iter().map(|one| one.key.as_str()).collect();
    let ids: BTreeSet<String> = existing.iter().map(|issue| issue.id.to_string()).collect();
    let mut problems = Vec::new();
    for one in fresh {
        let key = one_line(&one.key, 60);
        for dependency in &one.depends_on {
            let named = one_line(dependency, 60);
            if *dependency == one.key {
                problems.push(format!("Proposal `{key}` depends on itself."));
            } else if !keys.contains(dependency.as_str()) && !ids.contains(dependency) {
                let meant = nearest(dependency, keys.iter().copied()).filter(|near| *near != one.key);
                let meant = meant.map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
                problems.push(format!(
                    "Proposal `{key}` depends on `{named}`, which is neither a key of this answer nor the id of an existing task.{meant}"
                ));
            }
        }
    }
    problems
}

fn cycle_sentence(keys: &[String]) -> String {
    let chain: Vec<String> = keys.iter().chain(keys.first()).map(|key| format!("`{key}`")).collect();
    format!("The dependencies go in a circle: {}.", chain.join(" needs "))
}

#[cfg(test)]
mod tests;
