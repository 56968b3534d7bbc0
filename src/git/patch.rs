//! What changed between two trees as a text that people and models read, within bounds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use git2::Oid;

use super::changed_texts::{ChangedText, Content, TextLimits};
use super::lines::{self, Hunk, Lines};
use super::work::Work;
use super::{Git, bytes};
use crate::base::error::Result;

/// Steps that comparing all files of two trees may take, about a second of work.
const STEPS: u64 = 100_000_000;
/// How much of two trees is compared.
const LIMITS: TextLimits = TextLimits {
    files: 5000,
    bytes: 1 << 20,
    all_bytes: 64 << 20,
};
/// Lines that are shown before and after a change.
const AROUND: usize = 3;

/// The changes between two trees, in the form of a unified diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    /// The changes of the files that fit, file by file in git's order. A file without a text is named.
    pub(crate) text: String,
    /// The files that did not fit.
    pub(crate) left_out: Vec<PathBuf>,
    /// The files that the text only names, since they are too large to be read.
    pub(crate) not_shown: Vec<PathBuf>,
}

impl Git {
    /// Returns what changed between two trees or commits, in at most about `most` bytes: a file whose changes do not fit
    /// any more is left out, and a smaller one after it is not. A rename is a deletion and an addition.
    ///
    /// # Errors
    ///
    /// When an object is missing or damaged.
    pub(crate) fn patch(&self, old: Oid, new: Oid, most: usize) -> Result<Patch> {
        self.patch_of(old, new, most, |_| true)
    }

    /// Returns what [`Git::patch`] does, of the files alone that `is_wanted`.
    ///
    /// # Errors
    ///
    /// When an object is missing or damaged.
    pub(crate) fn patch_of(&self, old: Oid, new: Oid, most: usize, is_wanted: impl Fn(&Path) -> bool) -> Result<Patch> {
        let texts = self.changed_texts(old, new, LIMITS, is_wanted)?;
        let work = Work::of(STEPS);
        let mut patch = Patch::default();
        for changed in &texts.read {
            let of_file = of_file(changed, &work);
            if patch.text.len() + of_file.len() <= most {
                patch.text.push_str(&of_file);
                if is_too_large(changed) {
                    patch.not_shown.push(changed.path.clone());
                }
            } else {
                patch.left_out.push(changed.path.clone());
            }
        }
        patch.left_out.extend(texts.left_out);
        Ok(patch)
    }

    /// Returns how many bytes the changes of each file have in such a text; a file that is too large for one has none.
    ///
    /// # Errors
    ///
    /// When an object is missing or damaged.
    pub(crate) fn patch_sizes(
        &self,
        old: Oid,
        new: Oid,
        is_wanted: impl Fn(&Path) -> bool,
    ) -> Result<BTreeMap<PathBuf, usize>> {
        let texts = self.changed_texts(old, new, LIMITS, is_wanted)?;
        let work = Work::of(STEPS);
        let size = |changed: &ChangedText| (changed.path.clone(), of_file(changed, &work).len());
        Ok(texts.read.iter().map(size).collect())
    }
}

/// Returns whether a file is too large to be read before its change or after it.
fn is_too_large(changed: &ChangedText) -> bool {
    let sides = [&changed.old, &changed.new];
    sides
        .into_iter()
        .flatten()
        .any(|(_, content)| *content == Content::TooLarge)
}

/// Returns the changes of one file.
fn of_file(changed: &ChangedText, work: &Work) -> String {
    let path = String::from_utf8_lossy(bytes::of_path(&changed.path));
    let name = |side: &Option<(Oid, Content)>, prefix: &str| match side {
        Some(_) => format!("{prefix}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let (before, after) = (name(&changed.old, "a"), name(&changed.new, "b"));
    let mut text = format!("--- {before}\n+++ {after}\n");
    match (text_of(changed.old.as_ref()), text_of(changed.new.as_ref())) {
        (Ok(old), Ok(new)) => {
            write_hunks(&mut text, (old, new), work);
        }
        (Err(why), _) | (_, Err(why)) => {
            let _ = writeln!(text, "({why}: not shown)");
        }
    }
    text
}

/// Returns the text at one side of a change, or what is there instead.
fn text_of(side: Option<&(Oid, Content)>) -> Result<&str, &'static str> {
    match side.map(|(_, content)| content) {
        None => Ok(""),
        Some(Content::Text(text)) => Ok(text),
        Some(Content::TooLarge) => Err("a large file"),
        Some(Content::Other) => Err("a binary file or a link"),
    }
}

/// Writes the hunks by which two texts differ; returns how many lines they remove and add.
pub(super) fn write_hunks(text: &mut String, (old, new): (&str, &str), work: &Work) -> (u64, u64) {
    let (old, new) = (lines::split(old.as_bytes()), lines::split(new.as_bytes()));
    let mut numbers = Lines::default();
    let sides = [numbers.of(&old), numbers.of(&new)];
    let hunks = lines::compare(&sides[0], &sides[1], work).unwrap_or_else(|| {
        // Beyond the budget everything counts as changed.
        vec![Hunk {
            old: 0..old.len(),
            new: 0..new.len(),
        }]
    });
    for group in grouped(&hunks) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let begin = AROUND.min(first.old.start);
        let end = AROUND.min(old.len() - last.old.end);
        let shown = |first: usize, last: usize| first - begin..last + end;
        let (old_shown, new_shown) = (
            shown(first.old.start, last.old.end),
            shown(first.new.start, last.new.end),
        );
        let _ = writeln!(text, "@@ -{} +{} @@", range(&old_shown), range(&new_shown));
        let mut at = old_shown.start;
        for hunk in group {
            write_lines(text, ' ', &old[at..hunk.old.start]);
            write_lines(text, '-', &old[hunk.old.clone()]);
            write_lines(text, '+', &new[hunk.new.clone()]);
            at = hunk.old.end;
        }
        write_lines(text, ' ', &old[at..old_shown.end]);
    }
    let sum = |range: fn(&Hunk) -> usize| hunks.iter().map(|hunk| range(hunk) as u64).sum();
    (sum(|hunk| hunk.old.len()), sum(|hunk| hunk.new.len()))
}

/// Puts hunks together whose surroundings meet.
fn grouped(hunks: &[Hunk]) -> impl Iterator<Item = &[Hunk]> {
    hunks.chunk_by(|one, next| next.old.start - one.old.end <= 2 * AROUND)
}

/// Writes a range of lines as a unified diff has it: the first line, counted from 1, and how many there are.
fn range(lines: &Range<usize>) -> String {
    let first = if lines.is_empty() { lines.start } else { lines.start + 1 };
    format!("{first},{}", lines.len())
}

fn write_lines(text: &mut String, mark: char, lines: &[&[u8]]) {
    for line in lines {
        text.push(mark);
        text.push_str(&String::from_utf8_lossy(line));
        if !line.ends_with(b"\n") {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(old: Option<&str>, new: Option<&str>) -> String {
        let side = |text: Option<&str>| text.map(|text| (Oid::ZERO_SHA1, Content::Text(text.to_owned())));
        let changed = ChangedText {
            path: "src/a.txt".into(),
            old: side(old),
            new: side(new),
        };
        of_file(&changed, &Work::of(STEPS))
    }

    /// Returns the lines of these numbers.
    fn numbered(last: u32) -> String {
        let lines: Vec<String> = (1..=last).map(|line| line.to_string()).collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn a_file_that_is_too_large_to_be_read_is_told_apart() {
        let side = |content| Some((Oid::ZERO_SHA1, content));
        let changed = |old, new| ChangedText {
            path: "src/a.txt".into(),
            old,
            new,
        };
        let text = || Content::Text("a".to_owned());
        assert!(is_too_large(&changed(None, side(Content::TooLarge))));
        assert!(is_too_large(&changed(side(Content::TooLarge), side(text()))));
        assert!(!is_too_large(&changed(side(text()), side(Content::Other))));
    }

    #[test]
    fn changes_near_each_other_share_their_surroundings() {
        let old = numbered(20);
        let new = old.replace("\n5\n", "\nfive\n").replace("\n11\n", "\n");
        assert_eq!(
            patch(Some(&old), Some(&new)),
            "--- a/src/a.txt\n+++ b/src/a.txt\n@@ -2,13 +2,12 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n 10\n-11\n 12\n 13\n 14\n"
        );
        let new = old.replace("20\n", "last");
        let end = "@@ -17,4 +17,4 @@\n 17\n 18\n 19\n-20\n+last\n\\ No newline at end of file\n";
        assert!(patch(Some(&old), Some(&new)).ends_with(end));
    }

    #[test]
    fn changes_far_from_each_other_are_apart_and_new_and_deleted_files_are_whole() {
        let old = numbered(30);
        let new = old.replacen("1\n", "one\n", 1).replace("30\n", "thirty\n");
        let text = patch(Some(&old), Some(&new));
        assert!(
            text.contains("@@ -1,4 +1,4 @@\n-1\n+one\n 2\n 3\n 4\n@@ -27,4 +27,4 @@\n 27\n"),
            "{text}"
        );
        assert_eq!(
            patch(None, Some("x\ny\n")),
            "--- /dev/null\n+++ b/src/a.txt\n@@ -0,0 +1,2 @@\n+x\n+y\n"
        );
        assert_eq!(
            patch(Some("x\n"), None),
            "--- a/src/a.txt\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n"
        );
    }
}
