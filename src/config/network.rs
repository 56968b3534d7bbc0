//! Reads the section `network`.

use super::Config;
use super::field::Field;
use super::section::{Section, subsection};
use crate::sandbox::network::Entry;

/// Reads `network`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    if let Some(section) = subsection(top, "network") {
        section.set("allow", &mut config.network.allow, |field| {
            let entries = field.list("a list of hosts", read_entry)?;
            Some(entries.into_iter().collect())
        });
        section.set("credentials", &mut config.network.credentials, super::credentials::read);
    }
}

fn read_entry(field: &Field<'_>) -> Option<Entry> {
    match field.text()?.parse::<Entry>() {
        Ok(entry) => Some(entry),
        Err(error) => match error.hint_text() {
            Some(hint) => field.refuse_with(error.to_string(), hint),
            None => field.refuse(error.to_string()),
        },
    }
}
