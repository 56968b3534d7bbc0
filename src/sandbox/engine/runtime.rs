//! Which runtimes an engine has, and which one it gave a container.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::base::error::{Error, ErrorKind, Result};
use crate::sandbox::engine::{Engine, EngineKind};
use crate::sandbox::spec::Runtime;

/// How the names of containerd's shims begin.
const SHIM: &str = "io.containerd.";

/// The runtimes that an engine can start containers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedRuntimes {
    /// The names under which it has them.
    pub names: Vec<String>,
    /// The one that it takes by itself.
    pub default: String,
}

impl fmt::Display for OfferedRuntimes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.join(", ");
        write!(
            formatter,
            "the engine offers {names}, and takes {} by itself",
            self.default
        )
    }
}

/// Of Docker's `GET /info`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockersInfo {
    #[serde(default)]
    runtimes: Map<String, Value>,
    #[serde(default)]
    default_runtime: String,
}

/// Of podman's `GET /libpod/info`.
#[derive(Deserialize)]
struct PodmansInfo {
    host: PodmansHost,
}

#[derive(Deserialize)]
struct PodmansHost {
    #[serde(rename = "ociRuntime")]
    runtime: PodmansRuntime,
}

#[derive(Deserialize)]
struct PodmansRuntime {
    name: String,
}

/// Of Docker's `GET /containers/ID/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockersContainer {
    host_config: DockersHostConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockersHostConfig {
    runtime: String,
}

/// Of podman's `GET /libpod/containers/ID/json`.
#[derive(Deserialize)]
struct PodmansContainer {
    #[serde(rename = "OCIRuntime")]
    runtime: String,
}

impl Engine {
    /// Asks the engine for its runtimes. Podman has one alone: its API creates no container with another.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`], where it does not answer.
    pub async fn runtimes(&self) -> Result<OfferedRuntimes> {
        const OPERATION: &str = "ask for the runtimes";
        match self.kind() {
            EngineKind::Docker => {
                let info: DockersInfo = self.get(OPERATION, "/info").await?;
                Ok(OfferedRuntimes {
                    // Docker lists its own shims, too, which are the same runtimes by other names.
                    names: info
                        .runtimes
                        .keys()
                        .filter(|name| !name.starts_with(SHIM))
                        .cloned()
                        .collect(),
                    default: info.default_runtime,
                })
            }
            EngineKind::Podman => {
                let info: PodmansInfo = self.get_of_podman(OPERATION, "/info").await?;
                let default = info.host.runtime.name;
                Ok(OfferedRuntimes {
                    names: vec![default.clone()],
                    default,
                })
            }
        }
    }

    /// Checks that a runtime is among those which the engine offers.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`], naming what it offers, and how a runtime gets there.
    pub fn check_runtime(&self, runtime: Runtime, offered: &OfferedRuntimes) -> Result<()> {
        if offered.names.iter().any(|name| name == runtime.name()) {
            return Ok(());
        }
        let message = format!("{self} has no runtime `{runtime}`, which `container.runtime` requires: {offered}");
        Err(Error::new(ErrorKind::Engine, message).hint(self.registration(runtime)))
    }

    /// Returns how a runtime is made known to the engine.
    fn registration(&self, runtime: Runtime) -> String {
        match self.kind() {
            EngineKind::Docker => format!(
                "register `{runtime}` under `runtimes` in the engine's daemon.json, as docs/engines.md has it, or set \
                 `container.runtime` to one that the engine offers"
            ),
            EngineKind::Podman => format!(
                "podman takes no runtime by its API: start its service with `podman --runtime {runtime} system service`, or \
                 set `runtime = \"{runtime}\"` in its containers.conf, as docs/engines.md has it"
            ),
        }
    }

    /// Checks, before a container is started, that the engine made it with the requested runtime.
    pub(super) async fn confirm_runtime(&self, id: &str, asked: Option<Runtime>) -> Result<()> {
        const OPERATION: &str = "ask for the runtime of the container";
        let Some(asked) = asked else { return Ok(()) };
        let path = format!("/containers/{id}/json");
        let found = match self.kind() {
            EngineKind::Docker => {
                let container: DockersContainer = self.get(OPERATION, &path).await?;
                container.host_config.runtime
            }
            EngineKind::Podman => {
                let container: PodmansContainer = self.get_of_podman(OPERATION, &path).await?;
                container.runtime
            }
        };
        if found == asked.name() {
            return Ok(());
        }
        let found = crate::base::text::one_line(&found, 60);
        let message = format!("{self} made a container with the runtime `{found}` instead of `{asked}`");
        Err(Error::new(ErrorKind::Engine, message).hint(self.registration(asked)))
    }
}
