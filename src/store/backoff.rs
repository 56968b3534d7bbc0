//! How long a writer that came second waits before it tries again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use crate::git::Oid;

/// How often in a row a try may fail while nobody else gets anything done: about five seconds in all.
const STALLS_MAX: u32 = 120;
/// The longest wait, in microseconds.
const LONGEST: u64 = 64_000;

/// Waits of random length that grow while nobody makes progress. There is no bound on tries as such: when ours
/// failed because another's succeeded, the store as a whole went forward.
pub(super) struct Backoff {
    last: Option<Oid>,
    stalls: u32,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { last: None, stalls: 0 }
    }

    /// Waits after a failed try on `tip`; `false`, at once, when too many tries failed on one and the same tip.
    pub(super) fn wait(&mut self, tip: Oid) -> bool {
        let stalled = self.last.replace(tip) == Some(tip);
        self.stalls = if stalled { self.stalls + 1 } else { 0 };
        if self.stalls > STALLS_MAX {
            return false;
        }
        let longest = LONGEST.min(2_000 << self.stalls.min(16));
        std::thread::sleep(Duration::from_micros(random() % longest));
        true
    }
}

/// A random number; it spreads writers out and decides nothing.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
