//! What the tasks of a generation have fixed, as it is told when a run has ended.

use std::path::Path;

use crate::base::error::Result;
use crate::git::{EntryKind, Git, Oid, path_in_tree};
use crate::issues::attempt::Outcome;
use crate::issues::fixed::{FixedTask, Named, is_place, is_test};
use crate::issues::issue::Issue;
use crate::lifecycle::Generator;

/// The largest file that is looked into, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// How many changed files are looked into for the name of a test.
const MOST_FILES: usize = 100;

impl Generator {
    /// Returns what the merged tasks of the selected generation have fixed: the causes and places by their agents' words,
    /// with whether they are there, and what guards each now. Empty in a mode that is not about faults.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) where no generation is open, and
    /// where its store or a commit cannot be read.
    pub fn fixed(&self) -> Result<Vec<FixedTask>> {
        let this = self.in_its_mode()?;
        if !this.project.config.mode.kind.is_about_faults() {
            return Ok(Vec::new());
        }
        let issues = this.store()?.read()?;
        let merged = issues.iter().filter(|issue| issue.commit.is_some());
        let fixed = merged.map(|issue| fixed(&this.project.git, issue));
        Ok(fixed.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

fn fixed(git: &Git, issue: &Issue) -> Result<Option<FixedTask>> {
    let (Some(commit), Some(last)) = (&issue.commit, issue.attempts.last()) else {
        return Ok(None);
    };
    let id = git.resolve(commit.as_str())?;
    let summary = last.summary.as_ref();
    let (mut place, mut test) = (None, None);
    if let Some(text) = summary.and_then(|summary| summary.place.clone()) {
        let is_there = is_place_of(git, id, &text)?;
        place = Some(Named { text, is_there });
    }
    if let Some(text) = summary.and_then(|summary| summary.test.clone()) {
        let is_there = is_test(
            &text,
            |path| text_at(git, id, Path::new(path)),
            || changed_texts(git, id),
        )?;
        test = Some(Named { text, is_there });
    }
    Ok(Some(FixedTask {
        id: issue.id.clone(),
        title: issue.title.clone(),
        commit: commit.clone(),
        cause: summary.and_then(|summary| summary.cause.clone()),
        place,
        test,
        // A person may have had it merged without its gates.
        proof: issue.plan.proof.clone().filter(|_| last.outcome == Outcome::Merged),
    }))
}

/// Returns whether a place is in a commit, or in what it began from: there the cause stood.
fn is_place_of(git: &Git, commit: Oid, place: &str) -> Result<bool> {
    let parent = git.commit_info(commit)?.parents.first().copied();
    for commit in std::iter::once(commit).chain(parent) {
        if is_place(place, |path| text_at(git, commit, Path::new(path)))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the texts of the files that a commit changes.
fn changed_texts(git: &Git, commit: Oid) -> Result<Vec<String>> {
    let Some(parent) = git.commit_info(commit)?.parents.first().copied() else {
        return Ok(Vec::new());
    };
    let changes = git.changes(parent, commit)?;
    let paths = changes.iter().take(MOST_FILES).map(|change| &change.path);
    let texts = paths
        .map(|path| text_at(git, commit, path))
        .collect::<Result<Vec<_>>>()?;
    Ok(texts.into_iter().flatten().collect())
}

/// Returns the text of a file of a commit; `None` where there is none, or one that is too large or no text.
fn text_at(git: &Git, commit: Oid, path: &Path) -> Result<Option<String>> {
    let Some(path) = path_in_tree(path) else {
        return Ok(None);
    };
    if !matches!(
        git.kind_at(commit, path)?,
        Some(EntryKind::File | EntryKind::Executable)
    ) {
        return Ok(None);
    }
    let text = git.read_file(commit, path)?;
    let text = text.filter(|text| text.len() as u64 <= MOST_BYTES);
    Ok(text.and_then(|text| String::from_utf8(text).ok()))
}
