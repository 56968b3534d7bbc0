//! The container that work is done in: what it is made of beyond its command, and what it is then held to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::sandbox::engine::Engine;
use crate::sandbox::engine::limits::Limits;
use crate::sandbox::engine::spec::{self, ContainerSpec, Mount, UserChoice};
use crate::sandbox::guarantee::{Asked, Item};

/// What every image has, and every sealed container begins with: it reports what the container really got, and runs the
/// command when that was enough.
pub const ENTRYPOINT: &str = "/usr/local/bin/cordwainer-entrypoint";
/// Where the folder with the gateway's socket is in a sealed container.
pub const GATEWAY_FOLDER: &str = "/run/cordwainer/gateway";

/// How large a file system in memory is that nobody gave a size, in bytes; what is in it counts as the container's memory.
const TMPFS_SIZE: u64 = 1 << 30;
/// The same for `/run`, in which there are mount points and nothing else.
const RUN_SIZE: u64 = 1 << 20;
/// How large `/dev/shm` is, in bytes: the engines' own default.
pub(super) const SHARED_MEMORY: u64 = 64 << 20;

/// What a container needs to write although its image can only be read. The engines differ in what they add by
/// themselves; podman's has no size.
const WRITABLE: [(&str, &str); 3] = [("/tmp", "mode=1777"), ("/var/tmp", "mode=1777"), ("/run", "mode=755")];

impl ContainerSpec {
    /// Makes the container a sealed one: it begins with [`ENTRYPOINT`], sees the gateway's socket in the host's folder
    /// `gateway`, has no network unless the specification names one, and reads its image only.
    #[must_use]
    pub fn sealed(mut self, gateway: &Path) -> Self {
        self.command.insert(0, ENTRYPOINT.to_owned());
        self.mounts.push(Mount {
            source: gateway.to_owned(),
            target: GATEWAY_FOLDER.to_owned(),
            read_only: true,
        });
        self.network.get_or_insert_with(|| "none".to_owned());
        self.read_only_root = true;
        self
    }

    /// Returns the file systems in memory with all their options, each with a size.
    pub(super) fn sized_tmpfs(&self) -> BTreeMap<String, String> {
        let mut tmpfs = self.tmpfs.clone();
        if self.read_only_root {
            for (path, options) in WRITABLE {
                tmpfs.entry(path.to_owned()).or_insert_with(|| match path {
                    "/run" => format!("{options},size={RUN_SIZE}"),
                    _ => options.to_owned(),
                });
            }
        }
        let most = self.memory.map_or(TMPFS_SIZE, |memory| memory.min(TMPFS_SIZE));
        let sized = tmpfs
            .into_iter()
            .map(|(path, options)| (path, completed(&options, most)));
        sized.collect()
    }
}

/// Adds to the options of a tmpfs what they leave open. Programs may run from it: builds do that.
fn completed(options: &str, size: u64) -> String {
    let mut words: Vec<&str> = options
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    for [default, contrary] in [["rw", "ro"], ["exec", "noexec"], ["nosuid", "suid"], ["nodev", "dev"]] {
        if !words.contains(&default) && !words.contains(&contrary) {
            words.push(default);
        }
    }
    let has_size = words.iter().any(|word| word.starts_with("size="));
    let text = words.join(",");
    if has_size { text } else { format!("{text},size={size}") }
}

/// Reads a size as mount(8) takes it: bytes, or with a unit. Parts of the machine's memory (`50%`) are of no known size.
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

impl Engine {
    /// Says what a container of this specification is to have on this engine, so that it can be held to it; `relax` is
    /// what it may lack.
    pub fn asked(&self, spec: &ContainerSpec, relax: &BTreeSet<Item>) -> Asked {
        let shared = ("/dev/shm".to_owned(), SHARED_MEMORY);
        let sizes = spec.sized_tmpfs().into_iter().map(|(path, options)| {
            let size = options.split(',').find_map(|word| bytes(word.strip_prefix("size=")?));
            (path, size.map_or(u64::MAX, whole_pages))
        });
        let mounts = spec.mounts.iter();
        Asked {
            user: self.numbers_of(&spec.user),
            rootless: self.rootless(),
            read_only_root: spec.read_only_root,
            tmpfs: sizes.chain([shared]).collect(),
            mounts: mounts.map(|mount| (mount.target.clone(), !mount.read_only)).collect(),
            engine_socket: self.socket().display().to_string(),
            memory: spec.memory,
            cpus: spec.cpus,
            pids: spec.pids.map(u64::from),
            open_files: spec::open_files(&Limits::of_this_process()),
            usable: BTreeSet::new(),
            relax: relax.clone(),
        }
    }

    /// Who runs the command, by number, as far as that is known.
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

/// The kernel gives a tmpfs whole pages.
fn whole_pages(bytes: u64) -> u64 {
    bytes.next_multiple_of(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_system_in_memory_gets_a_size() {
        for (options, expect) in [
            ("", "rw,exec,nosuid,nodev,size=7"),
            ("rw,mode=1777", "rw,mode=1777,exec,nosuid,nodev,size=7"),
            ("size=1g,noexec,ro", "size=1g,noexec,ro,nosuid,nodev"),
            (" suid , dev", "suid,dev,rw,exec,size=7"),
        ] {
            assert_eq!(completed(options, 7), expect, "{options}");
        }
    }

    #[test]
    fn none_is_larger_than_the_memory_it_counts_as() {
        let spec = |memory| ContainerSpec {
            memory,
            ..ContainerSpec::default()
        };
        let size = |spec: ContainerSpec| spec.sealed(Path::new("/g")).sized_tmpfs()["/tmp"].clone();
        assert!(size(spec(None)).ends_with(",size=1073741824"));
        assert!(size(spec(Some(5000))).ends_with(",size=5000"));
        assert!(
            spec(None).sized_tmpfs().is_empty(),
            "a container that can write its image needs none"
        );
    }

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
