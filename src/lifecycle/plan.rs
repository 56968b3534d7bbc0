//! Looking before paying: the prompt of a measure, an estimate, a measure that files nothing, and the filing of what it
//! planned.

use serde::Serialize;

use crate::accounting::estimate::{self, Figures, Part, Past, Size, Source, Spread};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::base::regular;
use crate::base::text::one_line;
use crate::git::Oid;
use crate::issues::attempt::Attempt;
use crate::issues::issue::{BuildStep, GroupStanding, Issues, Status};
use crate::issues::planned::{PlanFile, PlannedTask};
use crate::issues::scope::Then;
use crate::issues::store::Store;
use crate::lifecycle::{Generator, StartOptions};
use crate::model::generation::GenerationName;
use crate::model::{RunId, Usage};
use crate::record::recorder::EventSender;
use crate::run::phase::group::{is_small, one_group};
use crate::run::phase::measure::{FiledAs, PLAN_FILE};
use crate::run::{gate, prompt_inputs};

mod of_groups;

/// So many tasks are assumed where no measure of a mode was made here.
const TASKS_UNKNOWN: usize = 3;
/// The largest plan that is read, in bytes.
const PLAN_LIMIT: usize = 8 << 20;

/// What a measure planned, and what that will take; the JSON of `--dry-run`.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Plan {
    /// The generation that it is for.
    pub generation: GenerationName,
    /// The mode that it works in.
    pub mode: String,
    /// The run whose records have it: `cordwainer run --plan RUN` files it.
    pub run: RunId,
    /// The tasks, each after those that it waits for.
    pub tasks: Vec<PlannedTask>,
    /// The groups of the work, where it has any: the tasks are those of the one whose turn it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupStanding>,
    /// The gates that each must pass.
    pub gates: Vec<String>,
    /// What the measure used.
    pub usage: Usage,
    /// What the tasks will take.
    pub estimate: Estimate,
}

/// What work will take. The spread says how rough that is.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Estimate {
    /// How many tasks.
    pub tasks: usize,
    /// Where their number comes from, where they are not planned yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_from: Option<Source>,
    /// How many of them are of groups that are not planned yet, where others are filed or planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unplanned_tasks: Option<usize>,
    /// How many groups those may be, by those of earlier work here, where there is no plan yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<usize>,
    /// How many parts an audit or a review reads; each takes what `measure` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<usize>,
    /// Whether what is found is fixed then, which is not in it: what there is to fix is not known before all is read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_fixes: bool,
    /// How many calls are made beside those of tasks, where it is not one: the plan of groups, a measure and a closing review of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_calls: Option<usize>,
    /// The measure, where it is not made yet; of work in groups each call beside those of tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure: Option<Part>,
    /// The tasks by their sizes.
    pub sizes: Vec<SizeEstimate>,
    /// All together.
    pub total: Spread,
}

/// What tasks of one size will take.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SizeEstimate {
    /// The size.
    pub size: Size,
    /// How many there are.
    pub tasks: usize,
    /// What each takes.
    pub each: Part,
}

/// What was made in the generations of a repository.
#[derive(Default)]
pub(super) struct History {
    tasks: Vec<Past>,
    measures: Vec<Past>,
    /// The parts that audits and reviews read.
    pub(super) parts: Vec<Past>,
    /// How many tasks measures filed, in this mode and in all.
    filed: (Vec<usize>, Vec<usize>),
    /// How many groups were planned, where there were any.
    pub(super) groups: Vec<usize>,
}

impl Generator {
    /// Returns the prompt that the first call of a measure would get, for a generation that the options begin or that is open
    /// for them. No call is made, and nothing begins.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::start`], and of kind [`ErrorKind::Configuration`] where a template is wrong.
    pub fn measure_prompt(&self, options: &StartOptions) -> Result<(String, Vec<String>)> {
        if self.in_mode_of(options)?.project.config.mode.kind.reports() {
            return self.audit_prompt(options);
        }
        let mut left_out = Vec::new();
        let (this, mut issues, tip) = self.looked_at(options)?;
        let project = &this.project;
        let warn = &mut |what| left_out.push(what);
        let mut asked = None;
        if project.config.mode.kind.has_groups() {
            if prompt_inputs::is_nothing_new(project, issues.build(), tip)? {
                let message = "nothing is new: merged generations have done what the documents ask for";
                return Err(
                    Error::new(ErrorKind::NothingToDo, message).hint("`cordwainer plan` asks for groups all the same")
                );
            }
            // One for documents that changed is never small.
            if issues.next_in_build(0, None) == BuildStep::Plan || this.has_new_documents(&issues)? {
                let told = prompt_inputs::plan_context(project, &issues, tip, warn)?;
                if !is_small(&told) {
                    return Ok((prompt_inputs::plan_prompt(project, &told)?, left_out));
                }
                let all = one_group(&told.documents, issues.build(), told.most_tasks);
                issues.add_groups(vec![all])?;
            }
            let BuildStep::Measure(key) = issues.next_in_build(0, None) else {
                let message = "no group waits for its tasks to be asked for";
                return Err(Error::new(ErrorKind::NothingToDo, message)
                    .hint("`cordwainer issues group list` shows how each stands"));
            };
            asked = Some(issues.group(&key)?.clone());
        }
        let mut told = prompt_inputs::group_context(project, &issues, (tip, asked.as_ref()), warn)?;
        told.coverage = gate::uncovered(project, tip, warn)?;
        Ok((prompt_inputs::measure_prompt(project, &told)?, left_out))
    }

    /// Returns the generation that is open for the options, or that they would begin: with its mode in force, its issues and its tip.
    pub(super) fn looked_at(&self, options: &StartOptions) -> Result<(Self, Issues, Oid)> {
        if let Some(open) = self.open_for(options)? {
            let this = self.clone().choose(Some(open.to_string())).in_its_mode()?;
            let issues = this.store()?.read()?;
            let Some(tip) = this.project.git.reference(&open.branch())? else {
                let message = format!("the branch `{open}` of the generation is gone");
                return Err(Error::new(ErrorKind::Precondition, message));
            };
            return Ok((this, issues, tip));
        }
        let this = self.in_mode_of(options)?;
        this.refuse_without_needs(options)?;
        let (name, base) = (this.new_name(options)?, this.starting_point(options)?);
        let first = this.first_commit(&name, base)?;
        let meta = this.store_meta(&name, options, this.project.clock().now());
        Ok((this, Issues::new(meta), first.tip))
    }

    /// Estimates what a mode's work will take, from what was made in this repository alone. No call is made.
    ///
    /// # Errors
    ///
    /// Where no mode has this name, or a store cannot be read.
    pub fn estimate(&self, options: &StartOptions) -> Result<Estimate> {
        let this = self.in_mode_of(options)?;
        let history = this.history()?;
        if this.project.config.mode.kind.reports() {
            return self.audit_estimate(options, &history);
        }
        let (of_mode, of_all) = &history.filed;
        let known = if of_mode.is_empty() { of_all } else { of_mode };
        let (tasks, from) = match middle(known) {
            Some(tasks) => (tasks, Source::History(known.len())),
            None => (TASKS_UNKNOWN, Source::Table),
        };
        let config = &this.project.config;
        let size = Size::of(u32::midpoint(config.estimated_lines_min, config.estimated_lines_max));
        let measure = estimate::of_measure(&history.measures);
        if config.mode.kind.has_groups() {
            return this.estimate_of_groups(options, &history, (tasks, from));
        }
        let mut estimate = Estimate::of(&vec![size; tasks], &history);
        estimate.total = estimate.total.plus(measure.takes);
        Ok(Estimate {
            tasks_from: Some(from),
            measure: Some(measure),
            ..estimate
        })
    }

    /// Makes one measure that files nothing: what it proposes is kept in the records of its run. What it used counts.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::measure`].
    pub async fn dry_run(&self, events: EventSender, interruption: impl Into<Interruption>) -> Result<Plan> {
        let this = self.in_its_mode()?;
        let begun = this.begin(events, interruption.into(), false)?;
        let run = begun.recorder.run().clone();
        let done = Box::pin(this.measure_begun(&begun, FiledAs::Planned)).await;
        begun.recorder.end_observers().await;
        done?;
        let generation = this.generation()?;
        let issues = this.store()?.read()?;
        let PlanFile { tasks, .. } = this.plan_file(run.as_str())?;
        let sizes: Vec<Size> = tasks
            .iter()
            .map(|task| Size::of(task.plan.estimated_lines.unwrap_or_default()))
            .collect();
        Ok(Plan {
            generation,
            mode: this.project.config.mode.name.clone(),
            groups: issues.group_standings(),
            usage: issues.usage_of_run(&run),
            run,
            gates: this.project.config.gates.iter().map(|gate| gate.name.clone()).collect(),
            estimate: this.with_groups_left(Estimate::of(&sizes, &this.history()?), &issues)?,
            tasks,
        })
    }

    /// Returns the tasks that a run planned for the selected generation.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where it planned nothing, or there is no such run, and of kind
    /// [`ErrorKind::Precondition`] where it planned for another generation.
    pub fn planned(&self, run: &str) -> Result<Vec<PlannedTask>> {
        let PlanFile { generation, tasks } = self.plan_file(run)?;
        if generation != self.generation()? {
            let message = format!("the plan of the run `{}` is for `{generation}`", one_line(run, 100));
            return Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                "`cordwainer run --generation {generation} --plan {run}` files it there"
            )));
        }
        Ok(tasks)
    }

    fn plan_file(&self, run: &str) -> Result<PlanFile> {
        let missing = || {
            let message = format!("the run `{}` has no plan", one_line(run, 100));
            Error::new(ErrorKind::Usage, message).hint("`--dry-run` makes one, and names its run")
        };
        let run = RunId::parse(run).ok_or_else(missing)?;
        let path = self.project.state_dir.join("runs").join(run.as_str()).join(PLAN_FILE);
        let text = match regular::read_to_string(&path) {
            Ok(text) if text.len() <= PLAN_LIMIT => text,
            Ok(_) => return Err(missing()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
            Err(error) => {
                return Err(error).with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", path.display()));
            }
        };
        serde_json::from_str(&text).with_context(ErrorKind::Unexpected, || format!("cannot read `{}`", path.display()))
    }

    /// Returns what was made in all generations, open and ended.
    pub(super) fn history(&self) -> Result<History> {
        let mut history = History::default();
        let config = &self.project.config;
        self.each_generation(|_, issues| {
            let mode = config.mode_named(issues.meta().mode_name());
            let reports = mode.is_ok_and(|mode| mode.kind.reports());
            history.add(issues, &config.mode.name, reports);
        })?;
        Ok(history)
    }

    /// Reads the tasks of all generations, those that are open first, one after the other.
    pub(super) fn each_generation(&self, mut each: impl FnMut(&GenerationName, &Issues)) -> Result<()> {
        let listing = self.project.list()?;
        for open in &listing.open {
            each(&open.generation, &self.ending_store(&open.generation)?.read()?);
        }
        for ended in &listing.ended {
            if let Some(archive) = &ended.archive {
                each(&ended.generation, &Store::archived(&self.project.git, archive)?.read()?);
            }
        }
        Ok(())
    }
}

impl History {
    fn add(&mut self, issues: &Issues, mode: &str, reports: bool) {
        let is_mode = issues.meta().mode_name() == mode;
        self.groups
            .extend(Some(issues.build().groups.len()).filter(|groups| *groups > 0));
        for measure in &issues.meta().measures {
            // The last measure of `generate` files nothing, and says nothing about a request.
            if let Some(filed) = measure.filed.as_ref().filter(|filed| !filed.is_empty()) {
                self.filed.1.push(filed.len());
                if is_mode {
                    self.filed.0.push(filed.len());
                }
            }
            // What files a plan has no calls of its own.
            if !measure.calls.is_empty() && measure.of.is_none() {
                // A part of which no answer came before the calls ended is not noted as one.
                let alike = if reports || measure.part.is_some() {
                    &mut self.parts
                } else {
                    &mut self.measures
                };
                alike.push(Past {
                    size: None,
                    took: Figures::of(measure.calls.iter()),
                });
            }
        }
        let done = issues
            .iter()
            .filter(|issue| issue.status == Status::Closed && !issue.attempts.is_empty());
        self.tasks.extend(done.map(|issue| Past {
            size: issue.plan.estimated_lines.map(Size::of),
            took: Figures::of(issue.attempts.iter().flat_map(Attempt::calls)),
        }));
    }
}

impl Estimate {
    /// Returns what reading so many parts will take.
    pub(super) fn of_parts(parts: usize, history: &History) -> Self {
        let part = estimate::of_measure(&history.parts);
        let nothing = Self::of(&[], history);
        Self {
            parts: Some(parts),
            total: (0..parts).fold(nothing.total, |total, _| total.plus(part.takes)),
            measure: Some(part),
            ..nothing
        }
    }

    /// Says that it is of the reading alone, where what is found is fixed then.
    pub(super) fn of_reading_alone(self, then: Then) -> Self {
        Self {
            without_fixes: then == Then::Fix,
            ..self
        }
    }

    /// Adds calls beside those of tasks, each as a measure is.
    fn with_calls(self, calls: usize, history: &History) -> Self {
        let measure = estimate::of_measure(&history.measures);
        let total = (0..calls).fold(self.total, |total, _| total.plus(measure.takes));
        Self {
            group_calls: Some(calls),
            measure: Some(measure),
            total,
            ..self
        }
    }

    /// Adds the tasks of another one.
    fn and(mut self, other: Self) -> Self {
        self.tasks += other.tasks;
        self.total = self.total.plus(other.total);
        for part in other.sizes {
            match self.sizes.iter_mut().find(|known| known.size == part.size) {
                Some(known) => known.tasks += part.tasks,
                None => self.sizes.push(part),
            }
        }
        self
    }

    /// Estimates what tasks of these sizes will take.
    pub(super) fn of(sizes: &[Size], history: &History) -> Self {
        let mut total = Spread::default();
        let mut parts = Vec::new();
        for size in [Size::Small, Size::Medium, Size::Large] {
            let count = sizes.iter().filter(|one| **one == size).count();
            if count > 0 {
                let part = estimate::of_task(size, &history.tasks);
                total = (0..count).fold(total, |total, _| total.plus(part.takes));
                parts.push(SizeEstimate {
                    size,
                    tasks: count,
                    each: part,
                });
            }
        }
        Self {
            tasks: sizes.len(),
            tasks_from: None,
            unplanned_tasks: None,
            groups: None,
            parts: None,
            without_fixes: false,
            group_calls: None,
            measure: None,
            sizes: parts,
            total,
        }
    }
}

/// Returns the one in the middle, of an even number the lower one.
fn middle(counts: &[usize]) -> Option<usize> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}
