//! Where an engine may listen, and where that is known from.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, ErrorKind, Result};
use crate::sandbox::engine::options::ConnectOptions;

/// A unix socket's path may be this long (`sun_path` of unix(7), less its closing zero).
pub(super) const SOCKET_PATH_LIMIT: usize = 107;

/// A socket to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) socket: PathBuf,
    /// Where it was named: `container.socket`, a variable, or the kind of place.
    pub(super) origin: &'static str,
    /// Whether a person named it: then nothing else is tried instead.
    pub(super) explicit: bool,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} `{}`", self.origin, self.socket.display())
    }
}

/// Returns the sockets to try, in order; if a person named one, only that one.
pub(super) fn candidates(options: &ConnectOptions, user: u32) -> Result<Vec<Endpoint>> {
    let named = [
        ("`container.socket`", &options.socket),
        ("`DOCKER_HOST`", &options.docker_host),
        ("`CONTAINER_HOST`", &options.container_host),
    ];
    for (origin, value) in named {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            return Ok(vec![Endpoint {
                socket: unix_socket(value, origin)?,
                origin,
                explicit: true,
            }]);
        }
    }
    Ok(usual_places(options.runtime_dir.as_deref(), user))
}

fn usual_places(runtime_dir: Option<&Path>, user: u32) -> Vec<Endpoint> {
    let home = PathBuf::from(format!("/run/user/{user}"));
    let runtime = runtime_dir.unwrap_or(&home);
    let place = |origin, socket: PathBuf| Endpoint {
        socket,
        origin,
        explicit: false,
    };
    let mut places = vec![place("rootless podman", runtime.join("podman/podman.sock"))];
    if runtime != home {
        places.push(place("rootless podman", home.join("podman/podman.sock")));
    }
    places.push(place("podman", "/run/podman/podman.sock".into()));
    places.push(place("Docker Engine", "/var/run/docker.sock".into()));
    places.push(place("rootless Docker Engine", runtime.join("docker.sock")));
    places
}

/// Reads `unix://PATH` or an absolute path. Other schemes reach other machines, which do not have the slot.
fn unix_socket(value: &str, origin: &str) -> Result<PathBuf> {
    let shown = value.escape_debug();
    let refuse = |why: &str| {
        Err(Error::new(ErrorKind::Engine, format!("{origin} is `{shown}`: {why}"))
            .hint("name a socket of this machine, as `unix:///run/podman/podman.sock`"))
    };
    let path = match value.split_once("://") {
        Some(("unix", path)) => path,
        Some(_) => return refuse("only unix sockets are supported, because containers mount files of this machine"),
        None => value.strip_prefix("unix:").unwrap_or(value),
    };
    if !path.starts_with('/') {
        return refuse("the socket's path must be absolute");
    }
    if path.len() > SOCKET_PATH_LIMIT {
        return refuse("a socket's path may have at most 107 bytes");
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_unix_sockets_and_nothing_else() {
        for (value, expect) in [
            ("unix:///run/a.sock", Ok("/run/a.sock")),
            ("unix:/run/a.sock", Ok("/run/a.sock")),
            ("/run/a.sock", Ok("/run/a.sock")),
            ("a.sock", Err("must be absolute")),
            ("unix://a.sock", Err("must be absolute")),
            ("tcp://localhost:2375", Err("only unix sockets")),
            ("ssh://me@there/run/a.sock", Err("only unix sockets")),
        ] {
            match (unix_socket(value, "`DOCKER_HOST`"), expect) {
                (Ok(path), Ok(expect)) => assert_eq!(path, Path::new(expect), "{value}"),
                (Err(error), Err(expect)) => {
                    let text = error.to_string();
                    assert!(
                        text.contains(expect) && text.starts_with("`DOCKER_HOST`"),
                        "{value}: {text}"
                    );
                }
                (got, _) => panic!("{value}: {got:?}"),
            }
        }
        assert!(unix_socket(&format!("/{}", "a".repeat(107)), "x").is_err());
    }

    fn origins(options: &ConnectOptions) -> Vec<String> {
        let candidates = candidates(options, 7).unwrap();
        candidates.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_person_named_stands_alone_and_in_order() {
        let mut options = ConnectOptions {
            container_host: Some("unix:///c".into()),
            docker_host: Some(String::new()),
            runtime_dir: Some("/run/mine".into()),
            ..ConnectOptions::default()
        };
        assert_eq!(origins(&options), ["`CONTAINER_HOST` `/c`"]);
        options.docker_host = Some("unix:///d".into());
        assert_eq!(origins(&options), ["`DOCKER_HOST` `/d`"]);
        options.socket = Some("/s".into());
        assert_eq!(origins(&options), ["`container.socket` `/s`"]);
    }

    #[test]
    fn else_the_usual_places_are_tried_in_order() {
        let options = ConnectOptions {
            runtime_dir: Some("/run/mine".into()),
            ..ConnectOptions::default()
        };
        let expect = [
            "rootless podman `/run/mine/podman/podman.sock`",
            "rootless podman `/run/user/7/podman/podman.sock`",
            "podman `/run/podman/podman.sock`",
            "Docker Engine `/var/run/docker.sock`",
            "rootless Docker Engine `/run/mine/docker.sock`",
        ];
        assert_eq!(origins(&options), expect);
    }
}
