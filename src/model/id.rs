//! The names of things that are numbered.

use std::fmt;
use std::str::FromStr;

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

/// The name of a session of the client. What a stream says must not become an option of a command line: a name of letters,
/// digits and `-` alone is one, which begins with none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionId(String);

impl SessionId {
    /// Reads a session's name; `None` for what cannot be one.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_one = !name.is_empty() && name.len() <= 64 && !name.starts_with('-') && name.chars().all(good);
        is_one.then(|| Self(name.to_owned()))
    }

    /// Returns the name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
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
}
