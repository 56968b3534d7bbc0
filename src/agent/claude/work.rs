//! Whether a call is at work: a result need not be the last one, nor the end of what was begun in the background.

use serde::de::IgnoredAny;

use super::fields::Fields;

/// What of a call goes on beside, or after, the results that it has reported.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Whether the last result is not the last word: something of a turn has followed it.
    goes_on: bool,
    /// How many tasks run in the background.
    in_background: usize,
    /// Whether the client has killed such a task after its result, so that no turn can have taken notice of it.
    has_dropped: bool,
    /// Whether something went on when we cut the call: the client, told to end, ends its tasks and reports that none is
    /// left.
    was_cut: bool,
}

impl Work {
    /// Takes in what a line shows of it, given its type.
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

    /// Returns whether work was ended that nobody will finish.
    pub(super) fn is_unfinished(&self) -> bool {
        self.was_cut || self.has_dropped
    }

    /// Returns whether anything goes on.
    pub(super) fn is_under_way(&self) -> bool {
        self.goes_on || self.in_background > 0
    }
}
