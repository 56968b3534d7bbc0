//! The model's API reports on its own answers: their usage, and the state of the account's limits. Read from the
//! answers as they pass, streamed or not, they are a second ledger beside the client's reports.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Usage;

mod counts;
mod limits;
mod meter;
mod windows;

pub(crate) use counts::AnswerCounts;
pub(crate) use limits::rate_limit_info;
pub(crate) use meter::{AnswerReading, Form, Meter};
pub use windows::{Window, WindowUse};

/// One answer of the model's API to a request of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// When the answer had ended.
    pub at: Timestamp,
    /// The path of the request, such as `/v1/messages`.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// The model that answered, as the answer names it.
    pub model: Option<String>,
    /// Tokens by the API's count, and money by the known prices of the model; `calls` is 0.
    pub usage: Usage,
    /// Whether part of the usage is estimated, because the answer broke off or did not report it.
    pub estimated: bool,
    /// The report of its head on the account's limits, in the form of the client's `rate_limit_info`.
    pub limit: Option<Value>,
}

/// The sum of the answers to one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metered {
    /// Tokens and money of all answers; `calls` is 0.
    pub usage: Usage,
    /// How many answers there were, errors of the API among them.
    pub answers: u64,
    /// Whether part of the usage is estimated.
    pub estimated: bool,
    /// The usage of each model that answered.
    pub models: BTreeMap<String, Usage>,
}

impl Metered {
    /// Adds an answer.
    pub fn add(&mut self, answered: &Answered) {
        self.usage += answered.usage;
        self.answers = self.answers.saturating_add(1);
        self.estimated |= answered.estimated;
        if let Some(model) = &answered.model {
            *self.models.entry(model.clone()).or_default() += answered.usage;
        }
    }
}

impl<'a> FromIterator<&'a Answered> for Metered {
    fn from_iter<I: IntoIterator<Item = &'a Answered>>(answers: I) -> Self {
        let mut metered = Self::default();
        for answered in answers {
            metered.add(answered);
        }
        metered
    }
}
