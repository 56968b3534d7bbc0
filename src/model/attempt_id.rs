//! Which attempt at a task, or which candidate of one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::text::one_line;

/// An attempt, or a candidate of one, as people type it: `2`, or `2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AttemptId {
    /// The attempt, counted from 1.
    pub number: u32,
    /// The candidate, counted from 1; 0 is the attempt itself, or the chosen one of its candidates.
    pub candidate: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.candidate {
            0 => write!(formatter, "{}", self.number),
            candidate => write!(formatter, "{}.{candidate}", self.number),
        }
    }
}

impl FromStr for AttemptId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        let parsed = match text.split_once('.') {
            None => count(text).map(|number| (number, 0)),
            Some((number, candidate)) => count(number).zip(count(candidate)),
        };
        let (number, candidate) = parsed.ok_or_else(|| {
            format!(
                "`{}` is not an attempt, such as `2`, or `2.1` for a candidate",
                one_line(text, 60)
            )
        })?;
        Ok(Self { number, candidate })
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for AttemptId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_typed_as_it_is_shown() {
        for text in ["1", "12", "2.1"] {
            assert_eq!(text.parse::<AttemptId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "0", "2.0", "a", "2.", ".1", "1.2.3", "-1", "99999999999"] {
            let problem = text.parse::<AttemptId>().unwrap_err();
            assert!(problem.starts_with(&format!("`{text}` is not an attempt")), "{problem}");
        }
    }
}
