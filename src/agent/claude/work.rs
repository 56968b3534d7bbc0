//! Whether a call is still working: a result need not be the last one, nor the end of tasks in the background.

use serde::de::IgnoredAny;

use super::fields::Fields;

/// The work of a call that continues beside, or after, the results that it has reported.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Whether the last result is not the end: a line of a turn has followed it.
    goes_on: bool,
    /// How many tasks run in the background.
    in_background: usize,
    /// Whether the client has killed such a task after its result, so that no turn can have noticed it.
    has_dropped: bool,
    /// Whether work continued when we cut the call: the client, told to end, ends its tasks and reports that none is
    /// left.
    was_cut: bool,
}

impl Work {
    /// Processes a line, given its type.
    pub(super) fn note(&mut self, kind: &str, fields: &Fields<'_>) {
        match kind {
            "result" => self.goes_on = false,
            "assistant" | "user" | "stream_event" => {
                self.goes_on = true;
                self.has_dropped = false;
            }
            "system" => self.note_system(fields),
            _ => {}
        }
    }

    fn note_system(&mut self, fields: &Fields<'_>) {
        let subtype = fields.word("subtype").unwrap_or_default();
        match subtype.as_ref() {
            // The whole set of them, after each change.
            "background_tasks_changed" => {
                self.in_background = fields.get::<Vec<IgnoredAny>>("tasks").map_or(0, |tasks| tasks.len());
            }
            "session_state_changed" => match fields.word("state").as_deref() {
                Some("idle") => (self.goes_on, self.in_background) = (false, 0),
                Some("running") => self.goes_on = true,
                _ => {}
            },
            "task_updated" if !self.goes_on => {
                let patch = fields.object("patch");
                self.has_dropped |= patch.is_some_and(|patch| patch.word("status").as_deref() == Some("killed"));
            }
            "task_started" | "task_progress" | "api_retry" | "compact_boundary" => self.goes_on = true,
            _ => {}
        }
    }

    /// Notes that the call was cut, with or without a result.
    pub(super) fn note_cut(&mut self, has_result: bool) {
        self.was_cut |= !has_result || self.is_under_way();
    }

    /// Returns whether work was ended that will not be finished.
    pub(super) fn is_unfinished(&self) -> bool {
        self.was_cut || self.has_dropped
    }

    /// Returns whether any work continues.
    pub(super) fn is_under_way(&self) -> bool {
        self.goes_on || self.in_background > 0
    }
}
