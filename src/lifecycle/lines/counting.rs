//! Counts the files of a commit one after the other: never more than one of them is in memory.

use std::collections::BTreeMap;
use std::path::Path;

use super::report::{LanguageLines, LineReport, Lines, NotCounted};
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::git::{Content, EntryKind, Git, Oid};
use crate::project::line_count::{Language, LineKind, each_line};
use crate::project::tampering::TestLines;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// How many names of files in unknown languages are reported.
const NAMED: usize = 10;

pub(super) fn count(git: &Git, commit: Oid) -> Result<LineReport> {
    let (mut languages, mut unknown) = (BTreeMap::<Language, Lines>::new(), BTreeMap::<String, u64>::new());
    let mut not_counted = NotCounted::default();
    for entry in git.files(commit)? {
        match (entry.kind, git.text_of(&entry, LARGEST)?) {
            (EntryKind::Link, _) => not_counted.links += 1,
            (EntryKind::Submodule, _) => not_counted.submodules += 1,
            (_, Content::Other) => not_counted.binary += 1,
            (_, Content::TooLarge) => not_counted.too_large.push(entry.path.display().to_string()),
            (_, Content::Text(text)) => match Language::of(&entry.path, &text) {
                Some(language) => *languages.entry(language).or_default() += lines(&entry.path, &text, language),
                None => *unknown.entry(ending(&entry.path)).or_default() += 1,
            },
        }
    }
    not_counted.unknown = unknown.values().sum();
    not_counted.unknown_names = unknown.into_iter().collect();
    not_counted
        .unknown_names
        .sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    not_counted.unknown_names.truncate(NAMED);
    let mut total = Lines::default();
    for lines in languages.values() {
        total += *lines;
    }
    let mut languages: Vec<LanguageLines> = languages
        .into_iter()
        .map(|(language, lines)| LanguageLines {
            language: language.name().to_owned(),
            lines,
        })
        .collect();
    languages.sort_by_key(|one| std::cmp::Reverse((one.lines.code, one.lines.all)));
    Ok(LineReport {
        revision: commit.into(),
        languages,
        total,
        not_counted,
    })
}

/// Counts the lines of one file.
fn lines(path: &Path, text: &str, language: Language) -> Lines {
    let tests = TestLines::of(&path.to_string_lossy(), text);
    let mut lines = Lines {
        files: 1,
        ..Lines::default()
    };
    each_line(text, language, |kind| {
        lines.all += 1;
        match kind {
            LineKind::Blank => lines.blank += 1,
            LineKind::Comment => lines.comments += 1,
            LineKind::Code => {
                lines.code += 1;
                let is_test = usize::try_from(lines.all).is_ok_and(|line| tests.has(line));
                *if is_test {
                    &mut lines.test
                } else {
                    &mut lines.production
                } += 1;
            }
        }
    });
    lines
}

/// Returns how a name ends, or all of one that has no ending.
fn ending(path: &Path) -> String {
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
    let name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    one_line(&ending.unwrap_or_else(name), 40)
}
