//! The services beside a container of a call or a gate: started and ready before it, gone with it.

use std::time::Duration;

use futures_util::future::{join_all, select_all, try_join_all};

use super::request::Sandbox;
use super::specification::refuse_credentials;
use crate::base::error::{Error, Result};
use crate::base::interruption::{Interruption, interrupted};
use crate::config::{Beside, Config, ServiceConfig};
use crate::model::Role;
use crate::record::event::{EventKind, Step};
use crate::record::recorder::Recorder;
use crate::sandbox::engine::{ContainerSpec, Engine, UserChoice};
use crate::sandbox::gateway::Gateway;
use crate::sandbox::services::{RunningService, Scene, ServiceFailure, ServiceSpec, clear};

/// The label with the name of a service, beside those of the container that it is for.
const SERVICE_LABEL: &str = "cordwainer.service";

/// The container that services are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// The agent of a task.
    Task,
    /// The gate of a number, counted from 1.
    Gate(usize),
    /// Something else, which has none.
    Nobody,
}

impl For {
    /// Returns what the call of a role is, as services see it.
    pub(crate) fn of(role: Role) -> Self {
        match role {
            Role::Stitch | Role::Stage(_) => Self::Task,
            _ => Self::Nobody,
        }
    }

    fn beside(self) -> Option<Beside> {
        match self {
            Self::Task => Some(Beside::Tasks),
            Self::Gate(_) => Some(Beside::Gates),
            Self::Nobody => None,
        }
    }

    /// Returns what distinguishes names of its services from those of others.
    fn prefix(self) -> String {
        match self {
            Self::Gate(number) => format!("gate-{number}-"),
            Self::Task | Self::Nobody => String::new(),
        }
    }
}

/// The services of one container. Dropped, they end by themselves; [`Services::end`] waits for that.
pub(crate) struct Services<'a> {
    sandbox: &'a Sandbox<'a>,
    recorder: &'a Recorder,
    whose: For,
    running: Vec<RunningService>,
    /// The first failure, which has been reported.
    failed: Option<Error>,
}

impl<'a> Services<'a> {
    /// Returns those of a container that has none.
    pub(crate) fn none(sandbox: &'a Sandbox<'a>, recorder: &'a Recorder) -> Self {
        Self {
            sandbox,
            recorder,
            whose: For::Nobody,
            running: Vec::new(),
            failed: None,
        }
    }

    /// Returns whether there are none.
    pub(crate) fn are_none(&self) -> bool {
        self.running.is_empty()
    }

    /// Begins to start the services of a container, side by side; [`Services::ready`] waits for them.
    ///
    /// # Errors
    ///
    /// Where what one of them is to be cannot be determined.
    pub(crate) async fn begin(
        sandbox: &'a Sandbox<'a>,
        whose: For,
        engine: &'a Engine,
        recorder: &'a Recorder,
    ) -> Result<Self> {
        clear(&sandbox.mounts.gateway)?;
        let mut services = Self {
            whose,
            ..Self::none(sandbox, recorder)
        };
        let wanted = sandbox.config.services.iter();
        let wanted: Vec<_> = wanted
            .filter(|(_, service)| whose.beside().is_some_and(|beside| service.beside.contains(&beside)))
            .collect();
        if wanted.is_empty() {
            return Ok(services);
        }
        if whose == For::Task {
            recorder.emit(EventKind::StepStarted {
                call: sandbox.name.clone(),
                step: Step::Services,
            });
        }
        let scene = Scene {
            engine,
            gateway: &sandbox.mounts.gateway,
            redactor: &sandbox.folder.redactor,
            clock: recorder.clock(),
        };
        for (number, service) in wanted {
            let spec = services.specification(number, service, engine).await?;
            services.running.push(RunningService::start(spec, &scene));
        }
        Ok(services)
    }

    /// Has the container wait for them, if there are any.
    pub(crate) fn hold(&self, gateway: &Gateway) {
        if !self.running.is_empty() {
            gateway.hold_seal();
        }
    }

    /// Waits until all can be used.
    ///
    /// # Errors
    ///
    /// Of kind [`Engine`](crate::base::error::ErrorKind::Engine) where one cannot be used and another try may help, of
    /// kind [`Precondition`](crate::base::error::ErrorKind::Precondition) where it may not, of kind
    /// [`Interrupted`](crate::base::error::ErrorKind::Interrupted) where the run is to end first.
    pub(crate) async fn ready(&mut self, interruption: &Interruption) -> Result<()> {
        // An agent has not begun, so that nothing of its work is in progress. A gate judges work that is done.
        let grace = match self.whose {
            For::Gate(_) => self.sandbox.config.stop_grace,
            _ => Duration::ZERO,
        };
        tokio::select! {
            biased;
            ready = self.all_ready() => ready,
            () = interruption.over(grace) => Err(interrupted()),
        }
    }

    /// Returns where what happens to them is reported.
    pub(crate) fn recorder(&self) -> &'a Recorder {
        self.recorder
    }

    /// Returns what a service is to be.
    async fn specification(&self, number: u8, service: &ServiceConfig, engine: &Engine) -> Result<ServiceSpec> {
        let Sandbox {
            config,
            labels,
            mounts,
            folder,
            ..
        } = self.sandbox;
        let mut spec = specification(config, number, service, engine).await?;
        let container = &mut spec.container;
        let (run, prefix) = (self.recorder.run(), self.whose.prefix());
        let name = self.sandbox.container_name(run);
        container.name = format!("{name}-{prefix}service-{}", service.name);
        container.labels.extend(labels.clone());
        spec.folder = mounts.gateway.with_extension(format!("service-{}", service.name));
        // What is written for the container to read counts, too.
        let told = ContainerSpec {
            command: container.command.iter().cloned().chain(spec.ready.clone()).collect(),
            ..container.clone()
        };
        refuse_credentials(&told, &folder.redactor)?;
        Ok(spec)
    }

    /// Waits until all can be used, or one cannot.
    async fn all_ready(&mut self) -> Result<()> {
        let (recorder, sandbox) = (self.recorder, self.sandbox);
        let waiting = self.running.iter_mut().map(async |service| {
            let ready = service.ready().await;
            let name = service.spec.name.clone();
            match ready {
                Ok(ready) => recorder.emit(EventKind::ServiceReady {
                    call: sandbox.name.clone(),
                    service: name,
                    seconds: rounded(ready.after),
                    report: ready.report,
                }),
                Err(failure) => {
                    tell(recorder, sandbox, &name, &failure);
                    return Err(failure.error(&name));
                }
            }
            Ok(())
        });
        try_join_all(waiting).await.map(drop)
    }

    /// Lets the container find its services by their names.
    pub(crate) fn offer(&self, specification: &mut ContainerSpec) {
        for service in &self.running {
            specification.hosts.push(service.spec.host());
            for (name, value) in &mut specification.env {
                // A proxy would not find it.
                if name.eq_ignore_ascii_case("NO_PROXY") {
                    *value = format!("{value},{}", service.spec.name);
                }
            }
        }
    }

    /// Waits until one of them fails that had not, perhaps forever; that is reported.
    pub(crate) async fn failure(&mut self) {
        if self.failed.is_some() || self.running.is_empty() {
            return std::future::pending().await;
        }
        let failures = self.running.iter_mut().map(|service| Box::pin(service.failed()));
        let (failure, index, rest) = select_all(failures).await;
        drop(rest);
        self.note(index, &failure);
    }

    fn note(&mut self, index: usize, failure: &ServiceFailure) {
        let name = self.running[index].spec.name.clone();
        tell(self.recorder, self.sandbox, &name, failure);
        self.failed.get_or_insert_with(|| failure.error(&name));
    }

    /// Looks whether one has failed by now, before they are ended.
    pub(crate) fn look(&mut self) {
        if self.failed.is_none() {
            let mut failures = self.running.iter().map(RunningService::failure).enumerate();
            let first = failures.find_map(|(index, failure)| Some((index, failure?)));
            if let Some((index, failure)) = first {
                self.note(index, &failure);
            }
        }
    }

    /// Returns the first failure, if there was one.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.look();
        self.failed.take()
    }

    /// Ends all, and keeps the last of their output in the records of the call.
    pub(crate) async fn end(&mut self) {
        let prefix = self.whose.prefix();
        let ending = self.running.drain(..).map(async |service| {
            let name = service.spec.name.clone();
            (name, service.end().await)
        });
        for (name, (output, removed)) in join_all(ending).await {
            let file = format!("{prefix}service-{name}.txt");
            let kept = self.sandbox.folder.write(&file, &output);
            for error in [removed.err(), kept.err()].into_iter().flatten() {
                let what = format!("{}: the service `{name}`: {}", self.sandbox.name, error.in_a_line());
                self.recorder.emit(EventKind::Warned { what });
            }
        }
    }
}

fn tell(recorder: &Recorder, sandbox: &Sandbox<'_>, name: &str, failure: &ServiceFailure) {
    recorder.emit(EventKind::ServiceFailed {
        call: sandbox.name.clone(),
        service: name.to_owned(),
        reason: failure.what.clone(),
        output: failure.output.clone(),
    });
}

/// Returns seconds with two digits behind the point.
pub(crate) fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100.0).round() / 100.0
}

/// Returns what a service of a configuration is to be, wherever it runs: without a name, a folder or labels of its
/// owner.
///
/// # Errors
///
/// Of kind [`Engine`](crate::base::error::ErrorKind::Engine) where the engine does not have the image.
pub(crate) async fn specification(
    config: &Config,
    number: u8,
    service: &ServiceConfig,
    engine: &Engine,
) -> Result<ServiceSpec> {
    let image = service.image.name.clone();
    let command = match &service.command {
        Some(command) => ["sh", "-c", command].map(str::to_owned).into(),
        None => engine.image_command(&image).await?,
    };
    let folders = service.data.iter().map(String::as_str).chain(["/run"]);
    let settings = &config.container;
    let mut labels = settings.labels.clone();
    labels.insert(SERVICE_LABEL.to_owned(), service.name.clone());
    Ok(ServiceSpec {
        name: service.name.clone(),
        number,
        container: ContainerSpec {
            image,
            command,
            env: service.env.clone().into_iter().collect(),
            // Whoever the user of the image is; nobody else is in there.
            tmpfs: folders
                .map(|folder| (folder.to_owned(), "mode=1777".to_owned()))
                .collect(),
            user: match &service.user {
                Some(user) => UserChoice::of(Some(user)),
                None => UserChoice::Image,
            },
            memory: service.memory,
            cpus: service.cpus,
            pids: service.pids,
            labels,
            ..ContainerSpec::default()
        },
        ports: service.ports.clone(),
        ready: service.ready.clone(),
        within: service.within,
        folder: std::path::PathBuf::new(),
        relax: settings.relax.clone(),
    })
}
