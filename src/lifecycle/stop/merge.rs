//! The merge of a generation into the base branch, made in memory before anything is changed.

use std::path::PathBuf;

use super::message::merge_message;
use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{Merge, NewCommit, Oid, TreeEdit};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::lifecycle::start::present;
use crate::model::generation::GenerationName;
use crate::model::trailer;

/// How many commits of the base branch are looked at for one that brought a generation's work as a whole.
const SQUASH_WITHIN: usize = 100;

/// How a generation's tip is merged into the base branch.
pub(super) struct Landing {
    /// The branch to land on.
    pub(super) base_branch: String,
    /// Where that branch is.
    pub(super) base: Oid,
    /// The tip to merge; `None` when a `stop` or `reset` that died had removed the generation branch.
    pub(super) tip: Option<Oid>,
    /// The merge commit; `None` when there is nothing to merge.
    pub(super) merge: Option<Oid>,
    /// Whether the base branch is checked out in the person's worktree.
    pub(super) checkout: bool,
    /// The `cleanup_dirs` that the base branch has and the merge does not have.
    pub(super) folders: Vec<String>,
}

impl Generator {
    /// Makes the merge commit in memory, or finds the one that an earlier `stop` prepared.
    pub(super) fn prepare_landing(
        &self,
        generation: &GenerationName,
        base_branch: &str,
        tip: Option<Oid>,
    ) -> Result<Landing> {
        let Some(base) = self.project.git.branch_tip(base_branch)? else {
            let message = format!("the base branch `{base_branch}` does not exist");
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint("`cordwainer stop --no-merge` ends the generation and leaves its branch"));
        };
        let mut landing = Landing {
            base_branch: base_branch.to_owned(),
            base,
            tip,
            merge: None,
            checkout: false,
            folders: Vec::new(),
        };
        let Some(tip) = tip else { return Ok(landing) };
        if self.is_landed(tip, base)? {
            return Ok(landing);
        }
        landing.checkout = self.is_base_checked_out(base_branch)?;
        self.refuse_merge(base_branch, [base, tip], landing.checkout)?;
        let earlier = self.earlier_merge(generation, base, tip)?;
        if landing.checkout {
            self.refuse_dirty(base_branch, base, earlier)?;
        }
        landing.folders = present(&self.project.config.cleanup_dirs, &self.project.git.files(base)?);
        landing.merge = Some(match earlier {
            Some(merge) => merge,
            None => self.merge_commit(generation, base_branch, base, tip)?,
        });
        if let Some(merge) = landing.merge {
            self.refuse_taken_tag(merge, earlier.is_some())?;
        }
        Ok(landing)
    }

    /// Returns whether the base branch has all that a tip brings: because the tip is in its history, because merging it
    /// would change nothing, or because one commit since they parted is what a merge of it would have been: that is
    /// what a squash on a forge makes.
    pub(super) fn is_landed(&self, tip: Oid, base: Oid) -> Result<bool> {
        let git = &self.project.git;
        if git.is_ancestor(tip, base)? {
            return Ok(true);
        }
        let Some(parted) = git.merge_base(base, tip)? else {
            return Ok(false);
        };
        let since = git.first_parents(base, Some(parted))?;
        for commit in since.iter().take(SQUASH_WITHIN) {
            let Some(parent) = commit.parents.first() else { break };
            if commit.tree != git.tree_of(*parent)? && self.merges_to(*parent, tip, commit.tree)? {
                return Ok(true);
            }
        }
        Ok(!since.is_empty() && self.merges_to(base, tip, git.tree_of(base)?)?)
    }

    /// Returns whether merging `tip` into `into` results in a tree.
    fn merges_to(&self, into: Oid, tip: Oid, tree: Oid) -> Result<bool> {
        Ok(matches!(self.project.git.merge_commits(into, tip)?, Merge::Clean(merged) if merged == tree))
    }

    /// Returns the merge that an earlier `stop` of this generation prepared, if it still fits.
    fn earlier_merge(&self, generation: &GenerationName, base: Oid, tip: Oid) -> Result<Option<Oid>> {
        let Some(merge) = self.project.git.reference(&generation.merged_mark())? else {
            return Ok(None);
        };
        let fits = self.project.git.commit_info(merge)?.parents == [base, tip];
        Ok(fits.then_some(merge))
    }

    /// Returns the merge that a `stop` of this generation put on the base branch; `None` where there was nothing to
    /// merge.
    pub(super) fn landed_merge(&self, generation: &GenerationName) -> Result<Option<Oid>> {
        let Some(merge) = self.project.git.reference(&generation.merged_mark())? else {
            return Ok(None);
        };
        let commit = self.project.git.commit_info(merge)?;
        let is_ours = commit.trailer(trailer::GENERATION).as_deref() == Some(generation.as_str());
        Ok((is_ours && commit.parents.len() == 2).then_some(merge))
    }

    fn merge_commit(&self, generation: &GenerationName, base_branch: &str, base: Oid, tip: Oid) -> Result<Oid> {
        let issues = Store::open(&self.project.git, generation)?.read()?;
        let now = self.project.clock().now();
        let tag = self.next_tag(now)?;
        let tree = self.merged_tree(generation, base_branch, base, tip)?;
        let commit = NewCommit {
            tree: self.closed_tree(tree, (generation, &issues), (tag.as_deref(), now))?,
            parents: vec![base, tip],
            message: merge_message(generation, &issues, tag.as_deref()),
            author: None,
            committer: None,
            time: now,
        };
        self.project.git.commit(&commit)
    }

    /// Returns the tree of the merge, without `cleanup_dirs`.
    fn merged_tree(&self, generation: &GenerationName, base_branch: &str, base: Oid, tip: Oid) -> Result<Oid> {
        let tree = match self.project.git.merge_commits(base, tip)? {
            Merge::Clean(tree) => tree,
            Merge::Conflict(conflicts) => {
                let message = format!(
                    "`{generation}` does not merge into `{base_branch}`: conflicts in {}",
                    paths(&conflicts)
                );
                return Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                    "nothing was changed; check out `{generation}`, merge `{base_branch}` into it by hand, \
                     check out `{base_branch}` again, then stop"
                )));
            }
        };
        let remove = self.project.config.cleanup_dirs.iter().map(PathBuf::from).collect();
        let edit = TreeEdit {
            remove,
            ..TreeEdit::default()
        };
        self.project.git.edit_tree(tree, &edit)
    }
}

/// Lists some paths for an error.
pub(super) fn paths(all: &[PathBuf]) -> String {
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
