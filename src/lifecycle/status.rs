//! `status`: where a generation stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::accounting::budget::Standing;
use crate::accounting::ledger::Sums;
use crate::base::error::{Error, Result};
use crate::base::fs::LockHolder;
use crate::git::{Hazard, Oid};
use crate::issues::issue::{IssueCounts, Issues};
use crate::lifecycle::Generator;
use crate::model::generation::{GenerationName, Phase};
use crate::model::{CommitId, Role, Usage};
use crate::run::waiting::pausing::{self, way_out};
use crate::run::waiting::suspend::{SlotOwner, Suspended};

/// Where a generation stands; the JSON of `generator status --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The generation.
    pub generation: GenerationName,
    /// Where it stands.
    pub phase: Phase,
    /// The commit it began from.
    pub base: Option<CommitId>,
    /// The last commit of its branch.
    pub tip: Option<CommitId>,
    /// How many tasks are in which state; `ready` is a part of `open`.
    pub tasks: IssueCounts,
    /// Measures made.
    pub cycles: usize,
    /// Tokens and money, over attempts and measures.
    pub usage: Usage,
    /// Usage by what agents were called for.
    pub roles: BTreeMap<Role, Usage>,
    /// What is spent of the budgets of the generation and of the cycle under way, if any.
    pub budgets: Vec<Standing>,
    /// Until when calls pause, the longest pause where there are several.
    pub paused_until: Option<Timestamp>,
    /// Why they do.
    pub paused_because: Option<String>,
    /// What a person may do about it.
    #[serde(skip)]
    pub way_out: Option<&'static str>,
    /// The run at work.
    pub run: Option<LockHolder>,
    /// What is odd, in sentences.
    pub hazards: Vec<String>,
}

/// What the refs and the lock show of a generation.
struct Seen {
    tip: Option<Oid>,
    is_merged: bool,
    is_running: bool,
}

impl Generator {
    /// Returns where the generation that is meant stands.
    pub fn status(&self) -> Result<Status> {
        let generation = self.project.generation()?;
        let issues = self.ending_store(&generation)?.read()?;
        let tip = self.project.git.reference(&generation.branch())?;
        let merged = self.project.git.reference(&generation.merged_mark())?;
        let run = self.project.run_at_work()?;
        let pauses = pausing::in_force(&self.project);
        let unreadable = pauses.as_ref().err().map(Error::in_a_line);
        let pause = pauses.unwrap_or_default().into_iter().next();
        let roles = Sums::of(issues.ledger()).roles;
        let seen = Seen {
            tip,
            is_merged: merged.is_some(),
            is_running: run.is_some(),
        };
        let mut hazards = self.hazards(&generation, &issues, &seen)?;
        hazards.extend(unreadable);
        Ok(Status {
            phase: self.project.phase(&generation)?,
            base: self.project.git.reference(&generation.base_mark())?.map(CommitId::from),
            tip: tip.map(CommitId::from),
            tasks: issues.counts(),
            cycles: issues.meta().measures.len(),
            usage: issues.usage(),
            paused_until: pause.as_ref().map(|pause| pause.until),
            way_out: pause.as_ref().map(way_out),
            paused_because: pause.map(|pause| pause.reason),
            roles: roles.into_iter().map(|(role, sum)| (role, sum.usage)).collect(),
            budgets: Standing::of(&self.project.config.budget, issues.cycle(), issues.ledger()),
            hazards,
            run,
            generation,
        })
    }

    /// Returns what is odd about a generation, in sentences.
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
                "the generation branch is checked out at `{}`: it can neither be run nor ended meanwhile",
                place.display()
            ));
        }
        Ok(hazards)
    }

    /// Returns what runs left in slots: work to put right, and sessions to go on with.
    fn leftovers(&self, generation: &GenerationName, issues: &Issues) -> Result<Vec<String>> {
        let mut said = Vec::new();
        let repository = self.project.git.repository_id()?;
        for leftover in self.project.slots().leftovers()? {
            said.push(
                match Suspended::of(&leftover, repository.as_deref(), generation, issues) {
                    Ok(Some(suspended)) => {
                        let whose = suspended
                            .owner
                            .task
                            .map_or("a measure".to_owned(), |task| task.to_string());
                        format!(
                            "the session of {whose} is suspended in slot {}: the next run continues it",
                            suspended.slot
                        )
                    }
                    // Another generation's session waits for that one's next run.
                    Ok(None)
                        if SlotOwner::of(&leftover)?
                            .is_some_and(|owner| owner.session_of(repository.as_deref()).is_some()) =>
                    {
                        continue;
                    }
                    Ok(None) => "a run ended in the middle of a task: `generator resume` puts it right".to_owned(),
                    // It ends the next run, and nobody should have to start one to see it.
                    Err(error) => error.in_a_line(),
                },
            );
        }
        said.dedup();
        Ok(said)
    }
}

/// What to know of a generation whose `stop` or `reset` died.
const ENDING: &str = "ending it was interrupted: `generator stop`, called again, goes on with that";
