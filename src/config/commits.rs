//! Reads `commits`: in whose name, and with which messages, the work of agents is committed.

use super::field::Field;
use super::section::{Section, subsection};
use super::{CommitStyle, Config};
use crate::git::Identity;

/// Reads the section.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    if let Some(section) = subsection(top, "commits") {
        let commits = &mut config.commits;
        section.set_some("author", &mut commits.author, identity);
        section.set_some("committer", &mut commits.committer, identity);
        section.set_some("co_author", &mut commits.co_author, identity);
        let styles = [
            ("plain", CommitStyle::Plain),
            ("conventional", CommitStyle::Conventional),
        ];
        section.set("style", &mut commits.style, |field| field.choice(&styles));
    }
}

fn identity(field: &Field<'_>) -> Option<Identity> {
    match field.text()?.parse() {
        Ok(identity) => Some(identity),
        Err(()) => field.expected("a name and an address, such as `Jo Doe <jo@example.org>`"),
    }
}
