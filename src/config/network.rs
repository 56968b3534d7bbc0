//! Reads the section `network`.

use hyper::Method;

use super::Config;
use super::field::Field;
use super::keys::NETWORK_ENTRY;
use super::node::Kind;
use super::section::{Section, subsection};
use crate::base::text;
use crate::sandbox::network::{Caller, Entry, Limits, PathPattern, Policy};

/// Reads `network`.
pub(super) fn read(top: &Section<'_>, config: &mut Config) {
    if let Some(section) = subsection(top, "network") {
        section.set("allow", &mut config.network.allow, read_policy);
        section.set("credentials", &mut config.network.credentials, super::credentials::read);
    }
}

fn read_policy(field: &Field<'_>) -> Option<Policy> {
    let mut entries: Vec<Entry> = Vec::new();
    for item in field.items("a list of hosts")? {
        let Some(entry) = read_entry(&item) else { continue };
        match entries.iter().find(|earlier| entry.contradicts(earlier)) {
            Some(earlier) => refuse_contradiction(&item, &entry, earlier),
            None => entries.push(entry),
        }
    }
    Some(entries.into_iter().collect())
}

fn refuse_contradiction(item: &Field<'_>, entry: &Entry, earlier: &Entry) {
    let (narrow, whole) = if entry.is_narrow() {
        (entry, earlier)
    } else {
        (earlier, entry)
    };
    let message = format!(
        "`{}` allows everything of a host of which `{}` allows only some methods or paths",
        whole.as_str(),
        narrow.as_str()
    );
    item.refuse_with::<()>(message, "keep one of the two, or give them different `roles`");
}

fn read_entry(field: &Field<'_>) -> Option<Entry> {
    if !matches!(field.node.kind, Kind::Map(_)) {
        return read_host(field);
    }
    let section = Section::open(field, NETWORK_ENTRY)?;
    let limits = read_limits(&section);
    let Some(host) = section.field("host") else {
        return field.refuse("expected a `host`");
    };
    Some(read_host(host)?.limited(limits))
}

/// Reads the keys `methods`, `paths` and `roles` of a section.
pub(super) fn read_limits(section: &Section<'_>) -> Limits {
    let mut limits = Limits::default();
    section.set("methods", &mut limits.methods, |field| {
        field.limiting("a list of methods", read_method)
    });
    section.set("paths", &mut limits.paths, |field| {
        field.limiting("a list of paths", read_path)
    });
    section.set("roles", &mut limits.roles, |field| {
        field.limiting("a list of roles", |field| field.choice(&Caller::NAMED))
    });
    limits
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

fn read_method(field: &Field<'_>) -> Option<Method> {
    let written = field.text()?;
    let shown = text::one_line(&written, 60);
    let upper = written.to_ascii_uppercase();
    match Method::from_bytes(upper.as_bytes()) {
        Ok(Method::CONNECT) => field.refuse("`CONNECT` opens a tunnel: it is not a request to a host"),
        Ok(_) if upper != written => field.refuse_with(
            format!("expected a method in capital letters, found `{shown}`"),
            format!("write `{}`", text::one_line(&upper, 60)),
        ),
        Ok(method) => Some(method),
        Err(_) => field.refuse(format!("expected a method such as `GET`, found `{shown}`")),
    }
}

fn read_path(field: &Field<'_>) -> Option<PathPattern> {
    match field.text()?.parse() {
        Ok(pattern) => Some(pattern),
        Err(error) => field.refuse(error.to_string()),
    }
}

impl<'a> Field<'a> {
    /// Reads a list of what is allowed. An empty one is refused: it could mean nothing or everything.
    fn limiting<T>(&self, what: &str, read: impl Fn(&Field<'a>) -> Option<T>) -> Option<Vec<T>> {
        if self.items(what)?.is_empty() {
            return self.refuse_with(
                "expected at least one, found an empty list",
                "leave the key out to limit nothing",
            );
        }
        self.list(what, read)
    }
}
