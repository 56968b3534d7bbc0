//! Whether a merge lost a change, or added one: its tree is compared with each side, whoever merged.

use super::changes::Changes;
use super::combine::Paths;
use super::renames::Renames;

/// A merged tree beside its sides.
pub(super) struct MergedTree<'a> {
    /// The changes of each side: ours, theirs.
    pub(super) sides: &'a [Changes; 2],
    /// The differences of the merged tree from ours, and from theirs.
    pub(super) merged: &'a [Changes; 2],
    /// Files that one side renamed, and to which the changes of the other side were moved.
    pub(super) followed: &'a Renames,
}

impl MergedTree<'_> {
    /// Returns the paths at which the merged tree lacks a change of a side; none if it has them all.
    pub(super) fn lost(&self) -> Paths {
        let all = self.sides.iter().chain(self.merged);
        let paths: Paths = all.flat_map(|changes| changes.keys().cloned()).collect();
        paths.into_iter().filter(|path| self.is_lost(path)).collect()
    }

    fn is_lost(&self, path: &[u8]) -> bool {
        let [ours, theirs] = self.sides.each_ref().map(|side| side.get(path));
        let [beside_ours, beside_theirs] = self.merged.each_ref().map(|side| side.get(path));
        let differs = |beside: Option<&super::changes::Change>| match beside {
            None => false,
            // Changes that were moved to the new place of a file make it differ.
            Some(change) => change.is.is_none() || !self.followed.values().any(|new| new == path),
        };
        match (ours, theirs) {
            (None, None) => beside_ours.is_some() || beside_theirs.is_some(),
            (Some(_), None) => differs(beside_ours),
            (None, Some(_)) => differs(beside_theirs),
            (Some(ours), Some(theirs)) if ours.is == theirs.is => beside_ours.is_some(),
            (Some(ours), Some(theirs)) => {
                let merged = beside_ours.map_or(ours.is, |change| change.is);
                let deleted = ours.is.is_none() || theirs.is.is_none();
                // Files that both changed were compared; if one side deleted a file, it was renamed, or there is a
                // conflict.
                merged.is_none() != deleted || deleted && !self.followed.contains_key(path)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::git::merge::changes::{Change, Leaf};
    use crate::git::{EntryKind, Oid};

    /// Files of one letter or more each with one digit of content: `a1 b2`.
    fn files(words: &str) -> BTreeMap<Vec<u8>, Leaf> {
        let file = |word: &str| {
            let (path, content) = word.split_at(word.len() - 1);
            let leaf = Leaf {
                kind: EntryKind::File,
                id: Oid::from_str(&content.repeat(40)).unwrap(),
            };
            (path.as_bytes().to_vec(), leaf)
        };
        words.split_whitespace().map(file).collect()
    }

    fn between(old: &str, new: &str) -> Changes {
        let (old, new) = (files(old), files(new));
        let paths: Paths = old.keys().chain(new.keys()).cloned().collect();
        let change = |path: Vec<u8>| {
            let (was, is) = (old.get(&path).copied(), new.get(&path).copied());
            (was != is).then_some((path, Change { was, is }))
        };
        paths.into_iter().filter_map(change).collect()
    }

    fn check([ancestor, ours, theirs]: [&str; 3], merged: &str, followed: &str, expect: &[&str]) {
        let followed = followed.split_whitespace().map(|pair| {
            let (old, new) = pair.split_once('>').unwrap();
            (old.as_bytes().to_vec(), new.as_bytes().to_vec())
        });
        let kept = MergedTree {
            sides: &[between(ancestor, ours), between(ancestor, theirs)],
            merged: &[between(ours, merged), between(theirs, merged)],
            followed: &followed.collect(),
        };
        let expect: Paths = expect.iter().map(|path| path.as_bytes().to_vec()).collect();
        assert_eq!(kept.lost(), expect, "{ancestor} | {ours} | {theirs} | {merged}");
    }

    #[test]
    fn a_side_that_is_dropped_is_found() {
        check(["a1", "a1 b1", "a2"], "a2 b1", "", &[]);
        check(["a1", "a1 b1", "a2"], "a2", "", &["b"]);
        check(["a1", "a1 b1", "a2"], "a1 b1", "", &["a"]);
        check(["a1 b1", "b1", "a1 b2"], "a1 b2", "", &["a"]);
        check(["a1", "a/x1", "a1 b1"], "a1 b1", "", &["a", "a/x"]);
        check(["a1", "a2", ""], "a2", "", &["a"]);
        check(["a1", "a2", ""], "", "", &["a"]);
        check(["a1", "a2", "a3"], "", "", &["a"]);
    }

    #[test]
    fn what_both_did_alike_or_was_compared_is_kept() {
        check(["a1", "a2", "a2"], "a2", "", &[]);
        check(["a1", "a2", "a2"], "a1", "", &["a"]);
        check(["a1", "a2", "a3"], "a4", "", &[]);
        check(["a1", "", ""], "", "", &[]);
    }

    #[test]
    fn what_nobody_did_is_found() {
        check(["a1", "a2", "a1 b1"], "a2 b1 c1", "", &["c"]);
        check(["a1 c1", "a2 c1", "a1 c1 b1"], "a2 b1", "", &["c"]);
        check(["a1", "a2", "a1 b1"], "a2 b2", "", &["b"]);
    }

    #[test]
    fn work_that_went_along_with_a_renamed_file_is_kept() {
        check(["a1", "b1", "a2"], "b2", "a>b", &[]);
        check(["a1", "b1", "a2"], "b2", "", &["a", "b"]);
        check(["a1", "b1", "a2"], "", "a>b", &["b"]);
        check(["a1", "b1", "a1"], "b1", "", &[]);
    }
}
