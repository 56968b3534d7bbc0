//! Issues for the tests of several files.

use jiff::Timestamp;

use super::*;
use crate::model::generation::GenerationName;

/// Builds issues with these ids, each open and with the title `T`, all filed at one moment.
pub(super) fn issues_with(ids: &[&str]) -> Issues {
    let meta = StoreMeta {
        format: FORMAT,
        generation: GenerationName::new("generation-a").unwrap(),
        base_branch: "main".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        measures: Vec::new(),
        mode: None,
        request: None,
        build: crate::issues::group::Build::default(),
    };
    let mut issues = Issues::new(meta);
    for id in ids {
        issues.insert(id.parse().unwrap(), NewIssue::titled("T"), Timestamp::UNIX_EPOCH);
    }
    issues
}
