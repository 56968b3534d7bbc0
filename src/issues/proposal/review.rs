//! The review of proposals before they are filed: the answer that is asked for, how it is read, and what becomes of the
//! proposals by it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Proposal;
use super::format;
use crate::agent::CallReport;
use crate::base::error::{Context as _, Result};
use crate::base::text::one_line;
use crate::issues::answer::{closed, read_answer};

/// What a reviewer does with a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is filed as it is.
    Ok,
    /// Another one takes its place.
    Change,
    /// Several others take its place.
    Split,
    /// It is not filed.
    Drop,
    /// It was missing, and is filed beside the others.
    Add,
}

/// What a review changed about one proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What was done.
    pub action: Action,
    /// The title of the proposal; of one that was missing, its own.
    pub title: String,
    /// Why, in a line; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The titles of those that take its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub into: Vec<String>,
}

/// An answer that could be read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct ProposalsReview {
    decisions: Vec<Decision>,
    #[serde(default)]
    missing: Vec<Proposal>,
}

/// What is said of one proposal.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Decision {
    key: String,
    action: Action,
    #[serde(default)]
    reason: String,
    /// What takes its place.
    #[serde(default)]
    proposals: Vec<Proposal>,
}

/// Returns the schema for `--json-schema`, with nothing in it but what structured outputs accept.
pub(crate) fn json_schema(needs_proof: bool) -> Value {
    let text = |what: &str| json!({"type": "string", "description": what});
    let proposals =
        |what: &str| json!({"type": "array", "description": what, "items": format::proposal_schema(needs_proof)});
    let decision = closed(&json!({
        "key": text("The key of the proposal"),
        "action": {"type": "string", "enum": ["ok", "change", "split", "drop"]},
        "reason": text("Why, in one line; may be empty for ok"),
        "proposals": proposals("For change, the one that takes its place, with its key; for split, two or more; else empty"),
    }));
    closed(&json!({
        "decisions": {"type": "array", "description": "One for each proposal", "items": decision},
        "missing": proposals("Proposals that are missing; mostly empty"),
    }))
}

/// Returns a valid answer about the proposals that the example of measure has, for the prompt.
pub(crate) fn example(lines: u32, needs_proof: bool) -> Result<String> {
    let changed = Proposal {
        depends_on: vec!["ledger-parser".into()],
        ..format::with_proof(format::second_example(lines), needs_proof)
    };
    let answer = json!({
        "decisions": [
            {"key": "ledger-parser", "action": "ok", "reason": "", "proposals": []},
            {"key": "ledger-totals", "action": "change", "reason": "It did not wait for the parser that it uses.", "proposals": [changed]},
            {"key": "ledger-colours", "action": "drop", "reason": "No document asks for it.", "proposals": []},
        ],
        "missing": [],
    });
    serde_json::to_string_pretty(&answer).context("cannot write the example of an answer")
}

impl ProposalsReview {
    /// Reads the answer of a call.
    ///
    /// Fails with a sentence for the agent: where anything in it is not as was asked for, nothing of it counts.
    pub(crate) fn read(report: &CallReport) -> std::result::Result<Self, String> {
        read_answer(report)
    }

    /// Applies the decisions to the proposals that they are about, which keep their order. What waited for a proposal that
    /// was split waits for all its parts; what waited for one that was dropped, for what that waited for. Returns the
    /// proposals, which are still to be checked, and what changed.
    ///
    /// Fails with sentences for the agent where a decision is missing, or does not fit its proposal.
    pub(crate) fn apply(self, proposed: &[Proposal]) -> std::result::Result<(Vec<Proposal>, Vec<Change>), Vec<String>> {
        let mut decisions = by_key(self.decisions, proposed)?;
        let becomes: BTreeMap<String, Vec<String>> = proposed
            .iter()
            .filter_map(|one| Some((one.key.clone(), decisions.get(&one.key)?.in_place_of(one)?)))
            .collect();
        let (mut result, mut changes) = (Vec::new(), Vec::new());
        for one in proposed {
            let Some(decision) = decisions.remove(&one.key) else {
                continue;
            };
            if decision.action == Action::Ok {
                result.push(one.clone());
                continue;
            }
            changes.push(Change {
                action: decision.action,
                title: one_line(&one.title, 200),
                reason: one_line(&decision.reason, 300),
                into: decision
                    .proposals
                    .iter()
                    .map(|part| one_line(&part.title, 200))
                    .collect(),
            });
            result.extend(decision.proposals);
        }
        for one in self.missing {
            changes.push(Change {
                action: Action::Add,
                title: one_line(&one.title, 200),
                reason: String::new(),
                into: Vec::new(),
            });
            result.push(one);
        }
        for one in &mut result {
            one.depends_on = followed(&one.depends_on, &becomes);
        }
        Ok((result, changes))
    }
}

impl Decision {
    /// Returns which keys, or ids, stand for a proposal in the dependencies of others, where that is no longer its own.
    fn in_place_of(&self, proposal: &Proposal) -> Option<Vec<String>> {
        match self.action {
            Action::Split => Some(self.proposals.iter().map(|part| part.key.clone()).collect()),
            Action::Drop => Some(proposal.depends_on.clone()),
            Action::Ok | Action::Change | Action::Add => None,
        }
    }

    /// Returns what is wrong with it, in a sentence.
    fn problem(&self) -> Option<String> {
        let key = one_line(&self.key, 60);
        let count = self.proposals.len();
        match self.action {
            Action::Ok | Action::Drop if count > 0 => Some(format!(
                "The decision on `{key}` has proposals, which only `change` and `split` have."
            )),
            Action::Change if count != 1 => Some(format!(
                "The decision on `{key}` is `change`, which takes one proposal, and has {count}."
            )),
            Action::Change if self.proposals.iter().any(|one| one.key != self.key) => Some(format!(
                "The proposal in place of `{key}` has another key: one that is changed keeps its key."
            )),
            Action::Split if count < 2 => Some(format!(
                "The decision on `{key}` is `split`, which takes two proposals or more, and has {count}."
            )),
            Action::Split if self.proposals.iter().any(|part| part.key == self.key) => Some(format!(
                "A part of `{key}` has its key: each part has a key of its own."
            )),
            Action::Add => Some(format!(
                "The decision on `{key}` is `add`: what is missing stands in `missing`."
            )),
            Action::Ok | Action::Change | Action::Split | Action::Drop => None,
        }
    }
}

/// Returns the decisions by the keys of the proposals; fails with what is wrong with them.
fn by_key(
    decisions: Vec<Decision>,
    proposed: &[Proposal],
) -> std::result::Result<BTreeMap<String, Decision>, Vec<String>> {
    let known: BTreeSet<&str> = proposed.iter().map(|one| one.key.as_str()).collect();
    let mut problems = Vec::new();
    let mut found = BTreeMap::new();
    for decision in decisions {
        let key = one_line(&decision.key, 60);
        problems.extend(decision.problem());
        if !known.contains(decision.key.as_str()) {
            problems.push(format!(
                "There is a decision on `{key}`, which is the key of no proposal."
            ));
        } else if found.insert(decision.key.clone(), decision).is_some() {
            problems.push(format!("There are two decisions on `{key}`."));
        }
    }
    let missing = known.iter().filter(|key| !found.contains_key(**key));
    problems.extend(missing.map(|key| format!("There is no decision on `{key}`.")));
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Returns dependencies with what stands in place of those that were split or dropped, each once.
fn followed(depends_on: &[String], becomes: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let (mut result, mut seen) = (Vec::new(), BTreeSet::new());
    let mut waiting: Vec<&String> = depends_on.iter().rev().collect();
    while let Some(key) = waiting.pop() {
        if !seen.insert(key) {
            continue;
        }
        match becomes.get(key) {
            Some(others) => waiting.extend(others.iter().rev()),
            None => result.push(key.clone()),
        }
    }
    result
}

#[cfg(test)]
mod tests;
