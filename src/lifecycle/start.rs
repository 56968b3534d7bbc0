//! `start`: a generation branch from the base branch, with an empty issue store.

use jiff::Timestamp;

use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{DiffStat, Head, Oid, RefMove};
use crate::issues::group::Build;
use crate::issues::issue::{Issues, StoreMeta};
use crate::issues::request::Request;
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::generation::{ARCHIVE, GenerationName, NAMESPACE};
use crate::model::{IssueId, ModeKind};
use crate::project::templates;

mod carry;
mod clearing;
mod first;
pub use clearing::Clearing;
pub(super) use first::present;
mod name;

/// The options of `start`.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// The generation's name after the prefix; unset is the mode and the first words of the request, or the
    /// present time.
    pub name: Option<String>,
    /// Where to begin instead of the base branch's tip.
    pub from: Option<String>,
    /// The ended generation whose undone tasks this one begins with.
    pub carry: Option<CarryFrom>,
    /// The mode that it works in; unset is `generate`.
    pub mode: Option<String>,
    /// What it is asked for.
    pub request: Option<Request>,
    /// The documents that it is built from: files or folders of the repository. Only a mode that builds takes any.
    pub documents: Vec<String>,
    /// The commit that it must begin from, where somebody was asked about that one: see [`Generator::clearing`].
    pub base: Option<String>,
}

/// An ended generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarryFrom {
    /// The one that was started or switched to last.
    Last,
    /// The one with this name; the prefix may be left out.
    Named(String),
}

/// The result of `start`.
#[derive(Clone, Debug, serde::Serialize)]
#[must_use]
pub struct StartSummary {
    /// The generation.
    pub generation: GenerationName,
    /// The mode that it works in.
    pub mode: String,
    /// The base branch it will be merged into.
    pub base_branch: String,
    /// The commit it began from.
    pub base: String,
    /// The generation's first tip: the base, or a commit on it.
    pub tip: String,
    /// Source folders that are not on the generation branch.
    pub cleared: Vec<String>,
    /// Files rendered from templates.
    pub seeded: Vec<String>,
    /// The files in those folders, and their lines; `None` where there are none.
    pub cleared_diff: Option<DiffStat>,
    /// Undone tasks that it begins with.
    pub carried: Vec<IssueId>,
    /// What is unusual about the repository.
    pub hazards: Vec<String>,
    /// What the configuration names and the repository does not have, and whether there are no gates.
    pub notes: Vec<String>,
}

impl Generator {
    /// Starts a generation. Touches refs alone: the person's checkout stays as it is. Can be run again after
    /// dying anywhere.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where the name is taken, the base branch or the commit to begin from is
    /// missing, git has no user, or the repository has what no generation can work on; of kind [`ErrorKind::Usage`] for
    /// a name that no branch may have; of kind [`ErrorKind::Locked`] while another process works here.
    #[expect(clippy::unused_async, reason = "async like every other step of a generation's life")]
    pub async fn start(&self, options: &StartOptions) -> Result<StartSummary> {
        let _lock = self.project.lock("start")?;
        let this = self.in_mode_of(options)?;
        this.refuse_without_needs(options)?;
        this.start_in_mode(options)
    }

    fn start_in_mode(&self, options: &StartOptions) -> Result<StartSummary> {
        let base = self.starting_point(options)?;
        if options.base.as_ref().is_some_and(|asked| *asked != base.to_string()) {
            return Err(Error::new(
                ErrorKind::Precondition,
                "the commit to begin from changed while the question was asked",
            )
            .hint("run the command again"));
        }
        let generation = self.new_name(options)?;
        // Before anything is paid for.
        self.project.specification(base, &options.documents)?;
        self.project.git.user()?;
        let hazards = self.tolerable_hazards(&generation, base)?;
        let undone = options.carry.as_ref().map(|from| self.undone_tasks(from)).transpose()?;
        let left_out = match &undone {
            Some(undone) => undone.notes(),
            None => Vec::new(),
        };
        self.clear_interrupted_starts()?;
        self.refuse_taken(&generation)?;

        let first = self.first_commit(&generation, base)?;
        // What the generation begins without, too, cannot be built from.
        self.project.specification(first.tip, &options.documents)?;
        self.create(&generation.starting_mark(), first.tip)?;
        crash_point!("start.begun");
        let now = self.project.clock().now();
        let meta = self.store_meta(&generation, options, now);
        let issues = match &undone {
            Some(undone) => undone.tasks.carried_over(meta, &undone.elsewhere(), now),
            None => Issues::new(meta),
        };
        Store::create_with(&self.project.git, &generation, &issues, now)?;
        crash_point!("start.store");
        self.create(&generation.branch(), first.tip)?;
        crash_point!("start.branch");
        // Before the mark that makes the generation exist: after a crash between the two there is no generation, never
        // a wrong one.
        self.project.remember(&generation)?;
        crash_point!("start.remembered");
        self.create(&generation.base_mark(), base)?;
        crash_point!("start.marked");
        self.delete(&generation.starting_mark(), first.tip)?;
        Ok(StartSummary {
            notes: self.notes(base, left_out)?,
            cleared_diff: self.clearing_of(base)?.map(|clearing| clearing.diff),
            carried: issues.iter().map(|issue| issue.id.clone()).collect(),
            generation,
            mode: self.project.config.mode.name.clone(),
            base_branch: self.project.config.base_branch.clone(),
            base: base.to_string(),
            tip: first.tip.to_string(),
            cleared: first.cleared,
            seeded: first.seeded,
            hazards,
        })
    }

    /// Returns what a person may not have meant, in sentences without their period; `left_out` is what was not carried over.
    fn notes(&self, base: Oid, left_out: Vec<String>) -> Result<Vec<String>> {
        let mut notes = self.project.unmatched(base, None)?;
        let refused = templates::refused(&self.project.config, self.project.git.workdir());
        notes.extend(refused.iter().map(Error::in_a_line));
        notes.extend(self.project.uncommitted_configuration()?);
        notes.extend(left_out);
        if self.project.config.gates.is_empty() && !self.project.config.mode.kind.reports() {
            notes.push("no `gates` are configured: whatever an agent finishes is merged unchecked".to_owned());
        }
        Ok(notes)
    }

    pub(super) fn store_meta(&self, generation: &GenerationName, options: &StartOptions, now: Timestamp) -> StoreMeta {
        let mode = &self.project.config.mode;
        StoreMeta {
            mode: (mode.name != ModeKind::Generate.name()).then(|| mode.name.clone()),
            request: options.request.clone(),
            build: Build {
                documents: options.documents.clone(),
                ..Build::default()
            },
            ..StoreMeta::new(generation.clone(), self.project.config.base_branch.clone(), now)
        }
    }

    /// Returns the commit to begin from, with the guards on HEAD.
    pub(super) fn starting_point(&self, options: &StartOptions) -> Result<Oid> {
        match self.project.git.head()? {
            Head::Unborn { name } => {
                return Err(
                    Error::new(ErrorKind::Precondition, format!("branch `{name}` has no commit yet"))
                        .hint("commit something first: a generation begins from a commit"),
                );
            }
            Head::Detached { .. } if options.from.is_none() => {
                return Err(Error::new(ErrorKind::Precondition, "HEAD is detached")
                    .hint("check out a branch, or set the first commit with `--from REVISION`"));
            }
            Head::Detached { .. } | Head::Branch { .. } => {}
        }
        if let Some(revision) = &options.from
            && options.request.as_ref().is_some_and(Request::only_reports)
        {
            // Nothing is merged, so there may be no base branch, as in a checkout of a continuous integration.
            return self.project.git.resolve(revision);
        }
        let branch = &self.project.config.base_branch;
        let Some(tip) = self.project.git.branch_tip(branch)? else {
            return Err(Error::new(
                ErrorKind::Precondition,
                format!("the base branch `{branch}` does not exist"),
            )
            .hint("set `base_branch` in configuration.yaml to the branch that generations are merged into"));
        };
        match &options.from {
            Some(revision) => self.project.git.resolve(revision),
            None => Ok(tip),
        }
    }

    /// Removes what a `start` left that died before its last step: nobody has worked on it yet.
    fn clear_interrupted_starts(&self) -> Result<()> {
        for (reference, tip) in self.project.git.references(NAMESPACE)? {
            let name = reference
                .strip_prefix(NAMESPACE)
                .and_then(|rest| rest.strip_suffix("/starting"));
            let Some(Ok(generation)) = name.map(GenerationName::new) else {
                continue;
            };
            if reference.starts_with(ARCHIVE) {
                continue;
            }
            if self.project.git.reference(&generation.base_mark())?.is_none() {
                self.clear_interrupted_start(&generation, tip)?;
            }
            self.delete(&reference, tip)?;
        }
        Ok(())
    }

    /// Removes the branch and the empty store of a generation that was never completely created. A branch that moved,
    /// or that somebody checked out, now belongs to a person.
    fn clear_interrupted_start(&self, generation: &GenerationName, tip: Oid) -> Result<()> {
        let untouched = self.project.git.reference(&generation.branch())? == Some(tip)
            && self.project.git.checked_out_at(generation.as_str())?.is_empty();
        if untouched {
            self.delete(&generation.branch(), tip)?;
        }
        match self.project.git.reference(&generation.issues())? {
            Some(store) => self.delete(&generation.issues(), store),
            None => Ok(()),
        }
    }

    /// Creates a ref that must not exist yet.
    fn create(&self, name: &str, target: Oid) -> Result<()> {
        match self
            .project
            .git
            .move_reference(name, None, Some(target), "cordwainer: start")?
        {
            RefMove::Moved => Ok(()),
            RefMove::Stale { .. } => Err(Error::new(
                ErrorKind::Precondition,
                format!("`{name}` appeared meanwhile"),
            )),
        }
    }

    /// Deletes a ref that must still be at `expected`.
    pub(super) fn delete(&self, name: &str, expected: Oid) -> Result<()> {
        match self
            .project
            .git
            .move_reference(name, Some(expected), None, "cordwainer: end")?
        {
            RefMove::Moved | RefMove::Stale { actual: None } => Ok(()),
            RefMove::Stale { .. } => Err(Error::new(ErrorKind::Precondition, format!("`{name}` moved meanwhile"))
                .hint("somebody else is working on this generation: check its state, then run the command again")),
        }
    }
}
