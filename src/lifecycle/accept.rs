//! `cordwainer issues release --accept`: a person accepts the held result of a task as it is.

use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::git::Oid;
use crate::issues::attempt::Attempt;
use crate::issues::interfaces::InterfaceChanges;
use crate::issues::issue::{Issue, Issues, Status};
use crate::issues::store::Store;
use crate::lifecycle::Generator;
use crate::model::generation::GenerationName;
use crate::model::{CommitId, IssueId};
use crate::project::interfaces;
use crate::run::commit_message::{AttemptName, accepted_message};
use crate::run::land::{Contribution, Landing, OnTip, land, merge_onto, merged_commit};

impl Generator {
    /// Merges the result of the last attempt at a task, which is held because it touches a protected path or holds what
    /// may not be committed, and closes the task with that commit. The snapshot is merged: it does not contain what was
    /// refused, and a credential is redacted. Gates do not run. Can be run again after any crash.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] when the task is not held for that reason, or when its result no longer fits
    /// the generation: then the task stays held.
    pub fn accept(&self, id: &IssueId) -> Result<Issue> {
        let _lock = self.project.lock("issues release")?;
        let hint = "accept tasks before `cordwainer stop`";
        let generation = self.project.open_generation(Some(hint))?;
        self.project.refuse_checked_out(&generation)?;
        let store = Store::open(&self.project.git, &generation)?;
        let issues = store.read()?;
        let issue = issues.get(id)?.clone();
        let last = issue.attempts.last();
        let merged = last
            .map(|last| merged_commit(&self.project, &name_of(&generation, id, last)))
            .transpose()?
            .flatten();
        if issue.status == Status::Closed && merged.is_some_and(|commit| issue.commit == Some(CommitId::from(commit))) {
            return Ok(issue);
        }
        let (attempt, snapshot) = issue.acceptable()?;
        let commit = match merged {
            // An acceptance died before it closed the task.
            Some(commit) => commit,
            None => self.merge_kept(&generation, &issue, attempt, snapshot)?,
        };
        crash_point!("accept.merged");
        let now = self.project.clock().now();
        let reason = format!("accepted by {}", store.user()?);
        let interfaces = self.changed_interfaces(&issues, id, commit);
        let closed = store.update(&format!("accept {id}"), now, |issues| {
            issues.close(id, &reason, Some(&CommitId::from(commit)), now)?;
            if let Some(changes) = &interfaces {
                issues.keep_interfaces(id, changes, now)?;
            }
            issues.get(id).cloned()
        })?;
        crash_point!("accept.closed");
        Ok(closed)
    }

    /// Returns the public interfaces that accepted work has changed, in a mode in which existing tests stay.
    fn changed_interfaces(&self, issues: &Issues, id: &IssueId, commit: Oid) -> Option<InterfaceChanges> {
        let warn = |why: String| tracing::warn!("{why}");
        match self.project.config.mode_named(issues.meta().mode_name()) {
            Ok(mode) if mode.keep_tests => interfaces::of_landed(&self.project.git, id, commit, warn),
            Ok(_) => None,
            Err(error) => {
                let why = error.in_a_line();
                warn(format!("{id}: which public interfaces changed is not known: {why}"));
                None
            }
        }
    }

    /// Puts the snapshot of a held task on the generation branch.
    fn merge_kept(
        &self,
        generation: &GenerationName,
        issue: &Issue,
        attempt: &Attempt,
        snapshot: &CommitId,
    ) -> Result<Oid> {
        let kept = self
            .project
            .git
            .commit_info(self.project.git.resolve(snapshot.as_str())?)?;
        let base = kept.first_parent("snapshot")?;
        let brought = self.project.git.hazards_brought(base, kept.tree)?;
        if let Some(hazard) = brought.first() {
            let message = format!("{} cannot be accepted: {}", issue.id, hazard.text);
            return Err(Error::new(ErrorKind::Precondition, message)
                .hint("it stays held; describe in a comment what to do instead, and release it"));
        }
        let repository = self.project.git.repository_id()?;
        let name = AttemptName {
            repository: repository.as_deref(),
            ..name_of(generation, &issue.id, attempt)
        };
        let changed = self.project.git.diff_stat(base, kept.id)?;
        let user = self.project.git.user()?;
        let style = self.project.config.commits.style;
        let text = accepted_message(&name, issue, attempt, (changed, &user.name), style);
        let made = Contribution {
            generation,
            task: &issue.id,
            base,
            tree: kept.tree,
        };
        loop {
            let tip = self.project.tip(generation)?;
            let tree = match merge_onto(&self.project, made, self.project.git.tree_of(tip)?)? {
                OnTip::Tree(tree) => tree,
                OnTip::Conflict(conflict) => {
                    let paths = conflict.places();
                    let id = &issue.id;
                    let message = format!("{id} cannot be accepted: it conflicts with newer work in {paths}");
                    return Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                        "it stays held; `cordwainer issues release {id}` retries it on the current tip"
                    )));
                }
            };
            // The person has decided, whatever became protected meanwhile.
            let landing = Landing {
                task: &issue.id,
                tree,
                message: text.clone(),
            };
            let landed = land(&self.project, generation, tip, &[landing])?;
            if let Some(commit) = landed.and_then(|commits| commits.last().copied()) {
                return Ok(commit);
            }
        }
    }
}

/// Returns the name of an attempt that the store holds. It does not name the repository of the run.
fn name_of<'name>(
    generation: &'name GenerationName,
    task: &'name IssueId,
    attempt: &'name Attempt,
) -> AttemptName<'name> {
    AttemptName {
        generation,
        task,
        number: attempt.number,
        run: &attempt.run,
        repository: None,
        candidate: 0,
    }
}
