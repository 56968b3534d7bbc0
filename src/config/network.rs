//! Reads the section `network`.

use super::Config;
use super::field::Field;
use super::keys::NETWORK_ENTRY;
use super::node::Kind;
use super::problems::Place;
use super::section::{Section, subsection};
use crate::model::StageName;
use crate::sandbox::network::{Entry, Policy};

/// Reads `network`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    if let Some(section) = subsection(top, "network") {
        let stages = super::stages::names(top);
        section.set("allow", &mut config.network.allow, |field| read_policy(field, &stages));
        section.set("credentials", &mut config.network.credentials, |field| {
            super::credentials::read(field, &stages)
        });
    }
}

fn read_policy(field: &Field<'_>, stages: &[StageName]) -> Option<Policy> {
    let mut entries: Vec<(Entry, Place)> = Vec::new();
    for item in field.items("a list of hosts")? {
        let Some(entry) = read_entry(&item, stages) else {
            continue;
        };
        match entries.iter().find(|(earlier, _)| entry.contradicts(earlier)) {
            Some((earlier, place)) => refuse_contradiction(&item, &entry, earlier, *place),
            None => entries.push((entry, item.place())),
        }
    }
    Some(entries.into_iter().map(|(entry, _)| entry).collect())
}

/// Refuses an entry that contradicts an `earlier` one, which is at `place`.
fn refuse_contradiction(item: &Field<'_>, entry: &Entry, earlier: &Entry, place: Place) {
    let (this, other) = (entry.as_str(), earlier.as_str());
    let other = format!("`{other}` ({})", item.report.origin(place));
    let message = if entry.is_narrow() {
        format!("`{this}` allows only some methods or paths of a host of which {other} allows everything")
    } else {
        format!("`{this}` allows everything of a host of which {other} allows only some methods or paths")
    };
    item.refuse_with::<()>(message, "keep one of the two, or give them different `roles`");
}

fn read_entry(field: &Field<'_>, stages: &[StageName]) -> Option<Entry> {
    if !matches!(field.node.kind, Kind::Map(_)) {
        return read_host(field);
    }
    let section = Section::open(field, NETWORK_ENTRY)?;
    let limits = super::network_limits::read(&section, stages);
    let Some(host) = section.field("host") else {
        return field.refuse("expected a `host`");
    };
    Some(read_host(host)?.limited(limits))
}

fn read_host(field: &Field<'_>) -> Option<Entry> {
    match field.text()?.parse::<Entry>() {
        Ok(entry) => Some(entry),
        Err(error) => match error.hint_text() {
            Some(hint) => field.refuse_with(error.to_string(), hint),
            None => field.refuse(error.to_string()),
        },
    }
}
