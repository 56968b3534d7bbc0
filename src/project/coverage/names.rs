//! Which file of the repository a name in a result means.

use std::collections::BTreeMap;

/// The files of a repository, and where they are while tests run.
#[derive(Debug)]
pub struct Names<'a> {
    root: &'a str,
    by_last: BTreeMap<&'a str, Vec<&'a str>>,
}

/// What a name in a result means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// This file of the repository.
    File(String),
    /// One of several files that end with this name.
    OneOf(String),
}

impl<'a> Names<'a> {
    /// Builds it from the absolute path of the repository's folder and the paths of its files below that.
    pub fn new(root: &'a str, files: impl IntoIterator<Item = &'a str>) -> Self {
        let mut by_last: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in files {
            by_last.entry(last_part(file)).or_default().push(file);
        }
        Self { root, by_last }
    }

    /// Returns what a name means; `None` where it is not of the repository, such as one of a library. An absolute path is of
    /// the repository where it lies in its folder; others are paths from a source folder, or import paths of Go.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let name = plain(name);
        let candidates = self.by_last.get(last_part(&name)).map_or(&[][..], Vec::as_slice);
        let exact = |path: &str| {
            let same = candidates.iter().find(|candidate| **candidate == path);
            same.map(|same| Place::File((*same).to_owned()))
        };
        if name.starts_with('/') {
            return exact(name.strip_prefix(self.root)?.strip_prefix('/')?);
        }
        // An import path ends with the file's own: the longest of these is meant.
        let ends_with = |long: &str, end: &str| long.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'));
        let own = candidates.iter().filter(|candidate| ends_with(&name, candidate));
        if let Some(found) = exact(&name).or_else(|| {
            let longest = own.max_by_key(|candidate| candidate.len())?;
            Some(Place::File((*longest).to_owned()))
        }) {
            return Some(found);
        }
        let mut longer = candidates.iter().filter(|candidate| ends_with(candidate, &name));
        let first = longer.next()?;
        Some(match longer.next() {
            None => Place::File((*first).to_owned()),
            Some(_) => Place::OneOf(name),
        })
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns a name without what does not change its meaning: `./`, `//`, and a folder that `..` leaves again.
fn plain(name: &str) -> String {
    let name = name.replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match parts.last() {
            Some(last) if part == ".." && *last != ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    let begin = if name.starts_with('/') { "/" } else { "" };
    format!("{begin}{}", parts.join("/"))
}
