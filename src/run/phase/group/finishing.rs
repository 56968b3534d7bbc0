//! The end of a group: all gates pass on the tip of the generation, or it is said which does not.

use super::{GroupOutcome, Groups};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::{Interruption, interrupted};
use crate::base::text::one_line;
use crate::config::Gate;
use crate::git::Oid;
use crate::issues::group::GroupDone;
use crate::model::{CommitId, Verdict};
use crate::record::event::{EventKind, GroupEnded};
use crate::run::gate::{self, Beside, Ran, Trial, Tried};
use crate::run::phase::measure::MeasureOutcome;

impl Groups {
    /// Sees that all gates pass on the tip, and notes that the group is done.
    pub(super) async fn finish(&self, key: &str, interruption: &Interruption) -> Result<GroupOutcome> {
        let context = self.context();
        let mut anew = false;
        let (tip, red) = loop {
            let Some((tip, tried)) = self.gates.on_tip(anew, interruption).await? else {
                return Ok(GroupOutcome::Made(MeasureOutcome::Cancelled));
            };
            let begun = match &self.issues()?.group(key)?.begun {
                Some(begun) => context.project.git.resolve(begun.as_str())?,
                None => tip,
            };
            let red = self.red((begun, tip), &tried, interruption).await?;
            // What was red once may have been so by chance, and would stand in the way for ever.
            let was_looked_up = tried.iter().any(|tried| !tried.anew && tried.ran != Ran::Passed);
            if anew || red.is_none() || !was_looked_up {
                break (tip, red);
            }
            anew = true;
        };
        if let Some((gate, why)) = red {
            let (gate, why) = (one_line(&gate, 60), one_line(&why, 500));
            let tip = tip.to_string();
            return Ok(GroupOutcome::Red(format!(
                "the group `{key}` is not done: the gate `{gate}` is red on {}, it {why}",
                &tip[..10]
            )));
        }
        let done = GroupDone {
            tip: CommitId::from(tip),
            at: context.now(),
            run: context.recorder.run().clone(),
        };
        let (counts, name) = context
            .store
            .update(&format!("group {key} is done"), done.at, |issues| {
                let name = issues.group(key)?.name.clone();
                issues.finish_group(key, &done);
                Ok((issues.group_counts(), name))
            })?;
        crash_point!("group.done");
        context.recorder.emit(EventKind::GroupDone(GroupEnded {
            group: key.to_owned(),
            name,
            tip: done.tip,
            done: counts.done,
            all: counts.all,
        }));
        Ok(GroupOutcome::Done)
    }

    /// Returns the first gate that should pass on the tip and does not, and why.
    async fn red(
        &self,
        (begun, tip): (Oid, Oid),
        tried: &[Tried],
        interruption: &Interruption,
    ) -> Result<Option<(String, String)>> {
        let context = self.context();
        let (project, engine) = (&*context.project, &self.sessions.engine);
        let image = engine.ensure_image(&project.config.image.name).await?;
        let gates = &project.config.gates;
        let mut before = gate::looked_up(project, begun, &image)?;
        let lacks_base =
            |((gate, tried), base): ((&Gate, &Tried), &Option<Tried>)| base.is_none() && is_red_by_name(gate, tried);
        // What failed there before may still fail: without its result everything that fails would be new.
        if gates.iter().zip(tried).zip(&before).any(lacks_base) {
            let trial = Trial {
                commit: begun,
                branch: context.generation.as_str(),
                anew: false,
            };
            let of_begun = Box::pin(gate::outside_of_a_run(project, engine, &trial, interruption)).await?;
            before = of_begun.ok_or_else(interrupted)?.tried.into_iter().map(Some).collect();
        }
        for ((gate, tried), base) in gates.iter().zip(tried).zip(&before) {
            let beside = Beside {
                base: base.as_ref(),
                may_wait: gate::is_waited_for(project, &context.generation, gate, &tried.ran)?,
                // Each task was judged by that.
                may_lose: true,
                coverage: None,
            };
            let judgement = tried.judged(gate, &beside);
            let is_red = matches!(judgement.verdict, Verdict::Failed | Verdict::NotRun);
            if is_red && !gate::is_advisory(project, gate) {
                return Ok(Some((gate.name.clone(), judgement.why)));
            }
        }
        if context.gates.is_empty() {
            return Ok(None);
        }
        let trial = Trial {
            commit: tip,
            branch: context.generation.as_str(),
            anew: false,
        };
        let own = (context.gates.as_slice(), begun);
        let refused = Box::pin(gate::custom_on_merge((project, engine), &trial, own, interruption)).await?;
        Ok(refused.map(|(name, told)| (name, told.why)))
    }
}

/// Returns whether a gate is red, and its tests can be compared by name.
fn is_red_by_name(gate: &Gate, tried: &Tried) -> bool {
    gate.is_compared() && tried.results.is_some() && matches!(tried.ran, Ran::Red(_))
}
