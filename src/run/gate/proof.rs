//! A task's own proof: a command that fails on what the work begins from, and passes on its result. Both run like gates,
//! each in a sealed container of its own.
//!
//! Failing means more here than of a gate: what the command runs is often still to be written, so that a file which is not
//! there counts. Only a program that the image lacks proves nothing, on either side.

use super::cause::Missing;
use super::judgement::{Beside, Judgement};
use super::tip::{Trying, records_of};
use super::{GateRun, Gates, Ran};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::config::{Gate, PROOF};
use crate::git::Oid;
use crate::issues::issue::Issue;
use crate::model::{Role, Verdict};

/// What a task's proof came to on what the work begins from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnParent {
    /// The task has none.
    None,
    /// It fails, as it must.
    Fails,
    /// It passes, so that it proves nothing of the work.
    Passes,
    /// It cannot be run: why, as the end of a sentence about it.
    NotRun(String),
    /// The run ended first.
    Cancelled,
}

/// Why a proof that passes on both sides is none.
pub(crate) const PROVES_NOTHING: &str = "passes already on what the work begins from, so it proves nothing (many test \
     runners pass, too, where no test has the name that they are given)";

/// Returns the gate that a task's proof is; `None` where the task has none.
pub(super) fn gate_of(issue: &Issue) -> Option<Gate> {
    let command = issue.plan.proof.clone()?;
    Some(Gate::with_default_timeout(PROOF.to_owned(), command))
}

/// Returns whether a gate is a task's proof. No configured one has that name.
pub(super) fn is_proof(gate: &Gate) -> bool {
    gate.name == PROOF
}

impl Gates {
    /// Returns what a task's proof comes to on the commit that its work begins from. It is run once for a tree, a command
    /// and an image; where it fails is looked up from then on.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`](crate::base::error::ErrorKind::Engine) where something failed under it again and again.
    pub(crate) async fn proof_on_parent(
        &self,
        (issue, base): (&Issue, Oid),
        interruption: &Interruption,
    ) -> Result<OnParent> {
        let context = &self.context;
        let Some(gate) = gate_of(issue) else {
            return Ok(OnParent::None);
        };
        let trying = Trying {
            gates: std::slice::from_ref(&gate),
            commit: base,
            branch: context.generation.as_str(),
            labels: context.labels(Role::Stitch.name(), Some(&issue.id)),
            anew: false,
            records: format!("{}-{}", records_of(base), issue.id),
        };
        let tried = Box::pin(self.runner(interruption).try_these(trying)).await?;
        crash_point!("gates.proof_tried");
        let tried = tried.and_then(|tried| tried.into_iter().next());
        Ok(match tried.map(|tried| tried.ran) {
            None | Some(Ran::Cancelled) => OnParent::Cancelled,
            Some(Ran::Passed) => OnParent::Passes,
            Some(Ran::CannotRun(how, missing @ Missing::Program(_))) => OnParent::NotRun(format!(
                "{how}: {}",
                missing.words_with_remedy(&context.project.config.image, &gate.command)
            )),
            Some(Ran::Red(_) | Ran::CannotRun(..)) => OnParent::Fails,
        })
    }

    /// Judges a proof that has run on the result of a task, beside what it comes to on the parent; `None` when the run is to
    /// end.
    pub(super) async fn judge_proof(
        &self,
        parent: (&Issue, Oid),
        (gate, run): (&Gate, &GateRun),
        interruption: &Interruption,
    ) -> Result<Option<Judgement>> {
        let judged = |verdict, why| Ok(Some(Judgement { verdict, why }));
        if run.ran != Ran::Passed {
            let beside = Beside {
                base: None,
                may_wait: false,
                may_lose: false,
                coverage: None,
            };
            return Ok(Some(self.judged(gate, run, &beside)));
        }
        match self.proof_on_parent(parent, interruption).await? {
            OnParent::None | OnParent::Fails => judged(Verdict::Passed, String::new()),
            OnParent::Passes => judged(Verdict::Failed, PROVES_NOTHING.to_owned()),
            OnParent::NotRun(why) => judged(
                Verdict::NotRun,
                format!("cannot be run on what the work begins from: {why}"),
            ),
            OnParent::Cancelled => Ok(None),
        }
    }
}
