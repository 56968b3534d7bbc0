//! Work that does not fit on newer work of the generation: the same session goes on there, with both sides in its prompt.

use std::ops::ControlFlow;
use std::path::Path;

use tokio::task::block_in_place;

use super::Stitch;
use super::keep::contribution;
use super::stages::{Attempting, Kept};
use crate::base::error::{Error, Result};
use crate::base::interruption::Interruption;
use crate::base::text::harmless;
use crate::git::Oid;
use crate::issues::round::{Calls, CheckKind, FailedCheck};
use crate::model::CommitId;
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::land::{Conflict, OnTip, merge_onto, quoted};
use crate::run::session::Session;

/// So many rounds of an attempt fit its work on newer work.
pub(super) const MOST_CONFLICT_ROUNDS: u32 = 2;
/// So many bytes of each side of a conflict are in the prompt.
const SIDE: usize = 8 * 1024;

/// How an attempt goes on whose work does not fit on newer work.
pub(super) enum Newer {
    /// Its slot has the newer work; the session is to be asked for this. The tree is that of the slot's files.
    Brought(FailedCheck, Oid),
    /// Its slot has the newer work, and the work fits on that by now.
    Fits,
    /// It does not: the session cannot go on, or has done so often enough.
    No,
    /// The run is to end.
    Cancelled,
}

impl Stitch {
    /// Brings newer work of the generation into the slot of a session whose work does not fit on it, or does not pass there.
    pub(super) async fn bring_newer_work(
        &self,
        session: &mut Session,
        attempting: &Attempting,
        (kept, calls, verdict): (&Kept, &Calls, &AttemptVerdict),
        interruption: &Interruption,
    ) -> Result<Newer> {
        let has_session = session.can_go_on(Some(&kept.called.report)).is_some();
        if calls.count_of(true) >= MOST_CONFLICT_ROUNDS || !has_session {
            return Ok(Newer::No);
        }
        let tip = block_in_place(|| self.context().tip())?;
        let ControlFlow::Continue(layer) = self.gates.layer_of(tip, interruption).await? else {
            return Ok(Newer::Cancelled);
        };
        let (tree, red) = block_in_place(|| self.on_newer_work(attempting, (session.base(), kept), tip, verdict))?;
        session.move_to(tip, tree, layer)?;
        Ok(match red {
            Some(red) => Newer::Brought(red, tree),
            None => Newer::Fits,
        })
    }

    /// Merges the work onto a tip where it fits; with the tree, what the session is to be asked for.
    fn on_newer_work(
        &self,
        attempting: &Attempting,
        (base, kept): (Oid, &Kept),
        tip: Oid,
        verdict: &AttemptVerdict,
    ) -> Result<(Oid, Option<FailedCheck>)> {
        let context = self.context();
        let made = contribution(context, &attempting.issue.id, base, &kept.left.snapshot);
        let onto = context.project.git.tree_of(tip)?;
        let onto_tip = Some(CommitId::from(tip));
        Ok(match merge_onto(&context.project, made, onto)? {
            OnTip::Tree(tree) => {
                let red = verdict.red.clone();
                (tree, red.map(|red| FailedCheck { onto: onto_tip, ..red }))
            }
            OnTip::Conflict(conflict) => {
                let red = FailedCheck {
                    by: CheckKind::Merge,
                    gate: "merge".to_owned(),
                    how: format!("conflicts with newer work in {}", conflict.places()),
                    output: self.both_sides(&conflict, (base, tip), (made.tree, "What you changed in them:"))?,
                    onto: onto_tip,
                };
                (conflict.tree, Some(red))
            }
        })
    }

    /// Returns what each side changed in the files of a conflict, as a text for the session.
    pub(super) fn both_sides(
        &self,
        conflict: &Conflict,
        (base, tip): (Oid, Oid),
        (own, whose): (Oid, &str),
    ) -> Result<String> {
        let git = &self.context().project.git;
        let is_wanted = |path: &Path| conflict.paths.iter().any(|one| one == path);
        let side = |whose: &str, new: Oid| {
            let patch = git.patch_of(base, new, SIDE, is_wanted)?;
            let left_out = match patch.left_out.as_slice() {
                [] => String::new(),
                paths => format!("(too long to be shown: {})\n", quoted(paths)),
            };
            Ok::<_, Error>(format!("{whose}\n{}{left_out}", harmless(&patch.text)))
        };
        Ok(format!(
            "{}\n{}",
            side("What others changed in these files:", tip)?,
            side(whose, own)?
        ))
    }
}
