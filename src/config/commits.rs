//! Reads `commits`: in whose name, and with which messages, the work of agents is committed.

use serde::Serialize;

use super::Config;
use super::field::Field;
use super::section::{Section, subsection};
use crate::git::Identity;

/// In whose name, and with which messages, the work of agents is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CommitsConfig {
    /// `author`: unset is the one that git would use.
    pub author: Option<Identity>,
    /// `committer`: unset is the one that git would use.
    pub committer: Option<Identity>,
    /// `co_author`: named in a trailer.
    pub co_author: Option<Identity>,
    /// `style`: how their messages begin.
    pub style: CommitStyle,
}

/// How the message of a task's commit begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitStyle {
    /// With the title of the task.
    #[default]
    Plain,
    /// As Conventional Commits have it, by what the agent says of its work: `fix(parser): read a number that ends the file`.
    Conventional,
}

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
