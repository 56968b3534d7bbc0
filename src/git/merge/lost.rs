//! What a merge lost: libgit2 takes some merges of a file against a folder for clean and drops one side of them.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::super::tree::TreeEntry;

/// The trees of a merge, as lists of their files.
pub(super) struct Sides {
    pub(super) ancestor: Vec<TreeEntry>,
    pub(super) ours: Vec<TreeEntry>,
    pub(super) theirs: Vec<TreeEntry>,
    pub(super) merged: Vec<TreeEntry>,
}

/// The files of one tree by their paths.
type Files = HashMap<PathBuf, TreeEntry>;

impl Sides {
    /// The paths at which the merged tree has lost what a side did, ordered; none where it keeps both sides.
    pub(super) fn lost(self) -> BTreeSet<PathBuf> {
        let [ancestor, ours, theirs, merged] = [self.ancestor, self.ours, self.theirs, self.merged].map(by_path);
        let paths: BTreeSet<&PathBuf> = [&ancestor, &ours, &theirs]
            .into_iter()
            .flat_map(HashMap::keys)
            .collect();
        let lost = paths.into_iter().filter(|path| {
            is_lost(
                ancestor.get(*path),
                ours.get(*path),
                theirs.get(*path),
                merged.get(*path),
            )
        });
        // A file and a folder of one name are a tree that no system can check out.
        let covered = merged.keys().flat_map(|path| path.ancestors().skip(1));
        let covered = covered.filter(|folder| merged.contains_key(*folder));
        lost.cloned().chain(covered.map(Path::to_owned)).collect()
    }
}

fn by_path(files: Vec<TreeEntry>) -> Files {
    files.into_iter().map(|file| (file.path.clone(), file)).collect()
}

/// Whether what exactly one side did to a path is not in the result. Where both changed it, libgit2 has compared them;
/// where one side renamed a file, its new path is the one that only that side has.
fn is_lost(
    ancestor: Option<&TreeEntry>,
    ours: Option<&TreeEntry>,
    theirs: Option<&TreeEntry>,
    merged: Option<&TreeEntry>,
) -> bool {
    let changed = match (ours == ancestor, theirs == ancestor) {
        (true, false) => theirs,
        (false, true) => ours,
        _ => return false,
    };
    // A file that the other side changed under its old name has another content at its new one.
    match changed {
        Some(_) => merged.is_none() || merged == ancestor,
        None => merged.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{EntryKind, Oid};

    /// Files of one letter each with one digit of content: `a1 b2`.
    fn files(words: &str) -> Vec<TreeEntry> {
        let file = |word: &str| {
            let (path, content) = word.split_at(word.len() - 1);
            TreeEntry {
                path: path.into(),
                kind: EntryKind::File,
                id: Oid::from_str(&content.repeat(40)).unwrap(),
            }
        };
        words.split_whitespace().map(file).collect()
    }

    fn check(ancestor: &str, ours: &str, theirs: &str, merged: &str, expect: &[&str]) {
        let sides = Sides {
            ancestor: files(ancestor),
            ours: files(ours),
            theirs: files(theirs),
            merged: files(merged),
        };
        let lost: Vec<_> = sides.lost().into_iter().collect();
        let expect: Vec<PathBuf> = expect.iter().map(PathBuf::from).collect();
        assert_eq!(lost, expect, "{ancestor} | {ours} | {theirs} | {merged}");
    }

    #[test]
    fn a_side_that_is_dropped_is_found() {
        check("a1", "a1 b1", "a2", "a2 b1", &[]);
        check("a1", "a1 b1", "a2", "a2", &["b"]);
        check("a1", "a1 b1", "a2", "a1 b1", &["a"]);
        check("a1 b1", "b1", "a1 b2", "a1 b2", &["a"]);
        check("a1", "a/x1", "a1 b1", "a1 b1", &["a", "a/x"]);
        check("k1", "k1 a1", "k1 a/x1", "k1 a1 a/x1", &["a"]);
        // Both agree, or both differ and were compared.
        check("a1", "a2", "a2", "a2", &[]);
        check("a1", "a2", "a3", "a4", &[]);
    }

    #[test]
    fn a_file_that_was_renamed_here_and_changed_there_is_not_lost() {
        check("a1", "b1", "a2", "b2", &[]);
        check("a1", "b1", "a1", "b1", &[]);
    }
}
