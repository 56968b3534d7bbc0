//! `container.mounts`, and what may never be mounted.

use std::path::{Path, PathBuf};

use super::field::Field;
use super::keys::MOUNT;
use super::node::Kind;
use super::paths::{container_path, overlap, repository_path};
use super::section::Section;
use super::{Config, Credentials, MountConfig};

const WHAT: &str = "`SOURCE:TARGET[:ro|rw]`, or a mapping of source, target and writable";

/// The sockets of engines; access to one of them gives control over the machine.
const ENGINE_SOCKETS: [&str; 6] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "/var/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
];

/// The container's own files; a mount there would hide the task's worktree, or replace a part of it.
const TAKEN_TARGETS: [&str; 6] = [
    "/workspace",
    "/run/cordwainer",
    "/usr/local/bin/cordwainer-entrypoint",
    "/proc",
    "/sys",
    "/dev",
];

/// Folders of the machine itself: the kernel's, and those with the sockets of engines and other services.
const SYSTEM: [&str; 5] = ["/proc", "/sys", "/dev", "/run", "/var/run"];

/// Where the home folders of people are.
const HOMES: [&str; 3] = ["/home", "/Users", "/var/home"];

/// Where the client looks for settings of an administrator.
const MANAGED_SETTINGS: &str = "/etc/claude-code";

impl Field<'_> {
    /// Reads `container.mounts`, without those that show what must stay hidden.
    pub(super) fn mounts(&self, hidden: &Hidden<'_>) -> Option<Vec<MountConfig>> {
        let mut mounts = Vec::new();
        for item in self.items("a list of mounts")? {
            if let Some(mount) = item.mount() {
                item.add_mount(mount, hidden, &mut mounts);
            }
        }
        Some(mounts)
    }

    /// Adds a mount to others, or notes why not.
    pub(super) fn add_mount(&self, mount: MountConfig, hidden: &Hidden<'_>, mounts: &mut Vec<MountConfig>) {
        if let Some(why) = hidden.refusal(&mount) {
            self.refuse::<()>(why);
        } else if mounts.iter().any(|other| other.target == mount.target) {
            self.refuse::<()>(format!("a second mount has the target `{}`", mount.target.display()));
        } else {
            mounts.push(mount);
        }
    }

    /// Reads one mount, written either way.
    fn mount(&self) -> Option<MountConfig> {
        match &self.node.kind {
            Kind::Map(_) => self.mount_mapping(),
            _ => match parse_mount(self.scalar().unwrap_or_default()) {
                Ok(mount) => Some(mount),
                Err(None) => self.expected(WHAT),
                Err(Some(why)) => self.refuse(why),
            },
        }
    }

    fn mount_mapping(&self) -> Option<MountConfig> {
        let section = Section::open(self, MOUNT)?;
        let mut writable = false;
        section.set("writable", &mut writable, Field::flag);
        let (Some(source), Some(target)) = (section.field("source"), section.field("target")) else {
            return self.refuse("expected `source` and `target`");
        };
        // Both are read, so that both are reported.
        let (source, target) = (source.host_path(), target.container_path());
        Some(MountConfig {
            source: source?,
            target: target?.into(),
            writable,
        })
    }
}

/// Reads `SOURCE:TARGET[:ro|rw]`; the error is a reason, or nothing when it looks like no mount at all.
pub(super) fn parse_mount(text: &str) -> Result<MountConfig, Option<String>> {
    let mut parts = text.split(':');
    let (Some(source), Some(target)) = (parts.next(), parts.next()) else {
        return Err(None);
    };
    let writable = match (parts.next(), parts.next()) {
        (None | Some("ro"), None) => false,
        (Some("rw"), None) => true,
        (Some(options), _) => {
            return Err(Some(format!(
                "expected `ro` or `rw` after the target, found `{}`",
                options.escape_debug()
            )));
        }
        (None, Some(_)) => return Err(None),
    };
    Ok(MountConfig {
        source: host_path(source).map_err(|why| Some(format!("the source `{}`: {why}", source.escape_debug())))?,
        target: container_path(target)
            .ok_or_else(|| {
                Some(format!(
                    "expected an absolute path in the container as target, found `{}`",
                    target.escape_debug()
                ))
            })?
            .into(),
        writable,
    })
}

/// Reads a source as [`Field::host_path`] takes it, from a part of a text.
pub(super) fn host_path(source: &str) -> Result<PathBuf, &'static str> {
    if !source.starts_with('/') {
        return repository_path(source).map(PathBuf::from);
    }
    container_path(source)
        .map(PathBuf::from)
        .ok_or("it is not a plain path below `/`")
}

/// The paths that no mount may reach, each as the file system knows it.
pub(super) struct Hidden<'a> {
    /// Resolved paths and their names for people.
    paths: Vec<(PathBuf, &'static str)>,
    /// Makes a path of the configuration absolute and follows its links, where the caller can.
    resolve: &'a dyn Fn(&Path) -> PathBuf,
    pub(super) targets: Targets,
}

impl<'a> Hidden<'a> {
    /// Collects the paths that `config` names so far.
    pub(super) fn of(config: &Config, resolve: &'a dyn Fn(&Path) -> PathBuf) -> Self {
        let mut paths = vec![
            (resolve(Path::new(".git")), "git's own folder"),
            (resolve(&config.secrets_dir), "`secrets_dir`"),
        ];
        paths.extend(config.state_dir.iter().map(|path| (resolve(path), "`state_dir`")));
        if let Some(socket) = &config.container.socket {
            let path = socket.strip_prefix("unix://").unwrap_or(socket);
            paths.push((resolve(Path::new(path)), "`container.socket`"));
        }
        Self {
            paths,
            resolve,
            targets: Targets::new(&config.agent.home, config.agent.credentials),
        }
    }

    /// Returns why a mount is refused.
    pub(super) fn refusal(&self, mount: &MountConfig) -> Option<String> {
        let source = (self.resolve)(&mount.source);
        let shown = mount.source.display();
        if let Some((_, name)) = self.paths.iter().find(|(path, _)| overlap(path, &source)) {
            return Some(format!("the mount of `{shown}` would show {name} to the agent"));
        }
        if reaches_engine(&mount.source) || reaches_engine(&source) {
            return Some(format!(
                "the mount of `{shown}` would hand a container engine to the agent"
            ));
        }
        let why = self.of_the_machine(mount, &source);
        why.or_else(|| self.targets.refusal(&mount.target))
    }

    /// Returns why a folder of the machine, of a person or of the checkout is refused.
    fn of_the_machine(&self, mount: &MountConfig, source: &Path) -> Option<String> {
        let shown = mount.source.display();
        let root = (self.resolve)(Path::new("."));
        if root.starts_with(source) {
            return Some(format!(
                "the mount of `{shown}` would show the whole checkout to the agent"
            ));
        }
        // Without a disk to check, a relative path is in the checkout.
        let inside = if root.is_absolute() {
            source.starts_with(&root)
        } else {
            source.is_relative()
        };
        if mount.writable && inside {
            return Some(format!(
                "the mount of `{shown}` would let the agent write into the checkout; mount a folder outside of it"
            ));
        }
        let is_home = source == Path::new("/root")
            || HOMES
                .iter()
                .map(Path::new)
                .any(|homes| source == homes || source.parent() == Some(homes));
        if is_home {
            return Some(format!(
                "the mount of `{shown}` would show a person's home folder to the agent"
            ));
        }
        let is_system = SYSTEM.iter().any(|system| source.starts_with(system));
        is_system.then(|| format!("the mount of `{shown}` would show the machine's own state to the agent"))
    }
}

/// Places in the container that no mount may cover.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    /// The client's folder, in the agent's home folder.
    session: PathBuf,
    payer: Credentials,
}

impl Targets {
    /// Collects the places that an agent with this home folder needs.
    pub(super) fn new(home: &str, payer: Credentials) -> Self {
        Self {
            session: Path::new(home).join(".claude"),
            payer,
        }
    }

    /// Returns why a mount, a tmpfs or the home folder itself at `path` is refused.
    pub(super) fn refusal(&self, path: &Path) -> Option<String> {
        let shown = path.display();
        if path.starts_with(&self.session) {
            let session = self.session.display();
            return Some(format!(
                "`{shown}` is not free in the container: the client's sessions are in `{session}`; choose another target"
            ));
        }
        if self.payer != Credentials::None && overlap(Path::new(MANAGED_SETTINGS), path) {
            return Some(format!(
                "`{shown}` is refused: settings in `{MANAGED_SETTINGS}` can change who pays; leave it out, or write \
                 `agent.credentials: none`, with which nothing checks that"
            ));
        }
        let taken = TAKEN_TARGETS.iter().find(|taken| overlap(Path::new(taken), path))?;
        Some(format!(
            "`{shown}` is not free in the container: `{taken}` is reserved for cordwainer"
        ))
    }
}

fn reaches_engine(source: &Path) -> bool {
    let name = source
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    let named_so = ["docker.sock", "podman.sock", "containerd.sock", "crio.sock"].contains(&name.as_str());
    let runtime_folder = Path::new("/run/user");
    named_so
        || ENGINE_SOCKETS
            .iter()
            .any(|socket| Path::new(socket).starts_with(source))
        || runtime_folder.starts_with(source)
        || (source.starts_with(runtime_folder) && source.components().count() <= 4)
        || source.ends_with("podman") && (source.starts_with("/run") || source.starts_with("/var/run"))
}
