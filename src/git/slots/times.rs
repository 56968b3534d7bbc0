//! The times of files from which something was built.

use std::time::{SystemTime, UNIX_EPOCH};

use git2::Oid;
use rustix::fs::{Stat, Timespec};

use super::folder::modified;

/// The time that files have from which something is built, and those of checkouts that slots share, in seconds since 1970: it
/// is always the same, so that what was built above one checkout fits the next.
pub(crate) const SOURCE_TIME: i64 = 1_000_000_000;

/// Returns that time.
pub(super) fn source_time() -> Timespec {
    Timespec {
        tv_sec: SOURCE_TIME,
        tv_nsec: 0,
    }
}

/// The times of files from which something was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// The tree that it was built from.
    pub(crate) tree: Oid,
    /// The time that every file of that tree had, in seconds since 1970.
    pub(crate) source: i64,
    /// When it had been built, in seconds since 1970, rounded up.
    pub(crate) built: i64,
}

impl Times {
    /// Returns the time that a file should have; `None` where the one it has is good. `same` is whether it is as it was.
    pub(super) fn wanted(&self, stat: &Stat, same: bool) -> Option<Timespec> {
        if same {
            return Some(Timespec {
                tv_sec: self.source,
                tv_nsec: 0,
            });
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        (modified(stat).0 <= self.built).then(|| Timespec {
            // A clock that was set back must not make it look older.
            tv_sec: seconds.max(self.built.saturating_add(1)),
            tv_nsec: now.subsec_nanos().into(),
        })
    }
}
