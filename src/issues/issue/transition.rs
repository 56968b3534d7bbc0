//! The changes of an issue's status, and what refuses them.
//!
//! While an issue is claimed, only the run that claimed it changes its status: a person's `close`, `hold`
//! and `reopen` are refused until the claim is gone. The run gives its claim back and holds or closes in one update.

use jiff::Timestamp;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::issues::attempt::{Attempt, Outcome};
use crate::issues::interfaces::InterfaceChanges;
use crate::issues::issue::input::text_problem;
use crate::issues::issue::{Claim, Comment, HoldKind, Issue, Issues, Status, Taken};
use crate::issues::questions;
use crate::model::{AttemptId, CommitId, IssueId, RunId, id_list};

#[cfg(test)]
mod tests;

impl Issues {
    /// Claims a ready issue for a run. A second claim is refused, also from the same run.
    pub fn claim(&mut self, id: &IssueId, run: &RunId, now: Timestamp) -> Result<()> {
        let claim = Claim {
            run: run.clone(),
            repository: None,
            at: now,
        };
        self.claim_as(id, claim)
    }

    /// Claims an issue with all data of the claim, including the run's repository.
    pub fn claim_as(&mut self, id: &IssueId, claim: Claim) -> Result<()> {
        let issue = self.get(id)?;
        if issue.status != Status::Open {
            return Err(refused(issue, "be claimed"));
        }
        let waits_for = self.waits_for(issue);
        if !waits_for.is_empty() {
            let list = id_list(&waits_for);
            return Err(precondition(format!("{id} cannot be claimed: it waits for {list}")));
        }
        let waits_for = self.group_waits_for(issue);
        if !waits_for.is_empty() {
            let list = one_line(&waits_for.join(", "), 200);
            return Err(precondition(format!(
                "{id} cannot be claimed: its group waits for {list}"
            )));
        }
        self.change(id, claim.at, |issue| {
            issue.status = Status::InProgress;
            issue.claim = Some(claim);
        })
    }

    /// Gives a claim back: the issue is open again. Refuses if the named run does not hold it.
    pub fn release_claim(&mut self, id: &IssueId, run: &RunId, now: Timestamp) -> Result<()> {
        let issue = self.get(id)?;
        if issue.claim.as_ref().is_none_or(|claim| claim.run != *run) {
            return Err(precondition(format!(
                "{id} is not claimed by run `{run}`: it is {}",
                standing(issue)
            )));
        }
        self.change(id, now, |issue| {
            issue.status = Status::Open;
            issue.claim = None;
        })
    }

    /// Has a run go on with the attempt that a dead one was at: the claim is that one's from now on, as old as it is. Refuses if
    /// the dead run does not hold it.
    pub(crate) fn take_over(&mut self, id: &IssueId, (dead, run): (&RunId, &RunId), now: Timestamp) -> Result<()> {
        let issue = self.get(id)?;
        if issue.claim.as_ref().is_none_or(|claim| claim.run != *dead) {
            return Err(precondition(format!(
                "{id} is not claimed by run `{dead}`: it is {}",
                standing(issue)
            )));
        }
        self.change(id, now, |issue| {
            if let Some(claim) = &mut issue.claim {
                claim.run = run.clone();
            }
        })
    }

    /// Records an attempt, whatever the issue's status: its usage counts in any case. Recording it a second time
    /// changes nothing.
    pub fn record_attempt(&mut self, id: &IssueId, attempt: Attempt, now: Timestamp) -> Result<()> {
        let issue = self.get(id)?;
        if issue.attempts.contains(&attempt) {
            return Ok(());
        }
        let next = issue.next_attempt();
        if attempt.number != next {
            return Err(precondition(format!(
                "attempt {} of {id} cannot be recorded: the next one is {next}",
                attempt.number
            )));
        }
        self.change(id, now, |issue| {
            if attempt.calls().next().is_some() {
                issue.begins_from = None;
            }
            issue.attempts.push(attempt);
        })
    }

    /// Keeps which public interfaces the last attempt has changed, whose result has landed.
    pub(crate) fn keep_interfaces(&mut self, id: &IssueId, changes: &InterfaceChanges, now: Timestamp) -> Result<()> {
        self.change(id, now, |issue| {
            if let Some(last) = issue.attempts.last_mut() {
                last.interfaces = Some(changes.clone());
            }
        })
    }

    /// Holds an open issue for a person; a held one gets the new reason.
    pub fn hold(&mut self, id: &IssueId, reason: &str, now: Timestamp) -> Result<()> {
        let reason = required("reason", reason)?;
        let issue = self.get(id)?;
        if !matches!(issue.status, Status::Open | Status::Blocked) {
            return Err(refused(issue, "be held"));
        }
        self.change(id, now, |issue| {
            let_go(issue);
            issue.status = Status::Blocked;
            issue.hold = Some(reason);
        })
    }

    /// Holds an open issue until a person has answered what its agent asks.
    pub fn ask(&mut self, id: &IssueId, question: &str, now: Timestamp) -> Result<()> {
        let question = required("question", question)?;
        self.hold(id, &format!("it asks: {}", one_line(&question, 300)), now)?;
        self.change(id, now, |issue| {
            issue.hold_kind = Some(HoldKind::Question);
            issue.question = Some(question);
        })
    }

    /// Holds an open issue whose attempts make no progress.
    pub(crate) fn hold_stuck(&mut self, id: &IssueId, reason: &str, now: Timestamp) -> Result<()> {
        self.hold(id, reason, now)?;
        self.change(id, now, |issue| issue.hold_kind = Some(HoldKind::Stuck))
    }

    /// Holds an open issue for a person who works on it.
    pub(crate) fn take(&mut self, id: &IssueId, by: &str, taken: &Taken, now: Timestamp) -> Result<()> {
        let reason = format!(
            "taken by {}: branch `{}` at `{}`",
            one_line(by, 100),
            taken.branch,
            taken.path
        );
        self.hold(id, &reason, now)?;
        self.change(id, now, |issue| {
            issue.hold_kind = Some(HoldKind::Taken);
            issue.taken = Some(taken.clone());
        })
    }

    /// Answers what the agent of an issue asks: the answer is a comment, and the issue is open again. Attempts before it count
    /// as before.
    pub fn answer(&mut self, id: &IssueId, author: &str, answer: &str, now: Timestamp) -> Result<()> {
        let answer = required("answer", answer)?;
        let issue = self.get(id)?;
        let Some(question) = issue.question.clone() else {
            let message = format!("{id} cannot be answered: it asks nothing, and is {}", standing(issue));
            return Err(precondition(message).hint("`cordwainer issues comment` adds to what its next attempt is told"));
        };
        // Whoever works on it may not be the one who asked.
        self.comment(
            id,
            author,
            &format!("The question: {question}\n\nThe answer: {answer}"),
            now,
        )?;
        self.change(id, now, |issue| {
            let_go(issue);
            issue.status = Status::Open;
        })
    }

    /// Answers each of the different questions that the candidates of an issue ask, in their order.
    ///
    /// # Errors
    ///
    /// Those of [`Issues::answer`], and of kind [`ErrorKind::Usage`] where there are more or fewer questions than answers.
    pub fn answer_each(&mut self, id: &IssueId, author: &str, answers: &[String], now: Timestamp) -> Result<()> {
        let issue = self.get(id)?;
        let Some(question) = &issue.question else {
            // It says so.
            return self.answer(id, author, &answers.concat(), now);
        };
        let attempts = issue.attempts.iter().rev();
        let mut asking = attempts.filter(|attempt| attempt.outcome == Outcome::Asked);
        let candidates = asking.next().map_or(&[][..], |attempt| &attempt.candidates);
        let asked = questions::different(question, candidates);
        if asked.len() != answers.len() {
            let count = match asked.len() {
                1 => "1 question".to_owned(),
                count => format!("{count} questions"),
            };
            let message = format!("{id} asks {count}, and {} answers are given", answers.len());
            return Err(Error::new(ErrorKind::Usage, message).hint(match asked.len() {
                1 => "put the answer in quotes".to_owned(),
                _ => format!(
                    "give one answer for all, or one for each in this order: {}",
                    one_line(&questions::in_one_text(&asked), 500)
                ),
            }));
        }
        for answer in answers {
            required("answer", answer)?;
        }
        self.answer(id, author, &questions::answers_in_one_text(&asked, answers), now)
    }

    /// Releases a held issue; earlier attempts no longer count.
    pub fn release(&mut self, id: &IssueId, now: Timestamp) -> Result<()> {
        let issue = self.get(id)?;
        if issue.status != Status::Blocked {
            return Err(refused(issue, "be released"));
        }
        self.change(id, now, reset)
    }

    /// Releases a held issue, whose next attempt begins with what this one left.
    ///
    /// # Errors
    ///
    /// Those of [`Issues::release`], and where that attempt is not there, or left nothing.
    pub fn release_from(&mut self, id: &IssueId, from: AttemptId, now: Timestamp) -> Result<()> {
        self.get(id)?.left_by(Some(from))?;
        self.release(id, now)?;
        self.change(id, now, |issue| issue.begins_from = Some(from))
    }

    /// Closes an issue. With the commit on the generation branch it closes from any status, because the work is done;
    /// without one it is a person's decision, and refused while a run works on it. A repetition with the same commit
    /// changes nothing.
    pub fn close(&mut self, id: &IssueId, reason: &str, commit: Option<&CommitId>, now: Timestamp) -> Result<()> {
        let reason = required("reason", reason)?;
        let issue = self.get(id)?;
        let possible = match (issue.status, commit) {
            (Status::Closed, Some(commit)) if issue.commit.as_ref() == Some(commit) => return Ok(()),
            (Status::Closed, _) | (Status::InProgress, None) => false,
            (Status::Open | Status::Blocked, _) | (Status::InProgress, Some(_)) => true,
        };
        if !possible {
            return Err(refused(issue, "be closed"));
        }
        self.change(id, now, |issue| {
            issue.status = Status::Closed;
            issue.closed_at = Some(now);
            issue.close_reason = Some(reason);
            issue.commit = commit.cloned();
            issue.claim = None;
            issue.begins_from = None;
            let_go(issue);
        })
    }

    /// Opens a closed issue again; earlier attempts no longer count. The reason for closing it stays in the store's
    /// history.
    pub fn reopen(&mut self, id: &IssueId, now: Timestamp) -> Result<()> {
        let issue = self.get(id)?;
        if issue.status != Status::Closed {
            return Err(refused(issue, "be reopened"));
        }
        self.change(id, now, reset)
    }

    /// Adds a comment to an issue.
    pub fn comment(&mut self, id: &IssueId, author: &str, text: &str, now: Timestamp) -> Result<()> {
        let comment = Comment {
            author: author.to_owned(),
            text: required("comment", text)?,
            created_at: now,
        };
        self.change(id, now, |issue| issue.comments.push(comment))
    }

    fn change(&mut self, id: &IssueId, now: Timestamp, change: impl FnOnce(&mut Issue)) -> Result<()> {
        let issue = self.get_mut(id)?;
        change(issue);
        issue.updated_at = now;
        Ok(())
    }
}

impl Issue {
    /// Returns the last attempt and its snapshot, when the issue is held because of the files that the last attempt of an agent
    /// left: a person may accept that result as it is, or as they left it by hand since.
    pub fn acceptable(&self) -> Result<(&Attempt, &CommitId)> {
        if self.status != Status::Blocked {
            return Err(refused(self, "be accepted"));
        }
        let judged = self.attempts.iter().rfind(|attempt| attempt.person.is_none());
        let can_be = judged.is_some_and(|judged| {
            matches!(
                judged.outcome,
                Outcome::ProtectedPath
                    | Outcome::TooLarge
                    | Outcome::WeakenedTests
                    | Outcome::ReviewRefused
                    | Outcome::ReviewFailed
                    | Outcome::StageFailed
                    | Outcome::Unproven
            )
        });
        let why = match (self.attempts.last(), judged) {
            (Some(last), _) if can_be => match &last.snapshot {
                Some(snapshot) => return Ok((last, snapshot)),
                None => "no result of its last attempt was kept".to_owned(),
            },
            (_, Some(judged)) => format!("its last attempt ended with `{}`", judged.outcome),
            (_, None) => "it has not been attempted".to_owned(),
        };
        Err(precondition(format!("{} cannot be accepted: {why}", self.id))
            .hint("only a result that touches a protected path, is larger than `max_changed_lines`, weakens tests, was not passed by its review, met a stage that failed, is not proven, or has a file that was left out or redacted can be accepted"))
    }
}

/// Makes an issue open as if it had never been attempted.
fn reset(issue: &mut Issue) {
    issue.status = Status::Open;
    let_go(issue);
    issue.closed_at = None;
    issue.close_reason = None;
    issue.commit = None;
    issue.begins_from = None;
    issue.forgiven_attempts = u32::try_from(issue.attempts.len()).unwrap_or(u32::MAX);
}

/// Takes away all that an issue is held by.
fn let_go(issue: &mut Issue) {
    (issue.hold, issue.hold_kind, issue.question, issue.taken) = (None, None, None, None);
}

fn required(what: &str, text: &str) -> Result<String> {
    let text = text.trim();
    let empty = text.is_empty().then(|| format!("the {what} is empty"));
    match empty.or_else(|| text_problem(what, text)) {
        Some(problem) => Err(Error::new(ErrorKind::Usage, problem)),
        None => Ok(text.to_owned()),
    }
}

/// Returns the error about a change that the state of an issue does not allow.
pub(super) fn refused(issue: &Issue, what: &str) -> Error {
    let already = if what == "be closed" && issue.status == Status::Closed {
        "already "
    } else {
        ""
    };
    let error = precondition(format!(
        "{} cannot {what}: it is {already}{}",
        issue.id,
        standing(issue)
    ));
    match issue.status {
        Status::Open if what == "be released" => error.hint(format!(
            "the next run attempts it as soon as it can; `cordwainer issues hold {}` keeps it from that",
            issue.id
        )),
        Status::Open => error,
        Status::InProgress => {
            error.hint("wait until the run gives it back; `cordwainer resume` gives back the task of a dead run")
        }
        Status::Blocked if issue.question.is_some() => error.hint("`cordwainer issues answer` answers what it asks"),
        Status::Blocked => error.hint("`cordwainer issues release` releases it"),
        Status::Closed => error.hint("`cordwainer issues reopen` opens it again"),
    }
}

/// Returns the state of an issue, in words.
fn standing(issue: &Issue) -> String {
    match (&issue.claim, &issue.hold, &issue.close_reason) {
        (Some(claim), _, _) => format!("in progress in run `{}` since {}", claim.run, claim.at),
        (_, Some(hold), _) => format!("held ({})", crate::base::text::one_line(hold, 100)),
        (_, _, Some(reason)) => {
            // The reason of a `close` without one is `closed by` and the name.
            let reason = reason.strip_prefix("closed ").unwrap_or(reason);
            format!("closed ({})", crate::base::text::one_line(reason, 100))
        }
        _ => issue.status.to_string(),
    }
}

fn precondition(message: String) -> Error {
    Error::new(ErrorKind::Precondition, message)
}
