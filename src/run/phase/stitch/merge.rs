//! The merge of what an attempt left: one commit on the generation's tip, made in memory.

use super::Trial;
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::git::Snapshot;
use crate::issues::attempt::Outcome;
use crate::project::obeyed;
use crate::run::context::Work;
use crate::run::judgement::{Judgement, of_touched};
use crate::run::land::{Landed, land, message};

/// Puts the work on the generation branch: one commit on its tip, by compare-and-swap.
pub(super) fn merge(work: &Work<'_>, trial: &Trial, snapshot: &Snapshot) -> Result<Judgement> {
    let id = &trial.issue.id;
    let text = message(&work.attempt(id, trial.number), &trial.issue, trial.entry.as_ref());
    // What only became protected by what others did meanwhile was free when this attempt was judged.
    let refuse = |tip, tree| {
        if tip == trial.base {
            return Ok(None);
        }
        let touched = obeyed::touched(&work.project.git, &work.protected, tip, tree)?;
        Ok((!touched.is_empty()).then_some(touched))
    };
    match land(
        work.project,
        work.generation,
        id,
        trial.base,
        snapshot.tree,
        &text,
        &refuse,
    )? {
        Landed::Merged(commit) => {
            crash_point!("stitch.merged");
            Ok(Judgement {
                commit: Some(commit),
                ..Judgement::of(Outcome::Merged, "")
            })
        }
        Landed::Refused(touched) => Ok(of_touched(&touched)),
        Landed::Conflict(paths) => {
            let reason = format!("conflicts with newer work in {paths}");
            Ok(Judgement::of(Outcome::Conflict, one_line(&reason, 500)))
        }
    }
}
