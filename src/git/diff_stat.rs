//! How much two trees differ in lines, file by file, as `git diff --numstat` counts it.
//!
//! The texts may be an agent's. Comparing them has the bounds that merges have and a budget of work, and beyond these
//! every line of both texts counts as changed, which is the most that it can be.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use git2::{Delta, DiffDelta, DiffFile, FileMode, Oid, Repository};
use serde::{Deserialize, Serialize};

use super::changes::diff;
use super::lines::{self, Lines};
use super::work::Work;
use super::{Git, bytes};
use crate::base::error::{Context as _, Result};

/// The largest file whose lines are counted, in bytes; a larger one counts like a binary file, and is not read.
const LARGEST: usize = 64 << 20;
/// Steps that comparing all files of two trees may take, about a second of work.
const STEPS: u64 = 100_000_000;

/// The lines of a file that differ between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// Relative to the root of the tree; where a file was renamed, its new path.
    pub path: PathBuf,
    /// Lines that only the new tree has. A binary file has none, nor has one that was only renamed.
    pub insertions: u64,
    /// Lines that only the old tree has.
    pub deletions: u64,
}

/// How much some files differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffStat {
    /// Files that differ; a renamed one counts once.
    pub files: u64,
    /// Lines added.
    pub insertions: u64,
    /// Lines removed.
    pub deletions: u64,
}

impl DiffStat {
    /// Returns how many lines were changed: added or removed.
    pub fn lines(self) -> u64 {
        self.insertions.saturating_add(self.deletions)
    }
}

impl<'a> FromIterator<&'a FileDiff> for DiffStat {
    fn from_iter<I: IntoIterator<Item = &'a FileDiff>>(files: I) -> Self {
        files.into_iter().fold(Self::default(), |sum, file| Self {
            files: sum.files + 1,
            insertions: sum.insertions.saturating_add(file.insertions),
            deletions: sum.deletions.saturating_add(file.deletions),
        })
    }
}

impl fmt::Display for DiffStat {
    /// Writes `3 files, +131 -12`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = if self.files == 1 { "file" } else { "files" };
        write!(
            formatter,
            "{} {files}, +{} -{}",
            self.files, self.insertions, self.deletions
        )
    }
}

impl Git {
    /// Returns the files that differ between two trees or commits, in git's order, with their changed lines. A file
    /// that was moved and not changed is a rename; other renames are a deletion and an addition.
    ///
    /// # Errors
    ///
    /// When an object is missing or damaged.
    pub fn file_diffs(&self, old: Oid, new: Oid) -> Result<Vec<FileDiff>> {
        let repository = self.borrow()?;
        let diff = diff(&repository, old, new)?;
        let mut moved = Moved::of(&diff);
        let work = Work::of(STEPS);
        let mut files = Vec::new();
        for delta in diff.deltas() {
            let (old, new) = (delta.old_file(), delta.new_file());
            match delta.status() {
                Delta::Deleted if moved.left(old.id()) => {}
                Delta::Deleted => files.push(FileDiff::between(&repository, Some(&old), None, &work)?),
                Delta::Added if moved.arrived(new.id()) => files.push(FileDiff::unchanged(&new)),
                Delta::Added => files.push(FileDiff::between(&repository, None, Some(&new), &work)?),
                _ => files.push(FileDiff::between(&repository, Some(&old), Some(&new), &work)?),
            }
        }
        Ok(files)
    }

    /// Returns how much two trees or commits differ.
    ///
    /// # Errors
    ///
    /// Those of [`Self::file_diffs`].
    pub fn diff_stat(&self, old: Oid, new: Oid) -> Result<DiffStat> {
        Ok(self.file_diffs(old, new)?.iter().collect())
    }
}

/// The contents that were taken away at one path and are there at another, each with how often.
#[derive(Default)]
struct Moved {
    leave: HashMap<Oid, usize>,
    arrive: HashMap<Oid, usize>,
}

impl Moved {
    fn of(diff: &git2::Diff<'_>) -> Self {
        let count = |status: Delta, id: fn(&DiffDelta<'_>) -> Oid| {
            let mut counts = HashMap::<Oid, usize>::new();
            for delta in diff.deltas().filter(|delta| delta.status() == status) {
                *counts.entry(id(&delta)).or_default() += 1;
            }
            counts
        };
        let removed = count(Delta::Deleted, |delta| delta.old_file().id());
        let added = count(Delta::Added, |delta| delta.new_file().id());
        let both = removed
            .into_iter()
            .filter_map(|(id, count)| Some((id, count.min(*added.get(&id)?))));
        let leave: HashMap<_, _> = both.collect();
        Self {
            arrive: leave.clone(),
            leave,
        }
    }

    /// Returns whether a content that is gone from a path is at another now.
    fn left(&mut self, id: Oid) -> bool {
        take(&mut self.leave, id)
    }

    /// Returns whether a content that is new at a path was at another.
    fn arrived(&mut self, id: Oid) -> bool {
        take(&mut self.arrive, id)
    }
}

fn take(counts: &mut HashMap<Oid, usize>, id: Oid) -> bool {
    let Some(left @ 1..) = counts.get_mut(&id) else {
        return false;
    };
    *left -= 1;
    true
}

impl FileDiff {
    fn unchanged(file: &DiffFile<'_>) -> Self {
        Self {
            path: bytes::to_path(file.path_bytes().unwrap_or_default()),
            insertions: 0,
            deletions: 0,
        }
    }

    /// Counts the lines that differ between two files, of which one may be missing.
    fn between(
        repository: &Repository,
        old: Option<&DiffFile<'_>>,
        new: Option<&DiffFile<'_>>,
        work: &Work,
    ) -> Result<Self> {
        let text = |file: Option<&DiffFile<'_>>| file.map_or(Ok(Some(Vec::new())), |file| text(repository, file));
        let Some(mut this) = new.or(old).map(Self::unchanged) else {
            unreachable!("a difference has a file on one side")
        };
        if let (Some(before), Some(after)) = (text(old)?, text(new)?) {
            (this.deletions, this.insertions) = changed(&before, &after, work);
        }
        Ok(this)
    }
}

/// Returns the content of a file whose lines are counted; `None` for one that is binary or too large, and for what is
/// not a file: the commit of a submodule.
fn text(repository: &Repository, file: &DiffFile<'_>) -> Result<Option<Vec<u8>>> {
    if file.mode() == FileMode::Commit {
        return Ok(None);
    }
    let failed = || format!("cannot read the blob {}", file.id());
    let odb = repository.odb().context(failed())?;
    let (size, _) = odb.read_header(file.id()).context(failed())?;
    if size > LARGEST {
        return Ok(None);
    }
    let blob = odb.read(file.id()).context(failed())?;
    Ok((!lines::is_binary(blob.data())).then(|| blob.data().to_vec()))
}

/// Counts the lines that only the old text has, and those that only the new one has.
fn changed(old: &[u8], new: &[u8], work: &Work) -> (u64, u64) {
    let Some(hunks) = compared(old, new, work) else {
        let count = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').count() as u64;
        return (count(old), count(new));
    };
    let sum = |range: fn(&lines::Hunk) -> usize| hunks.iter().map(|hunk| range(hunk) as u64).sum();
    (sum(|hunk| hunk.old.len()), sum(|hunk| hunk.new.len()))
}

/// Compares two texts by lines; `None` where that would take too much memory or work.
fn compared(old: &[u8], new: &[u8], work: &Work) -> Option<Vec<lines::Hunk>> {
    if !lines::is_comparable(old) || !lines::is_comparable(new) {
        return None;
    }
    let mut numbers = Lines::default();
    let (old, new) = (numbers.of(&lines::split(old)), numbers.of(&lines::split(new)));
    lines::compare(&old, &new, work)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(old: &str, new: &str) -> (u64, u64) {
        changed(old.as_bytes(), new.as_bytes(), &Work::of(1000))
    }

    #[test]
    fn lines_are_counted_as_git_does() {
        assert_eq!(counted("", "a\nb\n"), (0, 2));
        assert_eq!(counted("a\nb\n", ""), (2, 0));
        assert_eq!(counted("a\nb\nc\n", "a\nx\ny\nc\n"), (1, 2));
        // An end of line that is missing is a change of the last line.
        assert_eq!(counted("a\nb", "a\nb\n"), (1, 1));
    }

    #[test]
    fn what_has_too_many_lines_counts_whole_and_is_not_compared() {
        let many = "\n".repeat(200_001);
        assert_eq!(counted("a\n", &many), (1, 200_001));
        assert_eq!(counted(&many, &many), (200_001, 200_001));
    }

    #[test]
    fn what_takes_too_much_work_counts_whole() {
        let text = |words: &[&str]| words.join("\n").repeat(200);
        let (old, new) = (text(&["a", "b", "c", "d"]), text(&["d", "b", "c", "a"]));
        let lines = |text: &str| lines::split(text.as_bytes()).len() as u64;
        assert_eq!(counted(&old, &new), (lines(&old), lines(&new)));
    }
}
