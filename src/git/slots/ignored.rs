//! Which new files git would leave out: the `.gitignore` files in the slot and the repository's `info/exclude`.
//!
//! A person's own global excludes do not count: a bare name in one of those once hid a whole source folder.
//! The files are read by us and parsed in memory; libgit2 would open whatever an agent put in their place.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::folder::Folder;
use crate::git::bytes;

/// How many bytes of rules are read in all, whatever number of folders has some: a million take seconds, and what is not
/// read leaves nothing out.
const MOST: u64 = 1 << 20;

/// The rules that hold in a folder: its own, then those of the folders above it.
pub(super) struct Rules<'above> {
    own: Option<Gitignore>,
    above: Option<&'above Rules<'above>>,
    /// How many bytes may still be read, here and everywhere else in the slot.
    left: Rc<Cell<u64>>,
}

impl<'above> Rules<'above> {
    /// The rules of `info/exclude`.
    pub(super) fn of_repository(common_dir: &Path) -> Self {
        let content = std::fs::read(common_dir.join("info/exclude")).unwrap_or_default();
        Self {
            own: parse(b"", &content),
            above: None,
            left: Rc::new(Cell::new(MOST)),
        }
    }

    /// The rules in `folder`, whose path is `path`.
    pub(super) fn in_folder(folder: &Folder, path: &[u8], names: &[Vec<u8>], above: &'above Self) -> Self {
        let has_rules = names.iter().any(|name| name == b".gitignore");
        let left = Rc::clone(&above.left);
        let content = has_rules
            .then(|| folder.read_file(b".gitignore", left.get()).ok())
            .flatten();
        let read = content.as_ref().map_or(0, |content| content.len() as u64);
        left.set(left.get().saturating_sub(read));
        Self {
            own: content.and_then(|content| parse(path, &content)),
            above: Some(above),
            left,
        }
    }

    /// Whether git leaves out what is at a path, by the rules nearest to it that say anything.
    pub(super) fn ignore(&self, path: &[u8], is_folder: bool) -> bool {
        let path = bytes::to_path(path);
        let mut rules = Some(self);
        while let Some(here) = rules {
            match here.own.as_ref().map(|own| own.matched(&path, is_folder)) {
                Some(Match::Ignore(_)) => return true,
                Some(Match::Whitelist(_)) => return false,
                Some(Match::None) | None => rules = here.above,
            }
        }
        false
    }
}

/// Parses rules that hold below `folder`; a line that is no pattern is left out, as git does.
fn parse(folder: &[u8], content: &[u8]) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new(bytes::to_path(folder));
    for line in String::from_utf8_lossy(content).lines() {
        if let Err(error) = builder.add_line(None, line) {
            tracing::debug!(%error, "a line of ignore rules is no pattern");
        }
    }
    builder.build().ok().filter(|rules| !rules.is_empty())
}
