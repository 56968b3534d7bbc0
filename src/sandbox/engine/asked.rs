//! The requested guarantees of a container on this engine.

use std::collections::BTreeSet;

use crate::sandbox::engine::Engine;
use crate::sandbox::engine::limits::{ProcessLimits, open_files};
use crate::sandbox::guarantee::{Item, RequestedContainer};
use crate::sandbox::spec::{ContainerSpec, SHARED_MEMORY, UserChoice};

impl Engine {
    /// Returns the guarantees that a container of this specification must have on this engine; `relax` lists what it
    /// may lack.
    pub fn asked(&self, spec: &ContainerSpec, relax: &BTreeSet<Item>) -> RequestedContainer {
        let shared = ("/dev/shm".to_owned(), SHARED_MEMORY);
        let sizes = spec.sized_tmpfs().into_iter().map(|(path, options)| {
            let size = options.split(',').find_map(|word| bytes(word.strip_prefix("size=")?));
            (path, size.map_or(u64::MAX, whole_pages))
        });
        let mounts = spec.mounts.iter();
        RequestedContainer {
            user: self.numbers_of(&spec.user),
            rootless: self.rootless(),
            read_only_root: spec.read_only_root,
            tmpfs: sizes.chain([shared]).collect(),
            mounts: mounts.map(|mount| (mount.target.clone(), !mount.read_only)).collect(),
            layers: spec
                .layers
                .iter()
                .map(|layer| (layer.target.clone(), layer.clone()))
                .collect(),
            overlays: spec.overlays.clone(),
            engine_socket: self.socket().display().to_string(),
            runtime: spec.runtime,
            kernel: self.0.facts.kernel.clone(),
            memory: spec.memory,
            cpus: spec.cpus,
            pids: spec.pids.map(u64::from),
            open_files: open_files(&ProcessLimits::of_this_process()),
            usable: BTreeSet::new(),
            relax: relax.clone(),
        }
    }

    /// Returns the user that runs the command, by number, where that is known.
    fn numbers_of(&self, user: &UserChoice) -> Option<(u32, u32)> {
        match user {
            UserChoice::SlotOwner => {
                let user = self.0.facts.container_user();
                let (user, group) = user.split_once(':')?;
                Some((user.parse().ok()?, group.parse().ok()?))
            }
            UserChoice::Given(given) => {
                let (user, group) = given.split_once(':').unwrap_or((given, "0"));
                Some((user.parse().ok()?, group.parse().ok()?))
            }
            UserChoice::Image => None,
        }
    }
}

/// Reads a size in the form of mount(8): bytes, or with a unit. The size of a part of the machine's memory (`50%`) is
/// not known.
fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let (digits, factor) = match text.char_indices().last()? {
        (at, 'k') => (&text[..at], 1 << 10),
        (at, 'm') => (&text[..at], 1 << 20),
        (at, 'g') => (&text[..at], 1 << 30),
        _ => (text.as_str(), 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Rounds a size up to whole pages, which is what the kernel gives a tmpfs.
fn whole_pages(bytes: u64) -> u64 {
    bytes.next_multiple_of(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_mount_takes_them() {
        for (text, expect) in [
            ("65536", Some(65_536)),
            ("64k", Some(65_536)),
            ("2M", Some(2 << 20)),
            ("1g", Some(1 << 30)),
            ("50%", None),
            ("", None),
            ("99999999999999999999g", None),
        ] {
            assert_eq!(bytes(text), expect, "{text}");
        }
    }
}
