//! Everything that a page about a run or a generation shows: the course of its runs by their events, and what the store has beside.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;

use super::compare::{Recorded, of_generation, of_run};
use super::{Compared, standing};
use crate::base::error::{ErrorKind, Result};
use crate::git::DiffStat;
use crate::issues::attempt::{Attempt, Outcome};
use crate::issues::issue::{Issue, Issues, Status};
use crate::lifecycle::{Generator, TaskFigures};
use crate::model::finding::Finding;
use crate::model::{CommitId, IssueId, RunId, Usage};
use crate::record::attempts::AttemptRecord;
use crate::record::course::{CourseOfRun, OtherWork, RunCourse, Spent};
use crate::record::event_lines::EventLine;
use crate::record::overview::{AtWork, GateCounts, RunOutcome, RunRow, TaskRow};

/// What a run or a generation came to, and how; the JSON of `cordwainer report --json`.
#[derive(Clone, Debug, Serialize)]
pub struct WorkReport {
    /// What it came to.
    pub summary: Compared,
    /// When it was read.
    pub made_at: Timestamp,
    /// The run, or the runs of the generation whose records are there, the oldest one first.
    pub runs: Vec<RunRow>,
    /// Runs that may be of the generation and whose records cannot be read, each with the reason.
    pub unreadable: Vec<RunRow>,
    /// What is in progress; in the report of a run that died, what was.
    pub at_work: Vec<AtWork>,
    /// Its tasks: those of a generation the oldest one first, those of a run in the order in which it took them up.
    pub tasks: Vec<ReportedTask>,
    /// Its work on no task, the oldest first.
    pub other_work: Vec<OtherWork>,
    /// What each of its calls used, in the order in which they ended.
    pub spent: Vec<Spent>,
    /// How often gates passed and failed, by gate, of the runs whose records are there.
    pub gates: BTreeMap<String, GateCounts>,
    /// What reviews found, where the store still has it, the worst first.
    pub findings: Vec<ReviewFinding>,
}

/// A task, with the attempts at it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportedTask {
    /// Its name.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// Its state; `None` in a report of a run, which has no state of its own.
    pub status: Option<Status>,
    /// How the last attempt ended; `None` where none has.
    pub outcome: Option<Outcome>,
    /// Why it is held, if it is; in a report of a run, why that put it on hold.
    pub held: Option<String>,
    /// What its agent asks a person, if it does.
    pub question: Option<String>,
    /// The score of its last review.
    pub score: Option<u8>,
    /// The commit on the generation branch.
    pub commit: Option<CommitId>,
    /// How much was merged of it; `None` where nothing was.
    pub changed: Option<DiffStat>,
    /// How many fix rounds it had.
    pub rounds: usize,
    /// What its calls used that have ended.
    pub usage: Usage,
    /// How long its attempts took that have ended, in seconds.
    pub seconds: f64,
    /// The attempts, the first one first; of a run's report, those that it made.
    pub attempts: Vec<AttemptRecord>,
}

/// A finding of a review.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewFinding {
    /// The task whose work was reviewed.
    pub task: IssueId,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// Which review of the attempt it is of, counted from 1.
    pub review: u32,
    /// The finding.
    pub finding: Finding,
}

impl Generator {
    /// Returns what a run or a generation came to, and how. `named` is as in [`Self::find_run`], but a generation's name selects
    /// all of its runs; without it, the report is of the run at work, else of the last one.
    ///
    /// # Errors
    ///
    /// Those of [`Self::find_run`], where the records of the run cannot be read, and where the store cannot.
    pub fn work_report(&self, named: Option<&str>) -> Result<WorkReport> {
        let run = match named {
            None => Some(self.find_run(None)?),
            Some(named) => self.run_of_name(named)?,
        };
        match (run, named) {
            (Some(run), _) => self.report_of_run(&run),
            (None, named) => self.report_of_generation(named.unwrap_or_default()),
        }
    }

    fn report_of_run(&self, run: &RunId) -> Result<WorkReport> {
        self.report_of_course(self.course_of(run)?.ok_or_else(|| self.events_gone(run))?)
    }

    /// Returns what a run came to, and how, of which the course is known.
    ///
    /// # Errors
    ///
    /// Where the store of its generation cannot be read.
    pub(crate) fn report_of_course(&self, course: RunCourse) -> Result<WorkReport> {
        let run = course.overview.run.run.clone();
        let mut findings = Vec::new();
        if let Some(issues) = self.issues_beside(&course)? {
            let attempts = issues.iter().flat_map(|issue| {
                let own = issue.attempts.iter().filter(|attempt| attempt.run == run);
                own.map(move |attempt| (issue, attempt))
            });
            findings = findings_of(attempts);
        }
        Ok(WorkReport::of_run(course, findings, self.project.clock().now()))
    }

    fn report_of_generation(&self, named: &str) -> Result<WorkReport> {
        let (generation, issues) = self.issues_of_name(named)?;
        let (mut sums, mut courses) = (Recorded::default(), Vec::new());
        let rows = self.runs()?;
        let unreadable = rows.iter().filter(|row| {
            row.outcome == RunOutcome::Unreadable && row.generation.as_ref().is_none_or(|name| *name == generation)
        });
        let unreadable = unreadable.cloned().collect();
        for row in of_generation(rows, &generation, &issues).into_iter().rev() {
            if let Some(course) = self.course_of(&row.run)? {
                sums.add(&course.overview);
                courses.push(course);
            }
        }
        let mut report = WorkReport {
            summary: self.sum_of_generation(&generation, &issues, &sums)?,
            made_at: self.project.clock().now(),
            runs: Vec::new(),
            unreadable,
            at_work: Vec::new(),
            tasks: Vec::new(),
            other_work: Vec::new(),
            spent: ledger_of(&issues),
            gates: BTreeMap::new(),
            findings: findings_of(attempts_of(&issues)),
        };
        let mut attempts = Numbered::default();
        for course in courses {
            attempts.add(course.attempts);
            report.other_work.extend(course.other_work);
            for (gate, counts) in course.overview.gates {
                *report.gates.entry(gate).or_default() += counts;
            }
            if course.overview.run.outcome == RunOutcome::AtWork {
                report.at_work = course.overview.at_work;
            }
            report.runs.push(course.overview.run);
        }
        attempts.complete(&issues);
        let mut by_task = attempts.by_task();
        for figures in self.figures_of(&issues)? {
            let own = by_task.remove(&figures.id).unwrap_or_default();
            report.tasks.push(ReportedTask::of_generation(figures, &issues, own)?);
        }
        Ok(report)
    }

    /// Returns the course of a run by now; `None` where its events are gone.
    fn course_of(&self, run: &RunId) -> Result<Option<RunCourse>> {
        let mut course = CourseOfRun::new(run.clone());
        let Some(is_at_work) = self.read_events(run, |line| match line {
            EventLine::Event(event, _) => course.add(&event),
            EventLine::Unreadable(_) => course.add_unreadable(),
        })?
        else {
            return Ok(None);
        };
        let mut course = course.summed_up();
        course.overview.run = standing(course.overview.run, is_at_work, self.project.clock().now());
        Ok(Some(course))
    }

    /// Returns the tasks of the generation that a run worked on; `None` where that is gone.
    fn issues_beside(&self, course: &RunCourse) -> Result<Option<Issues>> {
        let Some(generation) = &course.overview.run.generation else {
            return Ok(None);
        };
        match self.issues_of_name(generation.as_str()) {
            Ok((_, issues)) => Ok(Some(issues)),
            Err(error) if error.kind() == ErrorKind::Precondition => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl WorkReport {
    /// Returns the report of a run.
    pub(crate) fn of_run(course: RunCourse, findings: Vec<ReviewFinding>, made_at: Timestamp) -> Self {
        let RunCourse {
            overview,
            attempts,
            other_work,
            spent,
        } = course;
        let mut numbered = Numbered::default();
        numbered.add(attempts);
        let mut by_task = numbered.by_task();
        let task = |row: &TaskRow| ReportedTask::of_run(row, by_task.remove(&row.task).unwrap_or_default());
        Self {
            made_at,
            tasks: overview.tasks.iter().map(task).collect(),
            summary: of_run(&overview),
            runs: vec![overview.run],
            unreadable: Vec::new(),
            at_work: overview.at_work,
            other_work,
            spent,
            gates: overview.gates,
            findings,
        }
    }
}

/// The attempts of a generation or a run, each once: one that a run died in, and another went on with, is in the records of both.
#[derive(Default)]
struct Numbered(BTreeMap<(IssueId, u32), AttemptRecord>);

impl Numbered {
    /// Adds those of a run; those of earlier runs come first.
    fn add(&mut self, attempts: Vec<AttemptRecord>) {
        for attempt in attempts {
            match self.0.entry((attempt.task.clone(), attempt.attempt)) {
                Entry::Occupied(mut known) => known.get_mut().go_on(attempt),
                Entry::Vacant(place) => drop(place.insert(attempt)),
            }
        }
    }

    /// Adds what the store knows of attempts: those whose events are gone, and how one ended whose run died before it recorded
    /// that.
    fn complete(&mut self, issues: &Issues) {
        for (issue, attempt) in attempts_of(issues) {
            match self.0.entry((issue.id.clone(), attempt.number)) {
                Entry::Occupied(mut known) => known.get_mut().complete(attempt),
                Entry::Vacant(place) => drop(place.insert(AttemptRecord::stored(&issue.id, attempt))),
            }
        }
    }

    /// Returns the attempts at each task, the first one first.
    fn by_task(self) -> HashMap<IssueId, Vec<AttemptRecord>> {
        let mut by_task: HashMap<IssueId, Vec<AttemptRecord>> = HashMap::new();
        for ((task, _), attempt) in self.0 {
            by_task.entry(task).or_default().push(attempt);
        }
        by_task
    }
}

pub(super) fn attempts_of(issues: &Issues) -> impl Iterator<Item = (&Issue, &Attempt)> {
    let own = |issue| {
        let issue: &Issue = issue;
        issue.attempts.iter().map(move |attempt| (issue, attempt))
    };
    issues.iter().flat_map(own)
}

/// Returns what each call of a generation used, in the order in which they ended.
pub(super) fn ledger_of(issues: &Issues) -> Vec<Spent> {
    let mut spent: Vec<Spent> = issues.ledger().map(|entry| Spent::of(entry, entry.ended_at)).collect();
    spent.sort_by_key(|one| one.at);
    spent
}

/// Returns the findings of the reviews of these attempts, the worst first.
fn findings_of<'a>(attempts: impl Iterator<Item = (&'a Issue, &'a Attempt)>) -> Vec<ReviewFinding> {
    let mut all = Vec::new();
    for (issue, attempt) in attempts {
        let others = attempt.candidates.iter().flat_map(|candidate| &candidate.stages);
        for stage in attempt.stages.iter().chain(others) {
            let findings = stage.review.iter().flat_map(|review| &review.findings);
            all.extend(findings.map(|finding| ReviewFinding {
                task: issue.id.clone(),
                attempt: attempt.number,
                review: stage.number,
                finding: finding.clone(),
            }));
        }
    }
    // A stable sort: those of one severity stay in the order of their tasks.
    all.sort_by_key(|one| std::cmp::Reverse(one.finding.severity));
    all
}

impl ReportedTask {
    fn of_run(row: &TaskRow, attempts: Vec<AttemptRecord>) -> Self {
        Self {
            id: row.task.clone(),
            title: row.title.clone(),
            status: None,
            outcome: row.outcome,
            held: row.held.clone(),
            question: row.question.clone(),
            score: row.score,
            commit: row.commit.clone(),
            changed: (row.changed != DiffStat::default()).then_some(row.changed),
            rounds: usize::try_from(row.rounds).unwrap_or(usize::MAX),
            usage: row.usage,
            seconds: row.seconds,
            attempts,
        }
    }

    fn of_generation(figures: TaskFigures, issues: &Issues, attempts: Vec<AttemptRecord>) -> Result<Self> {
        let issue = issues.get(&figures.id)?;
        let is_held = issue.status == Status::Blocked;
        Ok(Self {
            status: Some(figures.status),
            outcome: figures.outcome,
            held: is_held.then(|| issue.hold.clone().unwrap_or_default()),
            question: issue.question.clone().filter(|_| is_held),
            score: figures.score,
            commit: issue.commit.clone(),
            changed: figures.changed,
            rounds: figures.rounds,
            usage: figures.used.usage,
            seconds: figures.seconds,
            attempts,
            id: figures.id,
            title: figures.title,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::task_figures::tests::{attempt, call, file, issues};
    use crate::model::Role;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_attempt_that_two_runs_recorded_is_one_and_used_what_the_store_says() {
        let task: IssueId = "cw-1".parse().unwrap();
        let recorded = |run: &str, number: u32, began: i64| {
            let name = (number, run.parse().unwrap());
            let attempt = Attempt::new(name, Outcome::Merged, (at(began), at(began + 9)));
            AttemptRecord::stored(&task, &attempt)
        };
        let mut store = issues();
        let of_last_run = |mut attempt: Attempt| {
            attempt.run = "run-2".parse().unwrap();
            attempt
        };
        let failed = attempt(Outcome::GateFailed, Some(call("sonnet", Role::Stitch, 500)));
        let merged = attempt(Outcome::Merged, Some(call("sonnet", Role::Stitch, 700)));
        let all = [failed, merged.clone(), merged];
        file(&mut store, "cw-1", all.map(of_last_run).into());
        let mut numbered = Numbered::default();
        numbered.add(vec![recorded("run-1", 1, 10)]);
        numbered.add(vec![recorded("run-2", 1, 50), recorded("run-2", 2, 70)]);
        numbered.complete(&store);
        let found = numbered.by_task().remove(&task).unwrap();
        let runs: Vec<_> = found.iter().map(|one| (one.attempt, one.run.as_str())).collect();
        assert_eq!(runs, [(1, "run-2"), (2, "run-2"), (3, "run-2")]);
        assert_eq!((found[0].began_at, found[0].ended_at), (at(10), Some(at(59))));
        let used: Usage = found.iter().map(|one| one.usage).sum();
        let of_store = store.get(&task).unwrap().usage();
        assert_eq!((used, used.tokens()), (of_store, 1900));
    }
}
