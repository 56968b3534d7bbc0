//! What runs came to by now, folded on from where it was when somebody looked last: a page that is looked at each second does not
//! read all of a run's events each time.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::error::Result;
use crate::lifecycle::{Generator, LiveCourse};
use crate::model::RunId;
use crate::record::course::RunCourse;
use crate::record::overview::RunOverview;

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
        let fold = self.of((generator.state_dir().to_owned(), run.clone()));
        let mut fold = fold.lock().unwrap_or_else(PoisonError::into_inner);
        fold.by_now(generator)
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
