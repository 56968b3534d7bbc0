//! The command line of a call. The prompt is not on it: it goes on stdin.

use serde_json::Value;

use crate::config::{AgentConfig, RoleConfig};

/// What one call needs beyond its role's configuration.
#[derive(Clone, Debug, Default)]
pub struct CallExtra {
    /// The schema that the answer must fit.
    pub json_schema: Option<Value>,
    /// US dollars that the generation may still spend.
    pub budget_left_usd: Option<f64>,
    /// The session to go on with.
    pub resume: Option<String>,
}

/// Builds the program and its arguments: the user's own first, then what the role says, so that the role wins.
pub fn command_line(agent: &AgentConfig, role: &RoleConfig, claude_args: &[String], extra: &CallExtra) -> Vec<String> {
    let mut line = vec![agent.command.clone()];
    line.extend_from_slice(claude_args);
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line.extend([name.to_owned(), value]);
        }
    };
    option("--model", role.model.clone());
    option("--effort", role.effort.clone());
    option("--max-turns", role.max_turns.map(|turns| turns.to_string()));
    option(
        "--max-budget-usd",
        least(role.budget_usd, extra.budget_left_usd).map(|usd| usd.to_string()),
    );
    option("--tools", role.tools.as_ref().map(|tools| tools.join(",")));
    option("--resume", extra.resume.clone());
    option("--json-schema", extra.json_schema.as_ref().map(Value::to_string));
    line
}

/// The smaller of two amounts of which either may be unlimited; never below zero.
fn least(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    let least = match (one, other) {
        (Some(one), Some(other)) => one.min(other),
        (one, other) => one.or(other)?,
    };
    Some(least.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credentials;

    fn agent() -> AgentConfig {
        AgentConfig {
            command: "claude".into(),
            base_url: None,
            credentials: Credentials::Subscription,
            home: "/home/agent".into(),
        }
    }

    fn role() -> RoleConfig {
        RoleConfig::stitch()
    }

    fn check(role: &RoleConfig, extra: &CallExtra, expect: &[&str]) {
        let line = command_line(&agent(), role, &["-p".into()], extra);
        assert_eq!(line[..2], ["claude", "-p"]);
        assert_eq!(line[2..], *expect);
    }

    #[test]
    fn only_what_is_set_is_passed() {
        check(&role(), &CallExtra::default(), &[]);
        let full = RoleConfig {
            model: Some("opus".into()),
            effort: Some("high".into()),
            max_turns: Some(7),
            tools: Some(vec!["Read".into(), "Grep".into()]),
            ..role()
        };
        let extra = CallExtra {
            json_schema: Some(serde_json::json!({"type": "object"})),
            ..CallExtra::default()
        };
        let expect = [
            "--model",
            "opus",
            "--effort",
            "high",
            "--max-turns",
            "7",
            "--tools",
            "Read,Grep",
            "--json-schema",
            r#"{"type":"object"}"#,
        ];
        check(&full, &extra, &expect);
    }

    #[test]
    fn the_smaller_budget_counts() {
        let cases = [
            (Some(2.0), None, "2"),
            (None, Some(0.5), "0.5"),
            (Some(2.0), Some(0.5), "0.5"),
            (Some(0.25), Some(3.0), "0.25"),
            (None, Some(-1.0), "0"),
        ];
        for (budget_usd, budget_left_usd, expect) in cases {
            let role = RoleConfig { budget_usd, ..role() };
            let extra = CallExtra {
                budget_left_usd,
                ..CallExtra::default()
            };
            check(&role, &extra, &["--max-budget-usd", expect]);
        }
    }
}
