//! Gates on what an agent left.

use std::sync::Arc;
use std::time::Instant;

use super::applies::applies;
use super::covered;
use super::custom::{self, Place};
use super::judgement::{Beside, Judgement};
use super::lanes::{Lanes, Numbered};
use super::prepare::{self, Preparing};
use super::proof;
use super::ran::{GateRun, Ran, Tried};
use super::tip::{keep, may_wait};
use super::work::Work;
use super::{Gates, Runner, Verdicts};
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::tail::last_lines;
use crate::base::text::one_line;
use crate::config::Gate;
use crate::git::Oid;
use crate::issues::issue::Issue;
use crate::issues::round::{CheckKind, FailedCheck};
use crate::model::{GateResult, Verdict};
use crate::project::coverage::CoverageChange;
use crate::project::layers::Layer;
use crate::record::event::{EventKind, GateFlaked};
use crate::run::call::Sandbox;
use crate::run::extension::{AddedGate, Asking};

/// The result of all gates on an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GateVerdict {
    /// Every one passed, but for those that need not.
    Passed {
        /// What is to be said of those that need not, and of those that passed otherwise than before; one each.
        remarks: Vec<String>,
        /// How each one that was run came out, in the order of the configuration.
        results: Vec<GateResult>,
    },
    /// This one did not.
    Failed(FailedCheck),
    /// None failed, and one proves nothing of it: the task's own proof, or a gate that is written in Rust. Why, in a line.
    Unproven(String),
    /// Something failed under one that is neither its doing nor the work's: what, in a line.
    NotRun {
        /// What.
        reason: String,
    },
    /// The run ended first.
    Cancelled,
}

/// A gate that is to be run.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    numbered: Numbered<'a>,
    /// The task that it is run for; of several, the first.
    issue: &'a Issue,
}

/// What is known of a work while its gates are judged.
struct Judged<'a> {
    work: Work<'a>,
    /// Which candidate of its attempt has made it; 0 where it has none, or where others have made it, too.
    candidate: u32,
    /// What was prepared for it.
    layer: Option<Arc<Layer>>,
    /// The tree of what it left.
    tree: Oid,
    interruption: &'a Interruption,
    /// The results of all gates on what the work began from, once one of them was asked for.
    bases: Option<Vec<Tried>>,
    remarks: Vec<String>,
    results: Vec<GateResult>,
}

impl Gates {
    /// Runs every gate until one fails, as many side by side as `gates_parallel` has. A gate that could be run before the work, and cannot on it, is red like any other.
    /// What gates write is never committed.
    ///
    /// Gates see the commit alone, in a slot of their own, with what was prepared for it: nothing that the agent left in
    /// an ignored folder or in a cache.
    pub(crate) async fn judge(
        &self,
        sandbox: &Sandbox<'_>,
        work: Work<'_>,
        interruption: &Interruption,
    ) -> Result<GateVerdict> {
        let project = &*self.context.project;
        let Work { issue, commit, .. } = work;
        let proofs: Vec<_> = work
            .issues()
            .filter_map(|issue| Some((issue, proof::gate_of(issue)?)))
            .collect();
        if project.config.gates.is_empty() && proofs.is_empty() && self.context.gates.is_empty() {
            return Ok(GateVerdict::Passed {
                remarks: Vec::new(),
                results: Vec::new(),
            });
        }
        let runner = self.runner(interruption);
        let wanted = Preparing {
            commit,
            branch: self.context.generation.as_str(),
            labels: sandbox.labels.clone(),
            task: Some(&issue.id),
        };
        let layer = match self.prepared(&runner, &wanted, work.merged).await? {
            Ok(layer) => layer,
            Err(verdict) => return Ok(verdict),
        };
        let chosen = self.chosen(work, &proofs)?;
        let branch = self.context.generation.as_str();
        let lanes = Lanes::lay_out(&runner, commit, branch, layer.as_ref(), chosen.len())?;
        let mut sandboxes = lanes.sandboxes(&runner, &sandbox.labels, sandbox.folder);
        for fresh in &mut sandboxes {
            fresh.name = sandbox.name.clone();
        }
        let judged = Judged {
            candidate: if work.merged { 0 } else { sandbox.name.candidate },
            work,
            layer: layer.clone(),
            tree: project.git.tree_of(commit)?,
            interruption,
            bases: None,
            remarks: Vec::new(),
            results: Vec::new(),
        };
        let verdict = self.ask(&sandboxes, &chosen, judged).await;
        // Where the engine failed, a container may still write in the slot: then the next recovery frees it.
        let is_over = match &verdict {
            Err(error) if error.kind() == ErrorKind::Engine => self.engine.sweep(&sandbox.labels).await.is_ok(),
            _ => true,
        };
        drop(sandboxes);
        if is_over {
            lanes.give_back()?;
        }
        verdict
    }

    /// Prepares what gates need, once more where that fails on merged work. `Ok(Err)` has the verdict where there is nothing to
    /// run them with.
    async fn prepared(
        &self,
        runner: &Runner<'_>,
        wanted: &Preparing<'_>,
        merged: bool,
    ) -> Result<std::result::Result<Option<Arc<Layer>>, GateVerdict>> {
        let mut prepared = Box::pin(runner.prepare(wanted)).await?;
        if merged && matches!(prepared, prepare::Outcome::Failed(..)) {
            prepared = Box::pin(runner.prepare(wanted)).await?;
        }
        Ok(match prepared {
            prepare::Outcome::Ready(layer) => Ok(layer),
            prepare::Outcome::Cancelled => Err(GateVerdict::Cancelled),
            prepare::Outcome::Failed(how, output) => Err(GateVerdict::Failed(FailedCheck {
                by: CheckKind::Gate,
                gate: prepare::NAME.to_owned(),
                how,
                output: output.join("\n"),
                onto: None,
            })),
        })
    }

    /// Returns the gates that are for this work, and after them the tasks' own proofs.
    fn chosen<'a>(&'a self, work: Work<'a>, proofs: &'a [(&'a Issue, Gate)]) -> Result<Vec<Chosen<'a>>> {
        let project = &*self.context.project;
        let gates = &project.config.gates;
        let changes = project.git.changes(work.base, work.commit)?;
        let mut chosen = Vec::new();
        for (number, gate) in (1..).zip(gates) {
            for issue in work.issues() {
                let paths = changes.iter().map(|change| change.path.as_path());
                if applies(&gate.when, (&issue.labels, issue.issue_type.as_str()), paths)? {
                    let numbered = Numbered { number, gate };
                    chosen.push(Chosen { numbered, issue });
                    break;
                }
            }
        }
        for (number, (issue, gate)) in (gates.len() + 1..).zip(proofs) {
            let numbered = Numbered { number, gate };
            chosen.push(Chosen { numbered, issue });
        }
        Ok(chosen)
    }

    async fn ask(
        &self,
        sandboxes: &[Sandbox<'_>],
        chosen: &[Chosen<'_>],
        mut judged: Judged<'_>,
    ) -> Result<GateVerdict> {
        let work = judged.work;
        let project = &*self.context.project;
        let tree = judged.tree;
        // Before the gates: whoever gives the name to another image meanwhile has results kept for the one that it no longer
        // is, which nobody looks up. An id of afterwards would have the new image vouched for by what ran in the old one.
        let image = self.engine.ensure_image(&project.config.image.name).await?;
        let runner = self.runner(judged.interruption);
        for batch in chosen.chunks(sandboxes.len()) {
            let asked: Vec<_> = batch.iter().map(|one| one.numbered).collect();
            let runs = runner.run_together(sandboxes, &asked, tree).await;
            let runs = runs.into_iter().collect::<Result<Vec<_>>>()?;
            for (one, run) in asked.iter().zip(&runs) {
                keep(project, one.gate, tree, &image, run)?;
            }
            for (one, run) in batch.iter().zip(runs) {
                let red = match self.weigh(&mut judged, *one, run).await? {
                    None => continue,
                    Some(GateVerdict::Failed(red)) if work.merged => red,
                    Some(verdict) => return Ok(verdict),
                };
                let gate = one.numbered.gate;
                let again = self.run_afresh(&judged, one.numbered, &sandboxes[0]).await?;
                keep(project, gate, tree, &image, &again)?;
                if let Some(verdict) = self.weigh(&mut judged, *one, again).await? {
                    return Ok(verdict);
                }
                self.tell_chance(&mut judged, gate, &red);
            }
        }
        let mut place = Place {
            sandbox: &sandboxes[0],
            tree,
            // Those of the proofs are before them.
            number: project.config.gates.len() + 1 + work.with.len(),
        };
        for added in &self.context.gates {
            let mut verdict = self.weigh_custom(&mut judged, added, &mut place).await?;
            if work.merged && matches!(verdict, Some(GateVerdict::Failed(_))) {
                verdict = self.weigh_custom(&mut judged, added, &mut place).await?;
            }
            if let Some(verdict) = verdict {
                return Ok(verdict);
            }
        }
        Ok(GateVerdict::Passed {
            remarks: judged.remarks,
            results: judged.results,
        })
    }

    /// Runs a gate once more, by itself, where nothing is that any gate has written.
    async fn run_afresh(&self, judged: &Judged<'_>, one: Numbered<'_>, before: &Sandbox<'_>) -> Result<GateRun> {
        let runner = self.runner(judged.interruption);
        let branch = self.context.generation.as_str();
        let lanes = Lanes::lay_out(&runner, judged.work.commit, branch, judged.layer.as_ref(), 1)?;
        let tree = judged.tree;
        let mut sandboxes = lanes.sandboxes(&runner, &before.labels, before.folder);
        sandboxes[0].name.clone_from(&before.name);
        let run = runner.run(&sandboxes[0], one.number, one.gate, tree).await?;
        drop(sandboxes);
        lanes.give_back()?;
        Ok(run)
    }

    /// Tells that a gate was red and passed on the same tree.
    fn tell_chance(&self, judged: &mut Judged<'_>, gate: &Gate, red: &FailedCheck) {
        let times = Verdicts::open(&self.context.project.state_dir).by_chance(gate);
        self.context.recorder.emit(EventKind::GateFlaked(GateFlaked {
            task: judged.work.issue.id.clone(),
            gate: gate.name.clone(),
            how: red.how.clone(),
            trees: times,
            quarantine: gate.quarantine,
        }));
        let said = format!("the gate `{}` {}, and passed when it ran again", gate.name, red.how);
        judged.remarks.push(said);
    }

    /// Has a gate that is written in Rust judge the work. Returns the verdict on that, if it is known by it.
    async fn weigh_custom(
        &self,
        judged: &mut Judged<'_>,
        added: &AddedGate,
        place: &mut Place<'_>,
    ) -> Result<Option<GateVerdict>> {
        let begun = Instant::now();
        let Work { issue, base, with, .. } = judged.work;
        let asking = Asking {
            // What several have made together is the work of none of them.
            task: with.is_empty().then(|| (issue.id.clone(), issue.title.clone())),
            git: &self.context.project.git,
            parent: base,
            result: judged.work.commit,
        };
        let came = Box::pin(self.runner(judged.interruption).ask_custom(added, asking, place)).await?;
        let Some(told) = custom::told(came, &place.sandbox.folder.redactor) else {
            return Ok(Some(GateVerdict::Cancelled));
        };
        self.context.recorder.emit(EventKind::GateEnded {
            task: issue.id.clone(),
            candidate: judged.candidate,
            gate: added.name.clone(),
            tree: Some(judged.tree.to_string()),
            passed: told.verdict == Verdict::Passed,
            verdict: Some(told.verdict),
            advisory: false,
            not_yet: None,
            why: told.why.clone(),
            counts: None,
            seconds: Some(begun.elapsed().as_secs_f64()),
            output: last_lines(format!("{}\n{}", told.why, told.findings).as_bytes()),
        });
        let (gate, says) = (added.name.clone(), format!("the gate `{}` {}", added.name, told.why));
        Ok(match told.verdict {
            Verdict::Passed => {
                let is_noted = !told.why.is_empty();
                let said = if is_noted {
                    says
                } else {
                    format!("the gate `{gate}` passed")
                };
                judged.remarks.extend(is_noted.then(|| said.clone()));
                judged.results.push(GateResult {
                    gate,
                    verdict: told.verdict,
                    advisory: false,
                    said,
                });
                None
            }
            Verdict::NotRun => Some(GateVerdict::Unproven(says)),
            _ => Some(GateVerdict::Failed(FailedCheck {
                by: CheckKind::Gate,
                gate,
                how: told.why,
                output: told.findings,
                onto: None,
            })),
        })
    }

    /// Judges a gate that has run. Returns the verdict on the work, if that is known by it.
    async fn weigh(
        &self,
        judged: &mut Judged<'_>,
        Chosen { numbered, issue }: Chosen<'_>,
        run: GateRun,
    ) -> Result<Option<GateVerdict>> {
        let work = judged.work;
        let Numbered { number, gate } = numbered;
        if run.ran == Ran::Cancelled {
            return Ok(Some(GateVerdict::Cancelled));
        }
        if proof::is_proof(gate) {
            return self.weigh_proof(judged, (issue, gate), run).await;
        }
        let is_compared = run.coverage.is_some() || gate.is_compared() && run.results.is_some();
        if judged.bases.is_none() && is_compared {
            let Some(tried) = self.on_base(work, judged.interruption).await? else {
                return Ok(Some(GateVerdict::Cancelled));
            };
            judged.bases = Some(tried);
        }
        let base = judged.bases.as_ref().and_then(|bases| bases.get(number - 1));
        let change = covered::change(&self.context.project.git, judged.tree, base, &run)?;
        let (judgement, advisory) = self.judge_one(work, gate, &run, (base, change.as_ref()))?;
        self.tell_ended(judged, (work.issue, gate, advisory), &run, &judgement);
        let says = |how: &str| format!("{how}the gate `{}` {}", gate.name, judgement.why);
        let remark = match judgement.verdict {
            Verdict::Passed if judgement.why.is_empty() => None,
            Verdict::Passed => Some(says("")),
            Verdict::NotYet => Some(says("not yet: ")),
            Verdict::StillFailing => Some(says("still failing: ")),
            Verdict::Failed | Verdict::NotRun if gate.advisory => Some(says("advisory: ")),
            Verdict::Failed | Verdict::NotRun if advisory => Some(says("in quarantine: ")),
            Verdict::Failed | Verdict::NotRun => {
                return Ok(Some(GateVerdict::Failed(FailedCheck {
                    by: CheckKind::Gate,
                    gate: gate.name.clone(),
                    how: judgement.why,
                    output: match change {
                        Some(change) if run.ran == Ran::Passed => covered::places(&change, &run),
                        _ => run.excerpt,
                    },
                    onto: None,
                })));
            }
        };
        let passed = || format!("the gate `{}` passed", gate.name);
        judged.results.push(GateResult {
            gate: gate.name.clone(),
            verdict: judgement.verdict,
            advisory,
            said: remark.clone().unwrap_or_else(passed),
        });
        judged.remarks.extend(remark);
        Ok(None)
    }

    /// Returns the results of all gates on what the work began from: those that are known, else of a run now. `None` when
    /// the run is to end.
    async fn on_base(&self, work: Work<'_>, interruption: &Interruption) -> Result<Option<Vec<Tried>>> {
        let context = &self.context;
        let labels = context.labels("gate", None);
        let _turn = self.turns.tip.lock().await;
        let _alive = context.active_work.note("gate", None);
        let branch = context.generation.as_str();
        let runner = self.runner(interruption);
        Box::pin(runner.try_on(work.base, branch, labels, false)).await
    }

    /// Judges a task's proof that has run, which no generation and no list of tests excuses.
    async fn weigh_proof(
        &self,
        judged: &mut Judged<'_>,
        (issue, gate): (&Issue, &Gate),
        run: GateRun,
    ) -> Result<Option<GateVerdict>> {
        let parent = (issue, judged.work.base);
        let Some(judgement) = self.judge_proof(parent, (gate, &run), judged.interruption).await? else {
            return Ok(Some(GateVerdict::Cancelled));
        };
        self.tell_ended(judged, (issue, gate, false), &run, &judgement);
        let Judgement { verdict, why } = judgement;
        if verdict == Verdict::Passed {
            let said = format!("the gate `{}` passed, and fails without the work", gate.name);
            judged.remarks.push(said.clone());
            judged.results.push(GateResult {
                gate: gate.name.clone(),
                verdict,
                advisory: false,
                said,
            });
            return Ok(None);
        }
        Ok(Some(match run.ran {
            // It is the proof that is wrong, or the task: nobody's work would make that better.
            Ran::Passed => GateVerdict::Unproven(format!("the task's proof {why}")),
            _ => GateVerdict::Failed(FailedCheck {
                by: CheckKind::Gate,
                gate: gate.name.clone(),
                // A person may have changed the command since the agent was given its task.
                how: format!("{why} (`{}`)", one_line(&gate.command, 200)),
                output: run.excerpt,
                onto: None,
            }),
        }))
    }

    /// Judges a gate that has run; with it, whether that is only told.
    fn judge_one(
        &self,
        work: Work<'_>,
        gate: &Gate,
        run: &GateRun,
        (base, coverage): (Option<&Tried>, Option<&CoverageChange>),
    ) -> Result<(Judgement, bool)> {
        let context = &self.context;
        let verdicts = Verdicts::open(&context.project.state_dir);
        let beside = Beside {
            base,
            may_wait: may_wait(&context.project, &context.generation, &verdicts, gate, &run.ran)?,
            may_lose: work.may_lose(),
            coverage,
        };
        Ok((self.judged(gate, run, &beside), verdicts.is_advisory(gate)))
    }

    /// Reports how a gate came out.
    fn tell_ended(
        &self,
        judged: &Judged<'_>,
        (issue, gate, advisory): (&Issue, &Gate, bool),
        run: &GateRun,
        judgement: &Judgement,
    ) {
        let Judgement { verdict, why } = judgement.clone();
        self.context.recorder.emit(EventKind::GateEnded {
            task: issue.id.clone(),
            candidate: judged.candidate,
            gate: gate.name.clone(),
            tree: Some(judged.tree.to_string()),
            passed: run.ran == Ran::Passed && verdict == Verdict::Passed,
            verdict: Some(verdict),
            advisory,
            not_yet: (verdict == Verdict::NotYet).then(|| why.clone()),
            why,
            counts: run.counts(),
            seconds: Some(run.took.as_secs_f64()),
            output: run.output.clone(),
        });
    }
}
