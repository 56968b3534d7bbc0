//! Services tried once, each by itself, as `cordwainer doctor` and `cordwainer image check` do.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::base::clock::Clock;
use crate::base::error::{Context as _, Error, Result};
use crate::base::redact::Redactor;
use crate::config::{Config, ServiceConfig};
use crate::run::call::refuse_credentials;
use crate::run::call::services::{rounded, specification};
use crate::sandbox::engine::Engine;
use crate::sandbox::services::{RunningService, Scene};

/// What the services of a configuration are tried with.
pub(crate) struct Trial<'a> {
    pub(crate) config: &'a Config,
    pub(crate) engine: &'a Engine,
    /// What identifies their containers, so that the next run sweeps up what a killed command leaves.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) redactor: &'a Redactor,
}

impl Trial<'_> {
    /// Starts each service, waits until it can be used, and ends it. Returns its name, and after how many seconds that
    /// was, or why it cannot be used.
    pub(crate) async fn each(&self) -> Vec<(String, Result<f64>)> {
        let services = self.config.services.iter();
        let trials = services.map(|(number, service)| self.one(number, service));
        futures_util::future::join_all(trials).await
    }

    async fn one(&self, number: u8, service: &ServiceConfig) -> (String, Result<f64>) {
        let tried = async {
            let folder = tempfile::tempdir().context("cannot make a folder to mount")?;
            let open = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(folder.path(), open).context("cannot make a folder to mount")?;
            let mut spec = specification(self.config, number, service, self.engine).await?;
            spec.container.labels.extend(self.labels.clone());
            refuse_credentials(&spec.container, self.redactor)?;
            spec.folder = folder.path().join("own/service");
            let gateway: PathBuf = folder.path().join("own/container");
            let scene = Scene {
                engine: self.engine,
                gateway: &gateway,
                redactor: self.redactor,
                clock: &Clock::machine(),
            };
            let mut running = RunningService::start(spec, &scene);
            let ready = running.ready().await;
            let (_, removed) = running.end().await;
            let ready = ready.map_err(|failure| failure.error(&service.name))?;
            removed?;
            Ok::<f64, Error>(rounded(ready.after))
        };
        (service.name.clone(), tried.await)
    }
}
