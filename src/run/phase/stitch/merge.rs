//! The merge of what an attempt left: one commit on the generation's tip, made in memory. One attempt lands at a time, and
//! where others have landed since it began, the gates run on the merged tree first: no tree lands that they have not seen.

use tokio::task::block_in_place;

use super::Stitch;
use super::keep::contribution;
use super::stages::{Attempting, Checked, INTERRUPTED, Kept};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::issues::round::{Calls, FailedCheck};
use crate::project::obeyed;
use crate::run::attempt_verdict::{AttemptVerdict, of_touched};
use crate::run::commit_message::{Landing, landing_message};
use crate::run::gate;
use crate::run::land::{OnTip, commit_on, land, merge_onto};
use crate::run::session::Session;

/// What an attempt made, on a tip.
struct Merged {
    tip: Oid,
    tree: Oid,
}

impl Stitch {
    /// Puts the work on the generation branch: one commit on its tip, by compare-and-swap.
    pub(super) async fn merge(
        &self,
        (session, attempting): (&Session, &Attempting),
        (kept, calls): (&Kept, &Calls),
        mut checked: Checked,
        interruption: &Interruption,
    ) -> Result<AttemptVerdict> {
        let base = session.base();
        let _turn = self.gates.turn_of_landing().await;
        let mut gated = kept.left.snapshot.tree;
        loop {
            let merged = match block_in_place(|| self.on_the_tip(attempting, base, kept))? {
                Ok(merged) => merged,
                Err(verdict) => return Ok(*verdict),
            };
            if merged.tree != gated {
                checked = match self
                    .gates_on(session, attempting, (kept, &merged), interruption)
                    .await?
                {
                    Ok(checked) => checked,
                    Err(verdict) => return Ok(*verdict),
                };
                gated = merged.tree;
            }
            let landed = block_in_place(|| self.land(attempting, base, (kept, calls), (&merged, &checked)))?;
            if let Some(commit) = landed {
                crash_point!("stitch.merged");
                return Ok(AttemptVerdict {
                    commit: Some(commit),
                    ..AttemptVerdict::of(Outcome::Merged, one_line(&checked.remarks.join("; "), 500))
                });
            }
            // Somebody else has moved the branch meanwhile.
        }
    }

    /// Merges the work onto the generation's tip, in memory; the verdict where it does not fit there.
    fn on_the_tip(
        &self,
        attempting: &Attempting,
        base: Oid,
        kept: &Kept,
    ) -> Result<Result<Merged, Box<AttemptVerdict>>> {
        let context = self.context();
        let tip = context.tip()?;
        let made = contribution(context, &attempting.issue.id, base, &kept.left.snapshot);
        let tree = match merge_onto(&context.project, made, tip)? {
            OnTip::Tree(tree) => tree,
            OnTip::Conflict(paths) => {
                let reason = format!("conflicts with newer work in {paths}");
                let verdict = AttemptVerdict::of(Outcome::Conflict, one_line(&reason, 500));
                return Ok(Err(Box::new(verdict)));
            }
        };
        if tip != base {
            // What only became protected by what others did meanwhile was free when this attempt was judged.
            let touched = obeyed::touched(&context.project.git, &self.protected, tip, tree)?;
            if !touched.is_empty() {
                return Ok(Err(Box::new(of_touched(&touched))));
            }
        }
        Ok(Ok(Merged { tip, tree }))
    }

    /// Has the gates judge a merged tree that they have not seen. One that is red is asked once more, since nothing but the
    /// combination is new; the verdict where it is red again.
    async fn gates_on(
        &self,
        session: &Session,
        attempting: &Attempting,
        (kept, merged): (&Kept, &Merged),
        interruption: &Interruption,
    ) -> Result<Result<Checked, Box<AttemptVerdict>>> {
        let context = self.context();
        let title = format!("{}, on newer work\n", attempting.issue.id);
        let work = gate::Work {
            issue: &attempting.issue,
            base: merged.tip,
            commit: block_in_place(|| commit_on(&context.project, merged.tip, merged.tree, &title))?,
        };
        let by = (&kept.called.name, &kept.called.folder);
        let mut red: Option<FailedCheck> = None;
        loop {
            let verdict = match self.ask_gates(session, by, work, interruption).await? {
                gate::GateVerdict::Passed { remarks, results } => {
                    if let Some(red) = red {
                        let (id, gate) = (&attempting.issue.id, red.subject());
                        let what = format!("{gate} {} with newer work, and passed when it ran again", red.how);
                        context.warn(format!("{id}: {what}: its verdict depends on chance"));
                    }
                    return Ok(Ok(Checked { remarks, results }));
                }
                gate::GateVerdict::Failed(first) if red.is_none() => {
                    red = Some(first);
                    continue;
                }
                gate::GateVerdict::Failed(again) => {
                    let reason = format!("with newer work {} {}", again.subject(), again.how);
                    AttemptVerdict {
                        red: Some(again),
                        ..AttemptVerdict::of(Outcome::Conflict, one_line(&reason, 500))
                    }
                }
                gate::GateVerdict::Unproven(why) => AttemptVerdict::held(Outcome::Unproven, why),
                gate::GateVerdict::Cancelled => AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED),
                gate::GateVerdict::NotRun { reason } => AttemptVerdict::of(Outcome::InfrastructureFailed, reason),
            };
            return Ok(Err(Box::new(verdict)));
        }
    }

    /// Moves the branch to a commit of the merged tree; `None` where it is not at that tip any more.
    fn land(
        &self,
        attempting: &Attempting,
        base: Oid,
        (kept, calls): (&Kept, &Calls),
        (merged, checked): (&Merged, &Checked),
    ) -> Result<Option<Oid>> {
        let context = self.context();
        let Attempting { issue, name, .. } = attempting;
        let landing = Landing {
            gates: checked.results.clone(),
            changed: kept.left.stat(),
            took: attempting.begun.elapsed(),
        };
        let text = landing_message(&context.attempt(&issue.id, name.attempt), issue, calls, &landing);
        let made = contribution(context, &issue.id, base, &kept.left.snapshot);
        land(&context.project, made, (merged.tip, merged.tree), &text)
    }
}
