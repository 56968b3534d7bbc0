//! The attempt that a dead run was at, as its claim and its records show it.

use jiff::Timestamp;

use super::Recovery;
use crate::accounting::ledger::{CallPlace, Entry};
use crate::agent::CallOutcome;
use crate::base::error::{Error, ErrorKind, Result};
use crate::issues::attempt::{Attempt, Outcome};
use crate::issues::issue::{Issue, Issues};
use crate::model::{CommitId, Role, RunId};
use crate::record::recorder::recorded_call;
use crate::run::land::{AttemptName, kept_commit};

impl Recovery<'_> {
    /// Returns the name of an attempt at a claimed task of this generation.
    pub(super) fn name<'name>(&'name self, issue: &'name Issue, number: u32, run: &'name RunId) -> AttemptName<'name> {
        let claim = issue.claim.as_ref();
        AttemptName {
            generation: self.generation,
            task: &issue.id,
            number,
            run,
            repository: claim.and_then(|claim| claim.repository.as_deref()),
        }
    }

    /// Returns the call of an attempt: what the store has of it, else what its transcript shows; `None` when it never
    /// began.
    pub(super) fn call_of(&self, issue: &Issue, attempt: u32, run: &RunId, issues: &Issues) -> Result<Option<Entry>> {
        if let Some(stored) = issue.attempts.iter().find(|stored| stored.number == attempt) {
            return Ok(stored.call.clone());
        }
        let records = self.project.state_dir.join(records_of(run, issue, attempt));
        let place = CallPlace {
            role: Role::Stitch,
            task: Some(issue.id.clone()),
            attempt,
            cycle: issues.cycle(),
            run: run.clone(),
        };
        let now = self.project.clock().now();
        let call = recorded_call(&records, issues)?;
        Ok(call.map(|call| call.entry(place, now)))
    }

    /// Returns the attempt that a dead run was at, with what its transcript shows of it.
    pub(super) fn interrupted_attempt(&self, issue: &Issue, now: Timestamp, issues: &Issues) -> Result<Attempt> {
        let claim = issue.claim.as_ref().ok_or_else(|| {
            let message = format!("nobody has claimed {}", issue.id);
            Error::new(ErrorKind::Unexpected, message)
        })?;
        let run = claim.run.clone();
        let number = issue.next_attempt();
        let records = records_of(&run, issue, number);
        let kept = kept_commit(self.project, &self.name(issue, number, &run))?;
        let call = self.call_of(issue, number, &run, issues)?;
        Ok(Attempt {
            number,
            outcome: interrupted_outcome(call.as_ref()),
            reason: "the run ended before the attempt did".to_owned(),
            snapshot: kept.map(CommitId::from),
            ignored: None,
            records: Some(records),
            started_at: claim.at,
            ended_at: now,
            call,
            run,
        })
    }
}

/// Returns how an attempt ended whose run died: at a limit, if its call had met one by then.
fn interrupted_outcome(call: Option<&Entry>) -> Outcome {
    match call.map(|call| call.outcome) {
        Some(CallOutcome::Limited | CallOutcome::Overage) => Outcome::Limited,
        _ => Outcome::Cancelled,
    }
}

/// Returns the folder of an attempt's records, below the state folder.
fn records_of(run: &RunId, issue: &Issue, attempt: u32) -> String {
    format!("runs/{run}/{}-{attempt}", issue.id)
}
