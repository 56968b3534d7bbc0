//! The state that is kept of the lines of a call.

use jiff::Timestamp;

use super::limit::ReportedLimits;
use super::result::ResultLine;
use super::tools::Tools;
use super::usage::Meter;
use super::words::LastWords;
use super::work::Work;
use crate::agent::Rates;
use crate::model::Usage;

/// A fold over the lines of one call.
#[derive(Debug, Default)]
pub struct Transcript {
    pub(super) begun: bool,
    pub(super) began_at: Option<Timestamp>,
    pub(super) session_id: Option<String>,
    /// The model that the client selected.
    pub(super) model: Option<String>,
    /// The model that wrote the last message of the main thread.
    pub(super) answered: Option<String>,
    pub(super) client_version: Option<String>,
    pub(super) api_key_source: Option<String>,
    pub(super) meter: Meter,
    pub(super) tools: Tools,
    pub(super) work: Work,
    /// Whether the client could not save its session: a call that continues it would miss the lost part.
    pub(super) writes_lost: bool,
    /// Whether a model wrote any message of the main thread.
    pub(super) has_spoken: bool,
    /// The last text of the main thread.
    pub(super) last_words: LastWords,
    pub(super) limits: ReportedLimits,
    /// The last refusal that the client wrote down as a message.
    pub(super) refusal: Option<ApiRefusal>,
    /// The last retry, while no message has followed it.
    pub(super) retry: Option<Retry>,
    pub(super) result: Option<ResultLine>,
    pub(super) duration_ms: u64,
    pub(super) wait_ms: u64,
    pub(super) skipped_lines: u64,
}

/// A message that the client created from an API error.
#[derive(Debug)]
pub(super) struct ApiRefusal {
    pub(super) word: String,
    pub(super) text: String,
    /// When the limit is lifted, if the refusal names it.
    pub(super) resets_at: Option<Timestamp>,
}

/// A request that the client is about to repeat.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) status: Option<u16>,
    pub(super) word: String,
}

impl Transcript {
    /// Builds a transcript without lines, of a call that begins a session.
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds a transcript without lines, of a call that continues a session with earlier calls that used `prior` in
    /// total: some clients include that again.
    pub fn resuming(prior: Usage) -> Self {
        let mut transcript = Self::new();
        transcript.set_prior(prior);
        transcript
    }

    /// Sets what the earlier calls of the session used, before the first result line arrives.
    pub fn set_prior(&mut self, prior: Usage) {
        self.meter.before.usage = prior;
    }

    /// Sets for how many milliseconds the API worked on the earlier calls of the session: clients that sum up the usage
    /// of a session sum up this, too.
    #[must_use]
    pub fn after_api_ms(mut self, prior: u64) -> Self {
        self.meter.before.api_ms = prior;
        self
    }

    /// Computes money with these rates from now on where the client has not reported the cost of a call.
    pub fn set_rates(&mut self, rates: Rates) {
        self.meter.rates = rates;
    }

    /// Returns what the call used so far, each message once. Exact once the result line has arrived; before that, input
    /// is exact, output and money are estimated.
    pub fn usage(&self) -> Usage {
        self.meter.usage()
    }

    /// Turns so far: before the result line arrives, messages of the main thread.
    pub fn turns(&self) -> u32 {
        self.meter.turns()
    }

    /// Returns whether any event has arrived: the client has started.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Returns when the first message was written, if it has a time.
    pub fn began_at(&self) -> Option<Timestamp> {
        self.began_at
    }

    /// Returns the session, once a line has named it.
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// Returns whether the main thread waits for a tool, or for a sub-agent.
    pub fn tool_running(&self) -> bool {
        self.tools.are_running()
    }

    /// Returns whether the last result line has arrived and nothing continues after it: the client only has to exit.
    pub fn is_over(&self) -> bool {
        self.result.is_some() && !self.work.is_under_way()
    }

    /// Notes that the call is cut now. Reports of the client about its work from here on only describe how that was
    /// ended.
    pub fn note_cut(&mut self) {
        self.work.note_cut(self.result.is_some());
    }
}
