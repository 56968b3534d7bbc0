//! The stages of an attempt after its first: each is a call that judges what the stages before it left.

use serde::{Deserialize, Serialize};

use crate::accounting::ledger::Entry;
use crate::issues::review::Review;
use crate::model::CommitId;

/// One call of a stage, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRun {
    /// The stage.
    pub stage: String,
    /// Which of the stage's calls in the attempt it is, counted from 1.
    pub number: u32,
    /// The fix round that it came after; 0 for the attempt's first call.
    #[serde(default)]
    pub round: u32,
    /// What it was called for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
    /// The folder with prompt, transcript and stderr, below the state folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// Time and usage of the call; `None` when it never began.
    #[serde(default)]
    pub call: Option<Entry>,
    /// What a review came to; `None` where it did not come to anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// Why it came to nothing, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}
