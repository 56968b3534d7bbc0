//! The meter of a call: every message once, sub-agents' too, until a result line has better figures.

use std::collections::HashMap;

use super::figures::{Before, Figures, beyond, most};
use crate::agent::Rates;
use crate::model::Usage;

/// About how many bytes written by a model make a token.
const BYTES_OF_A_TOKEN: u64 = 4;
/// After how many messages the ids of earlier ones are forgotten; the sums stay. The lines of a message are close
/// together.
const MESSAGES_LIMIT: usize = 1 << 14;

/// Counts what a call uses.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// What the session had used before this call.
    pub(super) before: Before,
    pub(super) rates: Rates,
    messages: HashMap<u64, MessageUsage>,
    older: HashMap<u64, MessageUsage>,
    /// What the messages since the last result line show: input is exact, output is estimated.
    shown: Usage,
    /// Messages of the main thread since the last result line.
    shown_turns: u32,
    /// The sum of the result lines.
    settled: Usage,
    settled_turns: u32,
    settled_estimated: bool,
    api_ms: u64,
    results: u32,
}

/// The usage that the lines of one message show.
#[derive(Clone, Copy, Debug, Default)]
struct MessageUsage {
    reported: Usage,
    written: u64,
}

impl MessageUsage {
    /// Returns the message's usage. A client reports one token of output where the message only begins.
    fn usage(&self) -> Usage {
        Usage {
            output: self.reported.output.max(self.written / BYTES_OF_A_TOKEN),
            ..self.reported
        }
    }
}

impl Meter {
    /// Takes in one line of a message: its id, the usage it reports, and how many bytes the model wrote in it. A line
    /// without an id is a message of its own.
    pub(super) fn note(&mut self, id: Option<u64>, main: bool, reported: &Usage, written: u64) {
        if self.messages.len() >= MESSAGES_LIMIT {
            self.older = std::mem::take(&mut self.messages);
        }
        let known = id.and_then(|id| self.messages.get(&id).or_else(|| self.older.get(&id)));
        let known = known.copied();
        let before = known.unwrap_or_default();
        let after = MessageUsage {
            reported: most(&before.reported, reported),
            written: before.written.saturating_add(written),
        };
        self.shown += beyond(&after.usage(), &before.usage());
        if main && known.is_none() {
            self.shown_turns = self.shown_turns.saturating_add(1);
        }
        if let Some(id) = id {
            self.messages.insert(id, after);
        }
    }

    /// Processes a result line: its figures replace all that came since the one before.
    pub(super) fn settle(&mut self, figures: &Figures, turns: Option<u32>) {
        let mut before = self.before;
        before.usage += self.settled;
        before.api_ms = before.api_ms.saturating_add(self.api_ms);
        let reading = figures.read(&before, &self.shown, &self.rates);
        self.settled += reading.usage;
        self.settled_estimated |= reading.estimated;
        self.api_ms = self.api_ms.saturating_add(reading.api_ms);
        self.settled_turns = self.settled_turns.saturating_add(turns.unwrap_or(self.shown_turns));
        self.shown = Usage::default();
        self.shown_turns = 0;
        self.results = self.results.saturating_add(1);
    }

    /// Returns what was used so far, with money estimated for what no result line has settled.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = self.settled;
        usage += Usage {
            cost_usd: self.rates.cost(&self.shown),
            ..self.shown
        };
        usage
    }

    pub(super) fn turns(&self) -> u32 {
        self.settled_turns.saturating_add(self.shown_turns)
    }

    /// Returns whether part of the usage is estimated.
    pub(super) fn is_estimated(&self) -> bool {
        self.results == 0 || self.settled_estimated || self.shown.tokens() > 0
    }

    pub(super) fn api_ms(&self) -> u64 {
        self.api_ms
    }
}
