//! Sessions that wait for the answer to a question: only so many of them keep their slots.

use std::sync::PoisonError;

use super::Sessions;
use crate::base::error::Result;
use crate::run::waiting::suspend::Suspended;

impl Sessions {
    /// Frees the slots of the oldest questions beyond `max_questions`. What their agents left is on the tasks' refs, and a fresh
    /// session gets question and answer.
    pub(crate) fn bound_questions(&self) -> Result<()> {
        // Two attempts may end at once, and a person may have answered meanwhile.
        let _one = self.parking.lock().unwrap_or_else(PoisonError::into_inner);
        let issues = self.context.store.read()?;
        let mut waiting: Vec<_> = self.slots.all_suspended(&issues)?;
        let asked_at = |one: &Suspended| {
            let issue = issues.get(one.owner.task.as_ref()?).ok()?;
            issue.question.as_ref()?;
            issue.attempts.last().map(|last| last.ended_at)
        };
        waiting.retain(|one| asked_at(one).is_some());
        waiting.sort_by_key(asked_at);
        let most = usize::try_from(self.context.project.config.max_questions).unwrap_or(usize::MAX);
        let beyond = waiting.len().saturating_sub(most);
        for one in waiting.iter().take(beyond) {
            let task = one.owner.task.as_ref().map_or_else(String::new, ToString::to_string);
            match self.slots.adopt(one) {
                Ok(slot) => {
                    self.slots.release(slot, None);
                    self.context.warn(format!(
                        "{task}: `max_questions` ({most}) is reached, so its session does not wait: a fresh one gets question and answer"
                    ));
                }
                Err(error) => {
                    let error = error.in_a_line();
                    self.context
                        .warn(format!("{task}: the slot of its session could not be freed: {error}"));
                }
            }
        }
        Ok(())
    }
}
