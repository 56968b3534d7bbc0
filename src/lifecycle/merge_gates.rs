//! The gates on a merge that is about to land on a person's word: `stop`, and work that they hand back.

use serde::Serialize;

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

/// A merge that is about to land.
pub(super) struct Merge<'a> {
    pub(super) generation: &'a GenerationName,
    pub(super) commit: Oid,
    /// The commit that it is to land on.
    pub(super) onto: Oid,
    /// The branch that it is to land on.
    pub(super) branch: &'a str,
    /// What is told where it may not land.
    pub(super) words: Words,
}

/// What is told of a merge that may not land.
pub(super) struct Words {
    /// What does not pass, as the beginning of a sentence.
    pub(super) what: String,
    /// What to do about it, as the beginning of a sentence.
    pub(super) fix: String,
    /// The command that merges it without its gates.
    pub(super) without_gates: String,
}

impl Words {
    fn refuse(&self, gate: &str, why: &str) -> Error {
        let gate = one_line(gate, 60);
        let message = format!(
            "{} does not pass the gate `{gate}`: it {why}; nothing was changed",
            self.what
        );
        Error::new(ErrorKind::Precondition, message)
    }

    fn hint(&self) -> String {
        format!("{}; `{}` merges it as it is", self.fix, self.without_gates)
    }

    /// Adds to an error of gates that could not be run what merges without them.
    fn of_not_run(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Interrupted => error,
            _ => error.hint(format!("`{}` merges without them", self.without_gates)),
        }
    }
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
    pub(super) async fn see_gates_pass(&self, merge: &Merge<'_>, interruption: &Interruption) -> Result<MergeGates> {
        if self.project.config.gates.is_empty() && self.gates.is_empty() {
            return Ok(MergeGates::None);
        }
        let trying = Box::pin(async {
            let engine = Engine::connect(&self.project.connect_options()).await?;
            let result = self.tried((&engine, merge), merge.commit, interruption).await?;
            // Only where something may have failed before, too.
            let gates = self.project.config.gates.iter().zip(&result.tried);
            let base = if gates.into_iter().any(|(gate, tried)| is_red_by_name(gate, tried)) {
                Some(self.tried((&engine, merge), merge.onto, interruption).await?)
            } else {
                None
            };
            Ok::<_, Error>((result, base, engine))
        });
        let (result, base, engine) = trying.await.map_err(|error| merge.words.of_not_run(error))?;
        self.refuse_red(merge, &result, base.as_ref())?;
        if !self.gates.is_empty() {
            self.see_own_gates_pass((&engine, merge), interruption).await?;
        }
        Ok(MergeGates::Passed)
    }

    /// Checks that the gates that the program adds pass on a merge.
    async fn see_own_gates_pass(
        &self,
        (engine, merge): (&Engine, &Merge<'_>),
        interruption: &Interruption,
    ) -> Result<()> {
        let trial = Trial {
            commit: merge.commit,
            branch: merge.branch,
            anew: false,
        };
        let own = (self.gates.as_slice(), merge.onto);
        let judged = gate::custom_on_merge((&self.project, engine), &trial, own, interruption);
        let judged = Box::pin(judged).await;
        let Some((name, told)) = judged.map_err(|error| merge.words.of_not_run(error))? else {
            return Ok(());
        };
        let error = merge.words.refuse(&name, &told.why);
        let error = match told.findings.trim_end() {
            "" => error,
            findings => error.because(findings.to_owned()),
        };
        Err(error.hint(merge.words.hint()))
    }

    /// Returns the results of all gates on a commit.
    async fn tried(
        &self,
        (engine, merge): (&Engine, &Merge<'_>),
        commit: Oid,
        interruption: &Interruption,
    ) -> Result<TrialResult> {
        let trial = Trial {
            commit,
            branch: merge.branch,
            anew: false,
        };
        let tried = gate::outside_of_a_run(&self.project, engine, &trial, interruption).await?;
        tried.ok_or_else(interrupted)
    }

    /// Fails with the first gate that should pass and does not.
    fn refuse_red(&self, merge: &Merge<'_>, result: &TrialResult, base: Option<&TrialResult>) -> Result<()> {
        for (index, (gate, tried)) in self.project.config.gates.iter().zip(&result.tried).enumerate() {
            let beside = Beside {
                base: base.and_then(|base| base.tried.get(index)),
                may_wait: gate::is_waited_for(&self.project, merge.generation, gate, &tried.ran)?,
                // Each task was judged by that, and what a person's own work leaves out is their decision.
                may_lose: true,
                coverage: None,
            };
            let judgement = tried.judged(gate, &beside);
            if gate::is_advisory(&self.project, gate) || !matches!(judgement.verdict, Verdict::Failed | Verdict::NotRun)
            {
                continue;
            }
            let error = merge.words.refuse(&gate.name, &judgement.why);
            let error = match tried.output.as_slice() {
                [] => error,
                lines => error.because(format!("its last output:\n| {}", lines.join("\n| "))),
            };
            let output = result.records.join(format!("gate-{}.txt", index + 1));
            let whole = if output.exists() {
                format!("its output is in `{}`; ", output.display())
            } else {
                String::new()
            };
            return Err(error.hint(format!("{whole}{}", merge.words.hint())));
        }
        Ok(())
    }
}

/// Returns whether a gate is red, and its tests can be compared by name.
fn is_red_by_name(gate: &Gate, tried: &Tried) -> bool {
    gate.is_compared() && tried.results.is_some() && matches!(tried.ran, Ran::Red(_))
}
