//! What runs came to by now, folded on from where it was when somebody looked last: a page that is looked at each second does not
//! read all of a run's events each time.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::base::error::Result;
use crate::lifecycle::{Generator, LiveCourse, RunTimes, UsageOverTime};
use crate::model::RunId;
use crate::model::generation::GenerationName;
use crate::record::course::RunCourse;
use crate::record::history::events_of;
use crate::record::overview::{RunOutcome, RunOverview, RunRow};

/// How many runs are kept, the ones that were looked at last.
const KEPT: usize = 16;
/// Of how many runs that are over it is kept when they were at work.
const OVER: usize = 4096;

type Key = (PathBuf, RunId);
type Kept = (Key, Arc<Mutex<LiveCourse>>);

/// The runs that were looked at last.
#[derive(Debug, Default)]
pub(super) struct Folds {
    live: Mutex<VecDeque<Kept>>,
    over: Mutex<HashMap<Key, Over>>,
}

/// When a run that is over was at work.
#[derive(Debug)]
struct Over {
    /// The events by which that is known.
    events: Events,
    times: Arc<RunTimes>,
}

/// How long the events of a run are, and when they were written.
type Events = (u64, Option<SystemTime>);

impl Folds {
    /// Returns everything that a run came to by now.
    ///
    /// # Errors
    ///
    /// Those of [`Self::course`].
    pub(super) fn overview(&self, generator: &Generator, run: &RunId) -> Result<RunOverview> {
        Ok(self.course(generator, run)?.overview)
    }

    /// Returns the course of a run by now.
    ///
    /// # Errors
    ///
    /// Where its events are gone, or cannot be read.
    pub(super) fn course(&self, generator: &Generator, run: &RunId) -> Result<RunCourse> {
        self.locked(generator, run, |fold| fold.by_now(generator))
    }

    /// Returns how a run stands by now, and the generation that it works on.
    ///
    /// # Errors
    ///
    /// Those of [`Self::course`].
    pub(super) fn standing(&self, generator: &Generator, run: &RunId) -> Result<(RunOutcome, Option<GenerationName>)> {
        self.locked(generator, run, |fold| fold.standing(generator))
    }

    /// Lists the runs of a repository, the newest first.
    ///
    /// # Errors
    ///
    /// Those of [`Generator::runs`].
    pub(super) fn runs(&self, generator: &Generator) -> Result<Vec<RunRow>> {
        generator.runs_with(|run, _| self.locked(generator, run, |fold| fold.row(generator)))
    }

    /// Returns what the selected generation used in the course of time.
    ///
    /// # Errors
    ///
    /// Where its tasks, or the events of one of its runs, cannot be read.
    pub(super) fn usage(&self, generator: &Generator) -> Result<UsageOverTime> {
        let rows = self.runs(generator)?;
        generator.usage_over_time(rows, |row| self.times(generator, row))
    }

    /// Returns when a run was at work; `None` where its records are gone.
    fn times(&self, generator: &Generator, row: &RunRow) -> Result<Option<Arc<RunTimes>>> {
        let key = (generator.state_dir().to_owned(), row.run.clone());
        if row.outcome == RunOutcome::AtWork {
            let times = self.locked(generator, &row.run, |fold| fold.times(generator))?;
            return Ok(Some(Arc::new(times)));
        }
        // Before they are read: what is appended meanwhile makes the times old ones.
        let Ok(looks) = events_of(&key.0, &key.1).metadata() else {
            return Ok(None);
        };
        let events = (looks.len(), looks.modified().ok());
        let over = || self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = over().get(&key).filter(|known| known.events == events) {
            return Ok(Some(Arc::clone(&known.times)));
        }
        // A fold of its own: all runs of a generation would take the places of those that somebody looks at.
        let times = Arc::new(LiveCourse::new(row.run.clone()).times(generator)?);
        // One that begins just now is not over.
        if !times.is_at_work {
            let mut over = over();
            if over.len() >= OVER {
                over.clear();
            }
            let times = Arc::clone(&times);
            over.insert(key, Over { events, times });
        }
        Ok(Some(times))
    }

    fn locked<T>(&self, generator: &Generator, run: &RunId, look: impl FnOnce(&mut LiveCourse) -> T) -> T {
        let fold = self.of((generator.state_dir().to_owned(), run.clone()));
        let mut fold = fold.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut fold)
    }

    fn of(&self, key: Key) -> Arc<Mutex<LiveCourse>> {
        let mut kept = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| *known == key);
        let found = place.and_then(|place| kept.remove(place));
        let (key, fold) = found.unwrap_or_else(|| {
            let fold = LiveCourse::new(key.1.clone());
            (key, Arc::new(Mutex::new(fold)))
        });
        kept.push_front((key, Arc::clone(&fold)));
        kept.truncate(KEPT);
        fold
    }
}
