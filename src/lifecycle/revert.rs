//! `cordwainer issues revert`: a person takes the work of a merged task out of its generation again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::{sentence, title_in_message};
use crate::git::{CommitInfo, Oid};
use crate::issues::issue::{Issue, Issues, Status};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;
use crate::model::{CommitId, IssueId, id_list, trailer};
use crate::run::land::{land_own, quoted};
use crate::run::reverted::{Reverted, Undone};

/// How many conflicting paths are named.
const PATHS_NAMED: usize = 10;

/// How a task's work is taken out.
#[derive(Clone, Debug, Default)]
pub struct RevertOptions {
    /// Why: it stands in the commit's message, and where the next attempt at the task reads it.
    pub reason: Option<String>,
    /// Whether the task stays closed, without a commit.
    pub close: bool,
}

/// What was taken out.
#[derive(Clone, Debug, Serialize)]
pub struct RevertSummary {
    /// The task as it now is.
    pub issue: Issue,
    /// The commit that undoes its work.
    pub commit: CommitId,
    /// The commit that it undoes.
    pub reverted: CommitId,
    /// The tasks that depend on it, and how they stand.
    pub dependents: Vec<Dependent>,
}

/// A task that depends on one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dependent {
    /// Its name.
    pub id: IssueId,
    /// How it stands.
    pub status: Status,
    /// The commit on the generation branch with its result.
    pub commit: Option<CommitId>,
}

impl Generator {
    /// Undoes the commit of a merged task on the generation branch, in memory and with one compare-and-swap, and opens the task
    /// again. Gates do not run. Can be called again after any crash.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where the task is not merged, or where later work changed the same places; of kind
    /// [`ErrorKind::Locked`] while a run is at work.
    pub fn revert(&self, id: &IssueId, options: &RevertOptions) -> Result<RevertSummary> {
        let _lock = self.project.lock("issues revert")?;
        let hint = "after `cordwainer stop` its work is in the base branch: `git revert` undoes it there";
        let generation = self.project.open_generation(Some(hint))?;
        self.project.refuse_checked_out(&generation)?;
        let store = Store::open(&self.project.git, &generation)?;
        let issues = store.read()?;
        let issue = issues.get(id)?;
        let branch = self.commits(&generation)?;
        let reverted = Reverted::among(&branch, &generation);
        let undone = match (&issue.commit, landed(&branch, &generation, id)) {
            (Some(commit), _) => {
                let by = match reverted.by(commit) {
                    // Somebody died before the task was open again.
                    Some(by) => by.clone(),
                    None => CommitId::from(self.undo((&generation, issue), commit, options)?),
                };
                let commit = commit.clone();
                Undone { commit, by }
            }
            (None, last) => {
                let taken_out = last.and_then(|commit| {
                    let by = reverted.by(&commit)?.clone();
                    Some(Undone { commit, by })
                });
                // It was done before.
                return match taken_out {
                    Some(undone) => Ok(summary(&issues, issue, undone)),
                    None => Err(not_merged(issue)),
                };
            }
        };
        let how = (options.reason.as_deref(), options.close);
        undone.reopen((&self.project, &store), id, how)?;
        let issues = store.read()?;
        Ok(summary(&issues, issues.get(id)?, undone))
    }

    /// Returns the commits of a generation, newest first.
    fn commits(&self, generation: &GenerationName) -> Result<Vec<CommitInfo>> {
        let git = &self.project.git;
        let base = git.reference(&generation.base_mark())?;
        git.first_parents(self.project.tip(generation)?, base)
    }

    /// Puts a commit on the generation branch that undoes another one.
    fn undo(
        &self,
        (generation, issue): (&GenerationName, &Issue),
        commit: &CommitId,
        options: &RevertOptions,
    ) -> Result<Oid> {
        let git = &self.project.git;
        let id = &issue.id;
        let undone = git.commit_info(git.resolve(commit.as_str())?)?;
        let before = undone.first_parent("commit")?;
        let message = message((generation, issue), commit, options);
        loop {
            let tip = self.project.tip(generation)?;
            if !git.is_ancestor(undone.id, tip)? {
                return Err(not_merged(issue));
            }
            let (tree, paths) = git.merge_in_part(undone.tree, git.tree_of(tip)?, git.tree_of(before)?)?;
            if !paths.is_empty() {
                return Err(self.conflict((generation, id), undone.id, paths)?);
            }
            if let Some(hazard) = git.hazards_brought(tip, tree)?.first() {
                let message = format!("{id} cannot be taken out again: {}", hazard.text);
                return Err(Error::new(ErrorKind::Precondition, message)
                    .hint("undo it by a commit of your own on the generation branch"));
            }
            let why = format!("revert {id}");
            if let Some(landed) = land_own(&self.project, generation, (tip, tree), (&message, &why))? {
                crash_point!("revert.landed");
                return Ok(landed);
            }
        }
    }

    /// Returns the error about later work in the same places, with the tasks that it is of.
    fn conflict(
        &self,
        (generation, id): (&GenerationName, &IssueId),
        undone: Oid,
        mut paths: Vec<PathBuf>,
    ) -> Result<Error> {
        let git = &self.project.git;
        let mut later = BTreeSet::new();
        for commit in git.first_parents(self.project.tip(generation)?, Some(undone))? {
            let task = commit
                .trailer(trailer::TASK)
                .and_then(|task| task.parse::<IssueId>().ok());
            if let (Some(task), Some(parent)) = (task, commit.parents.first())
                && git
                    .changes(*parent, commit.id)?
                    .iter()
                    .any(|change| paths.contains(&change.path))
            {
                later.insert(task);
            }
        }
        let more = match paths.len().saturating_sub(PATHS_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        paths.truncate(PATHS_NAMED);
        let message = format!(
            "{id} cannot be taken out again: later work changed the same places in {}{more}",
            quoted(&paths)
        );
        let error = Error::new(ErrorKind::Precondition, message);
        let later: Vec<IssueId> = later.into_iter().filter(|task| task != id).collect();
        Ok(match later.as_slice() {
            [] => error.hint("undo it by a commit of your own on the generation branch, in another checkout"),
            later => error.hint(format!("that work is of {}: take that out first", id_list(later))),
        })
    }
}

/// Returns the last commit of a task on the branch.
fn landed(branch: &[CommitInfo], generation: &GenerationName, id: &IssueId) -> Option<CommitId> {
    let id = id.to_string();
    let is_of = |commit: &&CommitInfo| {
        commit.trailer(trailer::TASK).as_deref() == Some(id.as_str())
            && commit.trailer(trailer::GENERATION).as_deref() == Some(generation.as_str())
    };
    branch.iter().find(is_of).map(|commit| CommitId::from(commit.id))
}

fn not_merged(issue: &Issue) -> Error {
    let message = match issue.status {
        Status::Closed => format!(
            "{} is not merged: it was closed without a commit of this generation",
            issue.id
        ),
        _ => format!("{} is not merged: it is {}", issue.id, issue.status.word()),
    };
    Error::new(ErrorKind::Precondition, message).hint("`cordwainer issues list --status closed` lists what is done")
}

fn summary(issues: &Issues, issue: &Issue, undone: Undone) -> RevertSummary {
    let dependents = issues.dependents(&issue.id).unwrap_or_default();
    let dependents = dependents.iter().filter_map(|id| issues.get(id).ok());
    RevertSummary {
        issue: issue.clone(),
        commit: undone.by,
        reverted: undone.commit,
        dependents: dependents
            .map(|issue| Dependent {
                id: issue.id.clone(),
                status: issue.status,
                commit: issue.commit.clone(),
            })
            .collect(),
    }
}

/// Returns the message of the commit, in git's words, with trailers by which it is known.
fn message((generation, issue): (&GenerationName, &Issue), commit: &CommitId, options: &RevertOptions) -> String {
    let mut text = format!(
        "Revert \"{}\"\n\nThis reverts commit {commit}.\n",
        title_in_message(&issue.title, 180)
    );
    if let Some(reason) = &options.reason {
        let _ = writeln!(text, "\n{}", sentence(&title_in_message(reason, 1000)));
    }
    let _ = write!(
        text,
        "\n{}: {generation}\n{}: {}\n{}: {commit}\n",
        trailer::GENERATION,
        trailer::REVERTS,
        issue.id,
        trailer::REVERTS_COMMIT
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_no_trailer() {
        let generation = GenerationName::new("generation-a").unwrap();
        let at = jiff::Timestamp::UNIX_EPOCH;
        let meta = crate::issues::issue::StoreMeta::new(generation.clone(), "main".to_owned(), at);
        let mut issues = Issues::new(meta);
        let new = crate::issues::issue::NewIssue::titled("--- Parse [skip ci]");
        let id = issues.add(new, &crate::issues::issue::NewIds::counted(), at).unwrap();
        let options = RevertOptions {
            reason: Some("too slow\nCordwainer-Task: cw-9".to_owned()),
            close: false,
        };
        let commit = "5f1c0ffee5f1c0ffee5f1c0ffee5f1c0ffee5f1c".parse().unwrap();
        let text = message((&generation, issues.get(&id).unwrap()), &commit, &options);
        insta::assert_snapshot!(text, @r#"
        Revert "task: --- Parse |skip ci|"

        This reverts commit 5f1c0ffee5f1c0ffee5f1c0ffee5f1c0ffee5f1c.

        too slow Cordwainer-Task: cw-9.

        Cordwainer-Generation: generation-a
        Cordwainer-Reverts: cw-1
        Cordwainer-Reverts-Commit: 5f1c0ffee5f1c0ffee5f1c0ffee5f1c0ffee5f1c
        "#);
    }
}
