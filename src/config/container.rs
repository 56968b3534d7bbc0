//! Reads the sections `container` and `agent`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::field::Field;
use super::keys::{Shape, TOP};
use super::mounts::{Hidden, Targets};
use super::section::Section;
use super::values::OrOff;
use super::{AgentConfig, Config, ContainerConfig, Credentials, EngineChoice, maps, podman_args};
use crate::sandbox::guarantee::Item;

/// The network that reaches nothing.
pub(super) const NO_NETWORK: &str = "none";

/// Container engines refuse less.
const LEAST_MEMORY: u64 = 6 << 20;

/// Reads `agent` and `container`, and folds `podman_args` in: the agent first, since it says who pays.
pub(super) fn read(top: &Section<'_>, config: &mut Config, resolve: &dyn Fn(&Path) -> PathBuf) {
    if let Some(section) = subsection(top, "agent") {
        read_agent(&section, &mut config.agent);
    }
    let payer = config.agent.credentials;
    let section = subsection(top, "container");
    if let Some(section) = &section {
        read_container(section, &config.agent, &mut config.container);
    }
    let hidden = Hidden::of(config, resolve);
    if let Some(section) = &section {
        section.set("mounts", &mut config.container.mounts, |field| field.mounts(&hidden));
    }
    if let Some(field) = top.field("podman_args") {
        podman_args::fold(field, section.as_ref(), &hidden, payer, &mut config.container);
    }
}

/// Opens a section of the top level, if the file has it.
pub(super) fn subsection<'a>(top: &Section<'a>, name: &str) -> Option<Section<'a>> {
    let keys = TOP.iter().find(|key| key.name == name)?;
    match keys.shape {
        Shape::Section(keys) => Section::open(top.field(name)?, keys),
        _ => None,
    }
}

fn read_container(section: &Section<'_>, agent: &AgentConfig, container: &mut ContainerConfig) {
    let engines = [
        ("auto", EngineChoice::Auto),
        ("podman", EngineChoice::Podman),
        ("docker", EngineChoice::Docker),
    ];
    section.set("engine", &mut container.engine, |field| field.choice(&engines));
    section.set_some("socket", &mut container.socket, read_socket);
    section.set_limit("memory", &mut container.memory, read_memory);
    section.set_limit("cpus", &mut container.cpus, read_cpus);
    section.set_limit("pids", &mut container.pids, |field| field.small_count_or_off(4_194_304));
    section.set_some("network", &mut container.network, read_network);
    section.set("relax", &mut container.relax, read_relax);
    let targets = Targets::new(&agent.home, agent.credentials);
    section.set("tmpfs", &mut container.tmpfs, |field| {
        field.map(
            "a mapping of path to options",
            |path| maps::tmpfs_path(&targets, path),
            Field::any_text,
        )
    });
    section.set("env", &mut container.env, |field| {
        field.assignments(&|name, value| maps::variable(agent.credentials, name, value))
    });
    section.set("hosts", &mut container.hosts, |field| {
        field.list("a list of `NAME:ADDRESS`", read_host)
    });
    section.set("labels", &mut container.labels, |field| field.assignments(&maps::label));
    section.set_some("user", &mut container.user, read_user);
    section.set("toolchain", &mut container.toolchain, |field| {
        field.list("a list of commands", Field::text)
    });
}

fn read_socket(field: &Field<'_>) -> Option<String> {
    let text = field.any_text()?;
    let path = text.strip_prefix("unix://").unwrap_or(&text);
    match super::paths::container_path(path) {
        Some(_) => Some(text),
        None => field.expected("the absolute path of a unix socket"),
    }
}

pub(super) fn read_memory(field: &Field<'_>) -> Option<OrOff<u64>> {
    field.size_or_off(LEAST_MEMORY)
}

pub(super) fn read_cpus(field: &Field<'_>) -> Option<OrOff<f64>> {
    field.number_or_off(1024.0)
}

pub(super) fn read_network(field: &Field<'_>) -> Option<String> {
    if field.is_off() {
        return field.refuse_with(
            "expected the name of a network or a mode",
            "`none` is no network at all",
        );
    }
    let name = field.word("the name of a network or a mode")?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-:".contains(c));
    if plain {
        Some(name)
    } else {
        field.expected("the name of a network or a mode")
    }
}

fn read_relax(field: &Field<'_>) -> Option<BTreeSet<Item>> {
    let choices = Item::ALL.map(|item| (item.name(), item));
    let items = field.list("a list of guarantees", |item| item.choice(&choices))?;
    Some(items.into_iter().collect())
}

pub(super) fn read_host(field: &Field<'_>) -> Option<String> {
    let text = field.word("`NAME:ADDRESS`")?;
    match text.split_once(':') {
        Some((name, address)) if !name.is_empty() && is_address(address) => Some(text),
        _ => field.expected("`NAME:ADDRESS`"),
    }
}

fn is_address(text: &str) -> bool {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    text == "host-gateway" || bare.parse::<std::net::IpAddr>().is_ok()
}

pub(super) fn read_user(field: &Field<'_>) -> Option<String> {
    // `1000` is a number to YAML and a user to everyone else.
    let Some(user) = field.scalar() else {
        return field.expected("`UID[:GID]` or a name");
    };
    let (name, group) = user.split_once(':').unwrap_or((user, "0"));
    let good = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if !good(name) || !good(group) || name.starts_with('-') {
        return field.expected("`UID[:GID]` or a name");
    }
    if name == "root" || name.bytes().all(|byte| byte == b'0') {
        return field.refuse("expected a user other than root: the client refuses to work unattended as root");
    }
    Some(user.to_owned())
}

fn read_agent(section: &Section<'_>, agent: &mut AgentConfig) {
    let payers = [
        ("subscription", Credentials::Subscription),
        ("api_key", Credentials::ApiKey),
        ("none", Credentials::None),
    ];
    section.set("command", &mut agent.command, |field| {
        field.word("the name or path of a program")
    });
    section.set_some("base_url", &mut agent.base_url, read_url);
    section.set("credentials", &mut agent.credentials, |field| field.choice(&payers));
    section.set("home", &mut agent.home, |field| read_home(field, agent.credentials));
}

fn read_home(field: &Field<'_>, payer: Credentials) -> Option<String> {
    let home = field.container_path()?;
    match Targets::new(&home, payer).refusal(Path::new(&home)) {
        None => Some(home),
        Some(why) => field.refuse_with(why, "write a folder of its own, such as `/home/agent`"),
    }
}

pub(super) fn read_url(field: &Field<'_>) -> Option<String> {
    let url = field.word("an address that begins with `http://` or `https://`")?;
    if url.contains('@') {
        return field.refuse("expected an address without a name or password in it");
    }
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') => Some(url),
        _ => field.expected("an address that begins with `http://` or `https://`"),
    }
}
