//! Words of a page with their tone: a symbol and a class beside the words, so that no colour says anything alone.

use serde::Serialize;

use crate::base::text::one_line;
use crate::issues::attempt::Outcome;
use crate::record::overview::{REASON, RunOutcome, RunRow};
use crate::report::runs;
use crate::report::tone::Tone;

/// A text with its tone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Word {
    /// The class that colours it; empty where it has no tone.
    pub(crate) class: &'static str,
    /// The symbol before it, which readers of the screen pass over; empty where it has none.
    pub(crate) symbol: &'static str,
    /// The text.
    pub(crate) text: String,
}

impl Word {
    /// Builds a text with a tone.
    pub(crate) fn new(tone: Option<Tone>, text: impl Into<String>) -> Self {
        Self {
            class: tone.map_or("", class),
            symbol: tone.and_then(Tone::symbol).unwrap_or_default(),
            text: text.into(),
        }
    }

    /// Returns how an attempt ended, in words; `None` is one that has not.
    pub(crate) fn of_outcome(outcome: Option<Outcome>, otherwise: &str) -> Self {
        match outcome {
            Some(outcome) => Self::new(Some(Tone::from(outcome)), outcome.to_string()),
            None => Self::new(None, otherwise),
        }
    }

    /// Returns how a run stands, in words.
    pub(crate) fn of_run(row: &RunRow) -> Self {
        let tone = match row.outcome {
            RunOutcome::AtWork | RunOutcome::Ended => None,
            RunOutcome::Died | RunOutcome::NotBegun | RunOutcome::Unreadable => Some(Tone::Bad),
        };
        Self::new(tone, one_line(&runs::outcome(row), REASON))
    }
}

/// Returns the class that the style has for a tone.
pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad | Tone::Error => "bad",
        Tone::Held | Tone::Warning => "held",
        Tone::Hint => "quiet",
    }
}
