//! Gates: the project's own commands, run in a container of the same kind, on what an agent left and, once, on what it
//! begins from.
//!
//! A gate that runs passes or fails. One that cannot be run proves nothing about anybody's work: [`cause`] finds what
//! it lacks, and what failed under it is tried again. [`verdicts`] keeps what gates returned.
//!
//! A generation that cleared its sources begins with gates that cannot pass. There a gate is *not yet* while it is red,
//! or its own file is not there, and it has never passed on the generation's tip.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::clock::{later, signed};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::config::Gate;
use crate::git::Oid;
use crate::project::Project;
use crate::record::event::{EventKind, GateStarted};
use crate::record::recorder::Recorder;
use crate::run::call::seal::{self, Sealed};
use crate::run::call::services::{For, Services};
use crate::run::call::{Sandbox, container};
use crate::run::context::RunContext;
use crate::run::waiting::retry::BackOff;
use crate::sandbox::engine::{Container, Engine, Exit};

mod agreement;
mod applies;
mod artifacts;
mod cause;
mod checked_layer;
mod compare;
mod covered;
mod custom;
mod fault;
mod files;
mod heard;
mod judgement;
mod lanes;
pub mod measured;
mod prepare;
mod proof;
mod ran;
mod result;
mod results;
mod serve;
mod shell;
mod slot;
mod tip;
mod trial;
mod verdicts;
mod work;

use self::cause::Missing;
pub(crate) use self::cause::programs;
use self::checked_layer::CheckedLayer;
pub(crate) use self::covered::uncovered;
use self::heard::Heard;
pub(crate) use self::judgement::Beside;
pub(crate) use self::proof::{OnParent, PROVES_NOTHING};
pub(crate) use self::ran::{GateRun, Ran, Tried};
pub(crate) use self::result::GateVerdict;
pub use self::shell::PersonsTerminal;
pub(crate) use self::shell::{ShellPlace, shell};
pub(crate) use self::tip::{is_advisory, is_waited_for, looked_up, not_yet, standing};
pub(crate) use self::trial::{Trial, TrialResult, custom_on_merge, outside_of_a_run};
use self::verdicts::Verdicts;
pub(crate) use self::work::Work;

/// What a shell exits with where a program is there and cannot be run, and where there is none.
const CANNOT_RUN: [i64; 2] = [126, 127];
/// What some shells exit with where they cannot open a script.
const NOT_OPENED: i64 = 2;
/// What a process ends with that the kernel, or somebody, killed.
const KILLED: i64 = 128 + 9;

/// The gates of a run.
pub(crate) struct Gates {
    context: Arc<RunContext>,
    engine: Engine,
    checked: CheckedLayer,
    turns: Turns,
}

/// What is done one at a time, however many tasks are at work.
#[derive(Default)]
struct Turns {
    /// Running gates on a commit that has landed: whoever comes later finds the results.
    tip: tokio::sync::Mutex<()>,
    /// Preparing a layer that all share.
    prepare: tokio::sync::Mutex<()>,
}

impl Gates {
    pub(crate) fn new(context: Arc<RunContext>, engine: Engine) -> Self {
        Self {
            context,
            engine,
            checked: CheckedLayer::default(),
            turns: Turns::default(),
        }
    }

    fn runner<'a>(&'a self, interruption: &'a Interruption) -> Runner<'a> {
        Runner {
            project: &self.context.project,
            engine: &self.engine,
            recorder: &self.context.recorder,
            interruption,
            checked: Some(&self.checked),
            turn_of_preparing: Some(&self.turns.prepare),
        }
    }
}

/// What gates are run with.
pub(crate) struct Runner<'a> {
    pub(crate) project: &'a Project,
    pub(crate) engine: &'a Engine,
    pub(crate) recorder: &'a Recorder,
    pub(crate) interruption: &'a Interruption,
    /// The layer that was checked for the task at hand.
    checked: Option<&'a CheckedLayer>,
    /// Who prepares a layer that all share; `None` where nothing else does.
    turn_of_preparing: Option<&'a tokio::sync::Mutex<()>>,
}

impl Runner<'_> {
    /// Runs the gate of a number, counted from 1, in a sandbox that was made of `tree`. What fails under it (the
    /// engine, the image that is gone, the machine's memory) proves nothing about the work: it is tried again, as often
    /// and with the pauses that `retry` has for calls.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`] when it failed under the gate each time.
    pub(crate) async fn run(&self, sandbox: &Sandbox<'_>, number: usize, gate: &Gate, tree: Oid) -> Result<GateRun> {
        if !gate.files.is_empty() {
            let begun = Instant::now();
            let looked = tokio::task::block_in_place(|| self.look_for_files(gate, tree))?;
            return Ok(GateRun {
                took: begun.elapsed(),
                ..looked
            });
        }
        self.recorder.emit(EventKind::GateStarted(GateStarted {
            task: sandbox.name.task.clone(),
            candidate: sandbox.name.candidate,
            gate: gate.name.clone(),
        }));
        let retry = &sandbox.config.retry;
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            let tried = if failures == 0 {
                self.run_once(sandbox, number, gate, tree).await
            } else {
                self.run_again(sandbox, number, gate, tree).await
            };
            match tried {
                Err(error) if error.kind() == ErrorKind::Engine && failures < retry.count => {
                    failures += 1;
                    let clock = self.project.clock();
                    let delay = BackOff::new(retry).delay(failures, clock.random());
                    let until = later(clock.now(), signed(delay));
                    let reason = format!("gate `{}` could not be run ({})", gate.name, error.in_a_line());
                    self.recorder.emit(EventKind::Paused { until, reason });
                    tokio::select! {
                        () = clock.sleep_until(until) => {}
                        () = self.interruption.asked() => return Ok(Ran::Cancelled.without_output()),
                    }
                }
                tried => {
                    return tried.map(|run| GateRun {
                        took: begun.elapsed(),
                        ..run
                    });
                }
            }
        }
    }

    /// Runs the gate again after a failure, which may have left its container.
    async fn run_again(&self, sandbox: &Sandbox<'_>, number: usize, gate: &Gate, tree: Oid) -> Result<GateRun> {
        self.engine.sweep(&sandbox.labels).await?;
        self.run_once(sandbox, number, gate, tree).await
    }

    async fn run_once(&self, sandbox: &Sandbox<'_>, number: usize, gate: &Gate, tree: Oid) -> Result<GateRun> {
        if let Some(layer) = sandbox.mounts.layer() {
            // No gate sees what another one wrote.
            tokio::task::block_in_place(|| layer.renew())?;
        }
        let mut heard = Heard::begin(sandbox, gate)?;
        let mut spec = container(sandbox, self.recorder.run(), serve::command(gate));
        spec.name = format!("{}-gate-{number}", spec.name);
        let is_limited = spec.memory.is_some();
        let services = Services::begin(sandbox, For::Gate(number), self.engine, self.recorder).await?;
        let (spec, mut sealed) = seal::for_gate(sandbox, self.engine, services, spec)?;
        let killed_before = killed_for_memory();
        let mut disk = sandbox.watch_disk();
        let mut container = match Box::pin(sealed.start(&spec, b"", self.interruption)).await {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Ran::Cancelled.without_output()),
            started => started?,
        };
        let ended = tokio::select! {
            () = self.interruption.over(sandbox.config.stop_grace) => Ok(Ended::Cancelled),
            over = disk.over() => over.map(Ended::Over),
            ended = attend(gate.timeout, &mut container, &mut sealed, &mut heard) => ended,
        };
        sealed.look_at_services();
        let (removed, ()) = tokio::join!(Box::pin(container.remove()), Box::pin(sealed.end_services()));
        let ended = match disk.end().await? {
            Some(why) => ended.map(|_| Ended::Over(why)),
            None => ended,
        };
        let told = sealed.close_gate().await?;
        sandbox
            .folder
            .write(&format!("gate-{number}.txt"), &heard.whole_output())?;
        let ended = ended?;
        removed?;
        self.keep_artifacts(sandbox, number, gate);
        let exit = match ended {
            Ended::Cancelled => return Ok(Ran::Cancelled.without_output()),
            Ended::Over(how) => return Ok(Ran::Red(how).with(heard.output())),
            Ended::Late if !told => return Err(seal::said_nothing(&format!("gate `{}`", gate.name))),
            Ended::Late => return Ok(Ran::Red("ran past its time limit".to_owned()).with(heard.output())),
            Ended::Exited(exit) => exit,
        };
        if !told {
            let said = one_line(&String::from_utf8_lossy(heard.output()), 200);
            let code = exit.code.filter(|_| !exit.oom);
            return Err(seal::never_began(&format!("gate `{}`", gate.name), &said, code));
        }
        let machine_ran_out = killed_for_memory() > killed_before;
        let ran = self.by_exit(gate, tree, how(exit, is_limited, machine_ran_out), heard.output())?;
        let (ran, results) = agreement::of(ran, heard.results());
        let (ran, coverage) = self.with_coverage(ran, &mut heard, tree)?;
        let output = if ran == Ran::Passed { &[] } else { heard.output() };
        Ok(GateRun {
            results,
            coverage,
            exit: exit.code,
            end: heard.output().to_vec(),
            ..ran.with(output)
        })
    }

    /// Returns how a gate ended by its exit alone; where it could not run, what it lacks.
    fn by_exit(&self, gate: &Gate, tree: Oid, how: How, output: &[u8]) -> Result<Ran> {
        let said = String::from_utf8_lossy(output);
        let kind = |path: &Path| self.project.git.kind_at(tree, path);
        Ok(match how {
            How::Passed => Ran::Passed,
            How::Red(how, Some(NOT_OPENED)) => match cause::unopened(&gate.command, &said, kind)? {
                Some(missing) => Ran::CannotRun(how, missing),
                None => Ran::Red(how),
            },
            How::Red(how, code) => match serve::no_server(gate, code, &said) {
                Some(why) => Ran::CannotRun(how, Missing::Server(why)),
                None => Ran::Red(how),
            },
            How::CannotRun(how) => Ran::CannotRun(how, cause::of(&gate.command, &said, kind)?),
            How::Failed(why) => {
                return Err(Error::new(ErrorKind::Engine, format!("gate `{}` {why}", gate.name))
                    .hint("the work is not at fault: run it again when the machine has enough memory"));
            }
        })
    }
}

/// How a gate's container was left.
enum Ended {
    Exited(Exit),
    Late,
    /// It wrote more to the disk than it may: how, as the end of a sentence.
    Over(String),
    Cancelled,
}

/// Watches a gate's container until it ends, is refused, or is late.
async fn attend(
    timeout: Duration,
    container: &mut Container,
    sealed: &mut Sealed<'_>,
    heard: &mut Heard,
) -> Result<Ended> {
    tokio::select! {
        refused = sealed.refused() => Err(refused),
        ended = tokio::time::timeout(timeout, container.read(|line| heard.take(&line.line))) => match ended {
            Ok(exit) => Ok(Ended::Exited(exit?)),
            Err(_) => Ok(Ended::Late),
        },
    }
}

/// What an exit means.
#[derive(Debug, PartialEq, Eq)]
enum How {
    Passed,
    /// How it ended, and with which code.
    Red(String, Option<i64>),
    CannotRun(String),
    /// Something failed that is neither the gate nor the work: what, as the end of a sentence.
    Failed(&'static str),
}

/// Reads an exit. `is_limited` is whether the container had a memory limit of its own, which the work must keep to;
/// `machine_ran_out`, whether the kernel killed something for memory meanwhile.
fn how(exit: Exit, is_limited: bool, machine_ran_out: bool) -> How {
    match exit.code {
        _ if exit.oom && is_limited => How::Red("ran out of memory".to_owned(), None),
        _ if exit.oom => How::Failed("was killed: the machine ran out of memory"),
        Some(KILLED) if machine_ran_out => How::Failed("was killed: the machine ran out of memory"),
        Some(0) => How::Passed,
        Some(code) if CANNOT_RUN.contains(&code) => How::CannotRun(format!("exited with {code}")),
        Some(code) => How::Red(format!("exited with {code}"), Some(code)),
        None => How::Failed("ended, and the engine does not report how"),
    }
}

/// Returns how many processes the kernel of this machine has killed for want of memory; `None` where it does not report
/// that. Engines are local, so it is the one that containers run on.
fn killed_for_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    line?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_says_whose_it_is() {
        let exit = |code, oom| Exit { code, oom };
        let red = |code| How::Red(format!("exited with {code}"), Some(code));
        let machine = || How::Failed("was killed: the machine ran out of memory");
        for (ended, is_limited, machine_ran_out, expect) in [
            (exit(Some(0), false), true, true, How::Passed),
            (exit(Some(1), false), true, true, red(1)),
            (
                exit(Some(126), false),
                true,
                false,
                How::CannotRun("exited with 126".to_owned()),
            ),
            (
                exit(Some(127), false),
                false,
                false,
                How::CannotRun("exited with 127".to_owned()),
            ),
            (
                exit(Some(137), true),
                true,
                true,
                How::Red("ran out of memory".to_owned(), None),
            ),
            (exit(Some(137), true), false, false, machine()),
            (exit(Some(137), false), true, true, machine()),
            // As `timeout -s KILL` ends, which is the gate's own verdict.
            (exit(Some(137), false), true, false, red(137)),
            (
                exit(None, false),
                true,
                false,
                How::Failed("ended, and the engine does not report how"),
            ),
        ] {
            assert_eq!(how(ended, is_limited, machine_ran_out), expect, "{ended:?}");
        }
    }

    #[test]
    fn the_kernel_tells_of_processes_killed_for_memory() {
        assert!(killed_for_memory().is_some());
    }
}
