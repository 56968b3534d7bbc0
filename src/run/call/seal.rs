//! The sealed container of a call: its gateway, what it is known by there, and what it is held to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

use super::forwarder::EventForwarder;
use super::request::{Call, Sandbox};
use super::services::Services;
use super::specification::refuse_credentials;
use crate::accounting::budget::CallBudget;
use crate::accounting::metering::Metered;
use crate::agent::Rates;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::{create_folder, create_private_folder, write_atomically};
use crate::base::interruption::Interruption;
use crate::record::recorder::{GATEWAY_FILE, Recorder};
use crate::run::caches;
use crate::sandbox::credential::Credentials;
use crate::sandbox::engine::{Container, ContainerSpec, Engine, GATEWAY_FOLDER};
use crate::sandbox::gateway::egress::{Bounds, Egress, EgressEvent, Resolver, Termination};
use crate::sandbox::gateway::{Api, Gateway, GatewayEvent, Judged, Options, hold_to};
use crate::sandbox::guarantee::{Item, RequestedContainer};
use crate::sandbox::network::{self, Caller, ClientFiles, NetworkConfig};

mod again;

/// Where a container's relay offers its gateway.
const INSIDE: &str = "http://127.0.0.1:8080";

/// How long the last connections may take to end, once they were told to.
const LAST_EVENTS: Duration = Duration::from_secs(5);

/// The exit codes of a container that SIGKILL or SIGTERM ended.
const KILLED: [i64; 2] = [137, 143];

/// The gateway of a container, and what is known of the container through it.
pub(crate) struct Sealed<'a> {
    gateway: Gateway,
    egress: UnboundedReceiver<EgressEvent>,
    forwarder: EventForwarder<'a>,
    /// What the container shows in place of a credential.
    token: String,
    /// Whether all that it needs beside its gateway outlives this process.
    stands_alone: bool,
    /// Whether a model's API is behind the gateway.
    has_api: bool,
    services: Services<'a>,
}

/// Returns the model's API that is behind a call's gateway, if there is one.
fn api(call: &Call<'_>) -> Option<Api> {
    call.sandbox.config.api(call.sandbox.name.role).map(|base_url| Api {
        base_url: base_url.to_owned(),
        credential: call.credential.clone(),
        proxy: call.proxy.clone(),
        call_budget: CallBudget::new(call.reservation.allowance(), rates(call)),
    })
}

/// Opens a gateway for a container that is to run the call's agent, and makes the specification one of a sealed
/// container.
pub(super) fn for_agent<'a>(
    call: &'a Call<'a>,
    engine: &'a Engine,
    services: Services<'a>,
    mut specification: ContainerSpec,
) -> Result<(ContainerSpec, Sealed<'a>)> {
    let credentials = call.sandbox.config.agent.credentials;
    let token = dummy(credentials, &services.recorder().clock().token()?);
    let entries = [("ANTHROPIC_BASE_URL", INSIDE), (variable(credentials), &token)];
    set(
        &mut specification,
        entries.map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let mut usable = BTreeSet::from([Item::Home, Item::Temporary]);
    // What an agent has left is as it left it; else it is as we made it.
    if call.resume.is_none() {
        usable.insert(Item::Git);
        usable.extend(call.sandbox.writable.then_some(Item::Worktree));
    }
    let opening = Opening {
        caller: Caller::Agent(call.sandbox.name.role),
        specification,
        usable,
        token,
        api: api(call),
        services,
    };
    opening.open(&call.sandbox, engine)
}

/// Opens a gateway for a container that runs a gate, which has no business with the model.
pub(crate) fn for_gate<'a>(
    sandbox: &'a Sandbox<'a>,
    engine: &'a Engine,
    services: Services<'a>,
    specification: ContainerSpec,
) -> Result<(ContainerSpec, Sealed<'a>)> {
    let token = services.recorder().clock().token()?;
    let usable = BTreeSet::from([Item::Home, Item::Temporary]);
    let opening = Opening {
        caller: Caller::Gates,
        specification,
        usable,
        token,
        api: None,
        services,
    };
    opening.open(sandbox, engine)
}

/// What the gateway of a container is opened with.
struct Opening<'a> {
    /// On whose behalf the container runs.
    caller: Caller,
    /// What the container is to be, before it is sealed.
    specification: ContainerSpec,
    /// What must be usable inside.
    usable: BTreeSet<Item>,
    /// What the container shows in place of a credential.
    token: String,
    /// The model's API behind the gateway, if there is one.
    api: Option<Api>,
    /// What runs beside the container.
    services: Services<'a>,
}

impl<'a> Opening<'a> {
    fn open(self, sandbox: &'a Sandbox<'a>, engine: &'a Engine) -> Result<(ContainerSpec, Sealed<'a>)> {
        let Self {
            caller,
            mut specification,
            usable,
            token,
            api,
            services,
        } = self;
        let recorder = services.recorder();
        let allowed = sandbox.config.network.of(caller);
        let others = Others::of(sandbox, &allowed, caller, recorder)?;
        set(&mut specification, network::environment(&allowed, INSIDE));
        set(&mut specification, others.told.variables);
        services.offer(&mut specification);
        if sandbox.mounts.prepared.is_some() {
            caches::add_to(&mut specification.env, &sandbox.config.container.env);
        }
        refuse_credentials(&specification, &sandbox.folder.redactor)?;
        let folder = sandbox.mounts.gateway.clone();
        write_files(&folder, &others.told.files)?;
        // What ends TLS with other hosts, and services, die with this process.
        let stands_alone = others.ends.is_none() && services.are_none();
        let specification = specification.sealed(&folder);
        let asked = RequestedContainer {
            usable,
            ..engine.asked(&specification, &sandbox.config.container.relax)
        };
        let (seal, judged) = hold_to(asked, engine.describe());
        let has_api = api.is_some();
        let (sender, egress) = mpsc::unbounded_channel();
        let gateway = Gateway::open(Options {
            folder,
            token: SecretString::from(token.as_str()),
            api,
            egress: Some(Egress::new(
                &allowed,
                Resolver::System,
                Bounds::default(),
                sender,
                others.ends,
            )),
            seal: Some(seal),
            record: has_api.then(|| sandbox.folder.path.join(GATEWAY_FILE)),
            redactor: sandbox.folder.redactor.clone(),
            clock: recorder.clock().clone(),
        })?;
        services.hold(&gateway);
        let sealed = Sealed {
            gateway,
            egress,
            forwarder: EventForwarder {
                sandbox,
                engine,
                recorder,
                judged,
                caller,
            },
            token,
            stands_alone,
            has_api,
            services,
        };
        Ok((specification, sealed))
    }
}

/// What a container needs for other hosts that ask who it is.
#[derive(Default)]
struct Others {
    /// What ends TLS with them; `None` where none asks.
    ends: Option<Termination>,
    /// What the programs in the container are told.
    told: ClientFiles,
}

impl Others {
    fn of(sandbox: &Sandbox<'_>, allowed: &NetworkConfig, caller: Caller, recorder: &Recorder) -> Result<Self> {
        let held = sandbox.host_credentials.of(caller);
        if held.is_empty() && !allowed.allow.is_narrow() {
            return Ok(Self::default());
        }
        let clock = recorder.clock();
        let placeholder = format!("cordwainer-placeholder-{}", clock.token()?);
        let credentials: Vec<_> = held.iter().map(|held| held.credential.clone()).collect();
        let narrow = allowed.allow.narrow_hosts();
        let ends = Termination::new(held, &narrow, &SecretString::from(placeholder.as_str()), clock.now())?;
        let told = network::client_files(&credentials, &placeholder, ends.trusted(), GATEWAY_FOLDER);
        Ok(Self { ends: Some(ends), told })
    }
}

/// Writes files next to the socket, where the container can only read them. What an earlier container had there goes.
fn write_files(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<()> {
    let failed = || format!("cannot write to `{}`", folder.display());
    if let Some(above) = folder.parent() {
        // Every user may use the socket, in the container: a mount does not show what is above it.
        create_private_folder(above)?;
    }
    for name in network::CLIENT_FILES {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(ErrorKind::Unexpected, failed);
            }
            _ => {}
        }
    }
    if files.is_empty() {
        return Ok(());
    }
    create_folder(folder)?;
    for (name, content) in files {
        let path = folder.join(name);
        write_atomically(&path, content)?;
        // Every user of the container reads them; the folder above keeps other users of the host away.
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).with_context(ErrorKind::Unexpected, failed)?;
    }
    Ok(())
}

impl Sealed<'_> {
    /// Starts the container while its services are still being started. Its command begins when all of them can be used.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::start`] and [`Services::ready`]; then neither the container nor a service is left.
    pub(crate) async fn start(
        &mut self,
        specification: &ContainerSpec,
        stdin: &[u8],
        interruption: &Interruption,
    ) -> Result<Container> {
        let (container, ready) = {
            let mut starting = Box::pin(self.forwarder.engine.start(specification, stdin));
            let mut ready = Box::pin(self.services.ready(interruption));
            tokio::select! {
                started = &mut starting => match started {
                    Ok(container) => (Ok(container), ready.await),
                    failed => (failed, Ok(())),
                },
                // What is being started has to be there before it can be removed.
                ready = &mut ready => (starting.await, ready),
            }
        };
        match (container, ready) {
            (Ok(container), Ok(())) => {
                self.gateway.release_seal();
                Ok(container)
            }
            (Ok(container), Err(error)) => {
                let (removed, ()) = tokio::join!(Box::pin(container.remove()), Box::pin(self.services.end()));
                if let Err(second) = removed {
                    tracing::warn!(error = %second, "a container whose services failed could not be removed");
                }
                Err(error)
            }
            (Err(error), ready) => {
                self.services.end().await;
                Err(ready.err().unwrap_or(error))
            }
        }
    }

    /// Ends the services; whether one failed before is known to [`Sealed::close_gate`].
    pub(crate) async fn end_services(&mut self) {
        self.services.end().await;
    }

    /// Looks whether a service has failed by now, before they are ended.
    pub(crate) fn look_at_services(&mut self) {
        self.services.look();
    }

    /// Waits for what the call must handle. What only people are to know is reported on the way. Nothing is lost when
    /// the wait is given up.
    pub(crate) async fn next(&mut self) -> GatewayEvent {
        loop {
            tokio::select! {
                event = self.gateway.next_event() => {
                    if let Some(event) = self.forwarder.forward(event) {
                        return event;
                    }
                }
                Some(event) = self.egress.recv() => self.forwarder.forward_egress(event),
                () = self.services.failure() => {}
            }
        }
    }

    /// Waits until the container is refused for being weaker than asked, or one of its services fails.
    pub(crate) async fn refused(&mut self) -> Error {
        loop {
            tokio::select! {
                event = self.gateway.next_event() => {
                    if let Some(GatewayEvent::SealRefused(why)) = self.forwarder.forward(event) {
                        return refusal(&why);
                    }
                }
                Some(event) = self.egress.recv() => self.forwarder.forward_egress(event),
                () = self.services.failure() => {
                    if let Some(failure) = self.services.take_failure() {
                        return failure;
                    }
                }
            }
        }
    }

    /// Returns what becomes known of the container's guarantees, to be looked at after [`close`](Self::close).
    pub(crate) fn judged(&self) -> Judged {
        self.forwarder.judged.clone()
    }

    /// Closes the gateway and reports what nobody has heard yet. Returns what the call must handle of that, and what
    /// was metered, if a model's API was there to be asked.
    pub(crate) async fn close(mut self) -> (Vec<GatewayEvent>, Option<Metered>) {
        self.services.end().await;
        let closed = self.gateway.close().await;
        // Tunnels end a moment after the gateway, and with the last of them the channel.
        let last = async {
            while let Some(event) = self.egress.recv().await {
                self.forwarder.forward_egress(event);
            }
        };
        if timeout(LAST_EVENTS, last).await.is_err() {
            tracing::debug!("a connection of a container has not ended with its gateway");
        }
        self.forwarder.recorder.network_left_out(0);
        let rest = closed
            .events
            .into_iter()
            .filter_map(|event| self.forwarder.forward(event));
        (rest.collect(), self.has_api.then_some(closed.metered))
    }

    /// Closes the gateway where nobody asks a model: whether the container was refused for being weaker than asked is
    /// all that matters, and whether a service failed meanwhile. Returns whether it reported anything at all: one that
    /// did not never ran its command.
    pub(crate) async fn close_gate(mut self) -> Result<bool> {
        let (judged, engine) = (self.judged(), self.forwarder.engine.describe());
        let failure = self.services.take_failure();
        self.close().await;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let report = judged.report();
        match report.as_ref().and_then(|report| report.refusal(&engine)) {
            Some(why) => Err(refusal(&why)),
            None => Ok(report.is_some()),
        }
    }
}

/// Builds the error of a container that ended with `code` before its entrypoint reported anything. Where the container
/// ended by itself its image is at fault, and it would end like that again. Where it was killed, or the engine does not
/// report how it ended, the engine or the machine may be.
pub(in crate::run) fn never_began(what: &str, said: &str, code: Option<i64>) -> Error {
    let Some(code) = code.filter(|code| !KILLED.contains(code)) else {
        let message = format!("the container of {what} was ended from outside before it began ({said})");
        return Error::new(ErrorKind::Engine, message);
    };
    // The reason of an attempt has no hint, so the fix is part of the message.
    let message = format!(
        "the container of {what} ended with {code} before it began ({said}): perhaps its image is for another architecture, \
         or lacks a shell, `socat` or cordwainer's entrypoint; `cordwainer image check` tries it, `cordwainer image build` \
         makes one"
    );
    Error::new(ErrorKind::Image, message)
}

/// Builds the error of a container whose entrypoint reported nothing in the time that its command had. Another try would
/// take as long.
pub(in crate::run) fn said_nothing(what: &str) -> Error {
    let message = format!("the entrypoint of the container of {what} reported nothing within the gate's time limit");
    Error::new(ErrorKind::Precondition, message).hint(
        "use an image with cordwainer's entrypoint: `cordwainer doctor` tries it, `cordwainer image build` makes one",
    )
}

/// Builds the error of a refusal: no retry fixes what an engine does not give.
pub(super) fn refusal(why: &str) -> Error {
    Error::new(ErrorKind::Precondition, why).hint("`cordwainer doctor` prints what the engines of this machine provide")
}

/// Sets variables of the environment, whatever the configuration has them be. Only the options of Java that it has stay, with
/// these behind them: of two that contradict each other the last one counts.
fn set(specification: &mut ContainerSpec, entries: impl IntoIterator<Item = (String, String)>) {
    for (name, mut value) in entries {
        let before = specification.env.iter().find(|(known, _)| *known == name);
        if let Some((_, before)) = before.filter(|_| name == network::JAVA_OPTIONS) {
            value = format!("{before} {value}");
        }
        specification.env.retain(|(known, _)| *known != name);
        specification.env.push((name, value));
    }
}

/// Returns what the container shows in place of a credential: in the form of one, so that the client takes it.
fn dummy(credentials: Credentials, token: &str) -> String {
    match credentials {
        Credentials::Subscription => format!("sk-ant-oat01-cordwainer-{token}"),
        Credentials::ApiKey => format!("sk-ant-api03-cordwainer-{token}"),
        Credentials::None => format!("cordwainer-{token}"),
    }
}

/// Returns the variable in which the client looks for it.
fn variable(credentials: Credentials) -> &'static str {
    match credentials {
        Credentials::Subscription => "CLAUDE_CODE_OAUTH_TOKEN",
        Credentials::ApiKey => "ANTHROPIC_API_KEY",
        Credentials::None => "ANTHROPIC_AUTH_TOKEN",
    }
}

/// Returns what tokens cost as the gateway computes it.
fn rates(call: &Call<'_>) -> BTreeMap<String, Rates> {
    if call.credential.is_some() {
        Rates::believed(call.rates.clone())
    } else {
        call.rates.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_ended_by_itself_is_its_images_fault_and_one_that_was_killed_is_not() {
        for (code, expect) in [
            (Some(0), ErrorKind::Image),
            (Some(1), ErrorKind::Image),
            (Some(125), ErrorKind::Image),
            (Some(127), ErrorKind::Image),
            (Some(137), ErrorKind::Engine),
            (Some(143), ErrorKind::Engine),
            (None, ErrorKind::Engine),
        ] {
            assert_eq!(never_began("cw-1", "said", code).kind(), expect, "{code:?}");
        }
    }
}
