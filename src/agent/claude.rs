//! Claude Code's stream-json: lines in, events out, and at the end a report on the call.
//!
//! The fields differ between versions of the client: all are optional here, unknown types are
//! skipped and counted, and only the fields of a line itself are read, so that no tool's output can
//! pass for an event. What is kept is bounded, however long the stream or a line of it is.

mod cause;
mod fields;
mod figures;
mod input;
mod intake;
mod json;
mod limit;
mod line;
mod reset;
mod result;
mod sayings;
mod tools;
mod transcript;
mod usage;
mod verdict;
mod words;
mod work;

pub(crate) use self::input::{STREAMED_INPUT, user_message};
use self::line::Line;
pub use self::reset::reset_time;
pub use self::sayings::{Saying, sayings};
pub use self::transcript::Transcript;
use super::{AgentEvent, CallReport, Ending, Usage};
use crate::base::text::one_line;

impl Transcript {
    /// Processes one line of stdout, with or without its newline. Any bytes are accepted.
    pub fn push_line(&mut self, line: &[u8]) -> Option<AgentEvent> {
        let bytes = line::trimmed(line);
        if bytes.is_empty() {
            return None;
        }
        match Line::read(bytes) {
            (read, true) => self.take_in(&read),
            (read, false) => match (line::mended(bytes), line::pieces(bytes)) {
                (Some(text), _) => self.push_mended(&text, line.len()),
                (None, Some(pieces)) => self.push_pieces(&pieces),
                (None, None) => self.take_in_part(&read, line.len()),
            },
        }
    }

    /// Processes the content of one line; returns the last event of it.
    fn push_pieces(&mut self, pieces: &[Vec<u8>]) -> Option<AgentEvent> {
        let events = pieces.iter().map(|piece| match Line::read(piece) {
            (read, true) => self.take_in(&read),
            (read, false) => self.take_in_part(&read, piece.len()),
        });
        events.fold(None, |last, event| event.or(last))
    }

    fn push_mended(&mut self, text: &str, length: usize) -> Option<AgentEvent> {
        match Line::read(text.as_bytes()) {
            (read, true) => self.take_in(&read),
            (read, false) => self.take_in_part(&read, length),
        }
    }

    /// Returns the report on the call, given how its process ended.
    pub fn finish(mut self, ending: &Ending<'_>) -> CallReport {
        let verdict = verdict::of(&self, ending);
        let usage = Usage {
            calls: 1,
            ..self.usage()
        };
        let (text, structured_output, answer_too_large) = match self.result.take() {
            Some(line) => (line.text, line.structured_output, line.too_large),
            None => (None, None, None),
        };
        let text = text.filter(|text| !text.trim().is_empty());
        CallReport {
            outcome: verdict.outcome,
            reason: one_line(&verdict.reason, 500),
            session_id: self.session_id.filter(|_| !self.writes_lost),
            model: self.answered.or(self.model),
            turns: self.meter.turns(),
            usage,
            estimated: self.meter.is_estimated(),
            duration_ms: self.duration_ms,
            api_ms: self.meter.api_ms(),
            wait_ms: self.wait_ms,
            fix: verdict.fix.map(str::to_owned),
            session_lost: verdict.session_lost,
            request_refused: verdict.request_refused,
            resets_at: verdict.resets_at,
            result: text.or_else(|| self.last_words.text()),
            structured_output,
            answer_too_large,
            client_version: self.client_version,
            api_key_source: self.api_key_source,
            using_overage: self.limits.overage,
            skipped_lines: self.skipped_lines,
            cut: ending.cut,
        }
    }
}

#[cfg(test)]
mod tests;
