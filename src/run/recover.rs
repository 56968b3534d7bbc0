//! Recovery: what a dead run left is kept and put right before anything else happens.

use std::collections::BTreeMap;
use std::path::Path;

use crate::accounting::ledger::{CallPlace, Entry};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::git::{Git, Leftover, Slot};
use crate::issues::attempt::{Attempt, Ignored, Outcome};
use crate::issues::issue::{Issues, Measure, Status};
use crate::issues::questions;
use crate::issues::store::Store;
use crate::model::generation::GenerationName;
use crate::model::{CommitId, IssueId, RunId};
use crate::project::Project;
use crate::project::labels::{PATH_LABEL, REPOSITORY_LABEL, ROLE_LABEL, RUN_LABEL, TASK_LABEL, repository_labels};
use crate::record::event::CallName;
use crate::record::recorder::recorded_measure;
use crate::run::active_work::ActiveWork;
use crate::run::commit_message::{AttemptName, message};
use crate::run::context::RunContext;
use crate::run::land::{Contribution, SNAPSHOT_LIMITS, keep_orphan, keep_snapshot, left_out};
use crate::run::reverted;
use crate::run::waiting::suspend::{SlotOwner, Suspended};
use crate::sandbox::engine::{Engine, FoundContainer};

mod adopted;
mod adopted_measure;
mod interrupted;

pub(crate) use self::adopted::{Adopted, AdoptedPart, CallUnderWay, GoingOn, PartAt, Wanted, can_go_on};
pub(crate) use self::adopted_measure::{ADOPTED_CYCLE, AdoptedMeasure};

/// Looks for what dead runs left of one generation. The caller holds the repository's lock, so whatever is claimed or
/// running belongs to the run that goes on, or to nobody.
pub(crate) struct Recovery<'a> {
    project: &'a Project,
    generation: &'a GenerationName,
    /// The repository's id.
    repository: Option<String>,
    store: Store,
    /// Whether suspended sessions are left, too: their generation ends.
    ending: bool,
    /// The run that recovers, and what of it is at work; `None` where no run goes on.
    active_work: Option<(RunId, ActiveWork)>,
}

/// Takes over what a container is at, where that goes on; beside it, all containers that were left.
type TakeOver<'a> = dyn Fn(&FoundContainer, &[FoundContainer]) -> Result<Option<GoingOn>> + Sync + 'a;

/// A slot that was left, and who used it; `None` where nobody's work is in it.
struct LeftSlot {
    slot: Leftover,
    owner: Option<SlotOwner>,
}

impl LeftSlot {
    /// Returns whether it was left by this run.
    fn is_of(&self, run: &RunId) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.run == *run)
    }
}

impl<'a> Recovery<'a> {
    pub(crate) fn new(project: &'a Project, generation: &'a GenerationName) -> Result<Self> {
        let store = Store::open(&project.git, generation)?;
        Ok(Self {
            project,
            generation,
            repository: project.git.repository_id()?,
            store,
            ending: false,
            active_work: None,
        })
    }

    /// Looks in the middle of a run: what of it is at work is not left behind.
    pub(crate) fn in_run(context: &'a RunContext) -> Result<Self> {
        let active_work = (context.recorder.run().clone(), context.active_work.clone());
        Ok(Self {
            active_work: Some(active_work),
            ..Self::new(&context.project, &context.generation)?
        })
    }

    /// Looks before a generation ends: nothing goes on in its suspended slots.
    pub(crate) fn before_ending(project: &'a Project, generation: &'a GenerationName) -> Result<Self> {
        let recovery = Self::new(project, generation)?;
        Ok(Self {
            ending: true,
            ..recovery
        })
    }

    /// Returns all slots that were left.
    fn all_left(&self) -> Result<Vec<LeftSlot>> {
        let left = self.project.slots().leftovers()?.into_iter();
        left.map(|slot| {
            let owner = SlotOwner::of(&slot)?;
            Ok(LeftSlot { slot, owner })
        })
        .collect()
    }

    /// Returns the slots that were left, but for those that wait until a session can go on in them.
    fn leftovers(&self, issues: &Issues) -> Result<Vec<LeftSlot>> {
        let mut left = Vec::new();
        for one in self.all_left()? {
            let is_waiting = |owner| self.is_waiting(&one.slot, owner, issues);
            if !one.owner.as_ref().map_or(Ok(false), is_waiting)? {
                left.push(one);
            }
        }
        Ok(left)
    }

    fn is_waiting(&self, slot: &Leftover, owner: &SlotOwner, issues: &Issues) -> Result<bool> {
        let repository = self.repository.as_deref();
        if owner.session_of(repository).is_none() {
            return Ok(false);
        }
        if owner.generation != *self.generation {
            return Ok(self.project.git.reference(&owner.generation.base_mark())?.is_some());
        }
        Ok(!self.ending && Suspended::of(slot, owner, repository, self.generation, issues).is_some())
    }

    /// Returns whether slots or claims were left; containers alone show only when an engine is asked. In the middle of
    /// a run, what a container of another run's engine still has is not a reason to try again.
    pub(crate) fn is_needed(&self, issues: &Issues) -> Result<bool> {
        let is_reason = |left: &LeftSlot| match &self.active_work {
            Some((run, _)) => left.slot.holder.is_none() || left.is_of(run),
            None => true,
        };
        Ok(self.leftovers(issues)?.iter().any(is_reason) || !self.claimed(issues).is_empty())
    }

    /// Returns whether a container still has a slot that this very run let go of: its engine failed under it.
    pub(crate) fn is_held_up(&self) -> Result<bool> {
        let Some((run, _)) = &self.active_work else {
            return Ok(false);
        };
        let leftovers = self.leftovers(&self.store.read()?)?;
        Ok(leftovers
            .iter()
            .any(|left| left.slot.holder.is_some() && left.is_of(run)))
    }

    /// Returns the tasks that somebody claimed who is not at work any more.
    fn claimed(&self, issues: &Issues) -> Vec<IssueId> {
        let mut claimed = claimed(issues);
        if let Some((_, active_work)) = &self.active_work {
            claimed.retain(|id| !active_work.has_task(id));
        }
        claimed
    }

    /// Returns whether a container is of work that goes on.
    fn is_alive(&self, container: &FoundContainer) -> bool {
        let Some((run, active_work)) = &self.active_work else {
            return false;
        };
        let label = |name| container.labels.get(name).map(String::as_str);
        active_work.has_adopted(&container.name)
            || label(RUN_LABEL) == Some(run.as_str())
                && active_work.has(label(ROLE_LABEL).unwrap_or_default(), label(TASK_LABEL))
    }

    /// Recovers if slots or claims were left. An engine is connected for this alone, where one is needed: an agent may
    /// still be at work in a leftover slot, but not in one whose session waits.
    pub(crate) async fn run_if_needed(&self) -> Result<Vec<String>> {
        let issues = self.store.read()?;
        let leftovers = self.leftovers(&issues)?;
        let waits = |left: &LeftSlot| left.owner.as_ref().is_some_and(|owner| owner.session.is_some());
        if self.claimed(&issues).is_empty() && leftovers.iter().all(waits) {
            let mut said: Vec<_> = self.project.freed_locks().collect();
            said.extend(if leftovers.is_empty() {
                reverted::finish(self.project, self.generation, &self.store)?
            } else {
                self.put_all_right()?
            });
            return Ok(said);
        }
        let engine = Engine::connect(&self.project.connect_options()).await?;
        self.run(&engine).await
    }

    /// Ends leftover containers, keeps what is in leftover slots on the task refs, and puts leftover claims right.
    /// Returns what it did, in sentences. Every part can be done twice.
    pub(crate) async fn run(&self, engine: &Engine) -> Result<Vec<String>> {
        let nobody = |_: &FoundContainer, _: &[FoundContainer]| Ok(None);
        self.run_but_for(engine, &nobody).await.map(|(said, _)| said)
    }

    async fn run_but_for(&self, engine: &Engine, take_over: &TakeOver<'_>) -> Result<(Vec<String>, Vec<GoingOn>)> {
        let mut said: Vec<_> = self.project.freed_locks().collect();
        let mut adopted = Vec::new();
        self.finish_take_overs()?;
        let all = containers_of(&self.project.git, self.repository.as_deref(), engine).await?;
        for container in &all {
            // What was taken over has taken others with it.
            if self.is_alive(container) {
                continue;
            }
            if let Some(one) = take_over(container, &all)? {
                adopted.push(one);
                continue;
            }
            engine.remove(container).await?;
            said.push(format!("removed the container `{}` of an earlier run", container.name));
        }
        said.extend(self.put_all_right()?);
        Ok((said, adopted))
    }

    /// Keeps what is in leftover slots and puts leftover claims right.
    fn put_all_right(&self) -> Result<Vec<String>> {
        let mut said = Vec::new();
        match self.project.slots().forget_strays()? {
            0 => {}
            1 => said.push(
                "removed a worktree of cordwainer from git's list: it is gone, or belongs to another repository".to_owned(),
            ),
            strays => said.push(format!(
                "removed {strays} worktrees of cordwainer from git's list: they are gone, or belong to another repository"
            )),
        }
        said.extend(reverted::finish(self.project, self.generation, &self.store)?);
        let mut issues = self.store.read()?;
        said.extend(self.clear_layers(&issues)?);
        for left in self.leftovers(&issues)? {
            match left.slot.holder {
                None => self.keep_slot(&left, &mut issues, &mut said)?,
                Some(process) => said.push(format!(
                    "slot {} is not touched: a container of another engine still uses it (process {process})",
                    left.slot.number
                )),
            }
        }
        for id in self.claimed(&issues) {
            self.put_right(&id, None, &mut issues, &mut said)?;
        }
        Ok(said)
    }

    /// Removes what was being prepared when its process died, what tasks had prepared that are closed or gone, and what
    /// nobody has used for long.
    fn clear_layers(&self, issues: &Issues) -> Result<Option<String>> {
        let layers = self.project.layers();
        let is_over = |task: &str| {
            let issue = task.parse::<IssueId>().ok().and_then(|id| issues.get(&id).ok());
            issue.is_none_or(|issue| issue.status == Status::Closed)
        };
        let unfinished = layers.clear(is_over)?;
        let unused = match self.project.config.keep.layer_age {
            Some(age) => layers.remove_unused(age)?,
            None => Vec::new(),
        };
        for layer in &unused {
            tracing::debug!(folder = %layer.folder.display(), bytes = layer.bytes, "removed an unused layer");
        }
        Ok((unfinished > 0).then(|| "removed prepared dependencies that were not finished".to_owned()))
    }

    /// Keeps what an agent left in a slot and puts the claim of its attempt right, then frees the slot: it alone shows
    /// what ignore rules leave out. A slot of another generation is kept for that one's task.
    fn keep_slot(&self, left: &LeftSlot, issues: &mut Issues, said: &mut Vec<String>) -> Result<()> {
        let mut slot = self.project.slots().adopt(left.slot.number)?;
        if let Some(owner) = left.owner.as_ref().filter(|owner| !owner.expendable) {
            if let Some(task) = &owner.task {
                let ignored = self.keep_work(&mut slot, owner, task, said)?;
                crash_point!("recover.kept");
                // What an attempt with candidates came to shows when all of them are kept.
                if owner.candidate == 0 && self.is_claimed_by(owner, task, issues) {
                    self.put_right(task, ignored, issues, said)?;
                }
            } else {
                self.finish_measure(left, owner)?;
                said.extend(self.note_measure(owner, issues)?);
            }
        }
        slot.release()
    }

    /// Returns whether a task of this generation is still claimed for the attempt that a slot was used for.
    fn is_claimed_by(&self, owner: &SlotOwner, task: &IssueId, issues: &Issues) -> bool {
        let Ok(issue) = issues.get(task) else { return false };
        let claim = issue.claim.as_ref();
        let is_at_it = claim.is_some_and(|claim| claim.run == owner.run) && issue.next_attempt() == owner.attempt;
        is_at_it && issue.status == Status::InProgress && owner.generation == *self.generation
    }

    /// Commits a slot's content to its task's ref, and reports it when that holds anything new. Returns what ignore
    /// rules leave out of it, which is reported, too.
    fn keep_work(
        &self,
        slot: &mut Slot,
        owner: &SlotOwner,
        task: &IssueId,
        said: &mut Vec<String>,
    ) -> Result<Option<Ignored>> {
        let git = &self.project.git;
        let Some(base) = &owner.base else { return Ok(None) };
        let base = git.resolve(base.as_str())?;
        let generation = &owner.generation;
        let snapshot = slot.snapshot(base, &SNAPSHOT_LIMITS)?;
        let ignored = Ignored::of(&snapshot.ignored);
        for paths in [&snapshot.skipped, &snapshot.refused] {
            let what = left_out(paths).into_iter();
            said.extend(what.map(|what| format!("attempt {} at {task}: {what}", owner.attempt)));
        }
        if snapshot.tree == git.commit_info(base)?.tree {
            said.extend(ignored.as_ref().map(|ignored| {
                format!(
                    "attempt {} at {task} had left only files that ignore rules leave out: {ignored}",
                    owner.attempt
                )
            }));
            return Ok(ignored);
        }
        let says = |ignored: &Ignored| format!("; ignore rules leave out {ignored}");
        let without = ignored.as_ref().map_or_else(String::new, says);
        let issues = self.issues_of(generation)?;
        let known = issues
            .as_ref()
            .and_then(|issues| Some((issues.get(task).ok()?, issues)));
        let made = Contribution {
            generation,
            task,
            base,
            tree: snapshot.tree,
        };
        let Some((issue, issues)) = known else {
            // Its generation has ended meanwhile, or somebody removed it: this one must not wait for that.
            let kept = keep_orphan(self.project, made, owner.attempt)?;
            said.push(format!(
                "kept what attempt {} at {task} of {generation} had left, as {kept}{without}",
                owner.attempt
            ));
            return Ok(ignored);
        };
        let calls = self.calls_of(issue, (owner.attempt, owner.candidate), &owner.run, issues)?;
        let name = AttemptName {
            generation,
            task,
            number: owner.attempt,
            run: &owner.run,
            repository: owner.repository.as_deref(),
            candidate: owner.candidate,
        };
        let style = self.project.config.commits.style;
        let text = message(&name, issue, &calls, style);
        let kept = keep_snapshot(self.project, made, &text)?;
        said.push(format!(
            "kept what attempt {} at {task} had left, as commit {kept}{without}",
            owner.attempt
        ));
        Ok(ignored)
    }

    /// Returns the issues of a generation; `None` where it has ended.
    fn issues_of(&self, generation: &GenerationName) -> Result<Option<Issues>> {
        let git = &self.project.git;
        match git.reference(&generation.base_mark())? {
            Some(_) => Store::open(git, generation)?.read().map(Some),
            None => Ok(None),
        }
    }

    /// Notes what a measure used whose run died before it could: its slot is kept until that is written down.
    fn note_measure(&self, owner: &SlotOwner, issues: &mut Issues) -> Result<Option<String>> {
        let generation = &owner.generation;
        if self.project.git.reference(&generation.issues())?.is_none() {
            // Its generation has ended, and nobody asks what it used any more.
            return Ok(None);
        }
        let store = Store::open(&self.project.git, generation)?;
        let known = store.read()?;
        let noted = known.meta().measures.iter().filter(|measure| measure.run == owner.run);
        if noted.count() >= owner.cycle as usize {
            return Ok(None);
        }
        let now = self.project.clock().now();
        let place = |name: &CallName| CallPlace {
            role: name.role,
            task: None,
            attempt: name.attempt,
            round: name.round,
            candidate: name.candidate,
            cycle: known.cycle() + 1,
            run: owner.run.clone(),
        };
        self.collect_measure(owner)?;
        let recorded = recorded_measure(&self.project.state_dir, &owner.run, owner.cycle, &known)?;
        let calls: Vec<Entry> = recorded
            .iter()
            .map(|(name, call)| call.entry(place(name), now))
            .collect();
        let noted = store.update("note a measure whose run died", now, |issues| {
            issues.record_measure(Measure {
                run: owner.run.clone(),
                at: now,
                filed: None,
                calls: calls.clone(),
                part: None,
                of: None,
            });
            Ok(issues.clone())
        })?;
        crash_point!("recover.measure_noted");
        if generation == self.generation {
            *issues = noted;
        }
        Ok(Some(
            "recorded the usage of a measure at the time its run died".to_owned(),
        ))
    }

    /// Closes a claimed task whose commit is on the branch, else gives the claim back. `ignored` is what ignore rules
    /// leave out of what its attempt had left, where its slot was still there.
    fn put_right(
        &self,
        id: &IssueId,
        ignored: Option<Ignored>,
        issues: &mut Issues,
        said: &mut Vec<String>,
    ) -> Result<()> {
        let now = self.project.clock().now();
        let issue = issues.get(id)?;
        let merged = self.merged_of(issue)?;
        let (interrupted, asked) = self.interrupted_attempt(issue, merged, now, issues)?;
        let mut attempt = Attempt { ignored, ..interrupted };
        if let Some(commit) = merged {
            attempt.come_to(Outcome::Merged, "its run died before the task was closed");
            *issues = self.store.update(&format!("close {id}"), now, |issues| {
                issues.record_attempt(id, attempt.clone(), now)?;
                issues.close(id, "merged", Some(&CommitId::from(commit)), now)?;
                Ok(issues.clone())
            })?;
            crash_point!("recover.closed");
            said.push(format!("closed {id}: its commit {commit} is on the generation branch"));
            return Ok(());
        }
        *issues = self.store.update(&format!("give {id} back"), now, |issues| {
            issues.record_attempt(id, attempt.clone(), now)?;
            issues.release_claim(id, &attempt.run, now)?;
            if !asked.is_empty() {
                issues.ask(id, &questions::in_one_text(&asked), now)?;
            }
            Ok(issues.clone())
        })?;
        crash_point!("recover.returned");
        said.push(if asked.is_empty() {
            format!("gave {id} back: its run ended before the attempt did")
        } else {
            format!("held {id} for you: it asks, and its run ended before it told you")
        });
        Ok(())
    }
}

/// Returns the containers of a repository: by its id, and those without one, of earlier versions, by its path.
pub(crate) async fn containers_of(git: &Git, id: Option<&str>, engine: &Engine) -> Result<Vec<FoundContainer>> {
    let mut found = engine.list(&repository_labels(git, None)).await?;
    found.retain(|container| !container.labels.contains_key(REPOSITORY_LABEL));
    let Some(id) = id else { return Ok(found) };
    for container in engine
        .list(&BTreeMap::from([(REPOSITORY_LABEL.to_owned(), id.to_owned())]))
        .await?
    {
        // Whoever copied a repository right after moving it has two of one id, until one of them finds out.
        let place = container.labels.get(PATH_LABEL).map(Path::new);
        if !place.map_or(Ok(false), |place| git.is_another_at(place, id))? {
            found.push(container);
        }
    }
    Ok(found)
}

/// Returns the tasks that somebody claimed.
fn claimed(issues: &Issues) -> Vec<IssueId> {
    issues
        .iter()
        .filter(|issue| issue.status == Status::InProgress)
        .map(|issue| issue.id.clone())
        .collect()
}

#[cfg(test)]
mod tests;
