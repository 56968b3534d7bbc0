//! Gates on what an agent left.

use super::prepare::{self, Preparing};
use super::tip::{keep, may_wait};
use super::{GateRun, Gates, Ran, Verdicts};
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::git::Oid;
use crate::issues::round::RedGate;
use crate::model::IssueId;
use crate::record::event::EventKind;
use crate::run::call::Sandbox;
use crate::run::slots::{Layout, lay_out};
use crate::run::waiting::suspend::GATES_ARE_TRIED;
use crate::sandbox::engine::UserChoice;

/// The result of all gates on an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GateVerdict {
    /// Every one passed, but for those that need not pass yet, in words.
    Passed {
        /// Which, and why.
        not_yet: Vec<String>,
    },
    /// This one did not.
    Failed(RedGate),
    /// Something failed under one that is neither its doing nor the work's: what, in a line.
    NotRun {
        /// What.
        reason: String,
    },
    /// The run ended first.
    Cancelled,
}

impl Gates {
    /// Runs every gate until one fails. A gate that could be run before the work, and cannot on it, is red like any other.
    /// What gates write is never committed.
    ///
    /// Gates see the commit alone, in a slot of their own, with what was prepared for it: nothing that the agent left in
    /// an ignored folder or in a cache.
    pub(crate) async fn judge(
        &self,
        sandbox: &Sandbox<'_>,
        task: &IssueId,
        commit: Oid,
        interruption: &Interruption,
    ) -> Result<GateVerdict> {
        let project = &*self.context.project;
        let tree = project.git.tree_of(commit)?;
        if project.config.gates.is_empty() {
            return Ok(GateVerdict::Passed { not_yet: Vec::new() });
        }
        let runner = self.runner(interruption);
        let wanted = Preparing {
            commit,
            branch: self.context.generation.as_str(),
            labels: sandbox.labels.clone(),
            task: Some(task),
        };
        let layer = match Box::pin(runner.prepare(&wanted)).await? {
            prepare::Outcome::Ready(layer) => layer,
            prepare::Outcome::Cancelled => return Ok(GateVerdict::Cancelled),
            prepare::Outcome::Failed(how, output) => {
                return Ok(GateVerdict::Failed(RedGate {
                    gate: prepare::NAME.to_owned(),
                    how,
                    output: output.join("\n"),
                }));
            }
        };
        let mut slot = tokio::task::block_in_place(|| project.slots().acquire(GATES_ARE_TRIED))?;
        let user = UserChoice::of(project.config.container.user.as_deref());
        let layout = Layout {
            commit,
            branch: self.context.generation.as_str(),
            owner_ids: self.engine.slot_owner_for(&user),
            mark: GATES_ARE_TRIED,
            layer: layer.as_ref(),
            times: None,
            layering: self.engine.layering(&project.state_dir),
        };
        let mounts = lay_out(project, &mut slot, &layout)?;
        let fresh = Sandbox {
            name: sandbox.name.clone(),
            config: sandbox.config,
            labels: sandbox.labels.clone(),
            root: sandbox.root,
            host_credentials: sandbox.host_credentials,
            slot: slot.path().to_owned(),
            mounts: &mounts,
            writable: true,
            folder: sandbox.folder,
        };
        let verdict = self.ask(&fresh, task, tree, interruption).await;
        // Where the engine failed, a container may still write in the slot: then the next recovery frees it.
        let is_over = match &verdict {
            Err(error) if error.kind() == ErrorKind::Engine => self.engine.sweep(&sandbox.labels).await.is_ok(),
            _ => true,
        };
        if is_over {
            mounts.give_back(slot)?;
        }
        verdict
    }

    async fn ask(
        &self,
        sandbox: &Sandbox<'_>,
        task: &IssueId,
        tree: Oid,
        interruption: &Interruption,
    ) -> Result<GateVerdict> {
        let context = &self.context;
        let project = &*context.project;
        let runner = self.runner(interruption);
        let mut waiting = Vec::new();
        for (index, gate) in project.config.gates.iter().enumerate() {
            let GateRun { ran, output, excerpt } = runner.run(sandbox, index + 1, gate, tree).await?;
            let image = self
                .engine
                .image_id(&project.config.image.name)
                .await?
                .unwrap_or_default();
            keep(project, gate, tree, &image, &ran)?;
            let how = match &ran {
                Ran::Cancelled => return Ok(GateVerdict::Cancelled),
                Ran::Passed => None,
                Ran::Red(how) => Some(how.clone()),
                Ran::CannotRun(how, missing) => Some(format!("{how}: {}", missing.words_with_remedy(&gate.command))),
            };
            let verdicts = Verdicts::open(&project.state_dir);
            let not_yet = match &how {
                Some(how) if may_wait(project, &context.generation, &verdicts, gate, &ran)? => Some(how.clone()),
                _ => None,
            };
            context.recorder.emit(EventKind::GateEnded {
                task: task.clone(),
                gate: gate.name.clone(),
                passed: how.is_none(),
                not_yet: not_yet.clone(),
                output,
            });
            match (how, not_yet) {
                (None, _) => {}
                (Some(_), Some(why)) => waiting.push(format!("the gate `{}` {why}", gate.name)),
                (Some(how), None) => {
                    return Ok(GateVerdict::Failed(RedGate {
                        gate: gate.name.clone(),
                        how,
                        output: excerpt,
                    }));
                }
            }
        }
        Ok(GateVerdict::Passed { not_yet: waiting })
    }
}
