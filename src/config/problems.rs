//! The problems of a configuration: all at once, each with its place.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

use crate::base::error::{Error, ErrorKind};
use crate::base::text;

/// A place in the file, both numbers counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The line.
    pub(crate) line: usize,
    /// The column.
    pub(crate) column: usize,
}

/// One problem, as `cordwainer config check --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, in characters, counted from 1.
    pub column: usize,
    /// The dotted key, such as `container.memory`; empty for the file as a whole.
    pub key: String,
    /// What was expected and what was found, as a lowercase fragment.
    pub message: String,
    /// What was probably intended.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(formatter, "{}: ", self.key)?;
        }
        formatter.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// All problems of a file, in the order of their places; never empty when it is returned as an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// Returns the problems one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Returns all of them.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// Returns how many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        let count = match problems.count() {
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        let file = problems.0.first().map_or(super::FILE_NAME, |problem| &problem.file);
        Error::new(ErrorKind::Configuration, format!("`{file}` has {count}")).because(problems)
    }
}

/// Collects problems while a file is read.
pub(super) struct Report {
    file: String,
    found: RefCell<Vec<Problem>>,
}

impl Report {
    /// Begins an empty report on `file`.
    pub(super) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            found: RefCell::default(),
        }
    }

    /// Notes one problem.
    pub(super) fn note(&self, place: Place, key: &str, message: impl Into<String>, hint: Option<String>) {
        self.found.borrow_mut().push(Problem {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            key: text::harmless(key),
            message: text::harmless(&message.into()),
            hint,
        });
    }

    /// Ends the report: all problems in the order of their places, or none.
    pub(super) fn finish(self) -> Option<Problems> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|problem| (problem.line, problem.column));
        (!found.is_empty()).then_some(Problems(found))
    }
}
