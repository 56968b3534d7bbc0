//! `git`: what agents can read of the repository.

use std::num::NonZero;

use serde::{Serialize, Serializer};

use super::Config;
use super::section::{Section, subsection};
use crate::git::HistoryDepth;

/// The word for all of the history.
const FULL: &str = "full";
/// More commits than any repository has.
const MOST: u32 = 100_000_000;

/// The `git` section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GitConfig {
    /// How far back agents can read (`full`).
    #[serde(serialize_with = "depth")]
    pub history: HistoryDepth,
}

/// Reads the section.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    let Some(section) = subsection(top, "git") else {
        return;
    };
    section.set("history", &mut config.git.history, |field| {
        if field.scalar() == Some(FULL) {
            return Some(HistoryDepth::Full);
        }
        let commits = field.small_count_or(MOST, FULL)?;
        NonZero::new(commits).map(HistoryDepth::Commits)
    });
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn depth<S: Serializer>(depth: &HistoryDepth, serializer: S) -> Result<S::Ok, S::Error> {
    match depth {
        HistoryDepth::Full => serializer.serialize_str(FULL),
        HistoryDepth::Commits(most) => serializer.serialize_u32(most.get()),
    }
}
