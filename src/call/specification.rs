//! What the container of a call is to be.

use std::collections::BTreeMap;
use std::path::Path;

use super::Call;
use crate::agent::{CallExtra, command_line};
use crate::engine::{ContainerSpec, Mount, UserChoice};
use crate::error::Result;

/// Where the work lies in a container.
pub(super) const WORKSPACE: &str = "/workspace";
/// Where the container's own repository lies; `/workspace/.git` points there.
const PRIVATE_GIT: &str = "/run/cordwainer/git";

/// What the container is to be.
///
/// # Errors
///
/// Those of [`command_line`].
pub(crate) fn specification(call: &Call<'_>, run: &str) -> Result<ContainerSpec> {
    let settings = &call.config.container;
    let mut tmpfs = settings.tmpfs.clone();
    // Docker would take `uid=`, podman 4.3 does not: a world-writable folder suits whoever the user is. The client's own
    // is one, too, for an engine would make it for root where it makes the mount below it.
    for folder in [call.config.agent.home.clone(), client_folder(call)] {
        tmpfs.entry(folder).or_insert_with(|| "rw,mode=1777".to_owned());
    }
    Ok(ContainerSpec {
        name: format!("cordwainer-{run}-{}-{}", call.name, call.name.attempt),
        image: call.image.to_owned(),
        command: command_line(
            &call.config.agent,
            call.role,
            &call.config.claude_args,
            &CallExtra {
                json_schema: call.json_schema.clone(),
                budget_left_usd: call.reservation.for_client(),
                resume: call.resume.as_ref().map(|resume| resume.session.clone()),
            },
        )?,
        working_dir: Some(WORKSPACE.to_owned()),
        env: environment(call),
        mounts: mounts(call),
        tmpfs,
        user: UserChoice::of(settings.user.as_deref()),
        hosts: settings.hosts.clone(),
        network: settings.network.clone(),
        memory: settings.memory,
        cpus: settings.cpus,
        pids: settings.pids,
        labels: settings.labels.clone().into_iter().chain(call.labels.clone()).collect(),
        ..ContainerSpec::default()
    })
}

fn environment(call: &Call<'_>) -> Vec<(String, String)> {
    let config = call.config;
    let mut env = BTreeMap::from([
        ("HOME".to_owned(), config.agent.home.clone()),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC".to_owned(), "1".to_owned()),
    ]);
    env.extend(config.container.env.clone());
    env.into_iter().collect()
}

/// The slot, with its `.git` covered by a repository of the container's own, and what the configuration adds.
fn mounts(call: &Call<'_>) -> Vec<Mount> {
    let mount = |source: &Path, target: String, read_only| Mount {
        source: source.to_owned(),
        target,
        read_only,
    };
    let mut mounts = vec![
        mount(&call.slot, WORKSPACE.to_owned(), !call.writable),
        mount(&call.place.private.pointer_file, format!("{WORKSPACE}/.git"), true),
        mount(&call.place.private.git_dir, PRIVATE_GIT.to_owned(), false),
    ];
    for objects in &call.place.private.object_dirs {
        mounts.push(mount(&objects.host, objects.container.clone(), true));
    }
    for extra in &call.config.container.mounts {
        mounts.push(mount(
            &call.root.join(&extra.source),
            extra.target.display().to_string(),
            !extra.writable,
        ));
    }
    mounts
}

/// Where the client keeps its session, so that a later call finds it again: that alone, and no settings, which could
/// have somebody else pay. Gates have no part in it.
pub(super) fn session_mount(call: &Call<'_>) -> Mount {
    Mount {
        source: call.place.session.clone(),
        target: format!("{}/projects", client_folder(call)),
        read_only: false,
    }
}

/// The client's own folder in the container.
fn client_folder(call: &Call<'_>) -> String {
    format!("{}/.claude", call.config.agent.home)
}
