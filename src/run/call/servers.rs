//! The model context servers of a role, as the client's command line has them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::warnings;
use crate::agent::ServerStatus;
use crate::config::{ALL_TOOLS, McpServer};
use crate::model::Role;

/// What a server offers beside its tools, which no list of tools covers.
const RESOURCES: [&str; 3] = ["ListMcpResourcesTool", "ReadMcpResourceDirTool", "ReadMcpResourceTool"];
/// What the agent reads when it uses a tool that is not listed.
const REFUSAL: &str = "echo 'The configuration does not list this tool for this role.' >&2; exit 2";

/// The servers that a role has, each with the tools that it may use of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoleServers(Vec<(String, McpServer, Vec<String>)>);

impl RoleServers {
    /// Returns the servers of `all` that list tools for `role`.
    pub(crate) fn of(all: &BTreeMap<String, McpServer>, role: Role) -> Self {
        let of_role = |(name, server): (&String, &McpServer)| {
            let tools = server.tools.get(&role)?;
            Some((name.clone(), server.clone(), tools.clone()))
        };
        Self(all.iter().filter_map(of_role).collect())
    }

    /// Returns the servers that are not connected by what the client reports, each with its status.
    pub(super) fn missing<'a>(&'a self, reported: &'a [ServerStatus]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let status = |name: &str| {
            let found = reported.iter().find(|server| server.name == name);
            found.map_or("not known", |server| server.status.as_str())
        };
        let all = self.0.iter().map(move |(name, ..)| (name.as_str(), status(name)));
        all.filter(|(_, status)| *status != "connected")
    }

    /// Returns the value of `--mcp-config`.
    pub(super) fn config(&self) -> Option<String> {
        let servers: serde_json::Map<String, Value> = self
            .0
            .iter()
            .map(|(name, server, _)| (name.clone(), entry(server)))
            .collect();
        (!servers.is_empty()).then(|| json!({"mcpServers": servers}).to_string())
    }

    /// Returns the value of `--settings`: a hook that refuses each tool of a server but those that are listed, also
    /// where permissions are skipped, and one that warns the agent, where it `is_warned`. Settings of a worktree cannot
    /// turn the refusals off, since these here come before them; where there are none, its own word on hooks counts.
    pub(super) fn settings(&self, is_warned: bool) -> Option<String> {
        let mut settings = serde_json::Map::new();
        let mut hooks = serde_json::Map::new();
        let listed: Vec<String> = self.0.iter().map(|(name, _, tools)| pattern(name, tools)).collect();
        if !listed.is_empty() {
            settings.insert("disableAllHooks".to_owned(), Value::Bool(false));
            let refuses = json!({
                "matcher": format!("^mcp__(?!{})", listed.join("|")),
                "hooks": [{"type": "command", "command": REFUSAL}],
            });
            hooks.insert("PreToolUse".to_owned(), json!([refuses]));
        }
        if is_warned {
            hooks.insert("PostToolUse".to_owned(), json!([warnings::hook()]));
        }
        (!hooks.is_empty()).then(|| {
            settings.insert("hooks".to_owned(), Value::Object(hooks));
            Value::Object(settings).to_string()
        })
    }

    /// Returns the listed tools as the client names them.
    pub(super) fn allowed(&self) -> Vec<String> {
        let of_one = |(name, _, tools): &(String, McpServer, Vec<String>)| {
            if has_all(tools) {
                return vec![format!("mcp__{name}")];
            }
            tools.iter().map(|tool| format!("mcp__{name}__{tool}")).collect()
        };
        self.0.iter().flat_map(of_one).collect()
    }

    /// Returns the tools of the client that reach what servers offer beside their tools.
    pub(super) fn beside(&self) -> &'static [&'static str] {
        if self.0.is_empty() { &[] } else { &RESOURCES }
    }
}

fn has_all(tools: &[String]) -> bool {
    tools.iter().any(|tool| tool == ALL_TOOLS)
}

/// Returns what matches the rest of a listed tool's name after `mcp__`. Names have no character with a meaning there.
fn pattern(name: &str, tools: &[String]) -> String {
    if has_all(tools) {
        format!("{name}__")
    } else {
        format!("{name}__(?:{})$", tools.join("|"))
    }
}

fn entry(server: &McpServer) -> Value {
    let timeout = u64::try_from(server.timeout.as_millis()).unwrap_or(u64::MAX);
    match server.command.as_deref() {
        Some([program, arguments @ ..]) => json!({
            "type": "stdio", "command": program, "args": arguments, "env": server.env, "timeout": timeout,
        }),
        _ => json!({"type": "http", "url": server.url, "timeout": timeout}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// The servers that a role has by a configuration.
    fn servers(role: Role) -> RoleServers {
        let text = "network: {allow: [tools.example.org]}\nmcp:\n  \
            docs: {command: [docs-server, --stdio], env: {A: b}, timeout: 2s, tools: {stitch: [search, read_page]}}\n  \
            far: {url: \"https://tools.example.org/mcp\", tools: {measure: [\"*\"], stitch: [\"*\"]}}\n";
        RoleServers::of(&Config::parse(text, "c.yaml").unwrap().mcp, role)
    }

    #[test]
    fn a_role_has_the_servers_that_list_tools_for_it() {
        let stitch = servers(Role::Stitch);
        let config: Value = serde_json::from_str(&stitch.config().unwrap()).unwrap();
        let expect = json!({"mcpServers": {
            "docs": {"type": "stdio", "command": "docs-server", "args": ["--stdio"], "env": {"A": "b"}, "timeout": 2000},
            "far": {"type": "http", "url": "https://tools.example.org/mcp", "timeout": 300_000},
        }});
        assert_eq!(config, expect);
        assert_eq!(
            stitch.allowed(),
            ["mcp__docs__search", "mcp__docs__read_page", "mcp__far"]
        );
        assert_eq!(servers(Role::Measure).allowed(), ["mcp__far"]);
        let none = servers(Role::Optimize);
        assert_eq!(
            (none.config(), none.settings(false), none.beside().len()),
            (None, None, 0)
        );
    }

    #[test]
    fn what_is_not_connected_is_missing() {
        let reported = |name: &str, status: &str| ServerStatus {
            name: name.into(),
            status: status.into(),
        };
        let stitch = servers(Role::Stitch);
        let told = [reported("docs", "failed"), reported("other", "connected")];
        let missing: Vec<_> = stitch.missing(&told).collect();
        assert_eq!(missing, [("docs", "failed"), ("far", "not known")]);
        let told = [reported("docs", "connected"), reported("far", "connected")];
        assert_eq!(stitch.missing(&told).count(), 0);
    }

    #[test]
    fn all_other_tools_are_refused() {
        let settings: Value = serde_json::from_str(&servers(Role::Stitch).settings(false).unwrap()).unwrap();
        assert_eq!(settings["disableAllHooks"], false);
        assert!(settings["hooks"]["PostToolUse"].is_null());
        let matcher = &settings["hooks"]["PreToolUse"][0]["matcher"];
        assert_eq!(matcher, "^mcp__(?!docs__(?:search|read_page)$|far__)");
    }

    #[test]
    fn whoever_is_warned_has_a_hook_that_a_worktree_may_turn_off() {
        let settings =
            |role, is_warned| -> Value { serde_json::from_str(&servers(role).settings(is_warned).unwrap()).unwrap() };
        let alone = settings(Role::Review, true);
        assert_eq!(alone["hooks"]["PostToolUse"], json!([warnings::hook()]));
        assert_eq!(alone.as_object().unwrap().len(), 1);
        let both = settings(Role::Stitch, true);
        assert_eq!(both["hooks"].as_object().unwrap().len(), 2);
    }
}
