//! Issues for the tests of several files.

use jiff::Timestamp;

use super::*;
use crate::model::generation::GenerationName;

/// Builds issues with these ids, each open and with the title `T`, all filed at one moment.
pub(super) fn issues_with(ids: &[&str]) -> Issues {
    let meta = StoreMeta::new(
        GenerationName::new("generation-a").unwrap(),
        "main".to_owned(),
        Timestamp::UNIX_EPOCH,
    );
    let mut issues = Issues::new(meta);
    for id in ids {
        issues.insert(id.parse().unwrap(), NewIssue::titled("T"), Timestamp::UNIX_EPOCH);
    }
    issues
}
