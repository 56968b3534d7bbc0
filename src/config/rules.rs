//! Reads the rules: how the agents of some tasks are called otherwise.

use serde::Serialize;

use super::field::Field;
use super::keys::{Key, RULE, RULE_WHEN};
use super::money::{MOST_DOLLARS, MOST_TOKENS};
use super::section::Section;
use super::{Config, roles};

/// One of `rules`: for the attempts that `when` describes, what it sets comes before the settings of `stitch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rule {
    /// For which attempts it is.
    pub when: RuleWhen,
    /// `--model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `--effort`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// `--tools`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// `--max-turns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_turns: Option<u32>,
    /// US dollars of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// Tokens of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u64>,
    /// Candidates of an attempt, of which the best one is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<u32>,
}

/// For which attempts a rule is: those of which all that is set is so, by one entry of each list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleWhen {
    /// Labels, one of which the task has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Types, one of which is the task's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Priorities, one of which is the task's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<u8>,
    /// The least estimate of the task, in changed lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
    /// The first attempt at the task, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// The most candidates of an attempt.
const MOST_CANDIDATES: u32 = 8;
/// The worst priority.
const LAST_PRIORITY: u8 = 4;

/// Reads `rules`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    top.set("rules", &mut config.rules, |field| {
        field.list("a list of rules", read_rule)
    });
}

fn read_rule(field: &Field<'_>) -> Option<Rule> {
    let section = Section::open(field, RULE)?;
    let mut rule = Rule::default();
    section.set("when", &mut rule.when, read_when);
    section.set_some("model", &mut rule.model, roles::read_model_name);
    section.set_some("effort", &mut rule.effort, roles::read_effort);
    section.set_some("tools", &mut rule.tools, roles::read_tool_names);
    section.set_some("max_turns", &mut rule.max_turns, |field| field.small_count(1_000_000));
    section.set_some("budget_usd", &mut rule.budget_usd, |field| {
        field.number_or_off(MOST_DOLLARS)?.limit()
    });
    section.set_some("budget_tokens", &mut rule.budget_tokens, |field| {
        field.count_or_off(MOST_TOKENS)?.limit()
    });
    section.set_some("candidates", &mut rule.candidates, |field| {
        field.small_count(MOST_CANDIDATES)
    });
    let is_set = |name: &&str| section.field(name).is_some();
    if !is_set(&"when") {
        return field.refuse_with("expected a `when`", "what is for every task is a key of `stitch`");
    }
    let sets = |key: &&Key| key.name != "when" && is_set(&key.name);
    if !RULE.iter().any(|key| sets(&key)) {
        return field.refuse("sets nothing: expected a key of `stitch`, such as `model`");
    }
    Some(rule)
}

fn read_when(field: &Field<'_>) -> Option<RuleWhen> {
    let section = Section::open(field, RULE_WHEN)?;
    let mut when = RuleWhen::default();
    let words = |field: &Field<'_>| field.list("a list of words", Field::text);
    section.set("labels", &mut when.labels, words);
    section.set("types", &mut when.types, words);
    section.set("priority", &mut when.priority, |field| {
        field.list("a list of priorities", read_priority)
    });
    section.set_some("lines", &mut when.lines, |field| field.small_count(1_000_000));
    section.set_some("attempt", &mut when.attempt, |field| field.small_count(100));
    if RULE_WHEN.iter().all(|key| section.field(key.name).is_none()) {
        return field.refuse_with(
            "expected at least one condition",
            "what is for every task is a key of `stitch`",
        );
    }
    Some(when)
}

fn read_priority(field: &Field<'_>) -> Option<u8> {
    let number = field.plain().and_then(|word| word.parse().ok());
    match number.filter(|number| *number <= LAST_PRIORITY) {
        Some(number) => Some(number),
        None => field.expected("a number from 0 to 4"),
    }
}
