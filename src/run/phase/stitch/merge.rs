//! The merge of what an attempt left: one commit on the generation's tip, made in memory.

use super::Stitch;
use super::keep::contribution;
use super::stages::{Attempting, Kept};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::issues::round::Calls;
use crate::model::GateResult;
use crate::project::obeyed;
use crate::run::attempt_verdict::{AttemptVerdict, of_touched};
use crate::run::commit_message::{Landing, landing_message};
use crate::run::land::{Landed, land};

impl Stitch {
    /// Puts the work on the generation branch: one commit on its tip, by compare-and-swap.
    pub(super) fn merge(
        &self,
        attempting: &Attempting,
        base: Oid,
        (kept, calls): (&Kept, &Calls),
        gates: Vec<GateResult>,
    ) -> Result<AttemptVerdict> {
        let context = self.context();
        let Attempting { issue, name, .. } = attempting;
        let attempt = context.attempt(&issue.id, name.attempt);
        let landing = Landing {
            gates,
            changed: kept.left.stat(),
            took: attempting.begun.elapsed(),
        };
        let text = landing_message(&attempt, issue, calls, &landing);
        // What only became protected by what others did meanwhile was free when this attempt was judged.
        let refuse = |tip, tree| {
            if tip == base {
                return Ok(None);
            }
            let touched = obeyed::touched(&context.project.git, &self.protected, tip, tree)?;
            Ok((!touched.is_empty()).then_some(touched))
        };
        let made = contribution(context, &issue.id, base, &kept.left.snapshot);
        match land(&context.project, made, &text, &refuse)? {
            Landed::Merged(commit) => {
                crash_point!("stitch.merged");
                Ok(AttemptVerdict {
                    commit: Some(commit),
                    ..AttemptVerdict::of(Outcome::Merged, "")
                })
            }
            Landed::Refused(touched) => Ok(of_touched(&touched)),
            Landed::Conflict(paths) => {
                let reason = format!("conflicts with newer work in {paths}");
                Ok(AttemptVerdict::of(Outcome::Conflict, one_line(&reason, 500)))
            }
        }
    }
}
