//! Runs and generations beside each other. What a run came to is in its events; what a generation came to is in its refs, and what
//! these do not say, in the events of its runs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::error::{Error, ErrorKind, Result};
use crate::git::{DiffStat, Oid};
use crate::issues::attempt::{Attempt, Outcome};
use crate::issues::issue::{Issue, Issues, Status};
use crate::lifecycle::Generator;
use crate::lifecycle::recorded::{GONE, why_unreadable};
use crate::model::Usage;
use crate::model::generation::GenerationName;
use crate::project::archive::{BASE, TIP};
use crate::record::overview::{GateCounts, RunOverview, RunRow, TaskCounts, mean};

/// Runs and generations beside each other.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What each came to, in the order in which they are named.
    pub compared: Vec<Compared>,
    /// Runs whose records cannot be read, each with the reason: they are left out.
    pub unreadable: Vec<RunRow>,
}

/// What a run or a generation came to, to be compared with others.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The name of the run or generation.
    pub name: String,
    /// Which of the two it is.
    pub kind: ComparedKind,
    /// The mode.
    pub mode: Option<String>,
    /// How many runs that were whose records are there.
    pub runs: usize,
    /// How many tasks came to what.
    pub tasks: TaskCounts,
    /// How many tasks ended in which way, by the last attempt at each.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// What the reviews of what was merged scored, from 1 to 10, on average; `None` where there was none.
    pub score: Option<f64>,
    /// How often gates passed and failed, of the runs whose records are there; `None` where none are.
    pub gates: Option<GateCounts>,
    /// Measures that came to an end.
    pub measures: u32,
    /// What its calls used.
    pub usage: Usage,
    /// How long its runs were at work, in seconds, of the runs whose records are there; `None` where none are.
    pub seconds: Option<f64>,
    /// How much it changes.
    pub changed: DiffStat,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedKind {
    /// A run.
    Run,
    /// A generation.
    Generation,
}

impl Generator {
    /// Returns what each of these came to: names of runs, or the first letters of them, or generations, ended or not. A run
    /// whose records cannot be read keeps no other from being compared.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where there is no run and no generation of a name, and where none of them can be
    /// read.
    pub fn compared(&self, names: &[String]) -> Result<Comparison> {
        let (mut compared, mut unreadable) = (Vec::new(), Vec::new());
        for name in names {
            let Some(run) = self.run_of_name(name)? else {
                compared.push(self.compared_generation(name)?);
                continue;
            };
            match self.overview_if_there(&run) {
                Ok(Some(overview)) => compared.push(of_run(&overview)),
                Ok(None) => unreadable.push(RunRow::new(run).unreadable(GONE.to_owned())),
                Err(error) => unreadable.push(RunRow::new(run).unreadable(why_unreadable(&error))),
            }
        }
        if compared.is_empty() {
            let why = unreadable.iter().map(|row| {
                let reason = row.reason.as_deref().unwrap_or_default();
                format!("{}: {reason}", row.run)
            });
            let why: Vec<String> = why.collect();
            return Err(
                Error::new(ErrorKind::Precondition, "the records of none of these runs can be read")
                    .because(why.join("\n"))
                    .hint("`cordwainer runs list` lists those that can"),
            );
        }
        Ok(Comparison { compared, unreadable })
    }

    fn compared_generation(&self, name: &str) -> Result<Compared> {
        let (generation, issues) = self.issues_of_name(name)?;
        let mut sums = Recorded::default();
        for row in of_generation(self.runs()?, &generation, &issues) {
            sums.add(&self.overview(&row.run)?);
        }
        self.sum_of_generation(&generation, &issues, &sums)
    }

    /// Returns the generation of a name, open or ended, and its tasks.
    pub(super) fn issues_of_name(&self, name: &str) -> Result<(GenerationName, Issues)> {
        let this = self.clone().choose(Some(name.to_owned()));
        let (generation, store) = this.store_to_read().map_err(|error| match error.kind() {
            ErrorKind::Precondition => super::unknown(name),
            _ => error,
        })?;
        Ok((generation, store.read()?))
    }

    /// Returns what a generation came to; `sums` has what the records of its runs say.
    pub(super) fn sum_of_generation(
        &self,
        generation: &GenerationName,
        issues: &Issues,
        sums: &Recorded,
    ) -> Result<Compared> {
        Ok(Compared {
            mode: Some(issues.meta().mode_name().to_owned()),
            runs: sums.runs,
            gates: (sums.runs > 0).then_some(sums.gates),
            measures: issues.cycle(),
            usage: issues.usage(),
            seconds: (sums.runs > 0).then_some(sums.seconds),
            changed: self.changed_by(generation)?,
            name: generation.as_str().to_owned(),
            kind: ComparedKind::Generation,
            ..of_issues(issues)
        })
    }

    /// Returns how much a generation changes, ended or not.
    fn changed_by(&self, generation: &GenerationName) -> Result<DiffStat> {
        match self.ends_of(generation)? {
            (Some(base), Some(tip)) => self.project.git.diff_stat(base, tip),
            _ => Ok(DiffStat::default()),
        }
    }

    /// Returns the commits at which a generation begins and ends, open or ended; of several that had its name those of the last.
    pub(in crate::lifecycle) fn ends_of(&self, generation: &GenerationName) -> Result<(Option<Oid>, Option<Oid>)> {
        let git = &self.project.git;
        let ends = (
            git.reference(&generation.base_mark())?,
            git.reference(&generation.branch())?,
        );
        if ends.0.is_none()
            && let Some(ended) = self.project.last_ended(generation)?
        {
            let archive = ended.archive.unwrap_or_default();
            return Ok((
                git.reference(&format!("{archive}{BASE}"))?,
                git.reference(&format!("{archive}{TIP}"))?,
            ));
        }
        Ok(ends)
    }
}

/// Returns those of all runs that are of a generation, in their order, and not of an earlier one that had its name.
pub(super) fn of_generation(mut rows: Vec<RunRow>, generation: &GenerationName, issues: &Issues) -> Vec<RunRow> {
    let began = issues.meta().created_at;
    rows.retain(|row| row.generation.as_ref() == Some(generation) && row.began_at.is_some_and(|at| at >= began));
    rows
}

/// What the records of a generation's runs say.
#[derive(Default)]
pub(super) struct Recorded {
    runs: usize,
    gates: GateCounts,
    seconds: f64,
}

impl Recorded {
    pub(super) fn add(&mut self, overview: &RunOverview) {
        self.runs += 1;
        self.gates += gates(overview);
        self.seconds += overview.run.seconds;
    }
}

fn gates(overview: &RunOverview) -> GateCounts {
    overview.gates.values().fold(GateCounts::default(), |mut sum, gate| {
        sum += *gate;
        sum
    })
}

pub(super) fn of_run(overview: &RunOverview) -> Compared {
    let row = &overview.run;
    Compared {
        name: row.run.to_string(),
        kind: ComparedKind::Run,
        mode: row.mode.clone(),
        runs: 1,
        tasks: row.tasks,
        outcomes: overview.outcomes.clone(),
        score: row.score,
        gates: Some(gates(overview)),
        measures: overview.measures,
        usage: row.usage,
        seconds: Some(row.seconds),
        changed: row.changed,
    }
}

/// Returns what the tasks of a generation say.
fn of_issues(issues: &Issues) -> Compared {
    let attempted: Vec<&Issue> = issues.iter().filter(|issue| !issue.attempts.is_empty()).collect();
    let mut outcomes = BTreeMap::new();
    for outcome in attempted.iter().filter_map(|issue| issue.came_to()) {
        *outcomes.entry(outcome).or_default() += 1;
    }
    let merged = attempted
        .iter()
        .filter(|issue| issue.came_to() == Some(Outcome::Merged));
    let last = merged.filter_map(|issue| issue.attempts.last());
    let scores: Vec<u8> = last.filter_map(Attempt::score).collect();
    Compared {
        name: String::new(),
        kind: ComparedKind::Generation,
        mode: None,
        runs: 0,
        tasks: TaskCounts {
            attempted: attempted.len(),
            merged: outcomes.get(&Outcome::Merged).copied().unwrap_or_default(),
            held: attempted.iter().filter(|issue| issue.status == Status::Blocked).count(),
        },
        outcomes,
        score: mean(&scores),
        gates: None,
        measures: 0,
        usage: Usage::default(),
        seconds: None,
        changed: DiffStat::default(),
    }
}
