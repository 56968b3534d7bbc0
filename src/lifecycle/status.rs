//! `status`: the state of a generation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::accounting::budget::Standing as BudgetStanding;
use crate::accounting::ledger::Sums;
use crate::base::error::{Error, Result};
use crate::base::fs::LockHolder;
use crate::git::{Hazard, Oid};
use crate::issues::issue::{GroupStanding, IssueCounts, Issues};
use crate::issues::request::Request;
use crate::lifecycle::Generator;
use crate::model::generation::{GenerationName, Phase};
use crate::model::{CommitId, IssueId, Role, RunId, Usage};
use crate::project::RunState;
use crate::record::overview::{AtWork, RunOverview};
use crate::run::guidance::{self, Standing};
use crate::run::waiting::pause::Pause;
use crate::run::waiting::pausing;
use crate::run::waiting::suspend::{SlotOwner, Suspended};

/// The state of a generation; the JSON of `cordwainer status --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The generation.
    pub generation: GenerationName,
    /// The mode that it works in.
    pub mode: String,
    /// What it was asked for; left out where it works from documents alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// Its state.
    pub phase: Phase,
    /// The branch that it will be merged into.
    pub base_branch: String,
    /// When it was started.
    pub began: Timestamp,
    /// The commit it began from.
    pub base: Option<CommitId>,
    /// The last commit of its branch.
    pub tip: Option<CommitId>,
    /// How many tasks are in which state; `ready` is a part of `open`.
    pub tasks: IssueCounts,
    /// The documents that it is built from, where they are named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// The groups of the work, in order; none where it has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupStanding>,
    /// Where the documents contradict each other, as the plan reports it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<String>,
    /// What agents ask: each holds its task until it is answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<OpenQuestion>,
    /// The tasks that are held because their attempts make no progress.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stuck: Vec<StuckTask>,
    /// Cycles begun: measures that filed tasks, or found nothing to file.
    pub cycles: u32,
    /// Tokens and money, over attempts and measures.
    pub usage: Usage,
    /// Usage by role of the agent.
    pub roles: BTreeMap<Role, Usage>,
    /// How much is spent of the budgets of the generation and of the cycle in progress, if any.
    pub budgets: Vec<BudgetStanding>,
    /// Until when calls pause, the longest pause where there are several.
    pub paused_until: Option<Timestamp>,
    /// Why calls pause.
    pub paused_because: Option<String>,
    /// The run in progress.
    pub run: Option<LockHolder>,
    /// What it says that it does; `None` where it does not answer, or is another command.
    pub run_state: Option<RunState>,
    /// When it began.
    pub run_since: Option<Timestamp>,
    /// What it used so far, the calls that are at work included; `None` where no run is at work, or its events cannot be read.
    pub run_usage: Option<Usage>,
    /// What it is at: tasks and measures in progress, and how far each is.
    pub at_work: Vec<AtWork>,
    /// Anything unusual, in sentences.
    pub hazards: Vec<String>,
    /// What to do next: commands in backticks, and what they do.
    pub next: Vec<String>,
}

/// A question of an agent that nobody has answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenQuestion {
    /// Its task.
    pub task: IssueId,
    /// What it asks.
    pub question: String,
}

impl OpenQuestion {
    fn all(issues: &Issues) -> Vec<Self> {
        let asked = issues.iter().filter_map(|issue| {
            let question = issue.question.clone()?;
            let task = issue.id.clone();
            Some(Self { task, question })
        });
        asked.collect()
    }
}

/// A task whose attempts make no progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StuckTask {
    /// The task.
    pub task: IssueId,
    /// Why it is held.
    pub reason: String,
}

impl StuckTask {
    fn all(issues: &Issues) -> Vec<Self> {
        let stuck = issues.iter().filter(|issue| issue.is_stuck());
        let told = stuck.map(|issue| Self {
            task: issue.id.clone(),
            reason: issue.hold.clone().unwrap_or_default(),
        });
        told.collect()
    }
}

/// What the refs and the lock show about a generation.
struct Seen {
    tip: Option<Oid>,
    is_merged: bool,
    is_running: bool,
    run_state: Option<RunState>,
}

impl Generator {
    /// Returns the state of the selected generation.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`](crate::error::ErrorKind::Precondition) where none is open.
    pub fn status(&self) -> Result<Status> {
        let generation = self.project.generation()?;
        let issues = self.ending_store(&generation)?.read()?;
        let tip = self.project.git.reference(&generation.branch())?;
        let merged = self.project.git.reference(&generation.merged_mark())?;
        let run = self.project.run_at_work()?;
        let pauses = pausing::in_force(&self.project);
        let unreadable = pauses.as_ref().err().map(Error::in_a_line);
        let pause = pauses.unwrap_or_default().into_iter().next();
        let standing = run.as_ref().filter(|run| run.is_run());
        let standing = standing.and_then(|run| self.project.standing(run));
        let run_state = standing.as_ref().map(|standing| standing.state);
        let live = run.as_ref().and_then(|run| self.live(run));
        let seen = Seen {
            tip,
            is_merged: merged.is_some(),
            is_running: run.is_some(),
            run_state,
        };
        let mut hazards = self.hazards(&generation, &issues, &seen)?;
        hazards.extend(unreadable);
        let phase = self.project.phase(&generation)?;
        Ok(Status {
            next: next_steps(
                phase,
                &seen,
                pause.as_ref(),
                &Standing {
                    interrupted: hazards.iter().any(|hazard| hazard == INTERRUPTED),
                    ..Standing::of(&issues)
                },
            ),
            mode: issues.meta().mode_name().to_owned(),
            request: issues.meta().request.clone(),
            base_branch: issues.meta().base_branch.clone(),
            began: issues.meta().created_at,
            phase,
            base: self.project.git.reference(&generation.base_mark())?.map(CommitId::from),
            tip: tip.map(CommitId::from),
            tasks: issues.counts(),
            documents: issues.build().documents.clone(),
            groups: issues.group_standings(),
            contradictions: issues.build().contradictions.clone(),
            questions: OpenQuestion::all(&issues),
            stuck: StuckTask::all(&issues),
            cycles: issues.cycle(),
            usage: issues.usage(),
            paused_until: pause.as_ref().map(|pause| pause.until),
            paused_because: pause.map(|pause| pause.reason),
            roles: used_by_role(&issues),
            budgets: BudgetStanding::of(
                &self.project.config.budget,
                run.as_ref().and_then(|run| RunId::parse(&run.id)).as_ref(),
                issues.cycle(),
                issues.ledger(),
            ),
            hazards,
            run,
            run_state,
            run_since: standing.map(|standing| standing.since),
            run_usage: live.as_ref().map(|live| live.run.usage),
            at_work: live.map(|live| live.at_work).unwrap_or_default(),
            generation,
        })
    }

    /// Returns what the run at work came to by now. What its events do not say is left out: it is not a reason to say nothing.
    fn live(&self, holder: &LockHolder) -> Option<RunOverview> {
        let run = RunId::parse(&holder.id).filter(|_| holder.is_run())?;
        self.overview(&run).ok()
    }

    /// Returns anything unusual about a generation, in sentences.
    fn hazards(&self, generation: &GenerationName, issues: &Issues, seen: &Seen) -> Result<Vec<String>> {
        let mut hazards = Vec::new();
        match seen.tip {
            None if self.project.is_ending(generation)? => hazards.push(ENDING.to_owned()),
            None => hazards.push(format!("the branch `{generation}` is gone")),
            Some(_) if seen.is_merged && !seen.is_running => hazards.push(ENDING.to_owned()),
            Some(tip) => {
                let found = self
                    .project
                    .git
                    .hazards(tip, &[&issues.meta().base_branch, generation.as_str()])?;
                hazards.extend(found.iter().map(Hazard::sentence));
            }
        }
        if !seen.is_running && seen.tip.is_some() && !seen.is_merged {
            hazards.extend(self.leftovers(generation, issues)?);
        }
        for place in self.project.git.checked_out_at(generation.as_str())? {
            hazards.push(format!(
                "the generation branch is checked out at `{}`: until that changes, the generation can be neither run nor ended",
                place.display()
            ));
        }
        Ok(hazards)
    }

    /// Returns what runs left in slots: work to repair, and sessions to continue.
    fn leftovers(&self, generation: &GenerationName, issues: &Issues) -> Result<Vec<String>> {
        let mut said = Vec::new();
        let repository = self.project.git.repository_id()?;
        for leftover in self.project.slots().leftovers()? {
            let owner = match SlotOwner::of(&leftover) {
                Ok(owner) => owner,
                // It ends the next run, and nobody should have to start one to see it.
                Err(error) => {
                    said.push(error.in_a_line());
                    continue;
                }
            };
            let owner = owner.filter(|owner| owner.session_of(repository.as_deref()).is_some());
            let suspended =
                |owner: &SlotOwner| Suspended::of(&leftover, owner, repository.as_deref(), generation, issues);
            match owner.as_ref().map(suspended) {
                Some(Some(suspended)) => {
                    let task = suspended.owner.task.as_ref().and_then(|task| issues.get(task).ok());
                    let asks = task.is_some_and(|issue| issue.question.is_some());
                    let whose = suspended
                        .owner
                        .task
                        .map_or("a measure".to_owned(), |task| task.to_string());
                    let next = if asks {
                        "it waits for your answer"
                    } else {
                        "the next run continues it"
                    };
                    said.push(format!(
                        "the session of {whose} is suspended in slot {}: {next}",
                        suspended.slot
                    ));
                }
                // Another generation's session waits for the next run of that generation.
                Some(None) => {}
                None => said.push(INTERRUPTED.to_owned()),
            }
        }
        said.dedup();
        Ok(said)
    }
}

/// Returns what each role used.
fn used_by_role(issues: &Issues) -> BTreeMap<Role, Usage> {
    let roles = Sums::of(issues.ledger()).roles;
    roles.into_iter().map(|(role, sum)| (role, sum.usage)).collect()
}

/// Returns what a person does next with a generation that stands so.
fn next_steps(phase: Phase, seen: &Seen, pause: Option<&Pause>, standing: &Standing) -> Vec<String> {
    match (pause, phase) {
        (None, _) if matches!(seen.run_state, Some(RunState::Pausing | RunState::Paused)) => guidance::of_paused_run(),
        (Some(pause), _) => guidance::after_pause(pause, seen.is_running),
        (None, _) if seen.is_running => Vec::new(),
        (None, Phase::Open) if !seen.is_merged => guidance::as_it_stands(standing),
        (None, _) => vec!["`cordwainer stop` ends it, and merges it unless that was done elsewhere".to_owned()],
    }
}

/// What to know about a generation whose last run died.
const INTERRUPTED: &str = "a run ended in the middle of a task: `cordwainer resume` repairs that";
/// What to know about a generation with a `stop` or `reset` that died.
const ENDING: &str = "ending it was interrupted: run `cordwainer stop` again to continue";
