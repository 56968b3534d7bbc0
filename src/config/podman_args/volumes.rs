//! `-v` and `--mount` as podman writes them.

use std::path::PathBuf;

use crate::config::MountConfig;
use crate::config::mounts::{host_path, parse_mount};
use crate::config::paths::container_path;

/// What a flag mounts.
pub(super) enum Mounted {
    /// A folder or file of the host.
    Bind(MountConfig),
    /// A file system in memory: path and options.
    Tmpfs(String, String),
}

/// Reads the value of `-v`: `SOURCE:TARGET[:OPTIONS]`. Unlike in podman, a mount without `rw` is read-only.
pub(super) fn volume(value: &str) -> Result<Mounted, String> {
    const WHAT: &str = "expected `SOURCE:TARGET[:ro|rw]` after `-v`";
    let mut parts = value.splitn(3, ':');
    let (Some(source), Some(target)) = (parts.next(), parts.next()) else {
        return Err(WHAT.to_owned());
    };
    if !source.starts_with(['/', '.']) {
        return Err(format!(
            "`{}` is a named volume: a source begins with `/` or `./`",
            source.escape_debug()
        ));
    }
    let mode = access(parts.next().unwrap_or("ro"))?;
    match parse_mount(&format!("{source}:{target}:{mode}")) {
        Ok(mount) => Ok(Mounted::Bind(mount)),
        Err(why) => Err(why.unwrap_or_else(|| WHAT.to_owned())),
    }
}

/// Reads the options after a target: access, and the `SELinux` marks, which the engine is given in any case.
fn access(options: &str) -> Result<&'static str, String> {
    let mut mode = "ro";
    for option in options.split(',') {
        match option {
            "ro" => mode = "ro",
            "rw" => mode = "rw",
            "z" | "Z" => {}
            other => {
                return Err(format!(
                    "`{}` is not a mount option here: write `ro` or `rw`",
                    other.escape_debug()
                ));
            }
        }
    }
    Ok(mode)
}

/// Reads the value of `--mount`: `type=bind,source=…,target=…[,readonly=false]`, or `type=tmpfs,target=…`. Unlike in
/// podman, a mount without `readonly=false` is read-only.
pub(super) fn mount(value: &str) -> Result<Mounted, String> {
    let mut parts = Parts::default();
    for part in value.split(',') {
        parts.take(part)?;
    }
    let target = parts.target.as_deref().and_then(container_path);
    let target = target.ok_or("expected `target=` and an absolute path in `--mount`")?;
    match (parts.kind.as_deref(), parts.source) {
        (Some("tmpfs"), None) => Ok(Mounted::Tmpfs(target, parts.options.join(","))),
        (Some("bind"), Some(source)) if parts.options.is_empty() => Ok(Mounted::Bind(MountConfig {
            source: bind_source(&source)?,
            target: target.into(),
            writable: parts.writable,
        })),
        (Some("bind"), None) => Err("expected `source=` in `--mount`".to_owned()),
        _ => Err("expected `type=bind` with a source, or `type=tmpfs` without one, in `--mount`".to_owned()),
    }
}

fn bind_source(source: &str) -> Result<PathBuf, String> {
    host_path(source).map_err(|why| format!("the source `{}`: {why}", source.escape_debug()))
}

#[derive(Default)]
struct Parts {
    kind: Option<String>,
    source: Option<String>,
    target: Option<String>,
    writable: bool,
    options: Vec<String>,
}

impl Parts {
    fn take(&mut self, part: &str) -> Result<(), String> {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name {
            "type" => self.kind = Some(value.to_owned()),
            "source" | "src" => self.source = Some(value.to_owned()),
            "target" | "destination" | "dst" => self.target = Some(value.to_owned()),
            "readonly" | "ro" => self.writable = !read_only(part, value)?,
            "tmpfs-size" => self.options.push(format!("size={value}")),
            "tmpfs-mode" => self.options.push(format!("mode={value}")),
            "relabel" | "z" | "Z" => {}
            _ => return Err(format!("`{}` is not a mount option here", name.escape_debug())),
        }
        Ok(())
    }
}

fn read_only(part: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("expected `true` or `false` in `{}`", part.escape_debug())),
    }
}
