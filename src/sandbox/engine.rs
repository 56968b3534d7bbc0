//! Container engines: podman and Docker Engine, which speak one API. The only place that knows `bollard`.
//! An [`Engine`] is found, or started, by [`Engine::connect`]. [`Engine::start`] creates a [`Container`]; its output is
//! read by line, and its end is reported as the engine reports it. Only labels identify the owner of a container: one
//! that nobody removed, because its owner died, is found and ended by [`Engine::sweep`].

mod asked;
mod body;
mod connect;
mod container;
mod deadline;
mod endpoint;
mod enforced;
mod exit;
mod failure;
mod followed;
mod forgotten;
mod image;
mod input;
mod interrupted;
mod kind;
mod layering;
mod limits;
mod lookup;
mod options;
mod output;
mod runtime;
mod service;
mod stored;
mod stream;
mod sweep;
mod terminal;
mod volume;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as ApiError;

pub use container::Container;
pub use exit::Exit;
pub use image::{BuildRequest, ImageConfig};
pub(crate) use image::{fix_of_absent, pack};
pub(crate) use interrupted::unless_asked;
pub use kind::EngineKind;
pub use layering::Layering;
pub use options::{ConnectOptions, EngineChoice};
pub use output::Output;
pub use runtime::OfferedRuntimes;
pub use service::podman_configuration;
pub(crate) use stored::{BuildStep, StoredImage};
pub use stream::Stream;
pub use sweep::FoundContainer;
pub(crate) use terminal::Terminal;

/// The files into which the outputs of a container's command go.
pub(crate) mod output_files {
    pub(crate) use super::followed::{LIMIT, make};
    pub(crate) use crate::sandbox::spec::{STDERR_FILE as STDERR, STDOUT_FILE as STDOUT};
}

use tokio::sync::Semaphore;

use crate::base::interruption::Leftovers;
use crate::base::machine::Machine;
use crate::base::registry::Registry;
use crate::sandbox::engine::deadline::CallError;
use crate::sandbox::engine::kind::EngineFacts;
use crate::sandbox::engine::service::Service;
pub use crate::sandbox::spec::{ContainerSpec, ENTRYPOINT, GATEWAY_FOLDER, LayeredMount, Mount, Runtime, UserChoice};

/// A container engine that responded. Cheap to clone; a service that was started for it ends with the last clone.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    api: Docker,
    facts: EngineFacts,
    /// Held only to be dropped: that ends the service.
    _service: Option<Service>,
    /// Where containers are noted while they exist.
    leftovers: Leftovers,
    /// The names of the containers that were started from here.
    containers: Registry<String>,
    /// The right to start a container. A start keeps more than one core busy: many that began at the same moment would slow each
    /// other down, and so would their ends, which come at the same moment again.
    starts: Semaphore,
}

impl Engine {
    fn new(api: Docker, facts: EngineFacts, service: Option<Service>, leftovers: &Leftovers) -> Self {
        Self(Arc::new(Inner {
            api,
            facts,
            _service: service,
            leftovers: leftovers.clone(),
            containers: Registry::default(),
            starts: Semaphore::new((Machine::here().cores as usize).max(1)),
        }))
    }

    /// Returns which engine it is.
    pub fn kind(&self) -> EngineKind {
        self.0.facts.kind
    }

    /// Returns the engine's version.
    pub fn version(&self) -> &str {
        &self.0.facts.version
    }

    /// Returns whether the engine runs as an ordinary user.
    pub fn rootless(&self) -> bool {
        self.0.facts.rootless
    }

    /// Returns the unix socket at which the engine listens.
    pub fn socket(&self) -> &Path {
        &self.0.facts.socket
    }

    /// Describes for a person which engine it is, and where it listens.
    pub fn describe(&self) -> String {
        self.0.facts.to_string()
    }

    /// Returns the user and group ids that must own, on the host, the files that a container with
    /// [`UserChoice::SlotOwner`] is to write: this process's own, except that root creates slots for user 1000.
    pub fn slot_owner(&self) -> (u32, u32) {
        self.slot_owner_for(&UserChoice::SlotOwner)
    }

    /// Returns the user and group that must own, on the host, the files that a container of any user is to write: root
    /// creates slots for a user that is given by number.
    pub fn slot_owner_for(&self, user: &UserChoice) -> (u32, u32) {
        self.0.facts.slot_owner(user)
    }

    /// Checks whether the engine can enforce the limits of such a container; creating it refuses the same.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`](crate::base::error::ErrorKind::Engine), naming the keys of the limits that would
    /// not be enforced.
    pub fn check_limits(&self, spec: &ContainerSpec) -> crate::base::error::Result<()> {
        self.0.facts.enforced.check(spec, self)
    }

    fn api(&self) -> &Docker {
        &self.0.api
    }

    /// Runs one call of the API under a deadline of its own.
    async fn call<T>(
        &self,
        operation: &str,
        limit: Duration,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, CallError> {
        deadline::within(self, operation, limit, call).await
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.facts.fmt(formatter)
    }
}
