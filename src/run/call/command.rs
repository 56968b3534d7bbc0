//! The command line of a call. The prompt is not on it: it goes on stdin.

use serde_json::Value;

use crate::agent::STREAMED_INPUT;
use crate::base::error::{Error, ErrorKind, Result};
use crate::config::{AgentConfig, BARE, RoleConfig};
use crate::model::SessionId;
use crate::run::call::servers::RoleServers;

/// What one call needs beyond its role's configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallExtra {
    /// The schema that the answer must fit.
    pub(crate) json_schema: Option<Value>,
    /// US dollars that may still be spent.
    pub(crate) budget_left_usd: Option<f64>,
    /// The model context servers of the role.
    pub(crate) servers: RoleServers,
    /// Whether the agent is told before the call ends by itself.
    pub(crate) is_warned: bool,
    /// Whether a person can speak to it while it works.
    pub(crate) is_spoken_to: bool,
    /// The client's session that the call goes on with.
    pub(crate) resume: Option<SessionId>,
}

/// Tools of the client that do not fit unattended work: they have it wake up later, watch, or work elsewhere. They are
/// denied unless a role's `tools` or `allowed_tools` name them.
const UNATTENDED: [&str; 11] = [
    "CronCreate",
    "CronDelete",
    "CronList",
    "EnterWorktree",
    "ExitWorktree",
    "Monitor",
    "PushNotification",
    "RemoteTrigger",
    "ScheduleWakeup",
    "SendMessage",
    "Workflow",
];

/// The flag of the mode of permissions.
pub(crate) const PERMISSION_MODE: &str = "--permission-mode";
/// Flags that skip permissions.
const SKIPPING: [&str; 2] = ["--allow-dangerously-skip-permissions", "--dangerously-skip-permissions"];

/// Builds the program and its arguments: the user's own first, then what the role and the call ask for, so that these
/// win.
///
/// # Errors
///
/// Of kind [`ErrorKind::Configuration`] when `--bare` is anywhere in it: the client would read no subscription and bill
/// an API key. Of kind [`ErrorKind::Limit`] when nothing may be spent any more, which the client would refuse.
pub(crate) fn command_line(
    agent: &AgentConfig,
    role: &RoleConfig,
    claude_args: &[String],
    extra: &CallExtra,
) -> Result<Vec<String>> {
    let mut line = vec![agent.command.clone()];
    line.extend_from_slice(claude_args);
    line.extend_from_slice(&role.args);
    // A worktree's own list of servers is an agent's.
    line.push("--strict-mcp-config".to_owned());
    if extra.is_spoken_to {
        line.extend(STREAMED_INPUT.map(str::to_owned));
    }
    if role.restricted {
        restrict(&mut line);
    }
    for (name, value) in options(role, extra)? {
        if let Some(value) = value {
            line.extend([name.to_owned(), value]);
        }
    }
    refuse_bare(&line)?;
    Ok(line)
}

/// Returns the options in their order. Lists go with commas; the client parts them at spaces, too, but not in
/// parentheses.
fn options(role: &RoleConfig, extra: &CallExtra) -> Result<[(&'static str, Option<String>); 12]> {
    let list = |items: &[String]| (!items.is_empty()).then(|| items.join(","));
    Ok([
        ("--model", role.model.clone()),
        ("--fallback-model", role.fallback_model.clone()),
        ("--effort", role.effort.clone()),
        ("--max-turns", role.max_turns.map(|turns| turns.to_string())),
        ("--max-budget-usd", budget(role, extra)?),
        // An empty list means no tools, which the client takes as an empty text.
        ("--tools", role.tools.as_ref().map(|tools| tools.join(","))),
        ("--allowed-tools", list(&allowed(role, &extra.servers))),
        ("--disallowed-tools", list(&denied(role, &extra.servers))),
        ("--mcp-config", extra.servers.config()),
        ("--settings", extra.servers.settings(extra.is_warned)),
        ("--json-schema", extra.json_schema.as_ref().map(Value::to_string)),
        ("--resume", extra.resume.as_ref().map(ToString::to_string)),
    ])
}

/// Has the client called in its restricted mode, which it refuses beside skipped permissions. What would need a
/// permission is denied, unless the person's own arguments have another mode.
fn restrict(line: &mut Vec<String>) {
    line.retain(|word| !SKIPPING.contains(&word.as_str()));
    line.push("--restricted".to_owned());
    if !line.iter().any(|word| word.split('=').next() == Some(PERMISSION_MODE)) {
        line.extend([PERMISSION_MODE.to_owned(), "dontAsk".to_owned()]);
    }
}

/// Returns the tools that need no permission: the role's own, and those that are listed of its servers. In the restricted
/// mode nothing else that needs one is there, so what `tools` names is among them.
fn allowed(role: &RoleConfig, servers: &RoleServers) -> Vec<String> {
    let named = role.tools.iter().flatten().filter(|_| role.restricted);
    let mut allowed: Vec<String> = named.chain(&role.allowed_tools).cloned().collect();
    allowed.extend(servers.allowed());
    allowed
}

/// Returns the tools that are denied: the role's own, and those that nobody asked for.
fn denied(role: &RoleConfig, servers: &RoleServers) -> Vec<String> {
    let is_named = |tool: &str| {
        let starts = |item: &String| item.split('(').next() == Some(tool);
        role.allowed_tools.iter().chain(&role.denied_tools).any(starts)
    };
    // Of a list of tools nothing else is there.
    let unasked = UNATTENDED.iter().filter(|_| role.tools.is_none());
    let unasked = unasked.chain(servers.beside()).filter(|tool| !is_named(tool));
    let unasked = unasked.map(|tool| (*tool).to_owned());
    role.denied_tools.iter().cloned().chain(unasked).collect()
}

fn refuse_bare(line: &[String]) -> Result<()> {
    let is_bare = |word: &str| word.split('=').next() == Some(BARE);
    // The program is one word where the configuration is checked; a library user may write a line there.
    let program = line.first().into_iter().flat_map(|program| program.split_whitespace());
    if !program.chain(line.iter().map(String::as_str)).any(is_bare) {
        return Ok(());
    }
    let message = format!("the client's command line has `{BARE}`, which skips the subscription and bills an API key");
    Err(Error::new(ErrorKind::Configuration, message).hint("leave it out"))
}

/// Returns what the client may spend in this call, in US dollars.
fn budget(role: &RoleConfig, extra: &CallExtra) -> Result<Option<String>> {
    match least(role.budget_usd, extra.budget_left_usd) {
        Some(usd) if usd > 0.0 => Ok(Some(usd.to_string())),
        None => Ok(None),
        Some(_) => Err(Error::new(
            ErrorKind::Limit,
            "the budget has nothing left for a call of the client",
        )),
    }
}

/// The smaller of two amounts of which either may be unlimited.
fn least(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::sandbox::credential::Credentials;

    fn agent() -> AgentConfig {
        AgentConfig {
            command: "claude".into(),
            base_url: None,
            credentials: Credentials::Subscription,
            home: "/home/agent".into(),
        }
    }

    fn role() -> RoleConfig {
        Config::default().stitch
    }

    fn words(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn check(role: &RoleConfig, extra: &CallExtra, expect: &[&str]) {
        let line = command_line(&agent(), role, &["-p".into()], extra).unwrap();
        let own: Vec<&String> = line.iter().filter(|word| *word != "--strict-mcp-config").collect();
        assert_eq!(own.len() + 1, line.len());
        assert_eq!(own[..2], ["claude", "-p"]);
        assert_eq!(own[2..], *expect);
    }

    #[test]
    fn only_what_is_set_is_passed() {
        let unattended = UNATTENDED.join(",");
        check(&role(), &CallExtra::default(), &["--disallowed-tools", &unattended]);
        let named = RoleConfig {
            allowed_tools: words(&["Monitor", "CronCreate(x)"]),
            denied_tools: words(&["WebFetch", "Workflow"]),
            ..role()
        };
        let line = command_line(&agent(), &named, &[], &CallExtra::default()).unwrap();
        let expect = "WebFetch,Workflow,CronDelete,CronList,EnterWorktree,ExitWorktree,PushNotification,RemoteTrigger,\
            ScheduleWakeup,SendMessage";
        assert_eq!(line.last().unwrap(), expect);
        let none = RoleConfig {
            tools: Some(Vec::new()),
            ..role()
        };
        check(&none, &CallExtra::default(), &["--tools", ""]);
    }

    #[test]
    fn what_cordwainer_sets_follows_what_the_user_does() {
        let full = RoleConfig {
            model: Some("opus".into()),
            fallback_model: Some("sonnet,haiku".into()),
            effort: Some("high".into()),
            max_turns: Some(7),
            tools: Some(words(&["Read", "Grep"])),
            allowed_tools: words(&["Edit", "Bash(git *)"]),
            denied_tools: words(&["WebFetch"]),
            args: words(&["--append-system-prompt", "Be brief."]),
            ..role()
        };
        let extra = CallExtra {
            json_schema: Some(serde_json::json!({"type": "object"})),
            resume: SessionId::parse("0b5a6c1e-9f60-4a53-8d6b-7e2f1c3d4a5b"),
            ..CallExtra::default()
        };
        let expect = [
            "--append-system-prompt",
            "Be brief.",
            "--model",
            "opus",
            "--fallback-model",
            "sonnet,haiku",
            "--effort",
            "high",
            "--max-turns",
            "7",
            "--tools",
            "Read,Grep",
            "--allowed-tools",
            "Edit,Bash(git *)",
            "--disallowed-tools",
            "WebFetch",
            "--json-schema",
            r#"{"type":"object"}"#,
            "--resume",
            "0b5a6c1e-9f60-4a53-8d6b-7e2f1c3d4a5b",
        ];
        check(&full, &extra, &expect);
    }

    #[test]
    fn a_restricted_role_skips_no_permissions() {
        let restricted = RoleConfig {
            restricted: true,
            tools: Some(words(&["Read", "Bash"])),
            allowed_tools: words(&["WebSearch"]),
            ..role()
        };
        let skipping = words(&["-p", "--dangerously-skip-permissions"]);
        let line = command_line(&agent(), &restricted, &skipping, &CallExtra::default()).unwrap();
        let expect = "claude -p --strict-mcp-config --restricted --permission-mode dontAsk --tools Read,Bash \
            --allowed-tools Read,Bash,WebSearch";
        assert_eq!(line.join(" "), expect);
        let planning = words(&["-p", "--permission-mode=plan"]);
        let line = command_line(&agent(), &restricted, &planning, &CallExtra::default()).unwrap();
        assert!(!line.contains(&"dontAsk".to_owned()), "{line:?}");
        let line = command_line(&agent(), &role(), &skipping, &CallExtra::default()).unwrap();
        assert!(
            line.contains(&skipping[1]) && !line.contains(&"--restricted".to_owned()),
            "{line:?}"
        );
    }

    #[test]
    fn the_smaller_budget_counts() {
        let cases = [
            (Some(2.0), None, Some("2")),
            (None, Some(0.5), Some("0.5")),
            (Some(2.0), Some(0.5), Some("0.5")),
            (Some(0.25), Some(3.0), Some("0.25")),
            (None, Some(0.0), None),
            (Some(2.0), Some(-1.0), None),
            (None, Some(f64::NAN), None),
        ];
        for (budget_usd, budget_left_usd, expect) in cases {
            let role = RoleConfig {
                budget_usd,
                tools: Some(words(&["Read"])),
                ..role()
            };
            let extra = CallExtra {
                budget_left_usd,
                ..CallExtra::default()
            };
            if let Some(usd) = expect {
                check(&role, &extra, &["--max-budget-usd", usd, "--tools", "Read"]);
            } else {
                let error = command_line(&agent(), &role, &[], &extra).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Limit);
            }
        }
    }

    /// Checks that a command line of these parts is refused.
    fn check_bare(command: &str, claude_args: &[&str], role: &RoleConfig) {
        let agent = AgentConfig {
            command: command.into(),
            ..agent()
        };
        let line = command_line(&agent, role, &words(claude_args), &CallExtra::default());
        assert_eq!(line.unwrap_err().kind(), ErrorKind::Configuration);
    }

    #[test]
    fn bare_is_refused_wherever_it_comes_from() {
        check_bare("claude --bare", &[], &role());
        check_bare("claude", &["-p", "--bare"], &role());
        check_bare("claude", &["--bare=true"], &role());
        let with_args = RoleConfig {
            args: words(&["--verbose", "--bare"]),
            ..role()
        };
        check_bare("claude", &[], &with_args);
        let as_model = RoleConfig {
            model: Some("--bare".into()),
            ..role()
        };
        check_bare("claude", &[], &as_model);
    }
}
