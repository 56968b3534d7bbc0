//! `stop`: merges a generation into the base branch, all or nothing, and ends it.

use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::git::{DiffStat, Oid};
use crate::issues::issue::Issues;
use crate::lifecycle::merge_gates::{Merge, MergeGates, Words};
use crate::lifecycle::{Generator, Removal};
use crate::model::generation::{GenerationName, Phase};
use crate::project::obeyed::{self, NewToRun};
use crate::run::{gate, reverted};

use serde::Serialize;

mod changelog;
mod checkout;
mod closing;
mod land;
mod merge;
mod message;
mod tasks;
mod version;

use self::merge::Landing;
pub use self::tasks::{MergedTask, Totals, UndoneGroup, UndoneTask};

/// The options of `stop`.
#[derive(Clone, Debug, Default)]
pub struct StopOptions {
    /// Ends the generation and leaves its branch for somebody else to merge.
    pub no_merge: bool,
    /// Merges without running the gates on the merge.
    pub no_gates: bool,
    /// Ends the gates; what comes after them is short, and goes on.
    pub interruption: Interruption,
}

/// The result of `stop`.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct StopSummary {
    /// The generation that ended.
    pub generation: GenerationName,
    /// The branch it was merged into.
    pub base_branch: String,
    /// The commit on the base branch that contains it; `None` when it was not merged, or had nothing new.
    pub merged: Option<String>,
    /// The branch that was left for somebody to merge.
    pub left: Option<String>,
    /// Where its issues and task commits stay reachable.
    pub archive: Option<String>,
    /// What a dead run had left, and what was done with it.
    pub recovered: Vec<String>,
    /// Files that are new or changed on the base branch, or on the branch that was left, and that some tool obeys or
    /// runs by itself.
    pub new_to_run: Vec<NewToRun>,
    /// What the merge, or the branch that was left, changes; `None` when there is nothing new.
    pub diff: Option<DiffStat>,
    /// How the result gets to where the repository came from, as arguments of git; `None` where there is no remote.
    pub push: Option<Vec<String>>,
    /// Whether the base branch had all its work already: it was merged elsewhere.
    pub found_merged: bool,
    /// Whether the gates were run on the merge.
    pub gates: MergeGates,
    /// Tasks that it brings.
    pub tasks: Vec<MergedTask>,
    /// Tasks that end with it undone: open and held ones.
    pub undone: Vec<UndoneTask>,
    /// Groups that end with it and are not done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undone_groups: Vec<UndoneGroup>,
    /// What it took, all in all.
    pub totals: Totals,
    /// The tag of the merge; `None` where none is configured, or nothing was merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The file that has the version of the tag in the merge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_file: Option<String>,
    /// The file that has an entry about it in the merge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changelog: Option<String>,
    /// The gates that never passed in a generation that cleared its sources, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_yet: Vec<String>,
}

impl StopSummary {
    /// Builds that of a generation of which nothing is merged yet.
    fn of(generation: GenerationName, issues: &Issues) -> Self {
        Self {
            base_branch: issues.meta().base_branch.clone(),
            generation,
            merged: None,
            left: None,
            archive: None,
            recovered: Vec::new(),
            new_to_run: Vec::new(),
            gates: MergeGates::NoMerge,
            tasks: MergedTask::all(issues),
            undone: UndoneTask::all(issues),
            undone_groups: UndoneGroup::all(issues),
            totals: Totals::of(issues),
            tag: None,
            version_file: None,
            changelog: None,
            diff: None,
            found_merged: false,
            push: None,
            not_yet: Vec::new(),
        }
    }
}

impl Generator {
    /// Ends the selected generation. A merge that would conflict changes nothing at all: the error lists the paths.
    /// `announce` is called with what will be removed before anything is. Can be run again after dying anywhere.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where the merge would conflict, the checkout has changes that it would
    /// touch, or no generation is open; of kind [`ErrorKind::Locked`] while a run works on it. Nothing has changed
    /// then.
    pub async fn stop(
        &self,
        options: StopOptions,
        announce: impl FnOnce(&GenerationName, &Removal),
    ) -> Result<StopSummary> {
        let _lock = self.project.lock("stop")?;
        Box::pin(self.in_its_mode()?.stop_in_mode(options, announce)).await
    }

    async fn stop_in_mode(
        &self,
        options: StopOptions,
        announce: impl FnOnce(&GenerationName, &Removal),
    ) -> Result<StopSummary> {
        let generation = self.project.generation()?;
        // Before anything is told of the tasks.
        let finished = match self.project.phase(&generation)? {
            Phase::Open => reverted::finish(&self.project, &generation, &self.ending_store(&generation)?)?,
            _ => Vec::new(),
        };
        let issues = self.ending_store(&generation)?.read()?;
        let mut done = StopSummary::of(generation, &issues);
        done.recovered = finished;
        done.not_yet = gate::not_yet(&self.project, &done.generation)?;
        let generation = &done.generation.clone();
        let tip = self.last_tip(generation, &done.base_branch)?;
        if let (true, Some(tip)) = (options.no_merge, tip) {
            done.recovered.extend(self.recover_before_ending(generation).await?);
            self.set(&generation.finished_mark(), Some(tip))?;
            done.push = self.push(&done.base_branch, generation.as_str())?;
            if let Some(base) = self.base_of(&done.base_branch, tip)? {
                done.diff = Some(self.project.git.diff_stat(base, tip)?);
                done.new_to_run = obeyed::new_to_run(&self.project.git, &self.project.protected()?, base, tip)?;
            }
            done.left = Some(generation.to_string());
            return Ok(done);
        }
        self.project.refuse_checked_out(generation)?;
        // Prepared before anything is announced or changed: a conflict changes nothing.
        let landing = self.prepare_landing(generation, &done.base_branch, tip)?;
        done.found_merged = self.was_merged(generation, &landing)?;
        done.gates = self.see_gates_pass_on(generation, &landing, &options).await?;
        announce(generation, &self.removal(generation, landing.folders.clone())?);
        done.recovered.extend(self.recover_before_ending(generation).await?);
        self.land(generation, &landing)?;
        if done.found_merged && landing.tip.is_none() {
            // The branch that shows it is gone.
            self.set(&generation.merged_mark(), Some(landing.base))?;
        }
        crash_point!("stop.landed");
        if let Some(merge) = self.landed_merge(generation)? {
            self.tell_merged(&mut done, merge)?;
        }
        done.archive = Some(self.archive_and_remove(generation, tip)?);
        Ok(done)
    }

    /// Checks that the gates pass on the merge that is about to land, unless they are to be left out.
    async fn see_gates_pass_on(
        &self,
        generation: &GenerationName,
        landing: &Landing,
        options: &StopOptions,
    ) -> Result<MergeGates> {
        let Some(commit) = landing.merge else {
            return Ok(MergeGates::NoMerge);
        };
        if options.no_gates {
            return Ok(MergeGates::Skipped);
        }
        let base = &landing.base_branch;
        let merge = Merge {
            generation,
            commit,
            onto: landing.base,
            branch: base,
            words: Words {
                what: format!("the merge of `{generation}` into `{base}`"),
                fix: format!(
                    "merge `{base}` into `{generation}` by hand and fix it there, or add a task for it and run again"
                ),
                without_gates: "cordwainer stop --no-gates".to_owned(),
            },
        };
        self.see_gates_pass(&merge, &options.interruption).await
    }

    /// Sets the tag of a merge that is on the base branch, and reports what it brings.
    fn tell_merged(&self, done: &mut StopSummary, merge: Oid) -> Result<()> {
        let base = self.project.git.commit_info(merge)?.parents[0];
        done.diff = Some(self.project.git.diff_stat(base, merge)?);
        done.tag = self.set_tag(merge)?;
        done.version_file = done.tag.as_ref().and(self.project.config.version_file.clone());
        done.changelog.clone_from(&self.project.config.changelog);
        done.push = self.push(&done.base_branch, &done.base_branch)?;
        if let (Some(push), Some(tag)) = (&mut done.push, &done.tag) {
            push.push(tag.clone());
        }
        done.new_to_run = obeyed::new_to_run(&self.project.git, &self.project.protected()?, base, merge)?;
        done.merged = Some(merge.to_string());
        Ok(())
    }

    /// Returns the command of git that publishes a branch where the base branch came from.
    fn push(&self, base_branch: &str, branch: &str) -> Result<Option<Vec<String>>> {
        let remote = self.project.git.remote_of(base_branch)?;
        Ok(remote.map(|remote| vec!["push".to_owned(), remote, branch.to_owned()]))
    }

    /// Returns whether the base branch has the generation's work, of which there is some, without a merge of ours.
    fn was_merged(&self, generation: &GenerationName, landing: &Landing) -> Result<bool> {
        let git = &self.project.git;
        let left = match landing.tip {
            Some(tip) => Some(tip),
            None => git.reference(&generation.finished_mark())?,
        };
        let brings = match (left, git.reference(&generation.base_mark())?) {
            (Some(tip), Some(from)) => git.tree_of(tip)? != git.tree_of(from)?,
            _ => false,
        };
        Ok(brings && landing.merge.is_none() && self.landed_merge(generation)?.is_none())
    }

    /// Returns where a tip branched off the base branch; `None` when that is gone, or has nothing in common with it.
    fn base_of(&self, base_branch: &str, tip: Oid) -> Result<Option<Oid>> {
        match self.project.git.branch_tip(base_branch)? {
            Some(base) => self.project.git.merge_base(base, tip),
            None => Ok(None),
        }
    }

    /// Returns the tip to end with; `None` when an earlier `stop` or `reset` removed the branch and died before its
    /// end, or when somebody merged it into the base branch and deleted it.
    fn last_tip(&self, generation: &GenerationName, base_branch: &str) -> Result<Option<Oid>> {
        let git = &self.project.git;
        let tip = git.reference(&generation.branch())?;
        if tip.is_some() || self.project.is_ending(generation)? {
            return Ok(tip);
        }
        let message = format!("the branch `{generation}` of the generation is gone");
        let error = Error::new(ErrorKind::Precondition, message);
        let Some(left) = git.reference(&generation.finished_mark())? else {
            return Err(error.hint(format!(
                "create it again to merge it: every attempt at a task is kept under `{}tasks/`",
                generation.namespace()
            )));
        };
        match git.branch_tip(base_branch)? {
            Some(base) if self.is_landed(left, base)? => Ok(None),
            _ => Err(error.hint(format!(
                "`{base_branch}` does not have its work; if it was merged elsewhere, bring `{base_branch}` up to date \
                 first; `git branch {generation} {}` makes the branch again, and `cordwainer reset` ends it without \
                 merging",
                &left.to_string()[..10]
            ))),
        }
    }
}
