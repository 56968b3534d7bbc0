//! Whether a call is at work: a result need not be the last one, nor the end of what was begun in the background.

use serde::de::IgnoredAny;

use super::fields::Fields;

/// What of a call goes on beside, or after, the results that it has told.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Whether the last result is not the last word: something of a turn has followed it.
    goes_on: bool,
    /// How many tasks run in the background.
    in_background: usize,
}

impl Work {
    /// Takes in what a line shows of it, given its type.
    pub(super) fn note(&mut self, kind: &str, fields: &Fields<'_>) {
        match kind {
            "result" => self.goes_on = false,
            "assistant" | "user" | "stream_event" => self.goes_on = true,
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
                Some("idle") => *self = Self::default(),
                Some("running") => self.goes_on = true,
                _ => {}
            },
            "task_started" | "task_progress" | "api_retry" | "compact_boundary" => self.goes_on = true,
            _ => {}
        }
    }

    /// Whether anything goes on.
    pub(super) fn is_under_way(&self) -> bool {
        self.goes_on || self.in_background > 0
    }
}
