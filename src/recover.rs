//! Recovery: what a dead run left is kept and put right before anything else happens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::agent::Usage;
use crate::attempt::{Attempt, Outcome};
use crate::engine::Engine;
use crate::error::{Context as _, Result};
use crate::generation::GenerationName;
use crate::generator::Generator;
use crate::git::{CommitInfo, Git, Leftover, Oid, Slot};
use crate::issue::{Issue, IssueId, Issues, Status};
use crate::store::Store;
use crate::task_commit::{ATTEMPT_TRAILER, TASK_TRAILER, keep_snapshot};

/// Who uses a slot, written into its dirty marker before use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotOwner {
    /// The generation.
    pub(crate) generation: String,
    /// The run.
    pub(crate) run: String,
    /// The task; `None` for a measure, whose slot holds nothing worth keeping.
    pub(crate) task: Option<IssueId>,
    /// The attempt, counted from 1.
    pub(crate) attempt: u32,
    /// The commit that the slot was made from; `None` while it is still being made, when no agent has begun.
    pub(crate) base: Option<String>,
}

impl SlotOwner {
    /// The text of the marker.
    pub(crate) fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).context("cannot write a slot's marker")
    }
}

/// Looks for what dead runs left of one generation. The caller holds the repository's lock, so
/// whatever is claimed or running belongs to nobody.
pub(crate) struct Recovery<'a> {
    generator: &'a Generator,
    generation: &'a GenerationName,
    store: Store,
}

impl<'a> Recovery<'a> {
    pub(crate) fn new(generator: &'a Generator, generation: &'a GenerationName) -> Result<Self> {
        let store = Store::open(&generator.git, generation)?;
        Ok(Self {
            generator,
            generation,
            store,
        })
    }

    /// Whether slots or claims were left; containers alone show only when an engine is asked.
    pub(crate) fn is_needed(&self) -> Result<bool> {
        Ok(!self.generator.slots().leftovers()?.is_empty() || !claimed(&self.store.read()?).is_empty())
    }

    /// Recovers with an engine connected for this alone: an agent may still be at work in a leftover slot.
    pub(crate) async fn run_with_any_engine(&self) -> Result<Vec<String>> {
        let engine = Engine::connect(&self.generator.connect_options()).await?;
        self.run(&engine).await
    }

    /// Ends leftover containers, keeps what is in leftover slots on the task refs, and puts leftover
    /// claims right. Says what it did. Every part can be done twice.
    pub(crate) async fn run(&self, engine: &Engine) -> Result<Vec<String>> {
        let mut said = Vec::new();
        let labels = BTreeMap::from([("cordwainer.repo".to_owned(), repository_label(&self.generator.git))]);
        for container in engine.sweep(&labels).await? {
            said.push(format!("removed the container `{}` of an earlier run", container.name));
        }
        let mut snapshots = BTreeMap::new();
        for leftover in self.generator.slots().leftovers()? {
            self.keep_slot(&leftover, &mut snapshots, &mut said)?;
        }
        for id in claimed(&self.store.read()?) {
            self.put_right(&id, snapshots.get(&id).copied(), &mut said)?;
        }
        Ok(said)
    }

    /// Keeps what an agent left in a slot, then frees it. A slot of another generation is kept for that one's task.
    fn keep_slot(
        &self,
        leftover: &Leftover,
        snapshots: &mut BTreeMap<IssueId, Oid>,
        said: &mut Vec<String>,
    ) -> Result<()> {
        let mut slot = self.generator.slots().adopt(leftover.number)?;
        // A marker that a crash cut short was never followed by work in the slot.
        if let Ok(owner) = serde_json::from_str::<SlotOwner>(&leftover.owner)
            && let Some(task) = &owner.task
            && let Some(kept) = self.keep_work(&mut slot, &owner, task)?
        {
            said.push(format!(
                "kept what attempt {} at {task} had left, as commit {kept}",
                owner.attempt
            ));
            if owner.generation == self.generation.as_str() {
                snapshots.insert(task.clone(), kept);
            }
        }
        slot.release()
    }

    /// Commits a slot's content to its task's ref; `None` when it holds nothing new.
    fn keep_work(&self, slot: &mut Slot, owner: &SlotOwner, task: &IssueId) -> Result<Option<Oid>> {
        let git = &self.generator.git;
        let Some(base) = &owner.base else { return Ok(None) };
        let base = git.resolve(base)?;
        let generation = GenerationName::new(owner.generation.clone())?;
        let snapshot = slot.snapshot(base, &crate::stitch::SNAPSHOT_LIMITS)?;
        if snapshot.tree == git.commit_info(base)?.tree {
            return Ok(None);
        }
        let subject = format!("{task}: what attempt {} had left when its run died", owner.attempt);
        keep_snapshot(self.generator, &generation, task, base, snapshot.tree, &subject).map(Some)
    }

    /// Closes a claimed task whose commit is on the branch, else gives the claim back.
    fn put_right(&self, id: &IssueId, snapshot: Option<Oid>, said: &mut Vec<String>) -> Result<()> {
        let now = self.generator.world().now();
        let mut attempt = interrupted_attempt(self.store.read()?.get(id)?, snapshot, now);
        let merged = self.merged_commit(id, attempt.number)?;
        if let Some(commit) = merged {
            attempt.outcome = Outcome::Merged;
            attempt.reason = "its run died before the task was closed".to_owned();
            self.store.update(&format!("close {id}"), now, |issues| {
                issues.record_attempt(id, attempt.clone(), now)?;
                issues.close(id, "merged", Some(&commit.to_string()), now)
            })?;
            said.push(format!("closed {id}: its commit {commit} is on the generation branch"));
            return Ok(());
        }
        self.store.update(&format!("give {id} back"), now, |issues| {
            issues.record_attempt(id, attempt.clone(), now)?;
            issues.release_claim(id, &attempt.run, now)
        })?;
        said.push(format!("gave {id} back: its run ended before the attempt did"));
        Ok(())
    }

    /// The commit on the generation branch that came of this very attempt: it says so in its trailers.
    fn merged_commit(&self, id: &IssueId, attempt: u32) -> Result<Option<Oid>> {
        let git = &self.generator.git;
        let Some(tip) = git.reference(&self.generation.branch())? else {
            return Ok(None);
        };
        let base = git.reference(&self.generation.base_mark())?;
        let (task, attempt) = (Some(id.to_string()), Some(attempt.to_string()));
        let of_attempt =
            |commit: &CommitInfo| commit.trailer(TASK_TRAILER) == task && commit.trailer(ATTEMPT_TRAILER) == attempt;
        Ok(git
            .first_parents(tip, base)?
            .into_iter()
            .find(of_attempt)
            .map(|commit| commit.id))
    }
}

/// The attempt that a dead run was at.
fn interrupted_attempt(issue: &Issue, snapshot: Option<Oid>, now: jiff::Timestamp) -> Attempt {
    let claim = issue.claim.as_ref();
    let run = claim.map_or_else(String::new, |claim| claim.run.clone());
    let number = issue.next_attempt();
    Attempt {
        number,
        outcome: Outcome::Cancelled,
        reason: "the run ended before the attempt did".to_owned(),
        snapshot: snapshot.map(|id| id.to_string()),
        records: Some(format!("runs/{run}/{}-{number}", issue.id)),
        started_at: claim.map_or(now, |claim| claim.at),
        ended_at: now,
        run,
        model: None,
        session_id: None,
        turns: 0,
        usage: Usage::default(),
    }
}

/// The tasks that somebody claimed.
fn claimed(issues: &Issues) -> Vec<IssueId> {
    issues
        .iter()
        .filter(|issue| issue.status == Status::InProgress)
        .map(|issue| issue.id.clone())
        .collect()
}

/// By which label value containers of this repository are known: its common directory.
pub(crate) fn repository_label(git: &Git) -> String {
    git.common_dir().to_string_lossy().into_owned()
}
