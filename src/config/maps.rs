//! Mappings whose names are the person's own: environment, labels, seed files, globs.

use std::collections::BTreeMap;
use std::path::Path;

use super::field::{Entry, Field};
use super::kept::KeptPaths;
use super::mounts::Targets;
use super::node::Kind;
use super::{Credentials, billing, tokens};

impl<'a> Field<'a> {
    /// Reads a mapping; `name` returns what is wrong with a name, `read` reads a value.
    pub(super) fn map(
        &self,
        what: &str,
        name: impl Fn(&str) -> Option<String>,
        read: impl Fn(&Field<'a>) -> Option<String>,
    ) -> Option<BTreeMap<String, String>> {
        let mut map = BTreeMap::new();
        for entry in self.entries(what)? {
            match name(entry.name) {
                Some(why) => entry.refuse(why, None),
                None => {
                    if let Some(value) = read(&entry.field) {
                        map.insert(entry.name.to_owned(), value);
                    }
                }
            }
        }
        Some(map)
    }

    /// Reads a mapping, or a list of `NAME=VALUE`; `check` returns what is wrong with a name and its value. Values stay
    /// out of all messages, because they may be secrets.
    pub(super) fn assignments(&self, check: Check<'_>) -> Option<BTreeMap<String, String>> {
        const WHAT: &str = "a mapping, or a list of `NAME=VALUE`";
        match &self.node.kind {
            Kind::List(_) => self.assignment_list(WHAT, check),
            Kind::Map(_) => self.assignment_map(WHAT, check),
            _ => self.refuse(format!("expected {WHAT}")),
        }
    }

    fn assignment_map(&self, what: &str, check: Check<'_>) -> Option<BTreeMap<String, String>> {
        let mut map = BTreeMap::new();
        for entry in self.entries(what)? {
            let value = entry.field.scalar().unwrap_or_default();
            if let Some(wrong) = check(entry.name, value) {
                entry.refuse(wrong.message, wrong.fix);
            } else if let Some(value) = entry.field.assigned() {
                map.insert(entry.name.to_owned(), value);
            }
        }
        Some(map)
    }

    fn assignment_list(&self, what: &str, check: Check<'_>) -> Option<BTreeMap<String, String>> {
        let mut map = BTreeMap::new();
        for item in self.items(what)? {
            let Some((key, value)) = item.scalar().and_then(|text| text.split_once('=')) else {
                item.refuse::<()>("expected `NAME=VALUE` (no value is taken from your own environment)");
                continue;
            };
            if let Some(wrong) = check(key, value) {
                item.refuse_wrong(wrong);
            } else if value.contains('\0') {
                item.refuse::<()>("expected a value without NUL characters");
            } else if map.insert(key.to_owned(), value.to_owned()).is_some() {
                item.refuse::<()>(format!("`{}` is given twice", key.escape_debug()));
            }
        }
        Some(map)
    }

    /// Notes what is wrong with a name or its value, on the value.
    pub(super) fn refuse_wrong(&self, wrong: Wrong) {
        self.report.note(self.node.place, &self.key, wrong.message, wrong.fix);
    }

    fn assigned(&self) -> Option<String> {
        match self.scalar() {
            Some(value) if !value.contains('\0') => Some(value.to_owned()),
            Some(_) => self.refuse("expected a value without NUL characters"),
            None => self.refuse("expected a value (`\"\"` for an empty one)"),
        }
    }

    /// Reads `seed_files`: destination to template, both in the repository.
    pub(super) fn seed_files(&self, kept: &KeptPaths<'_>) -> Option<BTreeMap<String, String>> {
        let mut seeds = BTreeMap::new();
        for entry in self.entries("a mapping of destination to template")? {
            let (Some(destination), Some(template)) = (destination(&entry, kept), entry.field.repository_path()) else {
                continue;
            };
            if seeds.insert(destination, template).is_some() {
                entry.refuse("a second template for the same destination", None);
            }
        }
        Some(seeds)
    }
}

fn destination(entry: &Entry<'_>, kept: &KeptPaths<'_>) -> Option<String> {
    let path = match super::paths::repository_path(entry.name) {
        Ok(path) => path,
        Err(why) => {
            entry.refuse(format!("expected a path in the repository as destination: {why}"), None);
            return None;
        }
    };
    let Some(name) = kept.at(&path) else {
        return Some(path);
    };
    entry.refuse(
        format!("expected a destination that may be written, but {name} is there"),
        None,
    );
    None
}

/// What is wrong with an entry, and the fix.
pub(super) struct Wrong {
    message: String,
    fix: Option<String>,
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self { message, fix: None }
    }
}

/// A check that returns what is wrong with a name and its value.
pub(super) type Check<'c> = &'c dyn Fn(&str, &str) -> Option<Wrong>;

/// Returns what is wrong with an environment variable, where `credentials` determines who is to pay.
pub(super) fn variable(credentials: Credentials, name: &str, value: &str) -> Option<Wrong> {
    if let Some(message) = variable_name(name) {
        return Some(message.into());
    }
    let (message, fix) = tokens::refusal(name, value)
        .or_else(|| billing::refusal(credentials, name, value))
        .or_else(|| zone(credentials, name, value))?;
    Some(Wrong {
        message,
        fix: Some(fix),
    })
}

/// Returns why a container may not have another time zone, and the fix: the client reports in it when a usage limit of
/// a subscription is lifted, and older versions do not name the zone. An empty value is UTC.
fn zone(credentials: Credentials, name: &str, value: &str) -> Option<(String, String)> {
    let harmless = ["", "UTC", "UTC0", "Etc/UTC"].contains(&value);
    (name == "TZ" && credentials == Credentials::Subscription && !harmless).then(|| {
        (
            "with `TZ` the client would report the end of a usage limit in another time zone".to_owned(),
            "leave it out: containers run in UTC; the command of a gate can set it for itself".to_owned(),
        )
    })
}

fn variable_name(name: &str) -> Option<String> {
    if name == "HOME" {
        return Some("`HOME` is set by `agent.home`".to_owned());
    }
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '-';
    let ok = !name.is_empty() && name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit());
    (!ok).then(|| {
        format!(
            "`{}` cannot name an environment variable",
            crate::base::text::one_line(name, 60)
        )
    })
}

/// Returns what is wrong with a label. Ours cannot be set by others, because they select the containers to clean up.
pub(super) fn label(name: &str, _value: &str) -> Option<Wrong> {
    label_name(name).map(Wrong::from)
}

fn label_name(name: &str) -> Option<String> {
    if name.to_ascii_lowercase().starts_with("cordwainer.") {
        return Some(
            "labels that begin with `cordwainer.` identify the owner of a container, and only cordwainer sets them"
                .to_owned(),
        );
    }
    let ok = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && c != '=');
    (!ok).then(|| format!("`{}` cannot name a label", crate::base::text::one_line(name, 60)))
}

/// Returns what is wrong with a label of `spec_globs`.
pub(super) fn any_name(name: &str) -> Option<String> {
    let ok = !name.trim().is_empty() && !name.chars().any(char::is_control);
    (!ok).then(|| "expected a name".to_owned())
}

/// Returns what is wrong with the path of a `container.tmpfs`.
pub(super) fn tmpfs_path(targets: &Targets, name: &str) -> Option<String> {
    match super::paths::container_path(name) {
        Some(path) if path == name => targets.refusal(Path::new(name)),
        _ => Some("expected an absolute path in the container".to_owned()),
    }
}
