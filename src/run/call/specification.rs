//! What the container of a call is to be.

use std::collections::BTreeMap;
use std::path::Path;

use super::request::{Call, Sandbox};
use super::warnings::End;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::redact::Redactor;
use crate::config::{CACHE_FOLDER, Config};
use crate::git::PrivateRepository;
use crate::model::RunId;
use crate::run::call::command::{CallExtra, command_line};
use crate::run::call::servers::RoleServers;
use crate::run::slots::{OverMount, Prepared};
use crate::sandbox::engine::{ContainerSpec, Mount, UserChoice};
use crate::sandbox::spec::WORKSPACE;

/// Where the container's own repository lies; `/workspace/.git` points there.
const PRIVATE_GIT: &str = "/run/cordwainer/git";

/// What the client does by itself that does not fit unattended work, and is off unless `container.env` turns it on by
/// the variable's name: traffic for its own sake, work that outlives a result, a memory beside the repository, its own
/// calendar and its own waiting at limits. And that it reports in its stream why it did not come up.
const UNATTENDED: [(&str, &str); 6] = [
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1"),
    ("CLAUDE_CODE_DISABLE_AUTO_MEMORY", "1"),
    ("CLAUDE_CODE_DISABLE_CRON", "1"),
    ("CLAUDE_CODE_RETRY_WATCHDOG", ""),
    ("CLAUDE_CODE_STARTUP_FAILURE_RESULTS", "1"),
];

/// Returns what the container of the call's agent is to be.
///
/// # Errors
///
/// Those of [`command_line`].
pub(super) fn specification(call: &Call<'_>, run: &RunId) -> Result<ContainerSpec> {
    let command = command_line(
        &call.sandbox.config.agent,
        call.role,
        &call.sandbox.config.claude_args,
        &CallExtra {
            json_schema: call.json_schema.clone(),
            budget_left_usd: call.reservation.for_client(),
            servers: RoleServers::of(&call.sandbox.config.mcp, call.sandbox.name.role),
            is_warned: !End::of(call).is_open(),
            is_spoken_to: call.is_spoken_to(),
            resume: call.resume.as_ref().map(|resume| resume.session.clone()),
        },
    )?;
    let mut spec = container(&call.sandbox, run, command);
    spec.keeps_input_open = call.is_spoken_to();
    spec.mounts.push(session_mount(&call.sandbox));
    Ok(spec)
}

/// Returns what a container of a sandbox is to be that runs `command`.
pub(crate) fn container(sandbox: &Sandbox<'_>, run: &RunId, command: Vec<String>) -> ContainerSpec {
    let mut spec = recipe(sandbox.config, &sandbox.slot, sandbox.writable);
    spec.name = sandbox.container_name(run);
    spec.command = command;
    spec.labels.extend(sandbox.labels.clone());
    match &sandbox.mounts.over {
        Some(OverMount::Written(over)) => {
            spec.mounts.retain(|mount| mount.target != over.target);
            spec.layers.push(over.clone());
        }
        Some(OverMount::Read(view)) => {
            spec.mounts.retain(|mount| mount.target != WORKSPACE);
            spec.mounts.push(mount(view.place(), WORKSPACE.to_owned(), true));
            spec.overlays.insert(WORKSPACE.to_owned(), view.folders().clone());
        }
        None => {}
    }
    spec.mounts.extend(private_mounts(&sandbox.mounts.private));
    match &sandbox.mounts.prepared {
        Some(Prepared::Layer(layer)) => layer.add_to(&mut spec),
        Some(Prepared::Building(cache)) => spec.mounts.push(mount(cache, CACHE_FOLDER.to_owned(), false)),
        None => {}
    }
    let extra = &sandbox.config.container.mounts;
    spec.mounts.extend(extra.iter().map(|extra| {
        let target = extra.target.display().to_string();
        mount(&sandbox.root.join(&extra.source), target, !extra.writable)
    }));
    spec
}

/// Returns what every container of a project is, in a worktree: an agent's, a gate's, and the one that `doctor` asks.
pub(crate) fn recipe(config: &Config, worktree: &Path, writable: bool) -> ContainerSpec {
    let settings = &config.container;
    let mut tmpfs = settings.tmpfs.clone();
    // Docker would take `uid=`, podman 4.3 does not: a world-writable folder suits whoever the user is. The client's
    // own is one, too, for an engine would make it for root where it makes the mount below it.
    for folder in [config.agent.home.clone(), client_folder(config)] {
        tmpfs.entry(folder).or_insert_with(|| "rw,mode=1777".to_owned());
    }
    let user = UserChoice::of(settings.user.as_deref());
    ContainerSpec {
        env: environment(config),
        tmpfs,
        hosts: settings.hosts.clone(),
        network: settings.network.clone(),
        runtime: settings.runtime,
        memory: settings.memory,
        cpus: settings.cpus,
        pids: settings.pids,
        labels: settings.labels.clone(),
        ..ContainerSpec::on(worktree, !writable, &config.image.name, user)
    }
}

/// Checks that nothing which the engine is given holds a credential in use: agents would have it, and `inspect`.
///
/// # Errors
///
/// Of kind [`ErrorKind::Precondition`], naming where it stands.
pub(crate) fn refuse_credentials(spec: &ContainerSpec, redactor: &Redactor) -> Result<()> {
    let variables = spec
        .env
        .iter()
        .map(|(name, value)| (format!("the variable `{name}`"), value));
    let labels = spec
        .labels
        .iter()
        .map(|(name, value)| (format!("the label `{name}`"), value));
    let command = spec.command.iter().map(|word| ("the command line".to_owned(), word));
    let mut all = variables.chain(labels).chain(command);
    match all.find(|(_, text)| redactor.has_credential(text)) {
        None => Ok(()),
        Some((place, _)) => {
            let message = format!("{place} of a container contains the credential, which agents must not get");
            Err(Error::new(ErrorKind::Precondition, message)
                .hint("remove it from the configuration: only the gateway adds it"))
        }
    }
}

fn environment(config: &Config) -> Vec<(String, String)> {
    let mut env = BTreeMap::from([("HOME".to_owned(), config.agent.home.clone())]);
    env.extend(UNATTENDED.map(|(name, value)| (name.to_owned(), value.to_owned())));
    env.extend(config.container.env.clone());
    env.into_iter().collect()
}

fn mount(source: &Path, target: String, read_only: bool) -> Mount {
    Mount {
        source: source.to_owned(),
        target,
        read_only,
    }
}

/// Returns the mounts that git in a container needs: its own repository, and the objects that it borrows.
pub(crate) fn private_mounts(private: &PrivateRepository) -> Vec<Mount> {
    let mut mounts = vec![
        mount(&private.pointer_file, format!("{WORKSPACE}/.git"), true),
        mount(&private.git_dir, PRIVATE_GIT.to_owned(), false),
    ];
    let objects = private.objects.iter();
    mounts.extend(objects.map(|objects| mount(&objects.host, objects.container.clone(), true)));
    mounts
}

/// Returns the mount where the client keeps its session, so that a later call finds it again: that alone, and no
/// settings, which could have somebody else pay. Gates have no part in it.
fn session_mount(sandbox: &Sandbox<'_>) -> Mount {
    Mount {
        source: sandbox.mounts.session.clone(),
        target: format!("{}/projects", client_folder(sandbox.config)),
        read_only: false,
    }
}

/// Returns the client's own folder in the container.
fn client_folder(config: &Config) -> String {
    format!("{}/.claude", config.agent.home)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    /// Checks where a specification holds the credential, if it does.
    fn check(change: impl FnOnce(&mut ContainerSpec), expect: Option<&str>) {
        let redactor = Redactor::new(&[SecretString::from("no-known-form-1")]);
        let token = "sk-ant-oat01-cordwainer-0a1B2c3D4e5F6g7H8i9J0k1L";
        let mut spec = ContainerSpec {
            command: vec!["claude".to_owned(), "-p".to_owned()],
            env: vec![("CLAUDE_CODE_OAUTH_TOKEN".to_owned(), token.to_owned())],
            labels: [("a".to_owned(), "b".to_owned())].into(),
            ..ContainerSpec::default()
        };
        change(&mut spec);
        let refused = refuse_credentials(&spec, &redactor)
            .err()
            .map(|error| error.to_string());
        let place = refused.as_deref().and_then(|text| text.split(" of a container").next());
        assert_eq!(place, expect);
        assert!(!refused.unwrap_or_default().contains("no-known-form-1"));
    }

    #[test]
    fn no_credential_is_told_to_an_engine() {
        check(|_| {}, None);
        check(
            |spec| spec.env.push(("MY_KEY".to_owned(), "no-known-form-1".to_owned())),
            Some("the variable `MY_KEY`"),
        );
        check(
            |spec| drop(spec.labels.insert("key".to_owned(), "x no-known-form-1".to_owned())),
            Some("the label `key`"),
        );
        check(
            |spec| spec.command.push("--key=no-known-form-1".to_owned()),
            Some("the command line"),
        );
    }
}
