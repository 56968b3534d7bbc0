//! Checks the fields of one proposal.

use std::collections::BTreeSet;

use crate::base::text::{normalised_title, one_line};
use crate::issues::issue::proof_problem;
use crate::issues::proposal::{BatchLimits, Proposal};
use crate::model::IssueId;

/// Characters of a title.
const TITLE: usize = 120;
/// Characters of a key, and of a name in a dependency.
const KEY: usize = 60;
/// Bytes of a description.
const DESCRIPTION: usize = 100_000;
/// Bytes of an item of a list.
const ITEM: usize = 4_000;
/// Items of a list.
pub(super) const ITEMS: usize = 100;

/// Returns all problems of one proposal itself, in sentences.
pub(super) fn problems(one: &Proposal, limits: &BatchLimits) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(key(&one.key));
    found.extend(title(&one.title));
    found.extend(description(&one.description));
    found.extend(list("required_reading", &one.required_reading, 0));
    found.extend(list("requirements", &one.requirements, 1));
    found.extend(list("acceptance_criteria", &one.acceptance_criteria, 1));
    found.extend(list("depends_on", &one.depends_on, 0));
    found.extend(files(one));
    found.extend(lines(one.estimated_lines, limits));
    found.extend(proof(one, limits));
    if one.priority > 4 {
        found.push(format!("priority is {}, but goes from 0 to 4.", one.priority));
    }
    let name = one_line(&one.key, KEY);
    found
        .into_iter()
        .map(|problem| format!("Proposal `{name}`: {problem}"))
        .collect()
}

/// A proof is checked like any other task's when it is filed, too.
fn proof(one: &Proposal, limits: &BatchLimits) -> Option<String> {
    let line = one.proof.as_deref().unwrap_or_default();
    if !limits.needs_proof {
        return one
            .proof
            .is_some()
            .then(|| "proof was not asked for: leave it out.".into());
    }
    if line.trim().is_empty() {
        return Some("proof is missing: one command line that fails before the work and passes on its result.".into());
    }
    proof_problem(line).map(|problem| format!("{problem}."))
}

fn key(key: &str) -> Option<String> {
    let letter_first = key.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !letter_first || !plain || key.len() > KEY {
        Some(format!(
            "key must be at most {KEY} letters, digits, `-` and `_`, beginning with a letter."
        ))
    } else if key.parse::<IssueId>().is_ok() {
        Some("key looks like the id of an existing task; choose a word.".into())
    } else {
        None
    }
}

fn title(title: &str) -> Option<String> {
    let length = title.chars().count();
    if title.trim().is_empty() {
        Some("title is empty.".into())
    } else if title.chars().any(char::is_control) {
        Some("title must be one line without control characters.".into())
    } else if length > TITLE {
        Some(format!(
            "title has {length} characters, but at most {TITLE} are allowed."
        ))
    } else if normalised_title(title).is_empty() {
        Some("title has no letter or digit.".into())
    } else {
        None
    }
}

fn description(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        Some("description is empty.".into())
    } else if has_control(text) {
        Some("description has control characters.".into())
    } else if text.len() > DESCRIPTION {
        Some(format!(
            "description has {} bytes, but at most {DESCRIPTION} are allowed.",
            text.len()
        ))
    } else {
        None
    }
}

/// Returns whether a text has control characters other than line breaks and tabs.
fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
}

fn list(name: &str, items: &[String], least: usize) -> Vec<String> {
    if items.len() < least {
        return vec![format!("{name} is empty.")];
    }
    if items.len() > ITEMS {
        return vec![format!(
            "{name} has {} items, but at most {ITEMS} are allowed.",
            items.len()
        )];
    }
    let wrong = |text: &String| {
        if text.trim().is_empty() {
            Some("is empty".to_owned())
        } else if has_control(text) {
            Some("has control characters".to_owned())
        } else {
            (text.len() > ITEM).then(|| format!("has {} bytes, but at most {ITEM} are allowed", text.len()))
        }
    };
    let numbered = items.iter().enumerate();
    numbered
        .filter_map(|(index, item)| Some(format!("item {} of {name} {}.", index + 1, wrong(item)?)))
        .collect()
}

fn files(one: &Proposal) -> Vec<String> {
    if one.files.is_empty() {
        return vec!["files is empty: name at least one file that the task creates, modifies or deletes.".into()];
    }
    if one.files.len() > ITEMS {
        return vec![format!(
            "files has {} items, but at most {ITEMS} are allowed.",
            one.files.len()
        )];
    }
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for file in &one.files {
        let shown = one_line(&file.path, 200);
        if let Some(why) = no_repository_path(&file.path) {
            problems.push(format!("file path `{shown}` {why}."));
        } else if !seen.insert(&file.path) {
            problems.push(format!("file path `{shown}` is listed twice."));
        }
    }
    problems
}

/// Returns why a path cannot be a file of the repository.
fn no_repository_path(path: &str) -> Option<&'static str> {
    let parts = || path.split('/');
    if path.trim().is_empty() {
        Some("is empty")
    } else if path.starts_with('/') || path.starts_with('~') {
        Some("is not relative to the repository's root")
    } else if path.contains('\\') || path.chars().any(char::is_control) {
        Some("has a backslash or a control character")
    } else if path.len() > 1024 {
        Some("is longer than 1024 bytes")
    } else if parts().any(|part| part == "..") {
        Some("leaves the repository")
    } else if parts().any(|part| part.eq_ignore_ascii_case(".git")) {
        Some("lies in git's own folder")
    } else if parts().any(|part| part.is_empty() || part == ".") {
        Some("is not in its shortest form, or names a folder")
    } else {
        None
    }
}

fn lines(estimate: u32, limits: &BatchLimits) -> Option<String> {
    let most = limits.most_lines.filter(|most| estimate > *most)?;
    Some(format!(
        "estimated_lines is {estimate}, but at most {most} are allowed: split it."
    ))
}
