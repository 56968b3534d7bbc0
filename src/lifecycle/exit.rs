//! The one map from the results of a run, a measure, an attempt or a check to the exit code of the command. A failure has the
//! code of its error's kind, see [`exit`].

use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::base::interruption::Interruption;
use crate::config::Problem;
use crate::issues::attempt::Outcome;
use crate::run::driver::DriverSummary;
use crate::run::phase::measure::MeasureOutcome;
use crate::run::plan::Reason;
use crate::setup::doctor::Diagnosis;

/// Returns the exit code of a run.
pub(super) fn of_run(driven: &DriverSummary) -> u8 {
    let held = driven.held;
    match driven.reason {
        Reason::BudgetSpent(_) | Reason::Limited(..) => exit::LIMIT,
        Reason::Infrastructure(_) => exit::ENGINE,
        Reason::Refused(_) | Reason::Red(_) | Reason::Blocked | Reason::Stuck(_) => exit::TASKS,
        Reason::Complete
        | Reason::GroupsDone
        | Reason::RequestDone
        | Reason::CyclesMade
        | Reason::TasksDone
        | Reason::TasksAttempted(_)
            if held > 0 =>
        {
            exit::TASKS
        }
        Reason::Complete if driven.merged == 0 => exit::NOTHING_TO_DO,
        Reason::GroupsDone if driven.attempted == 0 && driven.groups_done == 0 => exit::NOTHING_TO_DO,
        Reason::RequestDone | Reason::TasksDone | Reason::Waiting if driven.attempted == 0 => exit::NOTHING_TO_DO,
        // Proposals are held because that was asked for.
        Reason::Proposed(_)
        | Reason::Reported
        | Reason::Waiting
        | Reason::Complete
        | Reason::GroupsDone
        | Reason::RequestDone
        | Reason::CyclesMade
        | Reason::TasksDone
        | Reason::TasksAttempted(_) => exit::DONE,
    }
}

/// Returns the exit code of a measure that filed so many tasks.
pub fn of_measure(filed: usize) -> u8 {
    if filed == 0 { exit::NOTHING_TO_DO } else { exit::DONE }
}

/// Returns the exit code of one attempt.
pub fn of_attempt(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Merged => exit::DONE,
        Outcome::Limited | Outcome::BudgetSpent => exit::LIMIT,
        Outcome::InfrastructureFailed => exit::ENGINE,
        Outcome::Cancelled => exit::INTERRUPTED,
        _ => exit::TASKS,
    }
}

/// Returns the exit code of a diagnosis.
pub fn of_diagnosis(diagnosis: &Diagnosis) -> u8 {
    if diagnosis.holds() {
        exit::DONE
    } else {
        exit::PRECONDITION
    }
}

/// Returns the exit code of a check that found these problems in the configuration.
pub fn of_problems(found: &[Problem]) -> u8 {
    if found.is_empty() {
        exit::DONE
    } else {
        exit::CONFIGURATION
    }
}

/// Returns how many tasks a measure filed, or the error for how else it ended.
pub(super) fn measured(done: MeasureOutcome, interruption: &Interruption) -> Result<usize> {
    Err(match done {
        MeasureOutcome::Filed(filed) => return Ok(filed),
        MeasureOutcome::Limited(limit) => {
            Error::new(ErrorKind::Limit, limit.reason).hint("`cordwainer status` prints until when")
        }
        MeasureOutcome::Spent(reason) => Error::new(ErrorKind::Limit, reason),
        MeasureOutcome::SessionLost => {
            Error::new(ErrorKind::Tasks, "the session of the last measure cannot be continued")
                .hint("measure again: that begins a new session")
        }
        MeasureOutcome::Refused(reason) => Error::new(ErrorKind::Tasks, reason),
        MeasureOutcome::Failed(why) => Error::new(ErrorKind::Engine, why),
        MeasureOutcome::Cancelled => interruption.error(),
    })
}
