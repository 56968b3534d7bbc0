//! A person's shell on a commit: in a container sealed as a gate's, in a slot of its own.

use std::fmt;
use std::ops::ControlFlow;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

use super::Runner;
use super::prepare::{Outcome, Preparing};
use super::trial::Outside;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::{Interruption, interrupted};
use crate::base::text::one_line;
use crate::git::{Oid, Snapshot};
use crate::model::{IssueId, RunId};
use crate::project::Project;
use crate::project::labels::{ROLE_LABEL, TASK_LABEL};
use crate::run::call::seal;
use crate::run::call::services::{For, Services};
use crate::run::call::{Sandbox, container};
use crate::run::land::SNAPSHOT_LIMITS;
use crate::sandbox::engine::{Container, Engine, Stream, Terminal};

/// What the container itself does, until it is removed: it says that it is sealed, for else it would not run.
const IDLE: [&str; 3] = ["sh", "-c", "echo begun; while :; do sleep 3600; done"];
/// The shell that a person gets.
const SHELL: [&str; 3] = ["sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh"];
/// The label of its container.
const ROLE: &str = "shell";
/// How much is passed on at once, in bytes.
const AT_ONCE: usize = 16 * 1024;

/// What a person opens a shell on.
pub(crate) struct ShellPlace<'a> {
    pub(crate) task: &'a IssueId,
    /// The commit in the slot.
    pub(crate) commit: Oid,
    /// The commit of the generation that it is on, for which dependencies are prepared.
    pub(crate) base: Oid,
    pub(crate) branch: &'a str,
    /// Whether what is in the slot at the end is read.
    pub(crate) keep: bool,
}

/// A person's terminal.
pub struct PersonsTerminal {
    /// What is typed.
    pub input: Box<dyn AsyncRead + Send + Unpin>,
    /// What is shown.
    pub output: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its rows and columns, as they are now.
    pub size: watch::Receiver<(u16, u16)>,
    /// What kind it is, as in the variable `TERM`.
    pub kind: String,
}

impl fmt::Debug for PersonsTerminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PersonsTerminal")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// How a shell ended.
pub(crate) struct ShellEnd {
    /// What it exited with, where that is known.
    pub(crate) code: Option<i64>,
    /// What was in the slot then, where that is kept.
    pub(crate) left: Option<Snapshot>,
    /// By what its records are known.
    pub(crate) run: RunId,
}

/// Opens a shell on a commit, and waits for its end. Nothing of it is left but what is read.
///
/// # Errors
///
/// Of kind [`ErrorKind::Engine`], [`ErrorKind::Image`] or [`ErrorKind::Precondition`] where no sealed container can be had, and of
/// kind [`ErrorKind::Interrupted`] where `interruption` ended it.
pub(crate) async fn shell(
    (project, engine): (&Project, &Engine),
    on: &ShellPlace<'_>,
    persons: PersonsTerminal,
    interruption: &Interruption,
) -> Result<ShellEnd> {
    let outside = Outside::new(project)?;
    let runner = outside.runner(project, engine, interruption);
    engine.ensure_image(&project.config.image.name).await?;
    let preparing = Preparing {
        commit: on.base,
        branch: on.branch,
        labels: outside.labels.clone(),
        task: None,
    };
    let layer = match Box::pin(runner.prepare(&preparing)).await? {
        Outcome::Ready(layer) => layer,
        failed => match failed.landed()? {
            ControlFlow::Continue(layer) => layer,
            ControlFlow::Break(()) => return Err(interrupted()),
        },
    };
    let mut place = runner.lay_out(on.commit, on.branch, layer.as_ref(), None)?;
    let folder = outside.recorder.folder(ROLE)?;
    let mut labels = outside.labels.clone();
    labels.insert(ROLE_LABEL.to_owned(), ROLE.to_owned());
    labels.insert(TASK_LABEL.to_owned(), on.task.to_string());
    let sandbox = runner.sandbox(&place, labels, &folder);
    if let Some(layer) = sandbox.mounts.layer() {
        tokio::task::block_in_place(|| layer.renew())?;
    }
    let ended = Box::pin(runner.shell_in(&sandbox, persons)).await;
    drop(sandbox);
    let left = match (&ended, on.keep) {
        (Ok(_), true) => {
            let left = tokio::task::block_in_place(|| place.slot.snapshot(on.commit, &SNAPSHOT_LIMITS));
            Some(left?)
        }
        _ => None,
    };
    place.give_back()?;
    Ok(ShellEnd {
        code: ended?,
        left,
        run: outside.recorder.run().clone(),
    })
}

impl Runner<'_> {
    /// Runs the shell in a container, and removes that.
    async fn shell_in(&self, sandbox: &Sandbox<'_>, persons: PersonsTerminal) -> Result<Option<i64>> {
        let command = IDLE.map(str::to_owned).to_vec();
        let mut spec = container(sandbox, self.recorder.run(), command);
        spec.name = format!("{}-shell", spec.name);
        let services = Services::begin(sandbox, For::Gate(0), self.engine, self.recorder).await?;
        let (spec, mut sealed) = seal::for_gate(sandbox, self.engine, services, spec)?;
        let mut disk = sandbox.watch_disk();
        let mut container = Box::pin(sealed.start(&spec, b"", self.interruption)).await?;
        let ended = tokio::select! {
            () = self.interruption.asked() => Err(Error::new(ErrorKind::Interrupted, "the shell was interrupted")),
            over = disk.over() => over.and_then(|how| Err(Error::new(ErrorKind::Precondition, format!("the shell {how}")))),
            refused = sealed.refused() => Err(refused),
            ended = self.attend_shell(&mut container, persons) => ended,
        };
        let (removed, ()) = tokio::join!(Box::pin(container.remove()), Box::pin(sealed.end_services()));
        disk.end().await?;
        sealed.close_gate().await?;
        removed?;
        ended
    }

    /// Opens the terminal once the container is known to be sealed, and passes on what is typed and shown.
    async fn attend_shell(&self, container: &mut Container, persons: PersonsTerminal) -> Result<Option<i64>> {
        let mut said = String::new();
        loop {
            match container.next_output().await {
                Some(line) if line.stream == Stream::Stdout => break,
                Some(line) => said = one_line(&String::from_utf8_lossy(&line.line.bytes), 200),
                None => {
                    let exit = container.exit().await?;
                    return Err(seal::never_began("the shell", &said, exit.code));
                }
            }
        }
        let env = [format!("TERM={}", persons.kind)];
        let size = *persons.size.borrow();
        let terminal = self.engine.terminal(container, (&SHELL, &env), size).await?;
        pass_on(terminal, persons).await
    }
}

/// Passes on what is typed, what is shown, and changes of the size, until the shell ends or the person's terminal is gone.
async fn pass_on(mut terminal: Terminal, mut persons: PersonsTerminal) -> Result<Option<i64>> {
    let (mut typed, mut shown) = (vec![0; AT_ONCE], vec![0; AT_ONCE]);
    let (mut is_open, mut has_size) = (true, true);
    loop {
        tokio::select! {
            count = terminal.stream.read(&mut shown) => match count {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    let written = async {
                        persons.output.write_all(&shown[..count]).await?;
                        persons.output.flush().await
                    };
                    if written.await.is_err() {
                        break;
                    }
                }
            },
            count = persons.input.read(&mut typed), if is_open => match count {
                Ok(0) | Err(_) => is_open = false,
                Ok(count) => {
                    if terminal.stream.write_all(&typed[..count]).await.is_err() {
                        break;
                    }
                }
            },
            changed = persons.size.changed(), if has_size => {
                has_size = changed.is_ok();
                let size = *persons.size.borrow_and_update();
                terminal.resize(size).await;
            }
        }
    }
    Ok(terminal.exit_code().await)
}
