//! One check of `doctor`, and its result.

use serde::Serialize;

use crate::base::error::{Error, ErrorKind};
use crate::run::preflight::Looked;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Whether it is as it should be.
    pub held: bool,
    /// What was found, in a line.
    pub found: String,
    /// What a person can do about it, where something should be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "mend")]
    pub fix: Option<String>,
}

impl Check {
    pub(super) fn good(name: &str, found: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            held: true,
            found: found.into(),
            fix: None,
        }
    }

    pub(super) fn bad(name: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            held: false,
            fix: Some(fix.into()),
            ..Self::good(name, found)
        }
    }
}

impl From<Looked> for Check {
    fn from(looked: Looked) -> Self {
        match looked.found {
            Ok(found) => Self::good(looked.name, found),
            Err(error) => failed(looked.name, &error),
        }
    }
}

/// Builds the check of which the result is an error.
pub(super) fn failed(name: &str, error: &Error) -> Check {
    let fix = error.hint_text().unwrap_or(match error.kind() {
        ErrorKind::Engine => "see the engine's own log",
        ErrorKind::Configuration => "`cordwainer config check` names each place",
        _ => "correct that, and run `cordwainer doctor` again",
    });
    let found = match std::error::Error::source(error) {
        None => error.to_string(),
        Some(_) => error.in_a_line(),
    };
    Check::bad(name, found, fix)
}

/// Builds the check of something that is missing, without which the machine can be checked all the same.
pub(super) fn absent(name: &str, error: &Error) -> Check {
    Check {
        fix: error.hint_text().map(str::to_owned),
        ..Check::good(name, format!("{error}, so the defaults are used"))
    }
}
