//! What events say of proposals.

use serde::{Deserialize, Serialize};

use crate::model::IssueId;

/// A task that measure filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiledTask {
    /// Its name.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// What it waits for.
    pub depends_on: Vec<IssueId>,
}

/// A proposal that repeats an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedProposal {
    /// Its title.
    pub title: String,
    /// The issue it repeats.
    pub repeats: IssueId,
}
