//! Estimates of work in groups: what is left of it, by what the store says.

use super::{Estimate, History, middle};
use crate::accounting::estimate::{Size, Source};
use crate::base::error::Result;
use crate::config::Config;
use crate::issues::group::Group;
use crate::issues::issue::{BuildStep, Issues, Status};
use crate::lifecycle::{Generator, StartOptions};
use crate::model::CommitId;
use crate::run::phase::group::is_small;
use crate::run::prompt_inputs;

/// What is left to do in a generation that works through groups.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    /// The sizes of its tasks: those that are filed, and those that its groups are estimated at.
    sizes: Vec<Size>,
    /// How many calls are made beside those of tasks.
    calls: usize,
}

impl Generator {
    /// Estimates what is left of work in groups: tasks as filed, as planned or, before that, as many as were filed here, and calls that
    /// are like measures: a plan where one comes first, and for each group, of which there are as many as in earlier plans, its measure and a closing review.
    pub(super) fn estimate_of_groups(
        &self,
        options: &StartOptions,
        history: &History,
        (tasks, from): (usize, Source),
    ) -> Result<Estimate> {
        let (this, issues, tip) = self.looked_at(options)?;
        let config = &this.project.config;
        let left = left(config, &issues, (&tip.into(), None));
        let is_first = !issues.build().is_planned();
        let is_nothing_new = if is_first {
            prompt_inputs::is_nothing_new(&this.project, issues.build(), tip)?
        } else {
            !this.has_new_documents(&issues)?
        };
        if is_nothing_new {
            return Ok(left.added_to(Estimate::of(&[], history), history));
        }
        let told = prompt_inputs::plan_context(&this.project, &issues, tip, &mut |_| {})?;
        // Short documents are one group, and planned without a call. What another plan will come to is not known: to as many
        // groups as those before it, or to one more.
        let is_small = is_small(&told);
        let earlier = middle(&history.groups).filter(|_| is_first && !is_small);
        let groups = earlier.unwrap_or(1);
        let tasks = tasks * groups;
        let calls = usize::from(!is_small) + groups * (1 + usize::from(closing_rounds(config) > 0));
        let unplanned = Left {
            sizes: vec![middle_size(config); tasks],
            calls: calls + left.calls,
        };
        let estimate = unplanned.added_to(Estimate::of(&left.sizes, history), history);
        Ok(Estimate {
            tasks_from: Some(from),
            groups: earlier,
            unplanned_tasks: (estimate.tasks > tasks || !is_first).then_some(tasks),
            ..estimate
        })
    }

    /// Estimates what is left of the selected generation: the tasks that are not closed, and of work in groups what is still to be
    /// planned and read.
    pub(in crate::lifecycle) fn estimate_of_rest(&self, issues: &Issues) -> Result<Estimate> {
        let tip = self.project.tip(&issues.meta().generation)?.into();
        let left = left(&self.project.config, issues, (&tip, None));
        let history = self.history()?;
        Ok(left.added_to(Estimate::of(&[], &history), &history))
    }

    /// Adds what is left to do in groups to what the tasks will take that a measure has planned, if it has any.
    pub(super) fn with_groups_left(&self, estimate: Estimate, issues: &Issues) -> Result<Estimate> {
        if !self.project.config.mode.kind.has_groups() {
            return Ok(estimate);
        }
        let tip = self.project.tip(&issues.meta().generation)?.into();
        let measured = match issues.next_in_build(0, None) {
            BuildStep::Measure(key) => Some(key),
            _ => None,
        };
        let left = left(&self.project.config, issues, (&tip, measured.as_deref()));
        Ok(left.added_to(estimate, &self.history()?))
    }
}

impl Left {
    fn added_to(self, estimate: Estimate, history: &History) -> Estimate {
        if self.calls == 0 && self.sizes.is_empty() {
            return estimate;
        }
        let all = estimate.and(Estimate::of(&self.sizes, history));
        match self.calls {
            0 => all,
            calls => all.with_calls(calls, history),
        }
    }
}

/// Returns what is left to do at a commit. The tasks of the group `measured` are known, and asked for.
fn left(config: &Config, issues: &Issues, (tip, measured): (&CommitId, Option<&str>)) -> Left {
    let middle = middle_size(config);
    let open = issues.iter().filter(|task| task.status != Status::Closed);
    let mut sizes: Vec<Size> = open
        .map(|task| task.plan.estimated_lines.map_or(middle, Size::of))
        .collect();
    let mut calls = 0;
    for group in issues.build().groups.iter().filter(|group| group.done.is_none()) {
        calls += usize::from(is_read(config, issues, (group, tip)));
        if !group.measured && measured != Some(group.key.as_str()) {
            calls += 1;
            let estimated = usize::try_from(group.estimated_tasks).unwrap_or_default();
            let filed = issues.tasks_of_group(&group.key).count();
            sizes.resize(sizes.len() + estimated.saturating_sub(filed), middle);
        }
    }
    Left { sizes, calls }
}

/// Returns whether a closing review of a group is to come.
fn is_read(config: &Config, issues: &Issues, (group, tip): (&Group, &CommitId)) -> bool {
    let most = closing_rounds(config);
    let is_at_its_end = issues.next_in_build(most, Some(tip)) == BuildStep::Finish(group.key.clone());
    group.whole_reviews().count() < most as usize && !is_at_its_end
}

fn closing_rounds(config: &Config) -> u32 {
    config.review.closing_rounds.unwrap_or_default()
}

fn middle_size(config: &Config) -> Size {
    Size::of(u32::midpoint(config.estimated_lines_min, config.estimated_lines_max))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::group::ClosingReview;
    use crate::issues::issue::{GroupEdit, GroupPlace, NewIssue, StoreMeta, TaskPlan};
    use crate::model::generation::GenerationName;

    fn tip() -> CommitId {
        "c0ffee".parse().unwrap()
    }

    fn reading(closing_rounds: Option<u32>) -> Config {
        let mut config = Config::default();
        config.review.closing_rounds = closing_rounds;
        config
    }

    /// Groups `a` and `b` of two tasks each; `b` waits for `a`.
    fn two() -> Issues {
        let generation = GenerationName::new("generation-a").unwrap();
        let mut issues = Issues::new(StoreMeta::new(generation, "main".to_owned(), Timestamp::UNIX_EPOCH));
        let group = |key: &str, depends_on: Vec<String>| Group {
            depends_on,
            estimated_tasks: 2,
            ..Group::new(key, key, "All of it.")
        };
        issues
            .add_groups(vec![group("a", Vec::new()), group("b", vec!["a".to_owned()])])
            .unwrap();
        issues
    }

    fn file(issues: &mut Issues, id: &str, lines: Option<u32>) {
        let task = NewIssue {
            group: Some("a".to_owned()),
            plan: TaskPlan {
                estimated_lines: lines,
                ..TaskPlan::default()
            },
            ..NewIssue::titled("T")
        };
        issues.insert(id.parse().unwrap(), task, Timestamp::UNIX_EPOCH);
    }

    fn left_of(issues: &Issues, rounds: Option<u32>, measured: Option<&str>) -> (usize, usize) {
        let left = left(&reading(rounds), issues, (&tip(), measured));
        (left.sizes.len(), left.calls)
    }

    #[test]
    fn closing_reviews_are_counted_where_there_are_any() {
        let mut issues = two();
        assert_eq!(left_of(&issues, Some(2), None), (4, 4));
        for off in [None, Some(0)] {
            assert_eq!(left_of(&issues, off, None), (4, 2));
        }
        // One that has been read as often as it may be, or that the gates alone are left of.
        issues.begin_group("a", &tip(), true);
        let review = ClosingReview {
            tip: tip(),
            batches: 1,
            read: 1,
            findings: Vec::new(),
            lesser: 0,
            too_large: Vec::new(),
            filed: Some(Vec::new()),
        };
        assert_eq!(left_of(&issues, Some(2), None), (2, 3));
        issues.note_review("a", &review);
        assert_eq!(left_of(&issues, Some(1), None), (2, 2));
        assert_eq!(left_of(&issues, Some(2), None), (2, 2));
        let later = left(&reading(Some(2)), &issues, (&"decade".parse().unwrap(), None));
        assert_eq!(later.calls, 3);
    }

    #[test]
    fn open_tasks_of_a_group_at_work_are_counted_by_their_sizes() {
        let mut issues = two();
        for (id, lines) in [("cw-1", Some(20)), ("cw-2", Some(900)), ("cw-3", None)] {
            file(&mut issues, id, lines);
        }
        // Of those that it is estimated at, three are there.
        assert_eq!(left_of(&issues, None, None), (5, 2));
        issues.begin_group("a", &tip(), true);
        issues
            .close(&"cw-1".parse().unwrap(), "done", None, Timestamp::UNIX_EPOCH)
            .unwrap();
        let left = left(&reading(None), &issues, (&tip(), None));
        let middle = middle_size(&Config::default());
        assert_eq!((left.sizes, left.calls), (vec![Size::Large, middle, middle, middle], 1));
    }

    #[test]
    fn the_group_whose_tasks_are_planned_is_known_by_its_key_wherever_it_stands() {
        let mut issues = two();
        assert_eq!(left_of(&issues, None, Some("a")), (2, 1));
        issues.move_group("b", &GroupPlace::First).unwrap();
        issues
            .edit_group(
                "b",
                &GroupEdit {
                    estimated_tasks: Some(7),
                    ..GroupEdit::default()
                },
            )
            .unwrap();
        assert_eq!(left_of(&issues, None, Some("a")), (7, 1));
    }
}
