//! The parts of a sealed container beside its command.

use std::collections::BTreeMap;
use std::path::Path;

use super::{ContainerSpec, Mount};

/// The program in every image with which every sealed container begins: it reports what the container really got, and
/// runs the command if that is accepted.
pub const ENTRYPOINT: &str = "/usr/local/bin/cordwainer-entrypoint";
/// Where the folder with the gateway's socket is in a sealed container.
pub const GATEWAY_FOLDER: &str = "/run/cordwainer/gateway";

/// Where the files are in a sealed container into which the outputs of its command go.
const OUTPUT_FOLDER: &str = "/run/cordwainer/output";
/// The file that gets a command's standard output.
pub(crate) const STDOUT_FILE: &str = "stdout";
/// The file that gets a command's standard error.
pub(crate) const STDERR_FILE: &str = "stderr";

/// The size of a file system in memory for which none was given, in bytes; its content counts as the container's
/// memory.
const TMPFS_SIZE: u64 = 1 << 30;
/// Bytes of the tmpfs at `/run`, which contains only mount points.
const RUN_SIZE: u64 = 1 << 20;

/// The paths that a container needs to write to although its image is read-only. Engines differ in what they add by
/// themselves; podman's have no size.
const WRITABLE: [(&str, &str); 3] = [("/tmp", "mode=1777"), ("/var/tmp", "mode=1777"), ("/run", "mode=755")];

impl ContainerSpec {
    /// Makes the container a sealed one: it begins with [`ENTRYPOINT`], sees the gateway's socket in the host's folder
    /// `gateway`, has no network unless the specification names one, and a read-only image.
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

    /// Has the outputs of a sealed container's command go into two files of a folder of the host, `stdout` and `stderr`, which
    /// must be there: what it writes is not lost while nobody listens. An entrypoint of an earlier version leaves them to the
    /// engine's stream.
    #[must_use]
    pub fn writing_to(mut self, folder: &Path) -> Self {
        self.mounts.extend([STDOUT_FILE, STDERR_FILE].map(|name| Mount {
            source: folder.join(name),
            target: format!("{OUTPUT_FOLDER}/{name}"),
            read_only: false,
        }));
        self.output = Some(folder.to_owned());
        self
    }

    /// Returns the file systems in memory with all their options, each with a size.
    pub(in crate::sandbox) fn sized_tmpfs(&self) -> BTreeMap<String, String> {
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

/// Completes the options of a tmpfs. Programs may run from it, because builds do that.
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
}
