//! The merge of what an attempt left: it waits in the queue with all that passed by itself, and whoever has the turn decides on
//! all of them. No tree lands that the gates have not seen.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::block_in_place;

use super::Stitch;
use super::stack::{Entrant, Stack, Waits};
use super::stages::{Attempting, Checked, INTERRUPTED, Kept};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::config::When;
use crate::git::Oid;
use crate::issues::attempt::Outcome;
use crate::issues::round::{Calls, CheckKind, FailedCheck};
use crate::model::CommitId;
use crate::record::event::{EventKind, MergeJudged};
use crate::run::attempt_verdict::AttemptVerdict;
use crate::run::gate;
use crate::run::land::commit_on;
use crate::run::landing_queue::{Came, Groups, Known, LandingQueue, Lasts};
use crate::run::session::Session;

/// The landings of a run.
#[derive(Default)]
pub(crate) struct Landings {
    queue: LandingQueue<Entrant, AttemptVerdict>,
    known: Mutex<Known<Oid, AttemptVerdict>>,
}

impl Landings {
    fn known(&self) -> MutexGuard<'_, Known<Oid, AttemptVerdict>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the gates make of a stack of work.
enum Judged {
    /// They let it pass.
    Passes(Checked),
    /// They do not: the verdict, if it is the work of one alone.
    Red(AttemptVerdict),
    /// They could not judge it: the verdict on all.
    Ends(AttemptVerdict),
}

impl Stitch {
    /// Puts the work on the generation branch: one commit on its tip, by compare-and-swap.
    pub(super) async fn merge(
        &self,
        (session, attempting): (&Session, &Attempting),
        (kept, calls): (&Kept, &Calls),
        checked: Checked,
        interruption: &Interruption,
    ) -> Result<AttemptVerdict> {
        let mut place = self.landings.queue.enter(Entrant {
            issue: attempting.issue.clone(),
            attempt: attempting.name.attempt,
            candidate: attempting.name.candidate,
            base: session.base(),
            tree: kept.left.snapshot.tree,
            calls: calls.clone(),
            changed: kept.left.stat(),
            begun: attempting.begun,
            checked,
        });
        loop {
            match place.wait().await {
                Came::Told(verdict) => return Ok(verdict),
                Came::Turn(_turn) => self.land_all(place.all(), (session, kept), interruption).await?,
            }
        }
    }

    /// Decides on all that wait. On an error those that are not decided stay in the queue.
    async fn land_all(&self, all: Vec<Waits>, by: (&Session, &Kept), interruption: &Interruption) -> Result<()> {
        let mut groups = Groups::of(all);
        while let Some(group) = groups.next() {
            let stacking = block_in_place(|| self.stack(group))?;
            groups.last(stacking.later);
            let mut stack = stacking.stack;
            groups.first(stack.rest_after_free());
            if stack.is_empty() {
                continue;
            }
            match self.judge_stack(&stack, by, interruption).await? {
                Judged::Passes(checked) => {
                    let landed = block_in_place(|| self.land_stack(&stack, &checked))?;
                    if !landed {
                        // Somebody else has moved the branch meanwhile.
                        groups.first(stack.into_group());
                    }
                }
                Judged::Red(verdict) => {
                    if let Some(one) = groups.halve(stack.into_group()) {
                        one.tell(verdict);
                    }
                }
                Judged::Ends(verdict) => stack.into_group().iter().for_each(|one| one.tell(verdict.clone())),
            }
        }
        Ok(())
    }

    /// Has the gates judge a stack, unless they have seen its tree: by itself, or with this tip.
    async fn judge_stack(&self, stack: &Stack, by: (&Session, &Kept), interruption: &Interruption) -> Result<Judged> {
        if let Some(checked) = stack.seen() {
            return Ok(Judged::Passes(checked.clone()));
        }
        let known = self.landings.known().red(&stack.tip, &stack.tree());
        if let Some(verdict) = known {
            return Ok(Judged::Red(verdict));
        }
        let judged = self.gates_on(stack, by, interruption).await?;
        let how = match &judged {
            Judged::Passes(_) => String::new(),
            Judged::Red(verdict) => {
                let lasts = self.lasts(verdict.red.as_ref());
                let why = (verdict.clone(), lasts);
                self.landings.known().note(&stack.tip, stack.tree(), why);
                let of_gate = |red: &FailedCheck| one_line(&format!("{} {}", red.by.subject(&red.gate), red.how), 500);
                verdict.red.as_ref().map_or_else(|| verdict.reason.clone(), of_gate)
            }
            Judged::Ends(_) => return Ok(judged),
        };
        let tasks = stack.tasks();
        if tasks.len() > 1 {
            self.context().recorder.emit(EventKind::MergeJudged(MergeJudged {
                tasks,
                passed: matches!(judged, Judged::Passes(_)),
                how,
            }));
        }
        Ok(judged)
    }

    /// Runs the gates on a stack: once for all of it.
    async fn gates_on(
        &self,
        stack: &Stack,
        (session, kept): (&Session, &Kept),
        interruption: &Interruption,
    ) -> Result<Judged> {
        let context = self.context();
        let issues: Vec<_> = stack.entrants().map(|entrant| &entrant.issue).collect();
        let Some((issue, with)) = issues.split_first() else {
            return Ok(Judged::Passes(Checked::default()));
        };
        let title = format!("{}, on newer work\n", stack.names());
        let commit = block_in_place(|| commit_on(&context.project, stack.tip, stack.tree(), &title))?;
        let work = gate::Work {
            merged: true,
            with,
            ..gate::Work::of(issue, stack.tip, commit)
        };
        let by = (&kept.called.name, &kept.called.folder);
        Ok(match self.ask_gates(session, by, work, interruption).await? {
            gate::GateVerdict::Passed { remarks, results } => Judged::Passes(Checked { remarks, results }),
            gate::GateVerdict::Failed(red) => {
                let onto = Some(CommitId::from(stack.tip));
                Judged::Red(AttemptVerdict::conflict(FailedCheck { onto, ..red }))
            }
            gate::GateVerdict::Unproven(why) => Judged::Red(AttemptVerdict::held(Outcome::Unproven, why)),
            gate::GateVerdict::Cancelled => Judged::Ends(AttemptVerdict::of(Outcome::Cancelled, INTERRUPTED)),
            gate::GateVerdict::NotRun { reason } => {
                Judged::Ends(AttemptVerdict::of(Outcome::InfrastructureFailed, reason))
            }
        })
    }

    /// Returns whether work on which a gate was red is red, too, once a part of it has landed: the gate is asked of any work.
    fn lasts(&self, red: Option<&FailedCheck>) -> Lasts {
        let gates = &self.context().project.config.gates;
        let is_asked_always = |red: &&FailedCheck| {
            let mut named = gates.iter().filter(|gate| gate.name == red.gate);
            red.by == CheckKind::Gate && named.any(|gate| gate.when == When::default())
        };
        red.filter(is_asked_always).map_or(Lasts::No, |_| Lasts::Yes)
    }

    /// Moves the branch to a stack that the gates let pass; `false` where it is not at that tip any more.
    fn land_stack(&self, stack: &Stack, checked: &Checked) -> Result<bool> {
        let Some(commits) = stack.land(self.context(), checked)? else {
            return Ok(false);
        };
        crash_point!("stitch.merged");
        if let Some(tip) = commits.last() {
            self.landings.known().landed(&stack.tip, *tip);
        }
        stack.tell_landed(&commits, checked);
        Ok(true)
    }
}
