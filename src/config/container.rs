//! Reads the sections `container` and `agent`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::field::Field;
use super::limits::{read_cpus, read_disk, read_host, read_memory, read_network, read_user};
use super::mounts::{Hidden, Targets};
use super::section::{Section, subsection};
use super::{AgentConfig, Config, ContainerConfig, Credentials, EngineChoice, maps, podman_args};
use crate::sandbox::engine::Runtime;
use crate::sandbox::guarantee::Item;

/// Reads `agent` and `container`, and folds `podman_args` in: `agent` first, since it determines who pays.
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

fn read_container(section: &Section<'_>, agent: &AgentConfig, container: &mut ContainerConfig) {
    let engines = [
        ("auto", EngineChoice::Auto),
        ("podman", EngineChoice::Podman),
        ("docker", EngineChoice::Docker),
    ];
    section.set("engine", &mut container.engine, |field| field.choice(&engines));
    section.set_some("socket", &mut container.socket, read_socket);
    let runtimes = Runtime::ALL.map(|runtime| (runtime.name(), runtime));
    section.set_some("runtime", &mut container.runtime, |field| field.choice(&runtimes));
    section.set_limit("memory", &mut container.memory, read_memory);
    section.set_limit("disk", &mut container.disk, read_disk);
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

fn read_relax(field: &Field<'_>) -> Option<BTreeSet<Item>> {
    let choices = Item::ALL.map(|item| (item.name(), item));
    let items = field.list("a list of guarantees", |item| item.choice(&choices))?;
    Some(items.into_iter().collect())
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
