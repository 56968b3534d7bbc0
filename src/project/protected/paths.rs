//! A set of paths, of which there may be many, with a lookup in the time of one path's length.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use super::plain;

/// How many folders deep a path of the set may lie.
pub(super) const DEEPEST: usize = 64;

/// Paths, each with everything below it, under any name that some system knows them by.
#[derive(Debug)]
pub(crate) struct Paths<T>(BTreeMap<String, T>);

impl<T: Copy> Paths<T> {
    /// Collects paths, each with a note; the first note on a path counts.
    pub(crate) fn new<'path>(all: impl IntoIterator<Item = (&'path str, T)>) -> Self {
        let mut paths = BTreeMap::new();
        for (path, value) in all {
            paths.entry(one_name(path)).or_insert(value);
        }
        Self(paths)
    }

    /// Returns the note on a path, or on a folder above it.
    pub(crate) fn get(&self, path: &Path) -> Option<T> {
        let path = one_name(&path.to_string_lossy());
        let folders = path.match_indices('/').take(DEEPEST).map(|(end, _)| &path[..end]);
        let mut all = folders.chain([path.as_str()]);
        all.find_map(|part| self.0.get(part).copied())
    }

    /// Returns the note on something below a path: a link or a file there would replace it.
    pub(crate) fn above(&self, path: &Path) -> Option<T> {
        let folder = one_name(&path.to_string_lossy()) + "/";
        let from = (Bound::Included(folder.as_str()), Bound::Unbounded);
        let (first, value) = self.0.range::<str, _>(from).next()?;
        first.starts_with(&folder).then_some(*value)
    }
}

/// Returns the name by which the most lenient of systems knows a path.
pub(super) fn one_name(path: &str) -> String {
    plain(path).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_covers_what_is_below_it_and_what_could_stand_in_its_place() {
        let paths = Paths::new([("tools/evil.rs", 1), ("macros", 2), ("caf\u{e9}/x", 3)]);
        for (path, expect) in [
            ("tools/evil.rs", Some(1)),
            ("Tools/EVIL.rs", Some(1)),
            ("tools/evil.rs/inside", Some(1)),
            ("macros/src/lib.rs", Some(2)),
            ("macros", Some(2)),
            ("cafe\u{301}/X", Some(3)),
            ("tools", None),
            ("tools/other.rs", None),
            ("macros2", None),
        ] {
            assert_eq!(paths.get(Path::new(path)), expect, "{path}");
        }
        assert_eq!(paths.above(Path::new("TOOLS")), Some(1));
        assert_eq!(paths.above(Path::new("macros")), None);
    }
}
