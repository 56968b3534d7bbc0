//! A git of the person's that clears up all the time, beside work.

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Does some work while `upkeep` is done again and again; returns what came of the work, and how often upkeep did what it was
/// asked, which it says of each round.
pub(crate) fn beside<T>(mut upkeep: impl FnMut() -> bool + Send, work: impl FnOnce() -> T) -> (T, usize) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let upkeep = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                rounds += usize::from(upkeep());
            }
            rounds
        });
        // It must end although the work panics.
        let worked = panic::catch_unwind(panic::AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        let rounds = upkeep.join();
        let worked = worked.unwrap_or_else(|panic| panic::resume_unwind(panic));
        (worked, rounds.unwrap())
    })
}
