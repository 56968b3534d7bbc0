//! Folders that a container sees as one: a read-only one, and above it one that gets what is written.
//!
//! Both engines leave that to the kernel's overlayfs. Docker Engine has it as a volume of its driver `local`, podman as the
//! option `O` of a bind mount (podman-run(1)); podman ignores the options of such a volume when it is asked through
//! Docker's API (tried with 4.3.1).

use std::collections::{BTreeMap, HashMap};
use std::os::unix::net::UnixStream;
use std::path::Path;

use bollard::models::{Mount as ApiMount, MountType, MountVolumeOptions, MountVolumeOptionsDriverConfig};
use rustix::net::sockopt::socket_peercred;

use super::Engine;
use super::kind::EngineKind;
use crate::sandbox::spec::LayeredMount;

/// File systems on which overlayfs can write, by the magic numbers of statfs(2): ext4, xfs, btrfs, tmpfs, f2fs.
const WRITABLE: [u64; 5] = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0xF2F5_2010];

/// How a container can have a folder that others have, too, and write in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layering {
    /// By a [`LayeredMount`].
    Overlay,
    /// By a copy of its own.
    Copy,
}

impl Engine {
    /// Returns how folders below `folder` can be laid under a container: as copies on a rootless Docker Engine, on Docker
    /// Engine with `SELinux`, on a file system that the kernel's overlay cannot write on, and where the path has a
    /// character that has a meaning in mount options.
    pub fn layering(&self, folder: &Path) -> Layering {
        let facts = &self.0.facts;
        let is_able = facts.kind == EngineKind::Podman || !facts.rootless && !facts.selinux;
        let is_plain = folder.to_str().is_some_and(|path| {
            let plain = |c: char| c.is_alphanumeric() || "/._-+@~".contains(c);
            path.chars().all(plain)
        });
        let system = rustix::fs::statfs(folder).map(|system| u64::try_from(system.f_type).unwrap_or_default());
        if is_able && is_plain && system.is_ok_and(|system| WRITABLE.contains(&system)) {
            Layering::Overlay
        } else {
            Layering::Copy
        }
    }
}

/// What the kernel's overlay must not do unless a mount asks for it, by the names of its parameters: all of it leaves in a layer
/// what is not the files that were written.
const UNASKED: [&str; 3] = ["redirect_dir", "metacopy", "index"];

impl Engine {
    /// Returns whether a worktree below `folder` can be a layer over a checkout that others see, too, and this process can read
    /// what the kernel writes into such a layer: both as root.
    pub fn shares_checkouts(&self, folder: &Path) -> bool {
        let is_unasked = |name: &&str| {
            let value = std::fs::read_to_string(format!("/sys/module/overlay/parameters/{name}"));
            value.is_ok_and(|value| value.trim() == "N")
        };
        let is_roots = rustix::process::geteuid().is_root() && !self.0.facts.rootless;
        is_roots && self.layering(folder) == Layering::Overlay && UNASKED.iter().all(is_unasked)
    }
}

impl Engine {
    /// Returns whether containers can have a folder of the host that is mounted there by this process: where the engine listens in
    /// this process's view of the host, and labels nothing.
    pub fn sees_own_mounts(&self) -> bool {
        let listener = UnixStream::connect(self.socket()).and_then(|socket| Ok(socket_peercred(socket)?));
        let view = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
        let theirs = listener
            .ok()
            .and_then(|listener| view(&listener.pid.as_raw_nonzero().to_string()));
        !self.0.facts.selinux && theirs.is_some() && theirs == view("self")
    }
}

/// Returns the mount as podman takes it.
pub(super) fn bind(layer: &LayeredMount) -> String {
    format!("{}:{}:O,{}", layer.lower.display(), layer.target, written(layer))
}

/// Returns the mount as Docker Engine takes it: a volume without a name, which goes with its container, and has its labels
/// for the case that it does not.
pub(super) fn volume(layer: &LayeredMount, labels: &BTreeMap<String, String>) -> ApiMount {
    let folders = format!("lowerdir={},{}", layer.lower.display(), written(layer));
    let options = [("type", "overlay"), ("device", "overlay"), ("o", &folders)];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ApiMount {
        typ: Some(MountType::VOLUME),
        target: Some(layer.target.clone()),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(labels.clone().into_iter().collect()),
            driver_config: Some(MountVolumeOptionsDriverConfig {
                name: Some("local".to_owned()),
                options: Some(HashMap::from(options)),
            }),
            ..MountVolumeOptions::default()
        }),
        ..ApiMount::default()
    }
}

/// Returns the options of overlayfs for what is written above a layer.
fn written(layer: &LayeredMount) -> String {
    format!("upperdir={},workdir={}", layer.upper.display(), layer.work.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_has_the_labels_of_its_container() {
        let layer = LayeredMount {
            lower: "/l".into(),
            upper: "/u".into(),
            work: "/w".into(),
            target: "/t".to_owned(),
        };
        let labels = BTreeMap::from([("cordwainer.repository".to_owned(), "1".to_owned())]);
        let volume = volume(&layer, &labels);
        let found = volume.volume_options.and_then(|options| options.labels).unwrap();
        assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), labels);
    }
}
