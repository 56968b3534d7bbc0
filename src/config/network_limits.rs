//! Reads what an entry of `network.allow` or a credential of another host is limited to.

use hyper::Method;

use super::field::Field;
use super::section::Section;
use crate::base::text;
use crate::model::{Role, StageName};
use crate::sandbox::network::{Caller, Limits, PathPattern};

/// Reads the keys `methods`, `paths` and `roles` of a section. Roles may be named, and `stages` of the project's own.
pub(super) fn read(section: &Section<'_>, stages: &[StageName]) -> Limits {
    let mut limits = Limits::default();
    section.set("methods", &mut limits.methods, |field| {
        field.limiting("a list of methods", read_method)
    });
    section.set("paths", &mut limits.paths, |field| {
        field.limiting("a list of paths", read_path)
    });
    section.set("roles", &mut limits.roles, |field| {
        let own = stages
            .iter()
            .map(|name| (name.as_str(), Caller::Agent(Role::Stage(*name))));
        let callers: Vec<_> = Caller::NAMED.into_iter().chain(own).collect();
        field.limiting("a list of roles", |field| field.choice(&callers))
    });
    limits
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
