//! The task that starts a service, carries its connections, and ends it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::net::UnixListener;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::fs::create_private_folder;
use crate::base::redact::Redactor;
use crate::base::socket::Socket;
use crate::base::tail::{Tail, last_lines};
use crate::sandbox::engine::{Container, ContainerSpec, Engine};
use crate::sandbox::gateway::{Gateway, GatewayEvent, Judged, Options, hold_to, socket};
use crate::sandbox::guarantee::{Item, RequestedContainer};
use crate::sandbox::services::failure::ServiceFailure;
use crate::sandbox::services::join::{Port, carry, gone, write_requests};
use crate::sandbox::services::ready;
use crate::sandbox::services::specification::ServiceSpec;
use crate::sandbox::services::stage::{Left, Ready, Stage};

/// The socket at which a service hears what is requested of it.
const REQUESTS: &str = "requests.sock";
/// The socket to which it answers whether it can be used.
const ANSWERS: &str = "ready.sock";
/// The command that finds that out.
const COMMAND: &str = "ready";
/// How long a container may take to be gone once its output, or its relay, is.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the task has of the rest.
pub(super) struct Part {
    pub(super) spec: ServiceSpec,
    pub(super) engine: Engine,
    pub(super) gateway: PathBuf,
    pub(super) redactor: Redactor,
    pub(super) clock: Clock,
    pub(super) begun: Instant,
    pub(super) stage: watch::Sender<Stage>,
    pub(super) end: CancellationToken,
}

/// Starts a service, attends to it until it is to end, or ends, and removes it.
pub(super) async fn attend(part: Part) -> Left {
    let mut output = Tail::new(&part.redactor);
    let mut removed = Ok(());
    let failure = match Meeting::open(&part) {
        Err(error) => Some(ServiceFailure::because(&error)),
        Ok(mut meeting) => {
            let failure = match part.engine.start(&meeting.container, b"").await {
                Err(error) if error.kind() == ErrorKind::Engine && names_entrypoint(&error.in_a_line()) => {
                    Some(ServiceFailure::silent(&part.spec.container.image, &error.in_a_line()))
                }
                Err(error) => Some(ServiceFailure::because(&error)),
                Ok(mut container) => {
                    let failure = part.follow(&mut meeting, &mut container, &mut output).await;
                    // The container that uses it is told before this one is gone.
                    part.tell_failure(failure.as_ref(), &output);
                    removed = container.remove().await;
                    failure
                }
            };
            meeting.gateway.close().await;
            drop((meeting.requests, meeting.answers, meeting.ports, meeting.sockets));
            remove_folder(&part.spec.folder);
            failure
        }
    };
    part.tell_failure(failure.as_ref(), &output);
    Left {
        output: output.bytes().to_vec(),
        removed,
    }
}

/// Returns whether an engine could not run the program with which every service begins.
fn names_entrypoint(said: &str) -> bool {
    said.contains(crate::sandbox::engine::ENTRYPOINT) || said.contains("xec format error")
}

/// Removes the folder in which the container met the host; all in it is ours.
fn remove_folder(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        // The next service of this name uses it as it is.
        tracing::debug!(%error, "the folder of a service could not be removed");
    }
}

/// Where a service's container meets the host.
struct Meeting {
    container: ContainerSpec,
    gateway: Gateway,
    judged: Judged,
    requests: UnixListener,
    answers: Option<UnixListener>,
    ports: Vec<Port>,
    /// Removed when this is dropped.
    sockets: Vec<Socket>,
}

impl Meeting {
    fn open(part: &Part) -> Result<Self> {
        let Part { spec, engine, .. } = part;
        if let Some(above) = spec.folder.parent() {
            // Every user may use the sockets, in the container: a mount does not show what is above it.
            create_private_folder(above)?;
        }
        let container = spec.container.clone().sealed(&spec.folder);
        let asked = RequestedContainer {
            usable: BTreeSet::from([Item::Temporary]),
            ..engine.asked(&container, &spec.relax)
        };
        let (seal, judged) = hold_to(asked, engine.describe());
        let gateway = Gateway::open(Options {
            folder: spec.folder.clone(),
            // Nothing is behind this gateway for which it would count.
            token: SecretString::from(part.clock.token()?),
            api: None,
            egress: None,
            seal: Some(seal),
            record: None,
            redactor: part.redactor.clone(),
            clock: part.clock.clone(),
        })?;
        write_command(spec)?;
        let mut sockets = Vec::new();
        let mut bind = |folder: &PathBuf, name: &str| -> Result<UnixListener> {
            let (socket, listener) = socket::bind(folder, name)?;
            sockets.push(socket);
            Ok(listener)
        };
        let requests = bind(&spec.folder, REQUESTS)?;
        let answers = bind(&spec.folder, ANSWERS)?;
        let mut ports = Vec::new();
        for number in &spec.ports {
            ports.push(Port {
                number: *number,
                container: bind(&part.gateway, &spec.socket_of_container(*number))?,
                service: bind(&spec.folder, &format!("port-{number}.sock"))?,
            });
        }
        Ok(Self {
            container,
            gateway,
            judged,
            requests,
            answers: Some(answers),
            ports,
            sockets,
        })
    }
}

/// Writes the command that finds out whether the service can be used, or nothing where an earlier one stood.
fn write_command(spec: &ServiceSpec) -> Result<()> {
    let path = spec.folder.join(COMMAND);
    let failed = || format!("cannot write `{}`", path.display());
    match &spec.ready {
        Some(command) => std::fs::write(&path, command).with_context(ErrorKind::Unexpected, failed),
        None => match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(ErrorKind::Unexpected, failed)
            }
            _ => Ok(()),
        },
    }
}

impl Part {
    /// Attends to a started container until it is to end, which returns `None`, or until it fails.
    async fn follow(
        &self,
        meeting: &mut Meeting,
        container: &mut Container,
        output: &mut Tail,
    ) -> Option<ServiceFailure> {
        let (says, mut said) = mpsc::unbounded_channel();
        let mut relay: Option<OwnedReadHalf> = None;
        let mut tasks = JoinSet::new();
        let mut sealed = false;
        let mut last_answer = String::new();
        let mut waiting = true;
        let deadline = tokio::time::Instant::from_std(self.begun) + self.spec.within;
        loop {
            tokio::select! {
                biased;
                () = self.end.cancelled() => return None,
                event = meeting.gateway.next_event() => match event {
                    GatewayEvent::Sealed => sealed = true,
                    GatewayEvent::SealRefused(why) => return Some(ServiceFailure::weaker(&self.spec.name, &why)),
                    _ => {}
                },
                answer = said.recv(), if waiting => if let Some(Some(answer)) = answer {
                    last_answer = answer;
                } else {
                    waiting = false;
                    self.tell_ready(&meeting.judged);
                },
                Ok((stream, _)) = meeting.requests.accept(), if sealed && relay.is_none() => {
                    let (from, to) = stream.into_split();
                    relay = Some(from);
                    let (requests, requested) = mpsc::unbounded_channel();
                    tasks.spawn(write_requests(to, requested));
                    for port in meeting.ports.drain(..) {
                        tasks.spawn(carry(port, requests.clone()));
                    }
                    if let Some(answers) = meeting.answers.take() {
                        let says = says.clone();
                        tasks.spawn(async move {
                            ready::wait(answers, requests, |answer| drop(says.send(Some(answer)))).await;
                            drop(says.send(None));
                        });
                    }
                },
                line = container.next_output() => match line {
                    Some(line) => output.take(&line.line.bytes),
                    None => return Some(self.ended(container, sealed, output).await),
                },
                () = lost(&mut relay), if relay.is_some() => {
                    return Some(self.lost_relay(container, output).await);
                }
                () = tokio::time::sleep_until(deadline), if waiting => return Some(self.late(sealed, &last_answer)),
            }
        }
    }

    /// Returns the failure of a container whose output has ended.
    async fn ended(&self, container: &mut Container, sealed: bool, output: &Tail) -> ServiceFailure {
        match tokio::time::timeout(PATIENCE, container.exit()).await {
            Ok(Err(error)) => ServiceFailure::because(&error),
            _ if !sealed => {
                ServiceFailure::silent(&self.spec.container.image, &String::from_utf8_lossy(output.bytes()))
            }
            Ok(Ok(exit)) => ServiceFailure::ended(exit),
            Err(_) => ServiceFailure::of_service("closed its output and runs on"),
        }
    }

    /// Returns the failure of a container whose relay is gone, which is the first thing to be seen of its end.
    async fn lost_relay(&self, container: &mut Container, output: &mut Tail) -> ServiceFailure {
        let reading = container.read(|line| output.take(&line.line.bytes));
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(exit)) => ServiceFailure::ended(exit),
            Ok(Err(error)) => ServiceFailure::because(&error),
            Err(_) => ServiceFailure::of_service("no longer has its relay: something in its container ended it"),
        }
    }

    fn late(&self, sealed: bool, last_answer: &str) -> ServiceFailure {
        // The reason of an attempt has no hint, so the key is part of it.
        let within = format!(
            "within {} s (`services.{}.within`)",
            self.spec.within.as_secs(),
            self.spec.name
        );
        ServiceFailure::of_service(match (sealed, last_answer) {
            (false, _) => format!("did not begin {within}"),
            (true, "") => format!("was not ready {within}, and did not answer"),
            (true, answer) => format!("was not ready {within}; its last answer: {answer}"),
        })
    }

    fn tell_ready(&self, judged: &Judged) {
        self.stage.send_replace(Stage::Ready(Ready {
            after: self.begun.elapsed(),
            report: judged.report().unwrap_or_default(),
        }));
    }

    /// Tells a failure with the last lines of the output, once.
    fn tell_failure(&self, failure: Option<&ServiceFailure>, output: &Tail) {
        let Some(failure) = failure else { return };
        if matches!(&*self.stage.borrow(), Stage::Failed(_)) {
            return;
        }
        let mut failure = failure.clone();
        if !failure.says_it_all {
            failure.output = last_lines(output.bytes());
        }
        self.stage.send_replace(Stage::Failed(failure));
    }
}

/// Waits until the relay of a service is gone.
async fn lost(relay: &mut Option<OwnedReadHalf>) {
    match relay {
        Some(from) => gone(from).await,
        None => std::future::pending().await,
    }
}
