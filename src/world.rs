//! Time and identifiers, fixed in tests: nothing else of the library asks the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Where time and identifiers come from: the machine, or a fixed start that advances by itself.
#[derive(Clone, Debug)]
pub struct World(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine,
    Fixed { start: Timestamp, ticks: Arc<AtomicU64> },
}

impl World {
    /// The real clock.
    pub fn machine() -> Self {
        Self(Source::Machine)
    }

    /// A clock that begins at `start` and advances one second each time it is asked.
    pub fn fixed(start: Timestamp) -> Self {
        Self(Source::Fixed {
            start,
            ticks: Arc::default(),
        })
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Machine => Timestamp::now(),
            Source::Fixed { start, ticks } => {
                let seconds = ticks.fetch_add(1, Ordering::Relaxed);
                *start + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
            }
        }
    }

    /// A name for a run: the time to the millisecond and the process, so that two runs of a repository never share one.
    pub fn run_id(&self) -> String {
        let now = self.now();
        let process = match &self.0 {
            Source::Machine => std::process::id(),
            Source::Fixed { .. } => 1,
        };
        format!("{}-{process}", now.strftime("%Y%m%d-%H%M%S%3f"))
    }

    /// Waits until `until`; a fixed clock does not wait, it jumps there.
    pub async fn sleep_until(&self, until: Timestamp) {
        match &self.0 {
            Source::Machine => loop {
                // The wall clock may jump: wait in short legs and look again.
                let left = until.duration_since(Timestamp::now());
                if left <= SignedDuration::ZERO {
                    return;
                }
                let leg = left.min(SignedDuration::from_secs(30));
                tokio::time::sleep(leg.unsigned_abs()).await;
            },
            Source::Fixed { start, ticks } => {
                let seconds = until.duration_since(*start).as_secs();
                ticks.fetch_max(u64::try_from(seconds).unwrap_or(0), Ordering::Relaxed);
            }
        }
    }
}
