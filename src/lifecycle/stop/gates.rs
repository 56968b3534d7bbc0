//! The gates on the merge that is about to land: the base branch gets nothing that they have not seen.

use serde::Serialize;

use super::merge::Landing;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::{Interruption, interrupted};
use crate::base::text::one_line;
use crate::config::Gate;
use crate::git::Oid;
use crate::lifecycle::Generator;
use crate::model::Verdict;
use crate::model::generation::GenerationName;
use crate::run::gate::{self, Beside, Ran, Trial, TrialResult, Tried};
use crate::sandbox::engine::Engine;

/// Whether the gates were run on the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeGates {
    /// All passed, or need not yet.
    Passed,
    /// They were left out, as was asked.
    Skipped,
    /// The configuration has none.
    None,
    /// Nothing was merged.
    NoMerge,
}

impl Generator {
    /// Checks that every gate passes on a merge before anything is moved. A gate that never passed in a generation that
    /// cleared its sources is reported elsewhere and stops nothing.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where a gate is red, of kind [`ErrorKind::Engine`] or
    /// [`ErrorKind::Configuration`] where it cannot be run, of kind [`ErrorKind::Interrupted`] where `interruption` came
    /// first.
    pub(super) async fn see_gates_pass(
        &self,
        generation: &GenerationName,
        landing: &Landing,
        interruption: &Interruption,
    ) -> Result<MergeGates> {
        let Some(commit) = landing.merge else {
            return Ok(MergeGates::NoMerge);
        };
        if self.project.config.gates.is_empty() && self.gates.is_empty() {
            return Ok(MergeGates::None);
        }
        let trying = Box::pin(async {
            let engine = Engine::connect(&self.project.connect_options()).await?;
            let result = self.tried(&engine, landing, commit, interruption).await?;
            // Only where something may have failed before, too.
            let gates = self.project.config.gates.iter().zip(&result.tried);
            let base = if gates.into_iter().any(|(gate, tried)| is_red_by_name(gate, tried)) {
                Some(self.tried(&engine, landing, landing.base, interruption).await?)
            } else {
                None
            };
            Ok::<_, Error>((result, base, engine))
        });
        let (result, base, engine) = trying.await.map_err(without_them)?;
        self.refuse_red(generation, landing, &result, base.as_ref())?;
        if !self.gates.is_empty() {
            self.see_own_gates_pass((generation, &engine), landing, commit, interruption)
                .await?;
        }
        Ok(MergeGates::Passed)
    }

    /// Checks that the gates that the program adds pass on a merge.
    async fn see_own_gates_pass(
        &self,
        (generation, engine): (&GenerationName, &Engine),
        landing: &Landing,
        commit: Oid,
        interruption: &Interruption,
    ) -> Result<()> {
        let trial = Trial {
            commit,
            branch: &landing.base_branch,
            anew: false,
        };
        let own = (self.gates.as_slice(), landing.base);
        let judged = gate::custom_on_merge((&self.project, engine), &trial, own, interruption);
        let Some((name, told)) = Box::pin(judged).await.map_err(without_them)? else {
            return Ok(());
        };
        let message = format!(
            "the merge of `{generation}` into `{}` does not pass the gate `{name}`: it {}; nothing was changed",
            landing.base_branch, told.why
        );
        let error = Error::new(ErrorKind::Precondition, message);
        let error = match told.findings.trim_end() {
            "" => error,
            findings => error.because(findings.to_owned()),
        };
        Err(error.hint(
            "add a task for it and run again, or fix the gate; `cordwainer stop --no-gates` merges without gates",
        ))
    }

    /// Returns the results of all gates on a commit.
    async fn tried(
        &self,
        engine: &Engine,
        landing: &Landing,
        commit: Oid,
        interruption: &Interruption,
    ) -> Result<TrialResult> {
        let trial = Trial {
            commit,
            branch: &landing.base_branch,
            anew: false,
        };
        let tried = gate::outside_of_a_run(&self.project, engine, &trial, interruption).await?;
        tried.ok_or_else(interrupted)
    }

    /// Fails with the first gate that should pass and does not.
    fn refuse_red(
        &self,
        generation: &GenerationName,
        landing: &Landing,
        result: &TrialResult,
        base: Option<&TrialResult>,
    ) -> Result<()> {
        for (index, (gate, tried)) in self.project.config.gates.iter().zip(&result.tried).enumerate() {
            let beside = Beside {
                base: base.and_then(|base| base.tried.get(index)),
                may_wait: gate::is_waited_for(&self.project, generation, gate, &tried.ran)?,
                // Each task was judged by that.
                may_lose: true,
                coverage: None,
            };
            let judgement = tried.judged(gate, &beside);
            if gate::is_advisory(&self.project, gate) || !matches!(judgement.verdict, Verdict::Failed | Verdict::NotRun)
            {
                continue;
            }
            let name = one_line(&gate.name, 60);
            let message = format!(
                "the merge of `{generation}` into `{}` does not pass the gate `{name}`: it {}; nothing was changed",
                landing.base_branch, judgement.why
            );
            let output = result.records.join(format!("gate-{}.txt", index + 1));
            let whole = if output.exists() {
                format!("its output is in `{}`; ", output.display())
            } else {
                String::new()
            };
            let error = match tried.output.as_slice() {
                [] => Error::new(ErrorKind::Precondition, message),
                lines => Error::new(ErrorKind::Precondition, message)
                    .because(format!("its last output:\n| {}", lines.join("\n| "))),
            };
            return Err(error.hint(format!(
                "{whole}merge `{}` into `{generation}` by hand and fix it there, or add a task for it and run again; \
                 `cordwainer stop --no-gates` merges it as it is",
                landing.base_branch
            )));
        }
        Ok(())
    }
}

/// Adds to an error of gates that could not be run what merges without them.
fn without_them(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Interrupted => error,
        _ => error.hint("`cordwainer stop --no-gates` merges without them"),
    }
}

/// Returns whether a gate is red, and its tests can be compared by name.
fn is_red_by_name(gate: &Gate, tried: &Tried) -> bool {
    gate.is_compared() && tried.results.is_some() && matches!(tried.ran, Ran::Red(_))
}
