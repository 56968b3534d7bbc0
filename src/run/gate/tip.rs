//! Gates on a commit that no task has touched: whether they can run at all is seen before a call costs money.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::cause::Missing;
use super::fault::{fault, refuse};
use super::judgement::Beside;
use super::lanes::{Lanes, Numbered};
use super::prepare::Preparing;
use super::ran::{GateRun, Ran, Tried};
use super::results::Results;
use super::verdicts::{Kept, Said};
use super::{Gates, Runner, Verdicts};
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::config::{Beside as ServedBeside, Gate};
use crate::git::Oid;
use crate::model::generation::GenerationName;
use crate::project::Project;
use crate::project::layers::Layer;
use crate::record::event::EventKind;

/// Held while the table of results is changed: gates of several tasks end at the same time.
static CHANGING: Mutex<()> = Mutex::new(());

impl Gates {
    /// Checks that every gate can run on the generation's tip, from which the next call begins. Only gates that nobody
    /// tried on that tree, with that command and image, are run. Returns that commit.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Configuration`] where a gate's command is what keeps it from running, of kind
    /// [`ErrorKind::Engine`] where the image is, or where something failed under it again and again.
    pub(crate) async fn see_that_they_run(&self, interruption: &Interruption) -> Result<Oid> {
        let context = &self.context;
        let project = &*context.project;
        let gates = &project.config.gates;
        let _turn = self.turns.tip.lock().await;
        let commit = context.tip()?;
        if interruption.is_asked() {
            return Ok(commit);
        }
        // What the last task stood on is looked at again before this one.
        self.checked.forget();
        if self.layer_of(commit, interruption).await?.is_break() || gates.is_empty() {
            return Ok(commit);
        }
        let _alive = context.active_work.note("gate", None);
        let tried = self
            .runner(interruption)
            .try_on(commit, context.generation.as_str(), context.labels("gate", None), false)
            .await?;
        let Some(tried) = tried else { return Ok(commit) };
        let verdicts = Verdicts::open(&project.state_dir);
        let mut faults = Vec::new();
        for (gate, tried) in gates.iter().zip(&tried) {
            let may_wait = may_wait(project, &context.generation, &verdicts, gate, &tried.ran)?;
            let advisory = verdicts.is_advisory(gate);
            match fault(&project.config.image, (gate, advisory), tried) {
                Some(fault) if !may_wait => faults.push(fault),
                _ => self.tell((gate, advisory), commit, tried, may_wait),
            }
        }
        refuse(&faults).map(|()| commit)
    }

    /// Returns the generation's tip, and the result of every gate on it, red or not, with `anew` none from the table; `None` when
    /// the run is to end.
    ///
    /// # Errors
    ///
    /// As [`Self::see_that_they_run`], but for gates that cannot run.
    pub(crate) async fn on_tip(&self, anew: bool, interruption: &Interruption) -> Result<Option<(Oid, Vec<Tried>)>> {
        let context = &self.context;
        let _turn = self.turns.tip.lock().await;
        let commit = context.tip()?;
        if context.project.config.gates.is_empty() {
            return Ok((!interruption.is_asked()).then(|| (commit, Vec::new())));
        }
        let _alive = context.active_work.note("gate", None);
        let tried = self
            .runner(interruption)
            .try_on(commit, context.generation.as_str(), context.labels("gate", None), anew)
            .await?;
        Ok(tried.map(|tried| (commit, tried)))
    }

    /// Returns what is prepared for a commit that has landed; made now, if it is not there. Breaks when the run is to end.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where it cannot be prepared.
    pub(crate) async fn layer_of(
        &self,
        commit: Oid,
        interruption: &Interruption,
    ) -> Result<ControlFlow<(), Option<Arc<Layer>>>> {
        let context = &self.context;
        let _alive = context.active_work.note("prepare", None);
        let wanted = Preparing {
            commit,
            branch: context.generation.as_str(),
            labels: context.labels("prepare", None),
            task: None,
        };
        Box::pin(self.runner(interruption).prepare(&wanted)).await?.landed()
    }

    /// Reports what a gate came to; one that passed before is not news.
    fn tell(&self, (gate, advisory): (&Gate, bool), commit: Oid, tried: &Tried, not_yet: bool) {
        let beside = Beside {
            base: Some(tried),
            may_wait: not_yet,
            may_lose: false,
            coverage: None,
        };
        let verdict = tried.judged(gate, &beside).verdict;
        let (passed, how) = match &tried.ran {
            Ran::Passed if !tried.anew => return,
            Ran::Passed => (true, String::new()),
            Ran::Red(_) | Ran::CannotRun(..) => (false, tried.ran.how()),
            Ran::Cancelled => return,
        };
        self.context.recorder.emit(EventKind::GateTried {
            gate: gate.name.clone(),
            commit: commit.into(),
            passed,
            verdict: Some(verdict),
            advisory,
            counts: tried.results.as_ref().map(Results::counts),
            how,
            not_yet,
            output: tried.output.clone(),
        });
    }
}

/// Returns whether a gate need not pass yet: the generation cleared its sources, the gate never passed on its tip, and
/// it is red or its own file is still to be written.
pub(super) fn may_wait(
    project: &Project,
    generation: &GenerationName,
    verdicts: &Verdicts,
    gate: &Gate,
    ran: &Ran,
) -> Result<bool> {
    let is_unwritten = match ran {
        Ran::Red(_) => true,
        Ran::CannotRun(_, missing) => !matches!(missing, Missing::Permission(_) | Missing::Program(_)),
        Ran::Passed | Ran::Cancelled => false,
    };
    Ok(
        is_unwritten
            && project.has_cleared_sources(generation)?
            && !passed_on_tip(project, generation, verdicts, gate)?,
    )
}

/// Returns whether a gate with this result need not pass yet in a generation; see [`may_wait`].
pub(crate) fn is_waited_for(project: &Project, generation: &GenerationName, gate: &Gate, ran: &Ran) -> Result<bool> {
    may_wait(project, generation, &Verdicts::open(&project.state_dir), gate, ran)
}

/// Returns whether the verdict of a gate is only told: by its configuration, or since it depended on chance too often.
pub(crate) fn is_advisory(project: &Project, gate: &Gate) -> bool {
    Verdicts::open(&project.state_dir).is_advisory(gate)
}

/// Returns the name of the folder that keeps what gates say on a commit.
pub(super) fn records_of(commit: Oid) -> String {
    format!("gates-{}", &commit.to_string()[..10])
}

/// Returns whether a gate ever passed on the generation's tip.
fn passed_on_tip(project: &Project, generation: &GenerationName, verdicts: &Verdicts, gate: &Gate) -> Result<bool> {
    let git = &project.git;
    let Some(tip) = git.reference(&generation.branch())? else {
        return Ok(false);
    };
    let base = git.reference(&generation.base_mark())?;
    let commits = git.first_parents(tip, base)?;
    let mut trees: Vec<String> = commits.iter().map(|commit| commit.tree.to_string()).collect();
    // Where the generation begins with its base itself, that is its first tip.
    if commits.is_empty() {
        trees.push(git.tree_of(tip)?.to_string());
    }
    Ok(verdicts.passed_on(&trees, &gate.identity()))
}

/// Returns the gates that never passed on the tip of a generation that cleared its sources, by name.
pub(crate) fn not_yet(project: &Project, generation: &GenerationName) -> Result<Vec<String>> {
    let gates = &project.config.gates;
    if gates.is_empty() || !project.has_cleared_sources(generation)? {
        return Ok(Vec::new());
    }
    let verdicts = Verdicts::open(&project.state_dir);
    let mut names = Vec::new();
    for gate in gates {
        if !passed_on_tip(project, generation, &verdicts, gate)? {
            names.push(gate.name.clone());
        }
    }
    Ok(names)
}

/// Returns what the table has of every configured gate on a commit, in an image; `None` for one that was not tried.
pub(crate) fn looked_up(project: &Project, commit: Oid, image: &str) -> Result<Vec<Option<Tried>>> {
    let tree = project.git.tree_of(commit)?;
    Ok(looked_up_of(project, &project.config.gates, tree, image))
}

/// Returns what the table has of each of these gates on a tree, in an image.
fn looked_up_of(project: &Project, gates: &[Gate], tree: Oid, image: &str) -> Vec<Option<Tried>> {
    let verdicts = Verdicts::open(&project.state_dir);
    let (tree, surroundings) = (tree.to_string(), surroundings(project, image));
    let known = |gate: &Gate| verdicts.get(&tree, gate, &surroundings).map(Tried::from);
    gates.iter().map(known).collect()
}

/// Returns what identifies that in which gates run: the image, what they may write, the services beside them, and the
/// command that prepares dependencies. With another of them a gate may come to something else on the same tree.
fn surroundings(project: &Project, image: &str) -> String {
    let mut known = image.to_owned();
    if let Some(disk) = project.config.container.disk {
        known.push_str(&format!(" with {disk} bytes of the disk"));
    }
    if let Some(services) = project.config.services.digest(ServedBeside::Gates) {
        known.push_str(&format!("+{services}"));
    }
    if let Some(prepare) = &project.config.commands.prepare {
        known.push_str(&format!(" prepared by {}", prepare.command));
    }
    known
}

/// Returns how a gate stands that was tried on what the next task of a generation begins from: what to report of it; or
/// why it is not as it should be.
pub(crate) fn standing(
    project: &Project,
    generation: Option<&GenerationName>,
    gate: &Gate,
    tried: &Tried,
) -> Result<Result<String>> {
    let verdicts = Verdicts::open(&project.state_dir);
    let ran = &tried.ran;
    let may_wait = match generation {
        Some(generation) => may_wait(project, generation, &verdicts, gate, ran)?,
        None => false,
    };
    if may_wait {
        return Ok(Ok(format!("not yet: {}", ran.how())));
    }
    let advisory = verdicts.is_advisory(gate);
    if let Some(fault) = fault(&project.config.image, (gate, advisory), tried) {
        return Ok(refuse(&[fault]).map(|()| String::new()));
    }
    let counts = tried.results.as_ref().map(|results| format!(" ({})", results.counts()));
    Ok(match ran {
        Ran::Passed => Ok(format!("passes{}", counts.unwrap_or_default())),
        Ran::Cancelled => Ok("not tried".to_owned()),
        ran if gate.advisory => Ok(format!("advisory, and red before any work: it {}", ran.how())),
        ran if advisory => Ok(format!("in quarantine, and red before any work: it {}", ran.how())),
        ran if gate.is_compared() => Ok(format!(
            "red before any work: it {}; what failed may still fail, and nothing else",
            ran.how()
        )),
        ran => Err(
            Error::new(ErrorKind::Tasks, format!("red before any work: it {}", ran.how())).hint(
                "fix what makes it red (the branch, the image, `network.allow`): only a task that makes it pass is merged",
            ),
        ),
    })
}

/// Gates that are to be tried on a commit.
pub(super) struct Trying<'a> {
    pub(super) gates: &'a [Gate],
    pub(super) commit: Oid,
    /// The branch that is checked out in the slot.
    pub(super) branch: &'a str,
    pub(super) labels: BTreeMap<String, String>,
    /// Whether results that are known are not looked up.
    pub(super) anew: bool,
    /// The folder of the run's records that gets their output.
    pub(super) records: String,
}

impl Runner<'_> {
    /// Returns the result of every configured gate on a commit, in a slot of its own with `branch` checked out; from
    /// the table where it is there, unless all are to be run `anew`. `None` when the run is to end.
    pub(crate) async fn try_on(
        &self,
        commit: Oid,
        branch: &str,
        labels: BTreeMap<String, String>,
        anew: bool,
    ) -> Result<Option<Vec<Tried>>> {
        let trying = Trying {
            gates: &self.project.config.gates,
            commit,
            branch,
            labels,
            anew,
            records: records_of(commit),
        };
        self.try_these(trying).await
    }

    /// Returns the results of gates on a commit, in a slot of its own; from the table where they are there, unless all are
    /// to be run anew. `None` when the run is to end.
    pub(super) async fn try_these(&self, trying: Trying<'_>) -> Result<Option<Vec<Tried>>> {
        let Trying {
            gates,
            commit,
            branch,
            labels,
            anew,
            records,
        } = trying;
        let project = self.project;
        let image = self.engine.ensure_image(&project.config.image.name).await?;
        let tree = project.git.tree_of(commit)?;
        let mut tried = looked_up_of(project, gates, tree, &image);
        if anew {
            tried = gates.iter().map(|_| None).collect();
        }
        // Where there is no gate, it is still to be seen whether the dependencies can be prepared.
        if tried.iter().all(Option::is_some) && !(anew && gates.is_empty()) {
            return Ok(Some(tried.into_iter().flatten().collect()));
        }
        let wanted = Preparing {
            commit,
            branch,
            labels: labels.clone(),
            task: None,
        };
        let ControlFlow::Continue(layer) = Box::pin(self.prepare(&wanted)).await?.landed()? else {
            return Ok(None);
        };
        let folder = self.recorder.folder(&records)?;
        let untried: Vec<usize> = (0..gates.len()).filter(|index| tried[*index].is_none()).collect();
        let lanes = Lanes::lay_out(self, commit, branch, layer.as_ref(), untried.len())?;
        crash_point!("gates.laid_out");
        let sandboxes = lanes.sandboxes(self, &labels, &folder);
        'batches: for batch in untried.chunks(sandboxes.len()) {
            let numbered = |index: &usize| Numbered {
                number: index + 1,
                gate: &gates[*index],
            };
            let asked: Vec<_> = batch.iter().map(numbered).collect();
            let runs = self.run_together(&sandboxes, &asked, tree).await;
            for (index, run) in batch.iter().zip(runs) {
                let run = run?;
                if run.ran == Ran::Cancelled {
                    break 'batches;
                }
                keep(project, &gates[*index], tree, &image, &run)?;
                tried[*index] = Some(Tried::anew(run));
            }
        }
        drop(sandboxes);
        lanes.give_back()?;
        Ok(tried.into_iter().collect())
    }
}

impl From<Kept> for Tried {
    fn from(kept: Kept) -> Self {
        let ran = match kept.said {
            Said::Passed => Ran::Passed,
            Said::Red(how) => Ran::Red(how),
            Said::FileMissing(how, path) => Ran::CannotRun(how, Missing::File(path)),
        };
        Self {
            ran,
            anew: false,
            results: kept.results,
            coverage: kept.coverage,
            output: Vec::new(),
        }
    }
}

/// Keeps the result of a gate on a tree, if that stays true.
pub(super) fn keep(project: &Project, gate: &Gate, tree: Oid, image: &str, run: &GateRun) -> Result<()> {
    let said = match &run.ran {
        Ran::Passed => Said::Passed,
        Ran::Red(how) => Said::Red(how.clone()),
        Ran::CannotRun(how, Missing::File(path)) => Said::FileMissing(how.clone(), path.clone()),
        Ran::CannotRun(..) | Ran::Cancelled => return Ok(()),
    };
    let kept = Kept {
        said,
        results: run.results.clone(),
        coverage: run.coverage.clone(),
    };
    let surroundings = surroundings(project, image);
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    Verdicts::open(&project.state_dir).note(&tree.to_string(), gate, &surroundings, &kept)?;
    crash_point!("gates.noted");
    Ok(())
}
