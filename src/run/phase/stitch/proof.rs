//! A task's own proof before its agent is called: on what the work begins from it must fail.

use super::Stitch;
use super::stages::{Attempting, Ended, INTERRUPTED};
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::issues::issue::Issue;
use crate::model::PromptName;
use crate::prompt;
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::gate::{OnParent, PROVES_NOTHING};
use crate::run::session::Session;

impl Stitch {
    /// Tries a task's proof on what its work begins from. Returns what its agent is told beside the task; an attempt that
    /// gets no further than this is reported as it ended. A proof that cannot be run would only cost a call.
    pub(super) async fn see_the_proof(
        &self,
        session: &Session,
        attempting: &Attempting,
        interruption: &Interruption,
    ) -> Result<String, Box<Ended>> {
        let ends = |judged| Err(Box::new(Ended::before_call(judged)));
        let issue = &attempting.issue;
        match Box::pin(self.gates.proof_on_parent((issue, session.base()), interruption)).await {
            Ok(OnParent::None | OnParent::Fails) => Ok(String::new()),
            Ok(OnParent::Passes) => {
                self.context().warn(format!("{}: its proof {PROVES_NOTHING}", issue.id));
                let proof = issue.plan.proof.as_deref();
                let told = proof.map(|proof| {
                    let templates = self.templates(&[PromptName::EmptyProof])?;
                    prompt::proves_nothing(&templates, proof)
                });
                match told.transpose() {
                    Ok(told) => Ok(told.unwrap_or_default()),
                    Err(error) => ends(Err(error)),
                }
            }
            Ok(OnParent::NotRun(why)) => {
                let why = format!("the task's proof cannot be run on what the work begins from: {why}");
                ends(Ok(AttemptVerdict::held(Outcome::Unproven, why)))
            }
            Ok(OnParent::Cancelled) => ends(Ok(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED))),
            Err(error) => ends(Err(error)),
        }
    }

    /// Adds to the verdict on an attempt that changed nothing that its task's proof passes without it.
    pub(super) async fn with_proof(
        &self,
        verdict: AttemptVerdict,
        of: (&Issue, Oid),
        interruption: &Interruption,
    ) -> Result<AttemptVerdict> {
        let mut verdict = verdict;
        if verdict.outcome == Outcome::NoChange
            && self.gates.proof_on_parent(of, interruption).await? == OnParent::Passes
        {
            verdict.reason.push_str(&format!("; the task's proof {PROVES_NOTHING}"));
        }
        Ok(verdict)
    }
}
