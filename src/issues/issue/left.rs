//! What attempts at an issue left, and what it came to.

use crate::base::error::{Error, ErrorKind, Result};
use crate::issues::attempt::{Attempt, Outcome};
use crate::issues::issue::{Issue, Status};
use crate::model::{AttemptId, CommitId};

impl Issue {
    /// Returns what the task came to: `merged` where a commit closed it, a run's or a person's, else how its last attempt ended; `None`
    /// where there was none.
    pub fn came_to(&self) -> Option<Outcome> {
        let is_merged = self.status == Status::Closed && self.commit.is_some();
        let last = || self.attempts.last().map(|attempt| attempt.outcome);
        if is_merged { Some(Outcome::Merged) } else { last() }
    }

    /// Returns the commit that an attempt left; without a name, the last one that left any.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where there is no such attempt, or it left nothing.
    pub fn left_by(&self, wanted: Option<AttemptId>) -> Result<(AttemptId, &CommitId)> {
        let refuse = |why: String| {
            let error = Error::new(ErrorKind::Precondition, format!("{}: {why}", self.id));
            Err(error.hint(format!("`cordwainer issues show {}` lists its attempts", self.id)))
        };
        let Some(wanted) = wanted else {
            let last = self.attempts.iter().rev().find_map(left_by_all_of);
            return match last {
                Some(last) => Ok(last),
                None if self.attempts.is_empty() => refuse("it has not been attempted".to_owned()),
                None => refuse("no attempt at it has left a commit".to_owned()),
            };
        };
        let Some(attempt) = self.attempts.iter().find(|attempt| attempt.number == wanted.number) else {
            return refuse(format!("there is no attempt {}", wanted.number));
        };
        let snapshot = match wanted.candidate {
            0 => attempt.snapshot.as_ref(),
            number => match attempt.candidates.iter().find(|one| one.number == number) {
                Some(candidate) => candidate.snapshot.as_ref(),
                None => return refuse(format!("attempt {} has no candidate {number}", wanted.number)),
            },
        };
        match snapshot {
            Some(snapshot) => Ok((wanted, snapshot)),
            None => refuse(format!("attempt {wanted} has left no commit")),
        }
    }
}

/// Returns what an attempt left, or else what the last of its candidates did that left anything.
fn left_by_all_of(attempt: &Attempt) -> Option<(AttemptId, &CommitId)> {
    let id = |candidate| AttemptId {
        number: attempt.number,
        candidate,
    };
    let own = attempt.snapshot.as_ref().map(|snapshot| (id(0), snapshot));
    let mut others = attempt.candidates.iter().rev();
    own.or_else(|| others.find_map(|one| Some((id(one.number), one.snapshot.as_ref()?))))
}
