//! Reads `mcp`: the model context servers, and the tools of each that a role may use.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Serialize;

use super::container::read_url;
use super::field::Field;
use super::keys::MCP_SERVER;
use super::node::Kind;
use super::section::Section;
use super::values::NO_NETWORK;
use super::values::{none_of, parse_duration};
use super::{Config, maps, show};
use crate::base::text;
use crate::model::{Role, StageName};
use crate::sandbox::network::{Authority, Scheme};

/// The word for all tools of a server.
pub(crate) const ALL_TOOLS: &str = "*";
/// The longest name of a server, and of a tool: the API takes 128 characters for `mcp__SERVER__TOOL`.
const LONGEST_NAME: usize = 32;
const LONGEST_TOOL: usize = 64;
/// Names that the client keeps for servers of its own.
const RESERVED: [&str; 4] = ["claude-in-chrome", "computer-use", "ide", "workspace"];

/// How long one use of a tool may take where nothing is said of it.
static TIMEOUT: LazyLock<Duration> = LazyLock::new(|| {
    let key = MCP_SERVER.iter().find(|key| key.name == "timeout");
    key.and_then(|key| parse_duration(key.default))
        .expect("the table of keys has a time there, which a test reads")
});

/// One of `mcp`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct McpServer {
    /// The program in the image and its arguments; unset for a remote server.
    pub command: Option<Vec<String>>,
    /// The address of a remote server.
    pub url: Option<String>,
    /// Environment of the program.
    #[serde(serialize_with = "show::environment")]
    pub env: BTreeMap<String, String>,
    /// Time of one use of a tool (`5m`).
    #[serde(serialize_with = "show::duration")]
    pub timeout: Duration,
    /// The tools that each role may use; `*` is every tool.
    pub tools: BTreeMap<Role, Vec<String>>,
}

/// Reads `mcp`, after `network` and `container`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let Some(entries) = top.field("mcp").and_then(|field| field.entries("a mapping of servers")) else {
        return;
    };
    let stages = super::stages::names(top);
    for entry in entries {
        if let Some(why) = name_problem(entry.name) {
            entry.refuse(why, None);
        } else if let Some(server) = read_server(&entry.field, (config, &stages)) {
            config.mcp.insert(entry.name.to_owned(), server);
        }
    }
}

/// Returns what is wrong with the name of a server: it becomes part of the names of its tools.
fn name_problem(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some(format!("the client keeps the name `{name}` for a server of its own"));
    }
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ok = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(good) && name.len() <= LONGEST_NAME;
    (!ok).then(|| {
        format!("expected the name of a server: a small letter, then small letters, digits and hyphens, at most {LONGEST_NAME}")
    })
}

fn read_server(field: &Field<'_>, (config, stages): (&Config, &[StageName])) -> Option<McpServer> {
    let section = Section::open(field, MCP_SERVER)?;
    let mut server = McpServer {
        command: None,
        url: None,
        env: BTreeMap::new(),
        timeout: *TIMEOUT,
        tools: BTreeMap::new(),
    };
    section.set_some("command", &mut server.command, read_command);
    section.set_some("url", &mut server.url, |field| read_address(field, config));
    section.set("env", &mut server.env, |field| {
        field.assignments(&|name, value| {
            secret(name, value).or_else(|| maps::variable(config.agent.credentials, name, value))
        })
    });
    section.set("timeout", &mut server.timeout, |field| field.duration(""));
    match (section.field("command"), section.field("url")) {
        (Some(_), Some(url)) => url.refuse::<()>("expected either `command` or `url`, found both"),
        (None, None) => field.refuse("expected a `command` or a `url`"),
        _ => None,
    };
    if let (Some(env), Some(_)) = (section.field("env"), section.field("url")) {
        env.refuse::<()>("a remote server has no environment of yours: `env` goes with `command`");
    }
    match section.field("tools") {
        Some(tools) => server.tools = read_tools(tools, stages)?,
        None => field.refuse_with(
            "expected `tools`",
            "name the tools of each role: `tools: {stitch: [search]}`",
        )?,
    }
    Some(server)
}

fn read_command(field: &Field<'_>) -> Option<Vec<String>> {
    const WHAT: &str = "a list: the program, then its arguments";
    let mut words = Vec::new();
    for (index, item) in field.items(WHAT)?.iter().enumerate() {
        words.push(match index {
            0 => item.word("the name or path of a program")?,
            _ => item.any_text()?,
        });
    }
    if words.is_empty() {
        return field.expected(WHAT);
    }
    Some(words)
}

/// Returns what is wrong with a variable that names a secret.
fn secret(name: &str, value: &str) -> Option<maps::Wrong> {
    let is_one = !value.is_empty() && show::is_secret(name);
    is_one.then(|| {
        let name = text::one_line(name, 60);
        maps::Wrong::from(format!(
            "`{name}` looks like a secret: agents, and everyone who reads this file, could use it"
        ))
    })
}

/// Reads the address of a remote server, whose host the gateway must let pass.
fn read_address(field: &Field<'_>, config: &Config) -> Option<String> {
    let url = read_url(field)?;
    let (scheme, rest) = match url.strip_prefix("https://") {
        Some(rest) => (Scheme::Tunnel, rest),
        None => (Scheme::Http, url.strip_prefix("http://").unwrap_or_default()),
    };
    let query = url.split_once('?').map_or("", |(_, query)| query);
    if query
        .split('&')
        .any(|part| part.split_once('=').is_some_and(|(name, _)| show::is_secret(name)))
    {
        return field.refuse("expected an address without a secret in it");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Ok(Authority { host, port }) = Authority::parse(authority, Some(scheme.default_port())) else {
        return field.expected("an address with a host");
    };
    let host = host.to_string();
    // The two that `NO_PROXY` names.
    let is_here = host == "localhost" || host == "127.0.0.1";
    if is_here {
        return field.refuse_with(
            format!("`{host}` is the container itself, where no server of yours listens"),
            "name the host by which the gateway reaches it, or start the server with `command`",
        );
    }
    let is_open = config
        .container
        .network
        .as_deref()
        .is_some_and(|network| network != NO_NETWORK);
    match config.network.allow.permits(&host, port, scheme) {
        Ok(_) => Some(url),
        Err(_) if is_open => Some(url),
        Err(_) => {
            let allowed = if port == scheme.default_port() {
                host
            } else {
                format!("{host}:{port}")
            };
            field.refuse_with(
                "the gateway does not let its host pass",
                format!("add `{allowed}` to `network.allow`"),
            )
        }
    }
}

/// The roles that may use a server, beside the stages of the project's own.
const ROLES: [Role; 3] = [Role::Measure, Role::Stitch, Role::Review];

fn read_tools(field: &Field<'_>, stages: &[StageName]) -> Option<BTreeMap<Role, Vec<String>>> {
    let roles = ROLES.into_iter().chain(stages.iter().copied().map(Role::Stage));
    let roles: Vec<Role> = roles.collect();
    let mut tools = BTreeMap::new();
    let mut is_named = false;
    for entry in field.entries("a mapping of roles, and of stages of your own")? {
        let Some(role) = roles.iter().find(|role| role.name() == entry.name) else {
            let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
            let found = format!("`{}`", text::one_line(entry.name, 60));
            let (message, hint) = none_of(&names, Some(entry.name), &found);
            entry.refuse(message, hint);
            continue;
        };
        if matches!(entry.field.node.kind, Kind::Null) {
            continue;
        }
        is_named = true;
        let names = entry.field.list("a list of tools", read_tool).unwrap_or_default();
        if !names.is_empty() {
            tools.insert(*role, names);
        }
    }
    if !is_named {
        return field.refuse_with(
            "no role may use the server",
            "name a role and its tools: `{stitch: [search]}`",
        );
    }
    Some(tools)
}

fn read_tool(field: &Field<'_>) -> Option<String> {
    let name = field.text()?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name == ALL_TOOLS || name.len() <= LONGEST_TOOL && name.chars().all(good) {
        return Some(name);
    }
    field.refuse(format!(
        "expected the name of a tool, as the server has it (letters, digits, `_`, `-`, at most {LONGEST_TOOL}), or `*`"
    ))
}
