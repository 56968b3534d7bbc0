//! One value of the configuration with its dotted key, and the way to report a problem with it.

use super::keys::Files;
use super::node::{Kind, Node};
use super::problems::{Place, Report};
use crate::base::text;

/// A value at a key. Its reader notes problems on it and continues without it.
pub(super) struct Field<'a> {
    /// The dotted key, such as `source_dirs[1]`.
    pub(super) key: String,
    /// What the table of keys declares about files at this key.
    pub(super) files: Files,
    pub(super) node: &'a Node,
    pub(super) report: &'a Report<'a>,
}

impl<'a> Field<'a> {
    /// Notes "expected …, found …".
    pub(super) fn expected<T>(&self, what: &str) -> Option<T> {
        self.refuse(format!("expected {what}, found {}", self.node.describe()))
    }

    /// Notes a problem in other words.
    pub(super) fn refuse<T>(&self, message: impl Into<String>) -> Option<T> {
        self.report.note(self.node.place, &self.key, message, None);
        None
    }

    /// Notes a problem and its probable fix.
    pub(super) fn refuse_with<T>(&self, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.report.note(self.node.place, &self.key, message, Some(hint.into()));
        None
    }

    /// Returns where the value begins.
    pub(super) fn place(&self) -> Place {
        self.node.place
    }

    /// Returns a scalar as it is written, quoted or not.
    pub(super) fn scalar(&self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Plain(value) | Kind::Quoted(value) => Some(value),
            _ => None,
        }
    }

    /// Returns a scalar without quotes, which may be a number or a boolean.
    pub(super) fn plain(&self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Plain(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the items of a list, each a field of its own.
    pub(super) fn items(&self, what: &str) -> Option<Vec<Field<'a>>> {
        let Kind::List(items) = &self.node.kind else {
            return self.expected(what);
        };
        Some(
            items
                .iter()
                .enumerate()
                .map(|(index, node)| self.below(format!("{}[{index}]", self.key), node))
                .collect(),
        )
    }

    /// Returns the entries of a mapping, each with its name; duplicates and names that are not text are noted and left
    /// out.
    pub(super) fn entries(&self, what: &str) -> Option<Vec<Entry<'a>>> {
        let Kind::Map(entries) = &self.node.kind else {
            return self.expected(what);
        };
        let mut named: Vec<Entry<'a>> = Vec::new();
        for (key, node) in entries {
            let (Kind::Plain(name) | Kind::Quoted(name)) = &key.kind else {
                self.report.note(
                    key.place,
                    &self.key,
                    format!("expected a name, found {}", key.describe()),
                    None,
                );
                continue;
            };
            let entry = Entry {
                place: key.place,
                field: self.below(dotted(&self.key, name), node),
                name,
            };
            match named.iter().find(|earlier| earlier.name == name) {
                Some(earlier) => entry.refuse(format!("given twice, first on line {}", earlier.place.line), None),
                None => named.push(entry),
            }
        }
        Some(named)
    }

    /// Returns a copy of the field.
    pub(super) fn again(&self) -> Field<'a> {
        self.below(self.key.clone(), self.node)
    }

    /// Returns a value within this one, as a field.
    pub(super) fn below(&self, key: String, node: &'a Node) -> Field<'a> {
        Field {
            key,
            files: self.files,
            node,
            report: self.report,
        }
    }
}

/// One entry of a mapping.
pub(super) struct Entry<'a> {
    /// The place of its key.
    pub(super) place: Place,
    pub(super) name: &'a str,
    pub(super) field: Field<'a>,
}

impl Entry<'_> {
    /// Notes a problem with the key rather than its value.
    pub(super) fn refuse(&self, message: impl Into<String>, hint: Option<String>) {
        self.field.report.note(self.place, &self.field.key, message, hint);
    }
}

/// Joins a section and a name to a dotted key; a name from the file is made harmless and cut.
fn dotted(section: &str, name: &str) -> String {
    let name = text::one_line(name, 60);
    if section.is_empty() {
        name
    } else {
        format!("{section}.{name}")
    }
}
