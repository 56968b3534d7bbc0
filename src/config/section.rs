//! One section being read: its keys looked up by name or alias, unknown ones reported.

use super::field::{Entry, Field};
use super::keys::{Key, Shape, TOP};
use super::node::Kind;
use super::values::OrOff;
use crate::base::text;

/// A section of the file, or its top level.
pub(super) struct Section<'a> {
    keys: &'static [Key],
    entries: Vec<Entry<'a>>,
}

/// Sections that files may have for roles that nothing calls yet; what is in them is not read.
const UNCALLED: [&str; 1] = ["optimize"];

impl<'a> Section<'a> {
    /// Opens the mapping in `field`, and reports each key that `keys` does not know.
    pub(super) fn open(field: &Field<'a>, keys: &'static [Key]) -> Option<Self> {
        let entries = field.entries("a mapping of keys")?;
        Some(Self::of(entries, keys))
    }

    /// Opens the whole file; returns beside it which roles that nothing calls yet have a section there.
    pub(super) fn top(field: &Field<'a>) -> Option<(Self, Vec<&'a str>)> {
        let entries = field.entries("a mapping of keys")?;
        let (uncalled, entries): (Vec<_>, _) = entries.into_iter().partition(|entry| UNCALLED.contains(&entry.name));
        let uncalled = uncalled.into_iter().map(|entry| entry.name).collect();
        Some((Self::of(entries, TOP), uncalled))
    }

    fn of(mut entries: Vec<Entry<'a>>, keys: &'static [Key]) -> Self {
        entries.retain_mut(|entry| is_known(entry, keys));
        let section = Self { keys, entries };
        section.report_aliases();
        section
    }

    /// Returns the value at a key, if there is one: a key without a value is as unset as a key that is not there.
    pub(super) fn field(&self, name: &str) -> Option<&Field<'a>> {
        let key = self.keys.iter().find(|key| key.name == name);
        debug_assert!(key.is_some(), "`{name}` is missing in the table of keys");
        let entry = self
            .entries
            .iter()
            .find(|entry| key.is_some_and(|key| key.is(entry.name)))?;
        (!matches!(entry.field.node.kind, Kind::Null)).then_some(&entry.field)
    }

    /// Overwrites `slot` with what `read` makes of the key's value, if there is one and it is good.
    pub(super) fn set<T>(&self, name: &str, slot: &mut T, read: impl FnOnce(&Field<'a>) -> Option<T>) {
        if let Some(value) = self.field(name).and_then(read) {
            *slot = value;
        }
    }

    /// Sets a key that is unset by default.
    pub(super) fn set_some<T>(&self, name: &str, slot: &mut Option<T>, read: impl FnOnce(&Field<'a>) -> Option<T>) {
        if let Some(value) = self.field(name).and_then(read) {
            *slot = Some(value);
        }
    }

    /// Sets a key whose limit `off` lifts.
    pub(super) fn set_limit<T>(
        &self,
        name: &str,
        slot: &mut Option<T>,
        read: impl FnOnce(&Field<'a>) -> Option<OrOff<T>>,
    ) {
        self.set(name, slot, |field| read(field).map(OrOff::limit));
    }

    fn report_aliases(&self) {
        for (index, entry) in self.entries.iter().enumerate() {
            let twin = |other: &&Entry<'_>| self.keys.iter().any(|key| key.is(entry.name) && key.is(other.name));
            if let Some(first) = self.entries[..index].iter().find(twin) {
                let message = format!("means the same as `{}` on line {}", first.name, first.place.line);
                entry.refuse(message, Some("keep one of the two".to_owned()));
            }
        }
    }
}

/// Opens a section of the top level, if the file has it.
pub(super) fn subsection<'a>(top: &Section<'a>, name: &str) -> Option<Section<'a>> {
    let keys = TOP.iter().find(|key| key.name == name)?;
    match keys.shape {
        Shape::Section(keys) => Section::open(top.field(name)?, keys),
        _ => None,
    }
}

/// Returns whether `keys` know this entry, which then gets what they declare of it; an unknown one is reported.
fn is_known(entry: &mut Entry<'_>, keys: &'static [Key]) -> bool {
    if let Some(key) = keys.iter().find(|key| key.is(entry.name)) {
        entry.field.files = key.files;
        return true;
    }
    let names = keys.iter().flat_map(|key| std::iter::once(key.name).chain(key.alias));
    let hint = text::nearest(entry.name, names);
    entry.refuse("unknown key", hint.map(|name| format!("did you mean `{name}`?")));
    false
}
