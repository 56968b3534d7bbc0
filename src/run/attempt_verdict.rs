//! How an attempt is judged: by what its call came to, by what it left, and by the attempts before it.

use crate::accounting::budget::Scope;
use crate::agent::{CallOutcome, CallReport, StopCause};
use crate::base::text::one_line;
use crate::git::{DiffStat, FileDiff, Hazard, Oid, Snapshot};
use crate::issues::attempt::Outcome;
use crate::issues::issue::Issue;
use crate::issues::round::{CheckKind, FailedCheck};
use crate::project::generated::is_generated;
use crate::project::tampering::Finding;
use crate::run::waiting::pause::{LimitMet, PauseCause};

/// How many times its estimate a change may have before a person is asked.
const TIMES_THE_ESTIMATE: u64 = 10;

/// After so many conflicts in a row a task is held: what others do meanwhile is not its fault, but work that never fits is
/// lost money.
const MOST_CONFLICTS: u32 = 2;

/// How an attempt is judged.
#[derive(Clone, Debug)]
pub(crate) struct AttemptVerdict {
    pub(crate) outcome: Outcome,
    /// Why, in a line; may be empty.
    pub(crate) reason: String,
    /// The commit on the generation branch, when merged.
    pub(crate) commit: Option<Oid>,
    /// Whether trying again as it is would only cost: the task is held at once.
    pub(crate) hold: bool,
    /// The gate that failed, where one did, or the review that did not pass it.
    pub(crate) red: Option<FailedCheck>,
    /// What the call of a later stage came to, where that ended the attempt.
    pub(crate) later: LaterCall,
    /// What its agent asks a person.
    pub(crate) question: Option<String>,
}

/// What the call of a stage after the work came to that ended an attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct LaterCall {
    /// A refusal that no retry fixes.
    pub(crate) refused: Option<String>,
    /// The budget that it met, or that had no room for it.
    pub(crate) spent: Option<Scope>,
}

impl AttemptVerdict {
    pub(crate) fn of(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: reason.into(),
            commit: None,
            hold: false,
            red: None,
            later: LaterCall::default(),
            question: None,
        }
    }

    /// Builds the verdict on an attempt whose agent asks a person something: it goes on with the answer.
    pub(crate) fn asks(question: &str) -> Self {
        Self {
            question: Some(question.to_owned()),
            ..Self::of(Outcome::Asked, one_line(question, 300))
        }
    }

    /// Builds the verdict on work on which a gate failed, or which a review did not pass: a person has to look at that.
    pub(crate) fn red(red: FailedCheck) -> Self {
        if red.onto.is_some() {
            return Self::conflict(red);
        }
        let reason = format!("{} {}", red.subject(), red.how);
        let verdict = match red.by {
            CheckKind::Merge | CheckKind::Gate => Self::of(Outcome::GateFailed, reason),
            CheckKind::Review => Self::held(Outcome::ReviewRefused, reason),
        };
        Self {
            red: Some(red),
            ..verdict
        }
    }

    /// Builds the verdict on work that does not pass on newer work of the generation.
    pub(crate) fn conflict(red: FailedCheck) -> Self {
        let reason = match red.by {
            CheckKind::Merge => red.how.clone(),
            CheckKind::Gate | CheckKind::Review => format!("{} {}", red.subject(), red.how),
        };
        Self {
            red: Some(red),
            ..Self::of(Outcome::Conflict, one_line(&reason, 500))
        }
    }

    pub(crate) fn held(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            hold: true,
            ..Self::of(outcome, reason)
        }
    }
}

/// Returns what the call's own outcome means for the attempt, given the budget that it met; `None` when the agent
/// succeeded.
pub(crate) fn of_report(report: &CallReport, met: Scope) -> Option<AttemptVerdict> {
    let reason = one_line(&report.reason, 500);
    let timed_out = matches!(report.cut, Some(StopCause::Idle | StopCause::Tool | StopCause::Hard));
    Some(match report.outcome {
        CallOutcome::Success => return None,
        _ if report.cut == Some(StopCause::Cancelled) => AttemptVerdict::of(Outcome::Cancelled, reason),
        CallOutcome::Limited | CallOutcome::Overage => AttemptVerdict::of(Outcome::Limited, reason),
        // The next task's request may pass, and this one's would be refused again and again.
        CallOutcome::Permanent if report.request_refused && !report.session_lost => {
            if is_too_long(&reason) {
                AttemptVerdict::held(Outcome::AgentFailed, reason)
            } else {
                AttemptVerdict::of(Outcome::AgentFailed, reason)
            }
        }
        // A refused account or model is not the task's fault.
        CallOutcome::Transient | CallOutcome::Permanent => AttemptVerdict::of(Outcome::InfrastructureFailed, reason),
        // The task's own verdict: the same call again would end the same way.
        CallOutcome::MaxTurns => AttemptVerdict::held(Outcome::AgentFailed, reason),
        // Unless it was not the call's own money that ran out.
        CallOutcome::Budget if met != Scope::Call => AttemptVerdict::of(Outcome::BudgetSpent, reason),
        CallOutcome::Budget => AttemptVerdict::held(Outcome::BudgetSpent, reason),
        _ if timed_out => AttemptVerdict::of(Outcome::TimedOut, reason),
        CallOutcome::Failed | CallOutcome::Crashed => AttemptVerdict::of(Outcome::AgentFailed, reason),
    })
}

/// Returns whether a request was refused for its length, which no other attempt would change.
fn is_too_long(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["too long", "too large", "request_too_large"]
        .iter()
        .any(|words| reason.contains(words))
}

/// Returns what the snapshot means for the attempt; `None` when it can be merged.
///
/// `touched` is what it touches that no task may, and `brought` what its attributes bring that speaks against working
/// on it.
pub(crate) fn of_snapshot(
    snapshot: &Snapshot,
    is_changed: bool,
    touched: &[String],
    brought: &[Hazard],
) -> Option<AttemptVerdict> {
    if let Some((path, why)) = snapshot.refused.first() {
        let more = match snapshot.refused.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let path = one_line(&path.display().to_string(), 200);
        return Some(AttemptVerdict::held(
            Outcome::ProtectedPath,
            format!("`{path}` may not be committed: {why}{more}"),
        ));
    }
    if !is_changed {
        return Some(AttemptVerdict::held(Outcome::NoChange, "the agent changed nothing"));
    }
    if touched.is_empty() {
        let hazard = brought.first()?;
        return Some(AttemptVerdict::held(Outcome::ProtectedPath, hazard.text.clone()));
    }
    Some(of_touched(touched))
}

/// Returns the verdict that holds a task whose change is far larger than was asked for: than `most` lines, and than
/// ten times the estimate. Lock files and generated files do not count, nor do files that were only renamed.
pub(crate) fn of_size(changed: &[FileDiff], estimate: Option<u32>, most: Option<u32>) -> Option<AttemptVerdict> {
    let bound = u64::from(most?).max(u64::from(estimate.unwrap_or_default()).saturating_mul(TIMES_THE_ESTIMATE));
    let counted: DiffStat = changed.iter().filter(|file| !is_generated(&file.path)).collect();
    (counted.lines() > bound).then(|| {
        let estimated = match estimate {
            Some(lines) => format!("{lines} were estimated, and "),
            None => String::new(),
        };
        let reason = format!("it changes {counted}; {estimated}at most {bound} changed lines are merged unasked");
        AttemptVerdict::held(Outcome::TooLarge, reason)
    })
}

/// How many findings are named in the reason of an attempt.
const FINDINGS_NAMED: usize = 5;

/// Returns what weakens tests, in a line; `None` where nothing does.
pub(crate) fn weakened_in_words(findings: &[Finding]) -> Option<String> {
    let named = findings
        .iter()
        .take(FINDINGS_NAMED)
        .map(|finding| one_line(&finding.to_string(), 160));
    let more = match findings.len().saturating_sub(FINDINGS_NAMED) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    (!findings.is_empty()).then(|| format!("{}{more}", named.collect::<Vec<_>>().join("; ")))
}

/// Returns the verdict that holds a task which touches what no task may.
pub(crate) fn of_touched(touched: &[String]) -> AttemptVerdict {
    let reason = format!("it touches {}", one_line(&touched.join(", "), 500));
    AttemptVerdict::held(Outcome::ProtectedPath, reason)
}

/// Returns why a task is held after an attempt, if it is.
pub(crate) fn hold_reason(issue: &Issue, verdict: &AttemptVerdict, most: u32) -> Option<String> {
    let said = if verdict.reason.is_empty() {
        verdict.outcome.to_string()
    } else {
        format!("{}: {}", verdict.outcome, verdict.reason)
    };
    if verdict.hold {
        return Some(said);
    }
    if verdict.outcome == Outcome::Conflict {
        let conflicts = issue.conflicts_in_a_row();
        let held = || format!("{conflicts} attempts in a row failed; the last one: {said}");
        return (conflicts >= MOST_CONFLICTS).then(held);
    }
    let counted = issue.counted_attempts();
    let attempts = if counted == 1 { "attempt" } else { "attempts" };
    (counted >= most && verdict.outcome.counts()).then(|| format!("{counted} {attempts} failed; the last one: {said}"))
}

/// Returns a usage limit that a call met.
pub(crate) fn limit_of(report: &CallReport) -> Option<LimitMet> {
    let cause = match report.outcome {
        CallOutcome::Overage => PauseCause::Overage,
        CallOutcome::Limited if report.cut == Some(StopCause::LoginExpired) => PauseCause::Login,
        CallOutcome::Limited => PauseCause::Limit,
        _ => return None,
    };
    Some(LimitMet {
        resets_at: report.resets_at,
        reason: one_line(&report.reason, 300),
        cause,
    })
}

/// Returns, of a refusal that no retry fixes, what may fix it.
pub(crate) fn refusal(report: &CallReport) -> String {
    let reason = one_line(&report.reason, 500);
    let fix = report.fix.as_deref();
    let fix = fix.unwrap_or("check the account, the model and `agent` in the configuration");
    format!("the call was refused permanently ({reason}): {fix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(files: &[(&str, u64, u64)], estimate: Option<u32>, most: Option<u32>) -> Option<String> {
        let file = |(path, insertions, deletions): &(&str, u64, u64)| FileDiff {
            path: path.into(),
            insertions: *insertions,
            deletions: *deletions,
        };
        let changed: Vec<_> = files.iter().map(file).collect();
        of_size(&changed, estimate, most).map(|verdict| verdict.reason)
    }

    #[test]
    fn what_weakens_tests_is_named_and_the_rest_is_counted() {
        let finding = |line| Finding {
            path: "tests/a.rs".to_owned(),
            line,
            what: "`a` is deleted".to_owned(),
            kind: crate::project::tampering::FindingKind::Deleted,
        };
        assert_eq!(weakened_in_words(&[]), None);
        let said = weakened_in_words(&[finding(1), finding(2)]).unwrap();
        assert_eq!(said, "tests/a.rs:1 `a` is deleted; tests/a.rs:2 `a` is deleted");
        let many: Vec<Finding> = (1..=7).map(finding).collect();
        assert!(
            weakened_in_words(&many)
                .unwrap()
                .ends_with("tests/a.rs:5 `a` is deleted (and 2 more)")
        );
    }

    #[test]
    fn a_change_is_held_that_is_larger_than_the_bound_and_than_ten_times_its_estimate() {
        let files = [("src/a.rs", 900, 200), ("Cargo.lock", 5000, 0)];
        assert_eq!(
            verdict(&files, None, Some(1000)).as_deref(),
            Some("it changes 1 file, +900 -200; at most 1000 changed lines are merged unasked")
        );
        assert_eq!(
            verdict(&files, Some(30), Some(1000)).as_deref(),
            Some("it changes 1 file, +900 -200; 30 were estimated, and at most 1000 changed lines are merged unasked")
        );
        assert_eq!(verdict(&files, Some(110), Some(1000)), None);
        assert_eq!(verdict(&files, None, Some(1100)), None);
        assert_eq!(verdict(&files, None, None), None);
    }
}
