//! Which new files git would leave out: the `.gitignore` files in the slot, the repository's `info/exclude`, and the
//! person's own rules.
//!
//! The files in the slot are read by us and parsed in memory; libgit2 would open whatever an agent put in their place.

use std::cell::Cell;

use crate::git::rules::{IgnoreFile, Settings};
use crate::git::work::Work;

/// How many bytes of rules are read in all, whatever number of folders has some: what is not read leaves nothing out.
const MOST: u64 = 1 << 20;
/// The name of a file of ignore rules.
const NAME: &str = ".gitignore";

/// What all rules of a slot share.
pub(super) struct Outside<'work> {
    /// The rules outside of the slot, the strongest first.
    files: [IgnoreFile; 2],
    /// Whether names that differ by case alone are one.
    ignore_case: bool,
    /// How many bytes may still be read.
    left: Cell<u64>,
    work: &'work Work,
}

impl<'work> Outside<'work> {
    /// Reads the rules outside of the slot.
    pub(super) fn of(settings: &Settings, work: &'work Work) -> Self {
        Self {
            files: settings.ignore_files(),
            ignore_case: settings.ignore_case,
            left: Cell::new(MOST),
            work,
        }
    }
}

/// The rules that hold in a folder: its own, then those of the folders above it.
pub(super) struct Rules<'above> {
    own: Option<IgnoreFile>,
    /// How long the folder's path is, with the slash behind it.
    depth: usize,
    above: Option<&'above Rules<'above>>,
    outside: &'above Outside<'above>,
}

impl<'above> Rules<'above> {
    /// Builds the rules outside of the slot alone.
    pub(super) fn of_repository(outside: &'above Outside<'above>) -> Self {
        Self {
            own: None,
            depth: 0,
            above: None,
            outside,
        }
    }

    /// Builds the rules in the folder `path`; `read` returns the content of the file of this name in it, of at most so many
    /// bytes.
    pub(super) fn in_folder(
        path: &[u8],
        read: impl FnOnce(&[u8], u64) -> Option<Vec<u8>>,
        above: &'above Self,
    ) -> Self {
        let left = &above.outside.left;
        let content = read(NAME.as_bytes(), left.get());
        let read = content.as_ref().map_or(0, |content| content.len() as u64);
        left.set(left.get().saturating_sub(read));
        Self {
            own: content.map(|content| IgnoreFile::parse(&content, above.outside.ignore_case)),
            depth: path.len() + usize::from(!path.is_empty()),
            above: Some(above),
            outside: above.outside,
        }
    }

    /// Returns whether git leaves out what is at a path, by the nearest rules that apply to it.
    pub(super) fn ignore(&self, path: &[u8], is_folder: bool) -> bool {
        let work = self.outside.work;
        let nearest_first = std::iter::successors(Some(self), |rules| rules.above);
        let in_slot = nearest_first.filter_map(|rules| {
            let found = rules.own.as_ref()?.ignores(&path[rules.depth..], is_folder, work);
            let folder = &path[..rules.depth.saturating_sub(1)];
            work.note(Some((folder, NAME)), path);
            found
        });
        let outside = self.outside.files.iter();
        let outside = outside.filter_map(|rules| {
            let found = rules.ignores(path, is_folder, work);
            work.note(None, path);
            found
        });
        in_slot.chain(outside).next().unwrap_or(false)
    }
}
