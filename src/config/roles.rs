//! Reads the sections of the roles: `measure`, `stitch` and `review`.

use super::container::read_url;
use super::field::Field;
use super::money::{self, MOST_DOLLARS, MOST_TOKENS};
use super::section::{Section, subsection};
use super::{BudgetConfig, Config, RoleConfig, claude_args, parallel, timers};
use crate::issues::review::BEST_SCORE;
use crate::model::Severity;

/// Reads the sections, after `budget`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let budget = config.budget;
    // A measure is not part of a task.
    let cycle = BudgetConfig {
        task_usd: None,
        task_tokens: None,
        ..budget
    };
    for (name, role, budget) in [
        ("measure", &mut config.measure, &cycle),
        ("stitch", &mut config.stitch, &budget),
    ] {
        if let Some(section) = subsection(top, name) {
            read_role(&section, role, budget);
            read_pace(&section, role);
            read_context(&section, role);
            if name == "measure" {
                section.set("parallel", &mut role.parallel, parallel::read_one);
                section.set_some("review", &mut role.review, Field::flag);
            } else {
                section.set("parallel", &mut role.parallel, parallel::read);
                section.set_some("fix_rounds", &mut role.fix_rounds, |field| {
                    Some(field.small_count_or_off(100)?.limit().unwrap_or_default())
                });
                section.set_some("stuck_after", &mut role.stuck_after, |field| {
                    Some(field.small_count_or_off(100)?.limit().unwrap_or_default())
                });
            }
        }
    }
    if let Some(section) = subsection(top, "review") {
        read_role(&section, &mut config.review, &budget);
        read_threshold(&section, &mut config.review);
        read_context(&section, &mut config.review);
    }
}

/// The most bytes of documents in a prompt: no prompt has more in all.
const MOST_CONTEXT: u32 = 1_000_000;

fn read_context(section: &Section<'_>, role: &mut RoleConfig) {
    section.set_some("context_bytes", &mut role.context_bytes, |field| {
        field.small_count(MOST_CONTEXT)
    });
}

fn read_threshold(section: &Section<'_>, role: &mut RoleConfig) {
    section.set_some("min_score", &mut role.min_score, |field| field.small_count(BEST_SCORE));
    let severities = Severity::ALL.map(|severity| (severity.name(), severity));
    section.set_some("block", &mut role.block, |field| field.choice(&severities));
    section.set_some("closing_rounds", &mut role.closing_rounds, |field| {
        Some(field.small_count_or_off(100)?.limit().unwrap_or_default())
    });
}

pub(super) fn read_role(section: &Section<'_>, role: &mut RoleConfig, budget: &BudgetConfig) {
    read_model(section, role);
    section.set_limit("max_turns", &mut role.max_turns, |field| {
        field.small_count_or_off(1_000_000)
    });
    section.set_limit("budget_usd", &mut role.budget_usd, |field| {
        field.number_or_off(MOST_DOLLARS)
    });
    section.set_limit("budget_tokens", &mut role.budget_tokens, |field| {
        field.count_or_off(MOST_TOKENS)
    });
    money::check_call(section, role, budget);
    timers::read(section, role);
    section.set("restricted", &mut role.restricted, Field::flag);
    read_tools(section, role);
    section.set("args", &mut role.args, claude_args::read_more);
}

fn read_model(section: &Section<'_>, role: &mut RoleConfig) {
    section.set_some("model", &mut role.model, read_model_name);
    section.set_some("fallback_model", &mut role.fallback_model, |field| {
        read_name(field, "the name of a model, or several with commas", |names| {
            names.split(',').all(is_model)
        })
    });
    section.set("strict_model", &mut role.strict_model, Field::flag);
    check_strict(section, role);
    section.set_some("base_url", &mut role.base_url, read_url);
    section.set_some("effort", &mut role.effort, read_effort);
}

/// Reads the name of one model.
pub(super) fn read_model_name(field: &Field<'_>) -> Option<String> {
    read_name(field, "the name of a model", is_model)
}

/// Reads how hard a model thinks.
pub(super) fn read_effort(field: &Field<'_>) -> Option<String> {
    let efforts = ["low", "medium", "high", "xhigh", "max"].map(|effort| (effort, effort));
    field.choice(&efforts).map(str::to_owned)
}

/// Reads the names of tools.
pub(super) fn read_tool_names(field: &Field<'_>) -> Option<Vec<String>> {
    field.list("a list of tools", |item| item.word("the name of a tool"))
}

/// Notes a `strict_model` without a model to compare with.
fn check_strict(section: &Section<'_>, role: &RoleConfig) {
    if let Some(field) = section.field("strict_model").filter(|_| role.strict_model)
        && section.field("model").is_none()
    {
        field.refuse_with::<()>(
            "expected a `model` beside it: without one no model is requested, and nothing is compared",
            "write `model`, or leave `strict_model` out",
        );
    }
}

fn read_name(field: &Field<'_>, what: &str, is_good: impl Fn(&str) -> bool) -> Option<String> {
    let name = field.word(what)?;
    if is_good(&name) {
        return Some(name);
    }
    field.refuse_with(
        format!("expected {what}, found {}", field.node.describe()),
        "leave the key out to unset it",
    )
}

/// Returns whether a word can name a model: it has a letter, and is not a word with a meaning in YAML.
fn is_model(word: &str) -> bool {
    let means_none = ["off", "on", "none", "null", "true", "false", ".nan", ".inf"];
    word.chars().any(char::is_alphabetic)
        && !word.contains(',')
        && !means_none.contains(&word.to_ascii_lowercase().as_str())
}

fn read_tools(section: &Section<'_>, role: &mut RoleConfig) {
    section.set_some("tools", &mut role.tools, read_tool_names);
    section.set("allowed_tools", &mut role.allowed_tools, read_rules);
    section.set("denied_tools", &mut role.denied_tools, read_rules);
}

fn read_rules(field: &Field<'_>) -> Option<Vec<String>> {
    field.list("a list of tools", read_rule)
}

/// Reads a tool, or a tool and what it is used on: `Bash(git *)`. Outside of the parentheses, the client would take
/// spaces and commas for the end of a rule.
fn read_rule(field: &Field<'_>) -> Option<String> {
    const WHAT: &str = "a tool such as `Edit` or `Bash(git *)`";
    let rule = field.text()?;
    let (name, detail) = match rule.split_once('(') {
        Some((name, detail)) => (name, detail.strip_suffix(')')),
        None => (rule.as_str(), Some("")),
    };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.*".contains(c));
    let good = is_name && !name.starts_with('-') && detail.is_some() && !rule.chars().any(char::is_control);
    if good { Some(rule) } else { field.expected(WHAT) }
}

fn read_pace(section: &Section<'_>, role: &mut RoleConfig) {
    section.set_some("max_per_cycle", &mut role.max_per_cycle, |field| {
        Some(field.small_count_or_off(1_000_000)?.limit().unwrap_or_default())
    });
    section.set("max_attempts", &mut role.max_attempts, |field| field.small_count(100));
}
