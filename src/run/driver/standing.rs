//! What the driver knows that is in no ref: written down when it changes, and taken up after a death.

use super::Driver;
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::run::waiting::standing::{self, Failing, FailingTask, Standing};

impl Driver<'_> {
    /// Takes up how the run stood that was killed before this one, if one was.
    pub(super) fn take_up_standing(&mut self) -> Result<()> {
        let context = self.context();
        let Some(left) = standing::load(&context.project.state_dir, &context.generation)? else {
            return Ok(());
        };
        if let Some(failing) = &left.failing {
            self.progress.failures_in_a_row = failing.in_a_row;
            self.progress.failures = failing.in_all;
            self.progress.last_failure.clone_from(&failing.reason);
            self.progress.rest = failing.rest;
        }
        for FailingTask { task, failures, until } in &left.tasks {
            self.tasks_failed.insert(task.clone(), *failures);
            self.backing_off.extend(until.map(|until| (task.clone(), until)));
        }
        if left.paused {
            self.control.pause(true);
        }
        self.noted = Some(left);
        Ok(())
    }

    /// Writes down how the run stands, where that has changed.
    pub(super) fn note_standing(&mut self) -> Result<()> {
        let now = self.standing();
        if self.noted.as_ref().is_some_and(|noted| *noted == now) {
            return Ok(());
        }
        standing::note(&self.context().project.state_dir, &now)?;
        crash_point!("standing.noted");
        self.noted = Some(now);
        Ok(())
    }

    /// Removes what was written down: the run comes to its end.
    pub(super) fn forget_standing(&self) -> Result<()> {
        let context = self.context();
        standing::forget(&context.project.state_dir, &context.generation)
    }

    fn standing(&self) -> Standing {
        let progress = &self.progress;
        let failing = Failing {
            in_a_row: progress.failures_in_a_row,
            in_all: progress.failures,
            reason: progress.last_failure.clone(),
            rest: progress.rest,
        };
        let tasks = self.tasks_failed.iter().map(|(task, failures)| FailingTask {
            task: task.clone(),
            failures: *failures,
            until: self.backing_off.get(task).copied(),
        });
        Standing {
            generation: self.context().generation.clone(),
            paused: self.asked.borrow().paused,
            failing: (progress.failures > 0).then_some(failing),
            tasks: tasks.collect(),
        }
    }
}
