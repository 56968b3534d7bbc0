//! What events say of audits and reviews of files.

use serde::{Deserialize, Serialize};

use super::FiledTask;
use crate::model::Usage;

/// A step of an audit or a review of files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum AuditStep {
    /// It begins, or goes on.
    Started {
        /// Which files are read, in words.
        what: String,
        /// How many these are.
        files: usize,
        /// How many of what was asked for are not read.
        not_read: usize,
        /// In how many parts.
        parts: usize,
        /// How many of them were read before.
        known: usize,
    },
    /// A part was read, or came to nothing.
    PartRead {
        /// Which, counted from 1.
        part: usize,
        /// How many there are.
        parts: usize,
        /// How many findings were stated.
        findings: usize,
        /// Why it came to nothing, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
    },
    /// The report is in the folder of the run: of all, or of what was read before the calls ended.
    Reported {
        /// Whether all was read that could be.
        complete: bool,
        /// What was found, in a phrase.
        how: String,
        /// How many findings that are.
        findings: usize,
        /// The worst ones, in a line each.
        weightiest: Vec<String>,
        /// How many findings name a place that is not there.
        dropped: u64,
        /// How many files were read.
        read: usize,
        /// How many were not.
        not_read: usize,
        /// The tasks that findings became.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        filed: Vec<FiledTask>,
        /// How many findings became none since they were filed before.
        #[serde(default, skip_serializing_if = "is_zero")]
        known_before: usize,
        /// What its calls used.
        usage: Usage,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
