//! Checks a batch: code enforces here what the prompt asks for in prose. Every problem is a sentence that can be sent
//! to the agent as it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Batch, BatchLimits, KnownIssue, Proposal, order};
use crate::base::text::{nearest, normalised_title, one_line};
use crate::model::IssueId;

mod fields;

/// The result of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validated {
    /// The tasks to file, each after its dependencies. If one is invalid, those that depend on it are left out, too;
    /// from a batch that is too large nothing is taken, because we cannot choose the most important ones.
    pub accepted: Vec<Proposal>,
    /// Titles of proposals that repeat an issue, and which; dependencies on them now name that issue.
    pub dropped_duplicates: Vec<(String, IssueId)>,
    /// The problems of the others, in sentences.
    pub problems: Vec<String>,
}

/// Checks a batch against itself, the existing issues (open and closed) and the limits.
/// An empty batch is a valid answer: nothing is left to propose.
pub fn validate(batch: Batch, existing: &[KnownIssue], limits: &BatchLimits) -> Validated {
    let (mut fresh, repeats) = split_duplicates(batch.proposals, existing);
    rewrite_dependencies(&mut fresh, &repeats, existing);
    let dropped_duplicates = repeats.into_iter().map(|repeat| (repeat.title, repeat.id)).collect();
    let mut found = Problems {
        told: batch.problems,
        keys: batch.unread,
    };
    if let Some(too_many) = too_many(&fresh, limits) {
        found.told.push(too_many);
        // However many there are, no other check runs on them.
        return Validated {
            dropped_duplicates,
            problems: found.told,
            ..Validated::default()
        };
    }
    repeated_keys(&fresh, &mut found);
    repeated_titles(&fresh, &mut found);
    for one in &fresh {
        let wrong = fields::problems(one, limits);
        if !wrong.is_empty() {
            found.keys.insert(one.key.clone());
            found.told.extend(wrong);
        }
    }
    unknown_dependencies(&fresh, existing, &mut found);
    let right = without_dependents(fresh, &mut found);
    let (sorted, circle) = order::sort(right);
    found.told.extend(circle.as_deref().map(cycle_sentence));
    Validated {
        accepted: sorted,
        dropped_duplicates,
        problems: found.told,
    }
}

/// The problems.
struct Problems {
    /// In sentences.
    told: Vec<String>,
    /// The proposals with problems.
    keys: BTreeSet<String>,
}

/// Returns the proposals without a problem that depend only on such proposals.
fn without_dependents(proposals: Vec<Proposal>, found: &mut Problems) -> Vec<Proposal> {
    let mut right = proposals;
    right.retain(|one| !found.keys.contains(&one.key));
    let waiting = |right: &[Proposal], wrong: &BTreeSet<String>| {
        right.iter().enumerate().find_map(|(index, one)| {
            let on = one.depends_on.iter().find(|key| wrong.contains(*key))?;
            Some((index, one_line(on, 60)))
        })
    };
    while let Some((index, on)) = waiting(&right, &found.keys) {
        let one = right.remove(index);
        let key = one_line(&one.key, 60);
        found
            .told
            .push(format!("Proposal `{key}` waits for `{on}`, which is not filed."));
        found.keys.insert(one.key);
    }
    right
}

/// The number of unknown dependencies for which a similar name is suggested.
const SUGGESTIONS: usize = 20;
/// The longest name of a dependency for which a similar name is searched, in bytes.
const LONGEST_MEANT: usize = 60;

/// A proposal that repeats an issue.
struct Repeat {
    key: String,
    title: String,
    id: IssueId,
}

fn repeated_keys(proposals: &[Proposal], found: &mut Problems) {
    let mut seen = BTreeSet::new();
    let keys = proposals.iter().map(|one| one.key.as_str());
    let again: BTreeSet<&str> = keys.filter(|key| !seen.insert(*key)).collect();
    for key in again {
        let shown = one_line(key, 60);
        found.told.push(format!("The key `{shown}` is used more than once."));
        found.keys.insert(key.to_owned());
    }
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

/// Makes dependencies on filed proposals name the issue: those on repeats, and on keys of an earlier answer that this
/// one does not use itself.
fn rewrite_dependencies(fresh: &mut [Proposal], repeats: &[Repeat], existing: &[KnownIssue]) {
    let own: BTreeSet<String> = fresh.iter().map(|one| one.key.clone()).collect();
    let earlier = existing
        .iter()
        .filter_map(|issue| Some((issue.key.as_deref()?, &issue.id)));
    let ids: BTreeMap<&str, String> = earlier
        .filter(|(key, _)| !own.contains(*key))
        .chain(repeats.iter().map(|repeat| (repeat.key.as_str(), &repeat.id)))
        .map(|(key, id)| (key, id.to_string()))
        .collect();
    for dependency in fresh.iter_mut().flat_map(|one| &mut one.depends_on) {
        if let Some(id) = ids.get(dependency.as_str()) {
            dependency.clone_from(id);
        }
    }
}

fn too_many(fresh: &[Proposal], limits: &BatchLimits) -> Option<String> {
    let (count, most) = (fresh.len(), limits.max_issues);
    (u32::try_from(count).map_or(true, |count| count > most))
        .then(|| format!("There are {count} proposals, but at most {most} are allowed: keep the most important ones."))
}

fn repeated_titles(fresh: &[Proposal], found: &mut Problems) {
    let mut first: BTreeMap<String, &str> = BTreeMap::new();
    for one in fresh {
        let key = one.key.as_str();
        if let Some(other) = first.insert(normalised_title(&one.title), key) {
            let (one, other) = (one_line(key, 60), one_line(other, 60));
            found
                .told
                .push(format!("Proposals `{other}` and `{one}` have the same title."));
            found.keys.insert(key.to_owned());
        }
    }
}

fn unknown_dependencies(fresh: &[Proposal], existing: &[KnownIssue], found: &mut Problems) {
    let keys: BTreeSet<&str> = fresh.iter().map(|one| one.key.as_str()).collect();
    let ids: BTreeSet<String> = existing.iter().map(|issue| issue.id.to_string()).collect();
    for one in fresh {
        let key = one_line(&one.key, 60);
        // Further ones are a problem of their own.
        for dependency in one.depends_on.iter().take(fields::ITEMS) {
            let named = one_line(dependency, 60);
            if *dependency == one.key {
                found.told.push(format!("Proposal `{key}` depends on itself."));
            } else if !keys.contains(dependency.as_str())
                && !ids.contains(dependency)
                && !found.keys.contains(dependency)
            {
                // Searching for a similar name compares with every key: not for each of a thousand, nor for a long
                // text.
                let is_like = found.told.len() < SUGGESTIONS && dependency.len() <= LONGEST_MEANT;
                let meant = is_like.then(|| nearest(dependency, keys.iter().copied())).flatten();
                let meant = meant.filter(|near| *near != one.key);
                let meant = meant.map_or_else(String::new, |near| format!(" Did you mean `{near}`?"));
                found.told.push(format!(
                    "Proposal `{key}` depends on `{named}`, which is neither a key of this answer nor the id of an existing task.{meant}"
                ));
            } else {
                continue;
            }
            found.keys.insert(one.key.clone());
        }
    }
}

fn cycle_sentence(keys: &[String]) -> String {
    let chain: Vec<String> = keys.iter().chain(keys.first()).map(|key| format!("`{key}`")).collect();
    format!("The dependencies go in a circle: {}.", chain.join(" needs "))
}

#[cfg(test)]
mod tests;
