//! How many cycles in a row have merged nothing before a run begins, as records show it: whoever resumes again and again, and
//! changes nothing in between, pays no further measure.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::base::clock::{later, signed};
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::issues::attempt::Outcome;
use crate::issues::issue::{Issues, Measure, Status};
use crate::lifecycle::Generator;
use crate::model::RunId;
use crate::model::generation::GenerationName;
use crate::record::event::EventKind;
use crate::record::history;

/// A run that died may have changed tasks for so long after the last event that it recorded.
const AFTER_A_DEATH: Duration = Duration::from_secs(5);

/// When a run was at work.
type Span = (Timestamp, Timestamp);

impl Generator {
    /// Counts the cycles in a row, up to now, that merged nothing, and since whose measure nobody but runs has changed tasks or the
    /// branch. `own` is the run that begins.
    pub(super) fn barren_cycles(&self, issues: &Issues, own: &RunId) -> Result<u32> {
        let kind = self.project.config.mode.kind;
        if kind.reports() || kind.has_groups() || cycles(issues).next_back().is_none() {
            return Ok(0);
        }
        let generation = &issues.meta().generation;
        let committed = self.project.git.commit_info(self.project.tip(generation)?)?.time;
        // Where there is nothing to count even if runs alone have changed tasks, their records, which may be large, are not read.
        if barren(issues, committed, &[(Timestamp::MIN, Timestamp::MAX)]) == 0 {
            return Ok(0);
        }
        let spans = spans(&self.project.state_dir, generation, own)?;
        Ok(barren(issues, committed, &spans))
    }
}

/// Returns the measures that asked for tasks and got an answer, oldest first.
fn cycles(issues: &Issues) -> impl DoubleEndedIterator<Item = &Measure> {
    let is_one = |measure: &&Measure| {
        let is_asked = !measure.calls.is_empty() && measure.of.is_none() && measure.part.is_none();
        is_asked && measure.filed.is_some()
    };
    issues.meta().measures.iter().filter(is_one)
}

/// Counts the last cycles in which nothing was merged, and since whose measures only these runs have changed anything; `committed` is
/// when the last commit of the branch was made.
fn barren(issues: &Issues, committed: Timestamp, spans: &[Span]) -> u32 {
    if issues.iter().all(|issue| issue.status == Status::Closed) {
        // Everything is done: whoever asks for more has a reason.
        return 0;
    }
    let by_a_run = |at: Timestamp| spans.iter().any(|(begun, ended)| (*begun..=*ended).contains(&at));
    let changed = issues.iter().map(|issue| issue.updated_at).filter(|at| !by_a_run(*at));
    let merged = issues
        .iter()
        .flat_map(|issue| &issue.attempts)
        .filter(|attempt| attempt.outcome == Outcome::Merged)
        .map(|attempt| attempt.ended_at);
    let last = changed.chain(merged).chain([committed]).max();
    let since = cycles(issues)
        .rev()
        .take_while(|measure| last.is_none_or(|last| measure.at >= last));
    u32::try_from(since.count()).unwrap_or(u32::MAX)
}

/// Returns when earlier runs of a generation were at work whose records are there.
fn spans(state_dir: &Path, generation: &GenerationName, own: &RunId) -> Result<Vec<Span>> {
    let runs = state_dir.join("runs");
    let entries = match std::fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(ErrorKind::Unexpected, || format!("cannot list `{}`", runs.display()));
        }
    };
    let names: BTreeSet<RunId> = entries
        .filter_map(|entry| RunId::parse(entry.ok()?.file_name().to_str()?))
        .filter(|run| run != own)
        .collect();
    // What cannot be read is not known to be a run's doing.
    let spans = names.iter().filter_map(|run| span(state_dir, generation, run));
    Ok(spans.collect())
}

fn span(state_dir: &Path, generation: &GenerationName, run: &RunId) -> Option<Span> {
    let events = history::events(state_dir, run).ok()?;
    let (first, last) = (events.first()?, events.last()?);
    let is_of = |event: &EventKind| matches!(event, EventKind::RunStarted { generation: of, .. } if of == generation);
    events.iter().any(|event| is_of(&event.kind)).then(|| {
        let ended = match last.kind {
            EventKind::RunEnded { .. } => last.at,
            _ => later(last.at, signed(AFTER_A_DEATH)),
        };
        (first.at, ended)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounting::ledger::{CallPlace, Entry};
    use crate::agent::CallReport;
    use crate::issues::issue::{IssueEdit, NewIssue, StoreMeta};
    use crate::model::{IssueId, Role};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A store with an open task, whose measures ended at these seconds and filed a task each, but for those that filed none.
    fn issues(measures: &[(i64, bool)]) -> Issues {
        let mut meta = StoreMeta::new(GenerationName::new("generation-a").unwrap(), "main".to_owned(), at(0));
        let place = CallPlace {
            role: Role::Measure,
            task: None,
            attempt: 1,
            round: 0,
            candidate: 0,
            cycle: 1,
            run: "run-1".parse().unwrap(),
        };
        let entry = Entry::new(place, &CallReport::of_success("one"), at(0));
        meta.measures = measures
            .iter()
            .map(|(second, has_filed)| Measure {
                run: "run-1".parse().unwrap(),
                at: at(*second),
                filed: Some(has_filed.then(|| IssueId::new(1)).into_iter().collect()),
                calls: vec![entry.clone()],
                part: None,
                of: None,
            })
            .collect();
        let mut issues = Issues::new(meta);
        issues.insert("cw-1".parse().unwrap(), NewIssue::titled("T"), at(12));
        issues
    }

    #[test]
    fn cycles_count_until_something_merges_or_a_person_changes_something() {
        let four = issues(&[(10, true), (20, true), (30, false), (40, true)]);
        let run = [(at(5), at(45))];
        // One that found nothing new is one, too.
        assert_eq!(barren(&four, at(1), &run), 4);
        assert_eq!(barren(&issues(&[]), at(1), &run), 0);
        // The branch has moved since.
        assert_eq!(barren(&four, at(25), &run), 2);
        assert_eq!(barren(&four, at(50), &run), 0);
        // A task was changed when no run was at work.
        let mut changed = four.clone();
        let edit = IssueEdit {
            priority: Some(0),
            ..IssueEdit::default()
        };
        changed.edit(&"cw-1".parse().unwrap(), &edit, at(50)).unwrap();
        assert_eq!(barren(&changed, at(1), &run), 0);
        // By a run it says nothing.
        assert_eq!(barren(&changed, at(1), &[(at(5), at(55))]), 4);
        assert_eq!(barren(&four, at(1), &[]), 3);
        // Where all tasks are done, nothing is stuck.
        let mut done = four;
        done.close(&"cw-1".parse().unwrap(), "done", None, at(13)).unwrap();
        assert_eq!(barren(&done, at(1), &run), 0);
    }
}
