//! How the agent of an attempt is called: by the settings of its role, and by the rules that are for its task.

use crate::config::{Config, RoleConfig, Rule, RuleWhen};
use crate::issues::attempt::Override;
use crate::issues::issue::Issue;

/// Returns the settings of an attempt at a task, and what of them rules have set. Of several rules that set a key, the
/// first one holds.
pub(crate) fn settings_of(config: &Config, issue: &Issue, attempt: u32) -> (RoleConfig, Vec<Override>) {
    let mut settings = config.stitch.clone();
    let mut overrides: Vec<Override> = Vec::new();
    for (number, rule) in (1..).zip(&config.rules) {
        if !applies(&rule.when, issue, attempt) {
            continue;
        }
        for (key, value) in values(rule) {
            if overrides.iter().any(|earlier| earlier.key == key) {
                continue;
            }
            set(&mut settings, rule, key);
            overrides.push(Override {
                key: key.to_owned(),
                value,
                rule: number,
            });
        }
    }
    (settings, overrides)
}

/// Returns how many candidates an attempt at a task has; 1 is the attempt itself.
pub(crate) fn candidates_of(config: &Config, issue: &Issue, attempt: u32) -> u32 {
    let mut rules = config.rules.iter().filter(|rule| applies(&rule.when, issue, attempt));
    rules.find_map(|rule| rule.candidates).unwrap_or(1)
}

fn applies(when: &RuleWhen, issue: &Issue, attempt: u32) -> bool {
    let is_labelled = when.labels.is_empty() || when.labels.iter().any(|label| issue.labels.contains(label));
    let has_type = when.types.is_empty() || when.types.contains(&issue.issue_type);
    let has_priority = when.priority.is_empty() || when.priority.contains(&issue.priority);
    let is_large = when
        .lines
        .is_none_or(|least| issue.plan.estimated_lines.is_some_and(|lines| lines >= least));
    is_labelled && has_type && has_priority && is_large && when.attempt.is_none_or(|first| attempt >= first)
}

/// Returns the keys that a rule sets, each with its value as a person reads it.
fn values(rule: &Rule) -> Vec<(&'static str, String)> {
    let all = [
        ("model", rule.model.clone()),
        ("effort", rule.effort.clone()),
        (
            "tools",
            rule.tools.as_ref().map(|tools| format!("[{}]", tools.join(", "))),
        ),
        ("max_turns", rule.max_turns.map(|turns| turns.to_string())),
        ("budget_usd", rule.budget_usd.map(|usd| usd.to_string())),
        ("budget_tokens", rule.budget_tokens.map(|tokens| tokens.to_string())),
        ("candidates", rule.candidates.map(|candidates| candidates.to_string())),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn set(settings: &mut RoleConfig, rule: &Rule, key: &str) {
    match key {
        "model" => settings.model.clone_from(&rule.model),
        "effort" => settings.effort.clone_from(&rule.effort),
        "tools" => settings.tools.clone_from(&rule.tools),
        "max_turns" => settings.max_turns = rule.max_turns,
        "budget_usd" => settings.budget_usd = rule.budget_usd,
        "budget_tokens" => settings.budget_tokens = rule.budget_tokens,
        // No setting of an agent, but how many there are: see `candidates_of`.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::issue::{Issues, NewIds, NewIssue, StoreMeta, TaskPlan};
    use crate::model::generation::GenerationName;

    fn task() -> Issue {
        let mut issues = Issues::new(StoreMeta::new(
            GenerationName::new("generation-a").unwrap(),
            "main".to_owned(),
            Timestamp::UNIX_EPOCH,
        ));
        let new = NewIssue {
            labels: vec!["web".to_owned()],
            priority: 1,
            plan: TaskPlan {
                estimated_lines: Some(300),
                ..TaskPlan::default()
            },
            ..NewIssue::titled("One")
        };
        let id = issues.add(new, &NewIds::counted(), Timestamp::UNIX_EPOCH).unwrap();
        issues.get(&id).unwrap().clone()
    }

    #[test]
    fn of_the_rules_for_a_task_the_first_one_that_sets_a_key_holds() {
        let text = "stitch: {model: haiku, max_turns: 5}\nrules:\n\
                    - {when: {attempt: 2}, model: opus}\n\
                    - {when: {labels: [web]}, model: sonnet, effort: high}\n\
                    - {when: {attempt: 2, lines: 301}, effort: max, budget_usd: 9}\n\
                    - {when: {attempt: 2}, candidates: 3}\n\
                    - {when: {attempt: 2}, candidates: 2}\n";
        let config = Config::parse(text, "c.yaml").unwrap();
        let told = |attempt| {
            let (settings, overrides) = settings_of(&config, &task(), attempt);
            let said: Vec<_> = overrides.iter().map(ToString::to_string).collect();
            (
                settings.model.unwrap(),
                settings.effort,
                settings.max_turns,
                said.join("; "),
            )
        };
        let high = Some("high".to_owned());
        let said = "model sonnet by rule 2; effort high by rule 2".to_owned();
        assert_eq!(told(1), ("sonnet".to_owned(), high.clone(), Some(5), said));
        let said = "model opus by rule 1; effort high by rule 2; candidates 3 by rule 4".to_owned();
        assert_eq!(told(2), ("opus".to_owned(), high, Some(5), said));
        assert_eq!([1, 2].map(|attempt| candidates_of(&config, &task(), attempt)), [1, 3]);
    }

    #[test]
    fn all_conditions_must_hold_and_one_entry_of_each() {
        let task = task();
        for (when, expect) in [
            ("{labels: [web, x], priority: [0, 1], lines: 300}", true),
            ("{labels: [x]}", false),
            ("{priority: [0, 2]}", false),
            ("{lines: 301}", false),
            ("{types: [bug]}", false),
            ("{types: [task]}", true),
            ("{attempt: 3}", true),
            ("{attempt: 4}", false),
        ] {
            let text = format!("rules: [{{when: {when}, model: opus}}]");
            let config = Config::parse(&text, "c.yaml").unwrap();
            assert_eq!(applies(&config.rules[0].when, &task, 3), expect, "{when}");
        }
    }
}
