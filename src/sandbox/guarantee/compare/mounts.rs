//! Checks of the file systems that the container sees: `/proc/self/mountinfo`.

use std::path::{Path, PathBuf};

use super::runtime::is_gvisor;
use super::verdict::ItemVerdict;
use crate::sandbox::guarantee::mountinfo::Mounted;
use crate::sandbox::guarantee::{Facts, RequestedContainer};
use crate::sandbox::spec::LayeredMount;

/// File systems of the kernel itself, without any path of the host.
const KERNELS: [&str; 8] = [
    "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay",
];

/// The names that engines give to their sockets, wherever they are mounted.
const SOCKETS: [&str; 4] = ["docker.sock", "podman.sock", "containerd.sock", "crio.sock"];

/// Files that engines put into every container; they must be read-only.
const ENGINES_FILES: [&str; 11] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/passwd",
    "/etc/group",
    "/run/.containerenv",
    "/run/podman-init",
    "/dev/init",
    "/sbin/docker-init",
    "/usr/sbin/docker-init",
    "/run/secrets",
];

/// Devices that engines without permission to create devices mount from the host.
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/tty",
    "/dev/random",
    "/dev/urandom",
    "/dev/console",
    "/dev/ptmx",
];

pub(super) fn read_only_root(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let shown = |read_only: bool| if read_only { "read-only" } else { "writable" };
    let wanted = shown(asked.read_only_root);
    let mounts = facts.mounts().unwrap_or_default();
    match at(&mounts, "/") {
        None => ItemVerdict::unseen(wanted),
        Some(root) => ItemVerdict::new(root.read_only || !asked.read_only_root, wanted, shown(root.read_only)),
    }
}

pub(super) fn tmpfs(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    const GOOD: &str = "each with a size";
    let Some(mounts) = facts.mounts() else {
        return ItemVerdict::unseen(GOOD);
    };
    let offence = |(target, most): (&String, &u64)| match at(&mounts, target) {
        None => Some(format!("{target} is not there")),
        Some(mounted) if mounted.kind != "tmpfs" => Some(format!("{target} is not in memory")),
        Some(mounted) => match mounted.size() {
            None => Some(format!("{target} has no size")),
            Some(size) if size > *most => Some(format!("{target} has {size} bytes instead of {most}")),
            Some(_) => None,
        },
    };
    let offences: Vec<String> = asked.tmpfs.iter().filter_map(offence).collect();
    ItemVerdict::without(&offences, GOOD, GOOD)
}

/// Checks that every mount was requested, or is one of the few that every container has.
pub(super) fn mounts(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    const GOOD: &str = "only what was requested";
    let Some(mounts) = facts.mounts() else {
        return ItemVerdict::unseen(GOOD);
    };
    let requested = asked.mounts.keys().chain(asked.layers.keys());
    let missing = requested.filter(|target| at(&mounts, target).is_none());
    let missing = missing.map(|target| format!("{target} is not there"));
    let offences: Vec<String> = missing
        .chain(
            mounts
                .iter()
                .filter(|mounted| !is_gvisors_shm(mounted, facts))
                .filter_map(|mounted| offence(asked, mounted)),
        )
        .collect();
    ItemVerdict::without(&offences, GOOD, GOOD)
}

/// Returns whether it is the shared memory that podman makes on the host and gVisor then reads as a folder of the host;
/// `tmpfs` does not hold for it.
fn is_gvisors_shm(mounted: &Mounted, facts: &Facts) -> bool {
    mounted.target == "/dev/shm" && mounted.kind == "9p" && is_gvisor(facts)
}

fn offence(asked: &RequestedContainer, mounted: &Mounted) -> Option<String> {
    let target = mounted.target.as_str();
    match asked.mounts.get(target) {
        Some(false) if !mounted.read_only => return Some(format!("{target} is writable")),
        // An engine that does not see the host's mounts would show an empty folder.
        Some(_)
            if asked
                .overlays
                .get(target)
                .is_some_and(|folders| !is_overlay(folders, mounted)) =>
        {
            return Some(format!("{target} is not the worktree that was asked for"));
        }
        Some(_) => return None,
        None => {}
    }
    if let Some(layer) = asked.layers.get(target) {
        return (!is_layer(layer, mounted, asked.rootless))
            .then(|| format!("{target} is not the layer that was asked for"));
    }
    let of_memory = asked.tmpfs.contains_key(target) && mounted.kind == "tmpfs";
    if of_memory || is_in_every_container(mounted) {
        return None;
    }
    let access = if mounted.read_only { "read-only" } else { "writable" };
    Some(format!("{target} ({access}) was not asked for"))
}

/// Returns whether a mount reads the requested folder and writes into the requested one, and no other. A program that does
/// this for an engine without the kernel's permission does not report its folders.
fn is_layer(layer: &LayeredMount, mounted: &Mounted, rootless: bool) -> bool {
    let is = |name: &str, path: &Path| mounted.option(name) == path.to_str();
    match mounted.kind.as_str() {
        "overlay" => is("lowerdir", &layer.lower) && is("upperdir", &layer.upper) && mounted.root == "/",
        kind => rootless && kind == "fuse.fuse-overlayfs",
    }
}

/// Returns whether a mount shows these folders as one.
fn is_overlay([upper, lower]: &[PathBuf; 2], mounted: &Mounted) -> bool {
    let folders = format!("{}:{}", upper.display(), lower.display());
    mounted.kind == "overlay" && mounted.option("lowerdir") == Some(folders.as_str()) && mounted.root == "/"
}

fn is_in_every_container(mounted: &Mounted) -> bool {
    let (target, kind) = (mounted.target.as_str(), mounted.kind.as_str());
    // Nobody but root can write to a folder of this mode, and the user is not root.
    let roots_own = matches!(mounted.option("mode"), Some("755" | "0755"));
    match target {
        // `read_only_root` and `kernel_files` check which parts of it are writable.
        "/" => true,
        "/proc" => kind == "proc",
        "/sys" => kind == "sysfs",
        "/dev/pts" => kind == "devpts",
        "/dev/mqueue" => kind == "mqueue",
        "/dev" | "/sys/fs/cgroup" if kind == "tmpfs" => mounted.read_only || roots_own,
        _ if ENGINES_FILES.contains(&target) => mounted.read_only,
        _ if DEVICES.contains(&target) => target.ends_with(mounted.root.as_str()) || kind == "devpts",
        // Parts of the kernel's files are covered by read-only views of themselves, by empty folders, or by `/dev/null`:
        // the container's, or that of the host where an ordinary user's engine may make no device.
        _ if target.starts_with("/proc/") || target.starts_with("/sys/") => match mounted.root.as_str() {
            "/null" => KERNELS.contains(&kind) || kind == "devtmpfs",
            _ => KERNELS.contains(&kind) && mounted.read_only,
        },
        _ => false,
    }
}

pub(super) fn engine_socket(asked: &RequestedContainer, facts: &Facts) -> ItemVerdict {
    let Some(mounts) = facts.mounts() else {
        return ItemVerdict::unseen("none");
    };
    let reaching = mounts
        .iter()
        .filter(|mounted| reaches_engine(&asked.engine_socket, mounted));
    let reaching: Vec<String> = reaching
        .map(|mounted| format!("{} reaches one", mounted.target))
        .collect();
    ItemVerdict::without(&reaching, "none", "none")
}

/// Returns whether a mount is a socket by its name, or the engine's own, or a folder above that. The table shows the
/// place of a mount in its file system, not on the host, so the end of a path is compared.
fn reaches_engine(socket: &str, mounted: &Mounted) -> bool {
    let named = |path: &str| SOCKETS.iter().any(|name| path.rsplit('/').next() == Some(name));
    if named(&mounted.root) || named(&mounted.target) {
        return true;
    }
    if KERNELS.contains(&mounted.kind.as_str()) && mounted.kind != "tmpfs" || mounted.root.len() < 2 {
        return false;
    }
    let mut above = socket;
    while !above.is_empty() {
        if above.ends_with(mounted.root.as_str()) {
            return true;
        }
        above = above.rsplit_once('/').map_or("", |(folder, _)| folder);
    }
    false
}

pub(super) fn kernel_files(facts: &Facts) -> ItemVerdict {
    const GOOD: &str = "read-only";
    let Some(mounts) = facts.mounts() else {
        return ItemVerdict::unseen(GOOD);
    };
    let covered = [("/proc/sys", "proc"), ("/sys", "sysfs")]
        .into_iter()
        .filter_map(|(target, kind)| {
            let good = at(&mounts, target).is_some_and(|mounted| mounted.read_only && mounted.kind == kind);
            (!good).then(|| format!("{target} is writable"))
        });
    let groups = mounts
        .iter()
        .filter(|mounted| mounted.kind.starts_with("cgroup") && !mounted.read_only);
    let offences: Vec<String> = covered
        .chain(groups.map(|mounted| format!("{} is writable", mounted.target)))
        .collect();
    ItemVerdict::without(&offences, GOOD, GOOD)
}

/// Returns the mount that is visible at a place: the last one made there.
fn at<'a>(mounts: &'a [Mounted], target: &str) -> Option<&'a Mounted> {
    mounts.iter().rev().find(|mounted| mounted.target == target)
}
