//! The stages of an attempt after the work itself: each is a call of another session, on what the stages before it left.

use serde::{Deserialize, Serialize};

use crate::accounting::ledger::Entry;
use crate::base::text::one_line;
use crate::git::DiffStat;
use crate::issues::review::Review;
use crate::model::{CommitId, Role};

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
    /// The commit with what it left, where that may become part of the work: `commit` where it changed nothing. `None` of a
    /// review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<CommitId>,
    /// How much it changed; `None` where it changed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<DiffStat>,
    /// What a review came to; `None` where it did not come to anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// Why it came to nothing, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl StageRun {
    /// Returns whether it is a review.
    pub fn is_review(&self) -> bool {
        self.stage == Role::Review.name()
    }

    /// Returns what it came to, as the end of a sentence about it.
    pub(crate) fn in_words(&self) -> String {
        let failed = self.failed.as_ref().map(|why| one_line(why, 300));
        match (&self.review, failed) {
            (Some(review), _) if review.passed => format!("passed: it {}", review.in_words()),
            (Some(review), _) => format!("did not pass: it {}", review.in_words()),
            (None, Some(why)) if self.is_review() => format!("came to nothing: {why}"),
            (None, Some(why)) => format!("failed: {why}"),
            (None, None) if self.left.is_none() => "did not come to its end".to_owned(),
            (None, None) => match &self.changed {
                Some(changed) => format!("changed {changed}"),
                None => "changed nothing".to_owned(),
            },
        }
    }
}
