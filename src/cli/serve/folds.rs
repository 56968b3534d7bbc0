//! What runs came to by now, folded on from where it was when somebody looked last: a page that is looked at each second does not
//! read all of a run's events each time.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::error::Result;
use crate::lifecycle::{Generator, LiveCourse, UsageOverTime};
use crate::model::RunId;
use crate::model::generation::GenerationName;
use crate::record::course::RunCourse;
use crate::record::overview::{RunOutcome, RunOverview, RunRow};

/// How many runs are kept, the ones that were looked at last.
const KEPT: usize = 16;

type Key = (PathBuf, RunId);
type Kept = (Key, Arc<Mutex<LiveCourse>>);

/// The runs that were looked at last.
#[derive(Debug, Default)]
pub(super) struct Folds(Mutex<VecDeque<Kept>>);

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
        generator.runs_with(|run| self.locked(generator, run, |fold| fold.row(generator)))
    }

    /// Returns what the selected generation used in the course of time.
    ///
    /// # Errors
    ///
    /// Those of [`Self::runs`], and where its tasks cannot be read.
    pub(super) fn usage(&self, generator: &Generator) -> Result<UsageOverTime> {
        generator.usage_over_time(self.runs(generator)?)
    }

    fn locked<T>(&self, generator: &Generator, run: &RunId, look: impl FnOnce(&mut LiveCourse) -> T) -> T {
        let fold = self.of((generator.state_dir().to_owned(), run.clone()));
        let mut fold = fold.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut fold)
    }

    fn of(&self, key: Key) -> Arc<Mutex<LiveCourse>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
