//! What a task's result makes weaker, found in its trees.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crate::base::error::Result;
use crate::git::{ChangedText, Content, Git, Oid, TextLimits};
use crate::issues::issue::{FileAction, TaskFile};
use crate::project::generated::is_generated;
use crate::project::tampering::{self, FileChange, Finding, FindingKind, Tests};

/// What is read of a change. People write files of a few hundred lines.
const LIMITS: TextLimits = TextLimits {
    files: 2000,
    bytes: 1 << 20,
    all_bytes: 16 << 20,
};

/// Finds what a change from one tree or commit to another makes weaker. A file that is to be looked at and is too large,
/// or one too many, is a finding of its own. Tests in a file that `planned` has deleted are not missed; without a plan, no test
/// that there is may change.
pub(crate) fn find(git: &Git, old: Oid, new: Oid, planned: Option<&[TaskFile]>) -> Result<Vec<Finding>> {
    let is_wanted = |path: &Path| path.to_str().is_some_and(tampering::is_read) && !is_generated(path);
    let texts = git.changed_texts(old, new, LIMITS, is_wanted)?;
    let asked = planned
        .unwrap_or_default()
        .iter()
        .filter(|file| file.action == FileAction::Delete);
    let asked: Vec<String> = asked
        .map(|file| file.path.trim_start_matches("./").to_owned())
        .collect();
    let mut found: Vec<Finding> = texts.read.iter().filter_map(too_large).collect();
    if let Some(first) = texts.left_out.first() {
        let count = texts.left_out.len();
        let what = format!(
            "and all after it, {count} in total, were not looked at for weakened tests: the change is too large"
        );
        found.push(not_read(first, what));
    }
    let stay = planned.map_or(Tests::Stay, |_| Tests::MayChange(&asked));
    found.extend(tampering::find(&paired(texts.read), stay));
    Ok(found)
}

fn not_read(path: &Path, what: String) -> Finding {
    Finding {
        path: path.to_string_lossy().into_owned(),
        line: 1,
        what,
        kind: FindingKind::NotRead,
    }
}

/// Returns the finding about a file that was there before and cannot be compared. A new one has no tests to lose.
fn too_large(changed: &ChangedText) -> Option<Finding> {
    let is_large = |side: &Option<(Oid, Content)>| matches!(side, Some((_, Content::TooLarge)));
    let is_compared = changed.old.is_some() && (is_large(&changed.old) || is_large(&changed.new));
    is_compared.then(|| {
        not_read(
            &changed.path,
            "is larger than 1 MiB, and was not looked at for weakened tests".to_owned(),
        )
    })
}

/// Pairs what is gone from one path with what is new at another: of equal content, or the only ones of their name.
fn paired(read: Vec<ChangedText>) -> Vec<FileChange> {
    let (gone, rest): (Vec<_>, Vec<_>) = read.into_iter().partition(|text| text.new.is_none());
    let (mut new, both): (Vec<_>, Vec<_>) = rest.into_iter().partition(|text| text.old.is_none());
    let mut pairs: Vec<FileChange> = both
        .into_iter()
        .filter(|text| !is_large(text))
        .map(|text| change(Some(&text), Some(&text)))
        .collect();
    let (names, new_names) = (counts(&gone), counts(&new));
    for old in gone.iter().filter(|text| !is_large(text)) {
        let content = old.old.as_ref().map(|(id, _)| *id);
        let name = old.path.file_name();
        let is_only = |names: &BTreeMap<OsString, usize>| name.and_then(|name| names.get(name)) == Some(&1);
        let is_only = is_only(&names) && is_only(&new_names);
        let same = new
            .iter()
            .position(|text| text.new.as_ref().map(|(id, _)| *id) == content);
        let same = same.or_else(|| new.iter().position(|text| is_only && text.path.file_name() == name));
        let moved = same.map(|index| new.remove(index));
        pairs.push(change(Some(old), moved.as_ref()));
    }
    pairs.extend(new.iter().map(|text| change(None, Some(text))));
    pairs
}

fn is_large(text: &ChangedText) -> bool {
    too_large(text).is_some()
}

/// Returns how many files there are of each name.
fn counts(texts: &[ChangedText]) -> BTreeMap<OsString, usize> {
    let mut counts = BTreeMap::new();
    for name in texts.iter().filter_map(|text| text.path.file_name()) {
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

fn change(old: Option<&ChangedText>, new: Option<&ChangedText>) -> FileChange {
    let path = |text: &ChangedText| text.path.to_string_lossy().into_owned();
    let text = |side: &Option<(Oid, Content)>| match side {
        Some((_, Content::Text(text))) => Some(text.clone()),
        _ => None,
    };
    FileChange {
        old_path: old.map(path),
        new_path: new.map(path),
        before: old.and_then(|changed| text(&changed.old)),
        after: new.and_then(|changed| text(&changed.new)),
    }
}
