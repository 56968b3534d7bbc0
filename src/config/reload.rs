//! What of the configuration takes effect in a run that is at work, and what only in the next one.

use super::source::keys;
use super::{BudgetConfig, Config, LimitWait, Parallel};
use crate::base::error::{Context as _, Result};

/// The keys that take effect in a run at work, for a person.
pub(crate) const RELOADABLE: &str = "`stitch.parallel`, `limits.wait` and `budget` (but for `budget.warn`)";

/// The values of the keys that take effect in a run at work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reloadable {
    pub(crate) parallel: Parallel,
    pub(crate) wait: LimitWait,
    pub(crate) budget: BudgetConfig,
}

/// How two configurations differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The keys that take effect in a run at work, with their new values: `stitch.parallel: 4`.
    pub(crate) reloadable: Vec<String>,
    /// The keys that do not.
    pub(crate) others: Vec<String>,
}

impl Reloadable {
    /// Returns the values that a configuration has.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            parallel: config.stitch.parallel,
            wait: config.limits.wait,
            budget: config.budget,
        }
    }

    /// Returns a configuration with these values.
    pub(crate) fn put_into(self, mut config: Config) -> Config {
        config.stitch.parallel = self.parallel;
        config.limits.wait = self.wait;
        config.budget = BudgetConfig {
            warn: config.budget.warn,
            ..self.budget
        };
        config
    }
}

fn is_reloadable(key: &str) -> bool {
    let is_budget = key.starts_with("budget.") && key != "budget.warn";
    is_budget || ["stitch.parallel", "limits.wait"].contains(&key)
}

/// Compares the configuration in force with a newer one.
pub(crate) fn changes(old: &Config, new: &Config) -> Result<Changes> {
    let serialized = |config| serde_json::to_value(config).context("cannot serialize the configuration");
    let (before, after) = (serialized(old)?, serialized(new)?);
    let mut changes = Changes::default();
    for key in keys() {
        let value = |all| {
            key.split('.')
                .try_fold(all, |value: &serde_json::Value, part| value.get(part))
        };
        let (before, after) = (value(&before), value(&after));
        if before == after {
            continue;
        }
        if is_reloadable(&key) {
            let after = after.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            changes.reloadable.push(format!("{key}: {}", after.unwrap_or_default()));
        } else {
            changes.others.push(key);
        }
    }
    // Values that may be secrets are not serialized.
    if changes.others.is_empty() && Reloadable::of(old).put_into(new.clone()) != *old {
        changes.others.push("a value that is not shown".to_owned());
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns which keys differ, and which of them take effect in a run at work.
    fn check(old: &str, new: &str) -> (String, String) {
        let parse = |text| Config::parse(text, "configuration.yaml").unwrap();
        let (old, new) = (parse(old), parse(new));
        let changes = changes(&old, &new).unwrap();
        if changes.others.is_empty() {
            assert_eq!(Reloadable::of(&new).put_into(old), new);
        }
        (changes.reloadable.join(", "), changes.others.join(", "))
    }

    #[test]
    fn what_takes_effect_at_once_is_told_from_what_does_not() {
        let old = "stitch: {parallel: 2}\ncontainer: {env: {A_PASSWORD: one}}\n";
        for (new, reloadable, others) in [
            (old, "", ""),
            (
                "stitch: {parallel: auto}\ncontainer: {env: {A_PASSWORD: one}}\nlimits: {wait: 2h}\nbudget: {usd: 5, task_tokens: 9}\n",
                "stitch.parallel: auto, limits.wait: 2h, budget.usd: 5.0, budget.task_tokens: 9",
                "",
            ),
            (
                "stitch: {parallel: 2, model: opus}\ncontainer: {env: {A_PASSWORD: one}}\nbudget: {warn: off}\nstop_grace: 1s\n",
                "",
                "stitch.model, budget.warn, stop_grace",
            ),
            (
                "stitch: {parallel: 3}\ncontainer: {env: {A_PASSWORD: two}}\n",
                "stitch.parallel: 3",
                "a value that is not shown",
            ),
        ] {
            let (found, fixed) = check(old, new);
            let sorted = |text: &str| {
                let mut parts: Vec<String> = text.split(", ").map(str::to_owned).collect();
                parts.sort();
                parts
            };
            assert_eq!(
                (sorted(&found), sorted(&fixed)),
                (sorted(reloadable), sorted(others)),
                "{new}"
            );
        }
    }
}
