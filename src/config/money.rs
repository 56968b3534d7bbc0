//! Reads `budget`, `retry` and `limits`: what calls may cost, and when they are made again.

use super::field::Field;
use super::section::{Section, subsection};
use super::show::duration_text;
use super::{BudgetConfig, BudgetWarning, Config, LimitWait, RetryConfig, RoleConfig};

pub(super) const MOST_DOLLARS: f64 = 1_000_000.0;
pub(super) const MOST_TOKENS: u64 = 1 << 50;
/// In percent: with all of it in reserve no call would ever begin.
const MOST_RESERVE: u32 = 99;

/// Reads the three sections.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    if let Some(section) = subsection(top, "budget") {
        read_budget(&section, config);
    }
    if let Some(section) = subsection(top, "retry") {
        read_retry(&section, &mut config.retry);
    }
    if let Some(section) = subsection(top, "limits") {
        read_limits(&section, config);
    }
}

fn read_budget(section: &Section<'_>, config: &mut Config) {
    let budget = &mut config.budget;
    let dollars = |field: &Field<'_>| field.number_or_off(MOST_DOLLARS);
    let tokens = |field: &Field<'_>| field.count_or_off(MOST_TOKENS);
    section.set_limit("usd", &mut budget.usd, dollars);
    section.set_limit("tokens", &mut budget.tokens, tokens);
    // An option of one run sets these: no larger bound of the file is wrong because of it, the smallest holds anyway.
    section.set_limit("run_usd", &mut budget.run_usd, dollars);
    section.set_limit("run_tokens", &mut budget.run_tokens, tokens);
    section.set_limit("cycle_usd", &mut budget.cycle_usd, dollars);
    section.set_limit("cycle_tokens", &mut budget.cycle_tokens, tokens);
    section.set_limit("task_usd", &mut budget.task_usd, dollars);
    section.set_limit("task_tokens", &mut budget.task_tokens, tokens);
    let warn = [("on", BudgetWarning::On), ("off", BudgetWarning::Off)];
    section.set("warn", &mut budget.warn, |field| field.choice(&warn));
    let (usd, tokens) = (("usd", budget.usd), ("tokens", budget.tokens));
    let (cycle_usd, cycle_tokens) = (("cycle_usd", budget.cycle_usd), ("cycle_tokens", budget.cycle_tokens));
    at_most(section, "cycle_usd", budget.cycle_usd, &[usd]);
    at_most(section, "task_usd", budget.task_usd, &[usd, cycle_usd]);
    at_most(section, "cycle_tokens", budget.cycle_tokens, &[tokens]);
    at_most(section, "task_tokens", budget.task_tokens, &[tokens, cycle_tokens]);
}

/// Notes a limit of a call that is larger than that of the task, the cycle or the generation that it is a part of.
pub(super) fn check_call(section: &Section<'_>, role: &RoleConfig, whole: &BudgetConfig) {
    let dollars = [
        ("budget.usd", whole.usd),
        ("budget.cycle_usd", whole.cycle_usd),
        ("budget.task_usd", whole.task_usd),
    ];
    let tokens = [
        ("budget.tokens", whole.tokens),
        ("budget.cycle_tokens", whole.cycle_tokens),
        ("budget.task_tokens", whole.task_tokens),
    ];
    at_most(section, "budget_usd", role.budget_usd, &dollars);
    at_most(section, "budget_tokens", role.budget_tokens, &tokens);
}

/// Notes a part that is larger than the smallest of its wholes. None has a default, so a person set all of them.
fn at_most<T: PartialOrd + Copy + std::fmt::Display>(
    section: &Section<'_>,
    name: &str,
    part: Option<T>,
    wholes: &[(&str, Option<T>)],
) {
    let least = wholes
        .iter()
        .filter_map(|(name, whole)| whole.map(|whole| (name, whole)))
        .reduce(|least, other| if other.1 < least.1 { other } else { least });
    let (Some(part), Some((whole_name, whole)), Some(field)) = (part, least, section.field(name)) else {
        return;
    };
    if part > whole {
        field.refuse::<()>(format!("expected at most `{whole_name}` (`{whole}`), found `{part}`"));
    }
}

fn read_retry(section: &Section<'_>, retry: &mut RetryConfig) {
    section.set("initial", &mut retry.initial, |field| field.duration(""));
    section.set("factor", &mut retry.factor, |field| field.number(1.0, 100.0));
    section.set("ceiling", &mut retry.ceiling, |field| field.duration(""));
    section.set("count", &mut retry.count, |field| field.small_count(1000));
    section.set("breaker", &mut retry.breaker, |field| field.small_count(100_000));
    fit_pauses(section, retry);
    fit_counts(section, retry);
}

/// Keeps the first pause no longer than the longest: a contradiction that a person wrote is a problem, a default gives
/// way.
fn fit_pauses(section: &Section<'_>, retry: &mut RetryConfig) {
    if retry.initial <= retry.ceiling {
        return;
    }
    match (section.field("initial"), section.field("ceiling")) {
        (Some(field), Some(_)) => {
            let (longest, found) = (duration_text(retry.ceiling), field.node.describe());
            field.refuse::<()>(format!("expected at most `ceiling` (`{longest}`), found {found}"));
        }
        (Some(_), None) => retry.ceiling = retry.initial,
        (None, _) => retry.initial = retry.ceiling,
    }
}

/// Keeps `count` at most `breaker`: a run that ends after twenty failures never makes thirty in a row.
fn fit_counts(section: &Section<'_>, retry: &mut RetryConfig) {
    if retry.count <= retry.breaker {
        return;
    }
    match (section.field("count"), section.field("breaker")) {
        (Some(field), Some(_)) => {
            let (most, found) = (retry.breaker, retry.count);
            field.refuse::<()>(format!("expected at most `breaker` (`{most}`), found `{found}`"));
        }
        (Some(_), None) => retry.breaker = retry.count,
        (None, _) => retry.count = retry.breaker,
    }
}

fn read_limits(section: &Section<'_>, config: &mut Config) {
    let limits = &mut config.limits;
    let choices = [("forbid", false), ("allow", true)];
    section.set("overage", &mut limits.allow_overage, |field| field.choice(&choices));
    section.set("default_wait", &mut limits.default_wait, |field| field.duration(""));
    section.set("wait", &mut limits.wait, read_wait);
    section.set_limit("reserve", &mut limits.reserve, |field| {
        field.small_count_or_off(MOST_RESERVE)
    });
}

fn read_wait(field: &Field<'_>) -> Option<LimitWait> {
    match field.scalar() {
        Some("never") => Some(LimitWait::Never),
        Some("always") => Some(LimitWait::Always),
        _ => field.duration(", or `never` or `always`").map(LimitWait::UpTo),
    }
}
