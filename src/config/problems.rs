//! The problems of a configuration: all at once, each with its place.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

use super::source::{Origin, SetBy, Setting};
use crate::base::error::{Error, ErrorKind, plain_enough};
use crate::base::text;

/// A place in the file, or in what the caller sets beside it. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// 0 is the file, and each further number a setting, in their order.
    pub(crate) source: usize,
    /// The line.
    pub(crate) line: usize,
    /// The column.
    pub(crate) column: usize,
}

impl Place {
    /// Returns the first character of a source.
    pub(crate) fn start_of(source: usize) -> Self {
        Self {
            source,
            line: 1,
            column: 1,
        }
    }
}

/// One problem, as `cordwainer config check --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as the caller named it; or the option or variable that sets the key beside it.
    pub file: String,
    /// The line, counted from 1; 0 where the value is in no file.
    pub line: usize,
    /// The column, in characters, counted from 1; 0 where the value is in no file.
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
        match self.line {
            0 => write!(formatter, "{}: ", self.file)?,
            line => write!(formatter, "{}:{line}:{}: ", self.file, self.column)?,
        }
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

plain_enough!(Problems);

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
        let of_file = problems.0.iter().find(|problem| problem.line > 0);
        let what = match of_file {
            Some(problem) => format!("`{}` has", problem.file),
            None => "what is set beside the configuration has".to_owned(),
        };
        Error::new(ErrorKind::Configuration, format!("{what} {count}")).because(problems)
    }
}

/// Collects problems while a configuration is read.
pub(super) struct Report<'a> {
    file: &'a str,
    settings: &'a [Setting],
    found: RefCell<Vec<(Place, Problem)>>,
}

impl<'a> Report<'a> {
    /// Begins an empty report on `file` and what is set beside it.
    pub(super) fn new(file: &'a str, settings: &'a [Setting]) -> Self {
        Self {
            file,
            settings,
            found: RefCell::default(),
        }
    }

    /// Notes one problem.
    pub(super) fn note(&self, place: Place, key: &str, message: impl Into<String>, hint: Option<String>) {
        let (file, line, column) = match self.setting(place) {
            None => (self.file.to_owned(), place.line, place.column),
            Some(setting) => (setting.name(), 0, 0),
        };
        let problem = Problem {
            file: text::harmless(&file),
            line,
            column,
            key: text::harmless(key),
            message: text::harmless(&message.into()),
            hint,
        };
        self.found.borrow_mut().push((place, problem));
    }

    /// Returns how many problems are noted so far.
    pub(super) fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// Returns where a value comes from.
    pub(super) fn origin(&self, place: Place) -> Origin {
        match self.setting(place).map(|setting| &setting.by) {
            None => Origin::File {
                file: self.file.to_owned(),
                line: place.line,
            },
            Some(SetBy::Option(option)) => Origin::Option { option },
            Some(SetBy::Variable(variable)) => Origin::Variable {
                variable: variable.clone(),
            },
        }
    }

    /// Returns the setting in which a place is; `None` for one in the file.
    fn setting(&self, place: Place) -> Option<&Setting> {
        self.settings.get(place.source.checked_sub(1)?)
    }

    /// Ends the report: all problems in the order of their places, or none.
    pub(super) fn finish(self) -> Option<Problems> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(place, _)| *place);
        let found: Vec<Problem> = found.into_iter().map(|(_, problem)| problem).collect();
        (!found.is_empty()).then_some(Problems(found))
    }
}
