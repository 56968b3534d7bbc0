//! `stop`: merges a generation into the base branch, all or nothing, and ends it.

use std::path::PathBuf;

use crate::crash::crash_point;
use crate::error::{Error, ErrorKind, Result};
use crate::generation::GenerationName;
use crate::generator::{Generator, Removal};
use crate::git::{Advance, Head, Merge, NewCommit, Obstacle, Oid, RefMove, TreeEdit};
use crate::store::Store;

/// How to stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct StopOptions {
    /// Ends the generation and leaves its branch for somebody else to merge.
    pub no_merge: bool,
}

/// What `stop` did.
#[derive(Clone, Debug, serde::Serialize)]
#[must_use]
pub struct StopDone {
    /// The generation that ended.
    pub generation: GenerationName,
    /// The branch it was merged into.
    pub base_branch: String,
    /// The commit on the base branch that holds it; `None` when it was not merged, or held nothing new.
    pub merged: Option<String>,
    /// The branch that was left for somebody to merge.
    pub left: Option<String>,
    /// Where its issues and task commits stay reachable.
    pub archive: Option<String>,
    /// What a dead run had left, and what became of it.
    pub recovered: Vec<String>,
}

impl Generator {
    /// Ends the generation that is meant. Merging changes nothing at all when it would conflict: the error
    /// lists the paths. `announce` hears what will be removed before anything is. Can be run again after
    /// dying anywhere.
    pub async fn stop(
        &self,
        options: StopOptions,
        announce: impl FnOnce(&GenerationName, &Removal),
    ) -> Result<StopDone> {
        let _lock = self.lock("stop")?;
        let generation = self.generation()?;
        let base_branch = Store::open(&self.git, &generation)?.read()?.meta().base_branch.clone();
        let mut done = StopDone {
            generation: generation.clone(),
            base_branch: base_branch.clone(),
            merged: None,
            left: None,
            archive: None,
            recovered: Vec::new(),
        };
        if options.no_merge {
            done.recovered = self.recover_before_ending(&generation).await?;
            self.mark_finished(&generation)?;
            done.left = Some(generation.to_string());
            return Ok(done);
        }
        self.refuse_checked_out(&generation)?;
        let folders = self.cleanup_folders(&base_branch)?;
        // Prepared before anything is announced or changed: a conflict changes nothing.
        let merge = self.prepare_merge(&generation, &base_branch)?;
        announce(&generation, &self.removal(&generation, folders)?);
        done.recovered = self.recover_before_ending(&generation).await?;
        if let Some(merge) = merge {
            self.land(&generation, &merge)?;
            done.merged = Some(merge.commit.to_string());
        }
        crash_point!("stop.landed");
        done.archive = Some(self.archive_and_remove(&generation)?);
        Ok(done)
    }

    /// Marks the tip that the generation ends with: no run goes on after it.
    fn mark_finished(&self, generation: &GenerationName) -> Result<()> {
        let Some(tip) = self.git.reference(&generation.branch())? else {
            return Ok(());
        };
        self.set(&generation.finished_mark(), tip)
    }

    fn cleanup_folders(&self, base_branch: &str) -> Result<Vec<String>> {
        let Some(base) = self.git.branch_tip(base_branch)? else {
            return Ok(Vec::new());
        };
        let entries = self.git.files(base)?;
        let mut present = Vec::new();
        for folder in &self.config.cleanup_dirs {
            if entries.iter().any(|entry| entry.path.starts_with(folder)) {
                present.push(folder.clone());
            }
        }
        Ok(present)
    }

    /// Makes the merge commit in memory, or finds the one that an earlier `stop` prepared.
    /// `None` when there is nothing to bring over, or the branch is gone already.
    fn prepare_merge(&self, generation: &GenerationName, base_branch: &str) -> Result<Option<PreparedMerge>> {
        let Some(base) = self.git.branch_tip(base_branch)? else {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!("the base branch `{base_branch}` does not exist"),
            )
            .hint("`generator stop --no-merge` ends the generation and leaves its branch"));
        };
        let checkout = self.base_checkout(base_branch)?;
        let Some(tip) = self.git.reference(&generation.branch())? else {
            return Ok(None);
        };
        if let Some(prepared) = self.earlier_merge(generation, base, tip)? {
            if checkout {
                self.refuse_dirty(base_branch, self.git.dirty_besides_advance(base, prepared)?)?;
            }
            return Ok(Some(PreparedMerge {
                commit: prepared,
                base,
                base_branch: base_branch.to_owned(),
                checkout,
            }));
        }
        if checkout {
            self.refuse_dirty(base_branch, self.git.dirty()?)?;
        }
        if self.git.is_ancestor(tip, base)? {
            return Ok(None);
        }
        let tree = self.merged_tree(generation, base_branch, base, tip)?;
        let commit = self.merge_commit(generation, base, tip, tree)?;
        Ok(Some(PreparedMerge {
            commit,
            base,
            base_branch: base_branch.to_owned(),
            checkout,
        }))
    }

    /// Whether the base branch is checked out where the person stands; refuses if it is elsewhere.
    fn base_checkout(&self, base_branch: &str) -> Result<bool> {
        let here = matches!(self.git.head()?, Head::Branch { name, .. } if name == base_branch);
        let elsewhere = self
            .git
            .checked_out_at(base_branch)?
            .into_iter()
            .find(|place| place != self.git.workdir());
        match elsewhere {
            Some(place) if !here => Err(Error::new(
                ErrorKind::Precondition,
                format!(
                    "the base branch `{base_branch}` is checked out at `{}`",
                    place.display()
                ),
            )
            .hint("run `generator stop` there, so that its files can follow the branch")),
            _ => Ok(here),
        }
    }

    fn refuse_dirty(&self, base_branch: &str, dirty: Vec<PathBuf>) -> Result<()> {
        if dirty.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the base branch `{base_branch}` is checked out with uncommitted changes: {}",
            paths(&dirty)
        );
        Err(Error::new(ErrorKind::Precondition, message).hint("commit or stash them, then stop again"))
    }

    /// The merge that an earlier `stop` of this generation prepared, while it still fits.
    fn earlier_merge(&self, generation: &GenerationName, base: Oid, tip: Oid) -> Result<Option<Oid>> {
        let Some(merge) = self.git.reference(&generation.merged_mark())? else {
            return Ok(None);
        };
        let parents = self.git.commit_info(merge)?.parents;
        let fits = parents == [base, tip] || (parents.contains(&tip) && self.git.is_ancestor(merge, base)?);
        Ok(fits.then_some(merge))
    }

    /// The tree of the merge, without `cleanup_dirs`.
    fn merged_tree(&self, generation: &GenerationName, base_branch: &str, base: Oid, tip: Oid) -> Result<Oid> {
        let tree = match self.git.merge_commits(base, tip)? {
            Merge::Clean(tree) => tree,
            Merge::Conflict(conflicts) => {
                let message = format!(
                    "`{generation}` does not merge into `{base_branch}`: conflicts in {}",
                    paths(&conflicts)
                );
                return Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                    "nothing was changed; merge `{base_branch}` into `{generation}` by hand and commit, then stop again"
                )));
            }
        };
        let remove = self.config.cleanup_dirs.iter().map(PathBuf::from).collect();
        self.git.edit_tree(
            tree,
            &TreeEdit {
                remove,
                ..TreeEdit::default()
            },
        )
    }

    fn merge_commit(&self, generation: &GenerationName, base: Oid, tip: Oid, tree: Oid) -> Result<Oid> {
        let issues = Store::open(&self.git, generation)?.read()?;
        let mut message = format!("Merge {generation}\n\n");
        for issue in issues.iter().filter(|issue| issue.commit.is_some()) {
            message.push_str(&format!(
                "- {}: {}\n",
                issue.id,
                crate::text::one_line(&issue.title, 100)
            ));
        }
        message.push_str(&format!("\n{}: {generation}\n", super::start::GENERATION_TRAILER));
        let commit = NewCommit {
            tree,
            parents: vec![base, tip],
            message,
            author: None,
            time: self.world().now(),
        };
        self.git.commit(&commit)
    }

    /// Puts a prepared merge on the base branch, and the person's checkout of it along.
    fn land(&self, generation: &GenerationName, merge: &PreparedMerge) -> Result<()> {
        self.mark_finished(generation)?;
        crash_point!("stop.finished");
        self.set(&generation.merged_mark(), merge.commit)?;
        crash_point!("stop.prepared");
        if self.git.is_ancestor(merge.commit, merge.base)? {
            return Ok(());
        }
        // The files first, while HEAD still names what they were: libgit2 then sees which of them a person changed.
        if merge.checkout {
            if let Advance::Blocked(obstacles) = self.git.advance_checkout(merge.base, merge.commit)? {
                return Err(blocked(&merge.base_branch, &obstacles));
            }
            crash_point!("stop.checkout");
        }
        let branch = format!("refs/heads/{}", merge.base_branch);
        let why = format!("cordwainer: merge {generation}");
        match self
            .git
            .move_reference(&branch, Some(merge.base), Some(merge.commit), &why)?
        {
            RefMove::Moved => Ok(()),
            RefMove::Stale { .. } => Err(self.base_moved(merge)),
        }
    }

    /// The base branch moved between the look at it and the merge: the files go back to what they were.
    fn base_moved(&self, merge: &PreparedMerge) -> Error {
        let error = Error::new(
            ErrorKind::Precondition,
            format!("the base branch `{}` moved meanwhile", merge.base_branch),
        )
        .hint("run `generator stop` again");
        if !merge.checkout {
            return error;
        }
        match self.git.undo_advance(merge.base, merge.commit) {
            Ok(()) => error,
            Err(cause) => error.because(cause),
        }
    }

    /// Points one of our marks at `target`.
    fn set(&self, name: &str, target: Oid) -> Result<()> {
        let before = self.git.reference(name)?;
        if before == Some(target) {
            return Ok(());
        }
        match self
            .git
            .move_reference(name, before, Some(target), "cordwainer: stop")?
        {
            RefMove::Moved => Ok(()),
            RefMove::Stale { .. } => Err(Error::new(ErrorKind::Precondition, format!("`{name}` moved meanwhile"))),
        }
    }
}

/// A merge commit that is not on the base branch yet.
struct PreparedMerge {
    commit: Oid,
    base: Oid,
    base_branch: String,
    /// Whether the base branch is checked out where the person stands.
    checkout: bool,
}

/// What stands in the way of bringing the person's checkout along.
fn blocked(base_branch: &str, obstacles: &[Obstacle]) -> Error {
    let list: Vec<_> = obstacles
        .iter()
        .map(|one| format!("`{}`: {}", one.path.display(), one.why))
        .collect();
    let message = format!(
        "the checkout of `{base_branch}` cannot be brought along: {}",
        list.join("; ")
    );
    Error::new(ErrorKind::Precondition, message).hint("nothing was merged; move these files away, then stop again")
}

/// Lists some paths for an error.
fn paths(all: &[PathBuf]) -> String {
    const SHOWN: usize = 20;
    let mut text: Vec<_> = all
        .iter()
        .take(SHOWN)
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if all.len() > SHOWN {
        text.push(format!("and {} more", all.len() - SHOWN));
    }
    text.join(", ")
}
