//! Claude Code's stream-json: lines in, events out, and at the end what the call amounts to.
//!
//! The fields differ between versions of the client: all are optional here, unknown types are
//! skipped and counted, and only the fields of a line itself are read, so that no tool's output can
//! pass for an event. What is kept is bounded, however long the stream or a line of it is.

mod cause;
mod fields;
mod figures;
mod intake;
mod json;
mod limit;
mod line;
mod reset;
mod result;
mod tools;
mod usage;
mod verdict;
mod words;
mod work;

use jiff::Timestamp;

use self::limit::Limits;
use self::line::Line;
pub use self::reset::reset_time;
use self::result::ResultLine;
use self::tools::Tools;
use self::usage::Meter;
use self::words::LastWords;
use self::work::Work;
use super::{AgentEvent, CallReport, Ending, Rates, Usage};
use crate::base::text::one_line;

/// The longest summary of a tool's use, in characters.
const SUMMARY_WIDTH: usize = 100;

/// A fold over the lines of one call.
#[derive(Debug, Default)]
pub struct Transcript {
    begun: bool,
    began_at: Option<Timestamp>,
    session_id: Option<String>,
    /// The model that the client bound.
    model: Option<String>,
    /// The model that wrote the last message of the main thread.
    answered: Option<String>,
    client_version: Option<String>,
    api_key_source: Option<String>,
    meter: Meter,
    tools: Tools,
    work: Work,
    /// Whether the client could not write its session down: one that goes on with it would miss what is lost.
    writes_lost: bool,
    /// Whether a model wrote any message of the main thread.
    has_spoken: bool,
    /// The last text of the main thread.
    last_words: LastWords,
    limits: Limits,
    /// The last refusal that the client wrote down as a message.
    refusal: Option<Refusal>,
    /// The last retry, while no message has followed it.
    retry: Option<Retry>,
    result: Option<ResultLine>,
    duration_ms: u64,
    wait_ms: u64,
    skipped_lines: u64,
}

/// A message that the client made up from an API error.
#[derive(Debug)]
struct Refusal {
    word: String,
    text: String,
    /// When the limit is lifted, if the refusal says so.
    resets_at: Option<Timestamp>,
}

/// A request that the client is about to repeat.
#[derive(Debug)]
struct Retry {
    status: Option<u16>,
    word: String,
}

impl Transcript {
    /// A transcript without lines, of a call that begins a session.
    pub fn new() -> Self {
        Self::default()
    }

    /// A transcript without lines, of a call that goes on with a session whose earlier calls used `prior` in sum:
    /// some clients count that in again.
    pub fn resuming(prior: Usage) -> Self {
        let mut transcript = Self::new();
        transcript.set_prior(prior);
        transcript
    }

    /// Says what the earlier calls of the session used, before the first result line is there.
    pub fn set_prior(&mut self, prior: Usage) {
        self.meter.before.usage = prior;
    }

    /// Says for how many milliseconds the API answered the earlier calls of the session: clients that sum up the
    /// usage of a session sum up this, too.
    #[must_use]
    pub fn after_api_ms(mut self, prior: u64) -> Self {
        self.meter.before.api_ms = prior;
        self
    }

    /// Reckons with these rates from now on where the client has not said what it cost.
    pub fn set_rates(&mut self, rates: Rates) {
        self.meter.rates = rates;
    }

    /// Takes in one line of stdout, with or without its newline. Any bytes will do.
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

    /// Takes in what stood on one line; answers the last event of it.
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

    /// What the call used so far, each message once. Exact once the result line is there; before that, input is exact,
    /// output and money are reckoned.
    pub fn usage(&self) -> Usage {
        self.meter.usage()
    }

    /// Turns so far: before the result line is there, messages of the main thread.
    pub fn turns(&self) -> u32 {
        self.meter.turns()
    }

    /// Whether any event was there: the client is up.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// When the first message was written, if it says so.
    pub fn began_at(&self) -> Option<Timestamp> {
        self.began_at
    }

    /// The session, once a line has told it.
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// Whether the main thread waits for a tool, or for a sub-agent.
    pub fn tool_running(&self) -> bool {
        self.tools.are_running()
    }

    /// Whether the last result line is there and nothing goes on after it: the client has only to go away.
    pub fn is_over(&self) -> bool {
        self.result.is_some() && !self.work.is_under_way()
    }

    /// Notes that the call is cut now. What its client says from here on of its work is only how that was ended.
    pub fn note_cut(&mut self) {
        self.work.note_cut(self.result.is_some());
    }

    /// Says what the call amounts to, given how its process ended.
    pub fn finish(mut self, ending: &Ending<'_>) -> CallReport {
        let verdict = verdict::of(&self, ending);
        let usage = Usage {
            calls: 1,
            ..self.usage()
        };
        let (text, structured_output) = match self.result.take() {
            Some(line) => (line.text, line.structured_output),
            None => (None, None),
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
            mend: verdict.mend.map(str::to_owned),
            session_lost: verdict.session_lost,
            request_refused: verdict.request_refused,
            resets_at: verdict.resets_at,
            result: text.or_else(|| self.last_words.text()),
            structured_output,
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
