//! A service from its start to its end, in a task of its own.

use std::path::Path;
use std::time::Instant;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::base::clock::Clock;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::redact::Redactor;
use crate::sandbox::engine::Engine;
use crate::sandbox::services::attend::{Part, attend};
use crate::sandbox::services::failure::ServiceFailure;
use crate::sandbox::services::specification::ServiceSpec;
use crate::sandbox::services::stage::{Left, Ready, Stage};

/// What every service of a container is started with.
pub(crate) struct Scene<'a> {
    pub(crate) engine: &'a Engine,
    /// The folder of the gateway of the container that the services are for.
    pub(crate) gateway: &'a Path,
    pub(crate) redactor: &'a Redactor,
    pub(crate) clock: &'a Clock,
}

/// A service that was started. Dropped, it ends by itself; [`RunningService::end`] waits for that.
pub(crate) struct RunningService {
    pub(crate) spec: ServiceSpec,
    stage: watch::Receiver<Stage>,
    end: DropGuard,
    task: JoinHandle<Left>,
}

impl RunningService {
    /// Starts a service, and returns at once.
    pub(crate) fn start(spec: ServiceSpec, scene: &Scene<'_>) -> Self {
        let (told, stage) = watch::channel(Stage::Starting);
        let end = CancellationToken::new();
        let part = Part {
            spec: spec.clone(),
            engine: scene.engine.clone(),
            gateway: scene.gateway.to_owned(),
            redactor: scene.redactor.clone(),
            clock: scene.clock.clone(),
            begun: Instant::now(),
            stage: told,
            end: end.clone(),
        };
        Self {
            spec,
            stage,
            end: end.drop_guard(),
            task: tokio::spawn(attend(part)),
        }
    }

    /// Waits until it can be used.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub(crate) async fn ready(&mut self) -> Result<Ready, ServiceFailure> {
        loop {
            match &*self.stage.borrow_and_update() {
                Stage::Starting => {}
                Stage::Ready(ready) => return Ok(ready.clone()),
                Stage::Failed(failure) => return Err(failure.clone()),
            }
            if self.stage.changed().await.is_err() {
                return Err(ServiceFailure::of_service("ended, and nobody reported how"));
            }
        }
    }

    /// Waits until it can no longer be used, perhaps forever.
    pub(crate) async fn failed(&mut self) -> ServiceFailure {
        loop {
            if let Stage::Failed(failure) = &*self.stage.borrow_and_update() {
                return failure.clone();
            }
            if self.stage.changed().await.is_err() {
                return ServiceFailure::of_service("ended, and nobody reported how");
            }
        }
    }

    /// Returns why it can no longer be used, if that is so by now.
    pub(crate) fn failure(&self) -> Option<ServiceFailure> {
        match &*self.stage.borrow() {
            Stage::Failed(failure) => Some(failure.clone()),
            _ => None,
        }
    }

    /// Ends it, unless it has ended; returns the last of its output, redacted.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`] where its container may still be there.
    pub(crate) async fn end(self) -> (Vec<u8>, Result<()>) {
        drop(self.end);
        match self.task.await {
            Ok(left) => (left.output, left.removed),
            Err(error) => {
                let message = format!("the service `{}` was not brought to its end: {error}", self.spec.name);
                (Vec::new(), Err(Error::new(ErrorKind::Engine, message)))
            }
        }
    }
}
