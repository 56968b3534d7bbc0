//! Ids: of issues, runs, commits and sessions.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An issue's name, such as `cw-12`: assigned by the store, never taken from an agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssueId(u32);

impl IssueId {
    /// Returns the issue id with this number, counted from 1.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the number within the generation.
    pub fn number(&self) -> u32 {
        self.0
    }
}

impl PartialOrd for IssueId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IssueId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl fmt::Display for IssueId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cw-{}", self.0)
    }
}

impl FromStr for IssueId {
    type Err = String;

    /// Reads `cw-12`, or just `12`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("cw-").unwrap_or(text);
        match digits.parse::<u32>() {
            Ok(number) if number > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self(number)),
            _ => Err(format!(
                "`{}` is not an issue id: expected `cw-` and a number, such as `cw-12`",
                text.escape_debug()
            )),
        }
    }
}

impl TryFrom<String> for IssueId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IssueId> for String {
    fn from(id: IssueId) -> Self {
        id.to_string()
    }
}

/// Writes ids one after the other: `cw-1, cw-2`.
pub(crate) fn id_list(ids: &[IssueId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A name that is checked once, where it is read, and is the same text wherever it is written.
macro_rules! checked_text {
    ($(#[$about:meta])* $name:ident, $what:literal, $is_one:path) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads a text; `None` for one that cannot be such an id.
            pub fn parse(text: &str) -> Option<Self> {
                $is_one(text).then(|| Self(text.to_owned()))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text).ok_or_else(|| format!(concat!("`{}` is not ", $what), text.escape_debug()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

checked_text!(
    /// The id of a client's session. Text from a stream must not become an option on a command line: only letters,
    /// digits and `-` are accepted, with a letter or digit first.
    SessionId,
    "the id of a session",
    is_session
);

checked_text!(
    /// The name of a run, such as `20261121-093000123-4711`: when it began, in UTC and to the millisecond, and its
    /// process, so that two runs of a repository never share one. Its records are in a folder of that name, so it is
    /// never a way out of the folder above.
    RunId,
    "the name of a run",
    is_run
);

checked_text!(
    /// The id of a commit, as git writes it: 40 hexadecimal digits or 64, or the first of them, at least four.
    CommitId,
    "the id of a commit",
    is_commit
);

impl RunId {
    /// Names the run that a process began at a moment.
    pub fn new(begun: Timestamp, process: u32) -> Self {
        Self(format!("{}-{process}", begun.strftime("%Y%m%d-%H%M%S%3f")))
    }
}

fn is_session(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !text.is_empty() && text.len() <= 64 && !text.starts_with('-') && text.chars().all(good)
}

fn is_run(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.len() <= 64 && !text.starts_with(['-', '.']) && text.chars().all(good)
}

fn is_commit(text: &str) -> bool {
    let good = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    (4..=64).contains(&text.len()) && text.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_never_an_option() {
        for (name, is_one) in [
            ("18ec0967-cb23-4c95-895b-c95b00000006", true),
            ("a", true),
            ("", false),
            ("-a", false),
            ("--bare", false),
            ("a\n", false),
            ("é", false),
            ("a b", false),
            ("a/b", false),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(SessionId::parse(name).is_some(), is_one, "{name:?}");
        }
    }

    #[test]
    fn a_run_is_never_a_way_out_of_its_folder() {
        for (name, is_one) in [
            ("20261121-093000123-4711", true),
            ("run_1.2", true),
            ("", false),
            (".", false),
            ("..", false),
            ("../a", false),
            ("a/b", false),
            ("-a", false),
            ("a\n", false),
        ] {
            assert_eq!(RunId::parse(name).is_some(), is_one, "{name:?}");
        }
        let begun = "2026-11-21T09:30:00Z".parse().expect("a time");
        assert_eq!(RunId::new(begun, 1).to_string(), "20261121-093000000-1");
    }

    #[test]
    fn a_commit_is_named_by_its_id_alone() {
        let whole = "0123456789abcdef0123456789abcdef01234567";
        assert!(CommitId::parse(whole).is_some() && CommitId::parse(&whole[..4]).is_some());
        assert!(serde_json::from_value::<CommitId>(whole.into()).is_ok());
        for text in [
            "",
            "HEAD",
            "abc",
            "main",
            "c0ff^",
            &whole.to_uppercase(),
            &whole.repeat(2),
        ] {
            assert!(CommitId::parse(text).is_none(), "{text:?}");
        }
    }
}
