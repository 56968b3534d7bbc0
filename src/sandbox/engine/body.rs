//! The specification of a container, translated to the engine's API.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount as ApiMount, MountType, ResourcesUlimits,
};

use super::layering;

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::sandbox::engine::kind::{EngineFacts, EngineKind};
use crate::sandbox::engine::limits::{ProcessLimits, open_files};
use crate::sandbox::spec::{ContainerSpec, Mount, PROCESSES, SHARED_MEMORY, UserChoice};

impl ContainerSpec {
    /// Translates to the body of `POST /containers/create`.
    pub(super) fn body(&self, facts: &EngineFacts) -> Result<ContainerCreateBody> {
        facts.enforced.check(self, facts)?;
        let user = match &self.user {
            UserChoice::SlotOwner => Some(facts.container_user()),
            UserChoice::Given(user) => Some(user.clone()),
            UserChoice::Image => None,
        };
        Ok(ContainerCreateBody {
            image: Some(self.image.clone()),
            // As the entry point, so that an image's own entry point does not get the command as its arguments.
            entrypoint: (!self.command.is_empty()).then(|| self.command.clone()),
            working_dir: self.working_dir.clone(),
            env: Some(self.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(self.labels.clone().into_iter().collect()),
            user,
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            host_config: Some(self.host_config(facts)?),
            ..ContainerCreateBody::default()
        })
    }

    fn host_config(&self, facts: &EngineFacts) -> Result<HostConfig> {
        // Where the engine has SELinux, mounts must be relabelled, and only the older `binds` can ask for that.
        let mounts = self.mounts.iter();
        let (mut binds, mut mounts): (Vec<_>, Vec<_>) = if facts.selinux {
            (mounts.map(relabelled).collect::<Result<_>>()?, Vec::new())
        } else {
            (Vec::new(), mounts.map(bound).collect::<Result<_>>()?)
        };
        match facts.kind {
            EngineKind::Podman => binds.extend(self.layers.iter().map(layering::bind)),
            EngineKind::Docker => {
                let volume = |layer| layering::volume(layer, &self.labels);
                mounts.extend(self.layers.iter().map(volume));
            }
        }
        let userns_mode = if facts.keeps_id() { kept_id(&self.user)? } else { None };
        Ok(HostConfig {
            init: Some(true),
            runtime: self.runtime.map(|runtime| runtime.name().to_owned()),
            privileged: Some(false),
            cap_drop: Some(vec!["ALL".into()]),
            // The engine's default filter of system calls stays: an option `seccomp` could only weaken it.
            security_opt: Some(vec!["no-new-privileges".into()]),
            readonly_rootfs: Some(self.read_only_root),
            userns_mode,
            network_mode: self.network.clone(),
            extra_hosts: (!self.hosts.is_empty()).then(|| self.hosts.clone()),
            binds: (!binds.is_empty()).then_some(binds),
            mounts: (!mounts.is_empty()).then_some(mounts),
            tmpfs: Some(self.sized_tmpfs().into_iter().collect::<HashMap<_, _>>()),
            shm_size: Some(signed(SHARED_MEMORY)),
            ipc_mode: Some("private".into()),
            memory: self.memory.map(signed),
            memory_swap: self.memory.map(signed),
            nano_cpus: self.cpus.map(nano),
            pids_limit: self.pids.map(i64::from),
            ulimits: Some(ulimits(&ProcessLimits::of_this_process())),
            // Output goes only to the attached reader: an agent that never stops writing fills no disk.
            log_config: Some(HostConfigLogConfig {
                typ: Some("none".into()),
                config: None,
            }),
            ..HostConfig::default()
        })
    }
}

/// Returns the user namespace of rootless podman in which its own user, who owns the slots, is the container's user;
/// podman's `keep-id` of podman-run(1), with `uid` and `gid` from 4.3 on.
fn kept_id(user: &UserChoice) -> Result<Option<String>> {
    let UserChoice::Given(given) = user else {
        return Ok((*user == UserChoice::SlotOwner).then(|| "keep-id".to_owned()));
    };
    let Some((id, _)) = user.numbers() else {
        let shown = given.escape_debug();
        let message = format!("user `{shown}` of a container could not write its slot: rootless podman maps numbers");
        return Err(Error::new(ErrorKind::Engine, message)
            .hint("give `container.user` as a number, such as `1000`, or leave it out"));
    };
    // Root in the container is podman's own user without a mapping, and runc cannot create a group 0 of its own.
    let group = given.split_once(':').map_or("0", |(_, group)| group);
    Ok(match (id, group) {
        (0, _) => None,
        (_, "0") => Some(format!("keep-id:uid={id}")),
        _ => Some(format!("keep-id:uid={id},gid={group}")),
    })
}

fn bound(mount: &Mount) -> Result<ApiMount> {
    let source = source(mount)?;
    if source.contains([',', '"']) {
        let message = format!("cannot mount `{source}`: podman accepts no path with a comma or a quotation mark");
        return Err(Error::new(ErrorKind::Precondition, message)
            .hint("move the repository, or set `state_dir` to a path without them"));
    }
    Ok(ApiMount {
        typ: Some(MountType::BIND),
        source: Some(source),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..ApiMount::default()
    })
}

fn relabelled(mount: &Mount) -> Result<String> {
    let source = source(mount)?;
    if source.contains(':') || mount.target.contains(':') {
        let message = format!("cannot mount `{source}`: on an engine with SELinux its path may not contain a colon");
        return Err(Error::new(ErrorKind::Engine, message).hint("move the repository to a path without `:`"));
    }
    let access = if mount.read_only { "ro" } else { "rw" };
    Ok(format!("{source}:{}:{access},z", mount.target))
}

/// Checks mounts on which the engines differ: Docker refuses a missing source, podman creates a folder for it.
fn source(mount: &Mount) -> Result<String> {
    std::fs::symlink_metadata(&mount.source).with_context(ErrorKind::Engine, || {
        format!("cannot mount `{}`", mount.source.display())
    })?;
    mount.source.to_str().map(str::to_owned).ok_or_else(|| {
        let shown = mount.source.display();
        Error::new(
            ErrorKind::Engine,
            format!("cannot mount `{shown}`: its path is not UTF-8"),
        )
        .hint("the engines' API accepts only UTF-8 paths: move it")
    })
}

/// Returns the limits of files, core dumps and processes, never above what the machine allows: raising a hard limit
/// needs a capability that engines in containers and rootless engines lack.
fn ulimits(limits: &ProcessLimits) -> Vec<ResourcesUlimits> {
    let limit = |name: &str, value: u64| ResourcesUlimits {
        name: Some(name.into()),
        soft: Some(signed(value)),
        hard: Some(signed(value)),
    };
    let at_most = |most: u64, hard: Option<u64>| hard.unwrap_or(most).min(most);
    vec![
        limit("nofile", open_files(limits)),
        limit("nproc", at_most(PROCESSES, limits.processes)),
        limit("core", 0),
    ]
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a count of cores times a billion fits 64 bits"
)]
fn nano(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_runs_in_rootless_podman_is_its_own_user_outside() {
        let given = |user: &str| UserChoice::Given(user.to_owned());
        for (user, expect) in [
            (UserChoice::SlotOwner, Some(Some("keep-id"))),
            (UserChoice::Image, Some(None)),
            (given("1500"), Some(Some("keep-id:uid=1500"))),
            (given("1500:7"), Some(Some("keep-id:uid=1500,gid=7"))),
            (given("1500:0"), Some(Some("keep-id:uid=1500"))),
            (given("0:0"), Some(None)),
            (given("agent"), None),
            (given("1500:agents"), None),
        ] {
            let found = kept_id(&user).ok();
            let found = found.as_ref().map(Option::as_deref);
            assert_eq!(found, expect, "{user:?}");
        }
    }
}
