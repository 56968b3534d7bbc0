//! The verdict on what an attempt left.

use tokio::task::block_in_place;

use super::Stitch;
use super::stages::{Attempting, Checked, INTERRUPTED, Kept};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::issues::attempt::Outcome;
use crate::issues::round::Calls;
use crate::model::Role;
use crate::project::obeyed;
use crate::record::event::{CallName, Step};
use crate::record::recorder::CallFolder;
use crate::run::attempt_verdict::{self, AttemptVerdict};
use crate::run::gate;
use crate::run::session::Session;

impl Stitch {
    /// Judges what was kept: by its call, by what it is, by the gates, by the stages after it, which may add to it, and by
    /// how it goes with what others did meanwhile.
    pub(super) async fn judge(
        &self,
        session: &mut Session,
        attempting: &Attempting,
        (kept, calls): (&mut Kept, &mut Calls),
        interruption: &Interruption,
    ) -> Result<AttemptVerdict> {
        let Kept { called, left } = &*kept;
        let (git, base, tree) = (&self.context().project.git, session.base(), left.snapshot.tree);
        let (brought, touched) = block_in_place(|| {
            let brought = git.hazards_brought(base, tree)?;
            Ok::<_, Error>((brought, obeyed::touched(git, &self.protected, base, tree)?))
        })?;
        if let Some(verdict) = attempt_verdict::of_report(&called.report, called.met)
            .or_else(|| attempt_verdict::of_snapshot(&left.snapshot, left.commit.is_some(), &touched, &brought))
        {
            return self.with_proof(verdict, (&attempting.issue, base), interruption).await;
        }
        let estimate = attempting.issue.plan.estimated_lines;
        let most = self.context().project.config.max_changed_lines;
        if let Some(verdict) = attempt_verdict::of_size(&left.changed, estimate, most) {
            return Ok(verdict);
        }
        if let Some(verdict) = block_in_place(|| self.weakened(attempting, base, tree))? {
            return Ok(verdict);
        }
        let work = gate::Work::of(&attempting.issue, base, left.commit.unwrap_or(base));
        let by = (&called.name, &called.folder);
        let checked = match self.ask_gates(session, by, work, interruption).await? {
            gate::GateVerdict::Passed { remarks, results } => Checked { remarks, results },
            gate::GateVerdict::Failed(red) => return Ok(AttemptVerdict::red(red)),
            gate::GateVerdict::Unproven(why) => return Ok(AttemptVerdict::held(Outcome::Unproven, why)),
            gate::GateVerdict::Cancelled => return Ok(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED)),
            gate::GateVerdict::NotRun { reason } => {
                return Ok(AttemptVerdict::of(Outcome::InfrastructureFailed, reason));
            }
        };
        Box::pin(self.judge_checked((session, attempting), (kept, calls), checked, interruption)).await
    }

    /// Judges what was kept and has passed the gates: by the stages after it, and by how it goes with what others did meanwhile.
    pub(super) async fn judge_checked(
        &self,
        (session, attempting): (&mut Session, &Attempting),
        (kept, calls): (&mut Kept, &mut Calls),
        checked: Checked,
        interruption: &Interruption,
    ) -> Result<AttemptVerdict> {
        let later = self.later_stages((session, kept), attempting, (checked, calls), interruption);
        let checked = match Box::pin(later).await? {
            Ok(checked) => checked,
            Err(verdict) => return Ok(*verdict),
        };
        if let Some(beaten) = Box::pin(attempting.is_beaten(kept, calls, &checked)).await {
            return Ok(beaten);
        }
        self.context().step(&kept.called.name, Step::Merge);
        Box::pin(self.merge((session, attempting), (&*kept, calls), checked, interruption)).await
    }

    /// Asks every gate about what a call left. Where something fails under them, and nothing of them runs any more, the session can go on:
    /// only the gates are missing.
    pub(super) async fn ask_gates(
        &self,
        session: &Session,
        (name, folder): (&CallName, &CallFolder),
        work: gate::Work<'_>,
        interruption: &Interruption,
    ) -> Result<gate::GateVerdict> {
        let sandbox = session.sandbox(name, folder);
        match Box::pin(self.gates.judge(&sandbox, work, interruption)).await {
            Err(error)
                if error.kind() == ErrorKind::Engine
                    && self
                        .sessions
                        .is_over(&CallName {
                            role: Role::Stitch,
                            ..name.clone()
                        })
                        .await =>
            {
                Ok(gate::GateVerdict::NotRun {
                    reason: error.in_a_line(),
                })
            }
            judged => judged,
        }
    }
}
