//! What people ask of a run while it works: to end, to pause, and to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::base::interruption::Interruption;
use crate::project::RunState;

/// What people ask of a run; clones share it. Signals and requests of other processes come here, and nothing else asks.
#[derive(Clone, Debug)]
pub(crate) struct RunControl {
    /// To end.
    pub(crate) interruption: Interruption,
    /// Whether nothing may begin until somebody lets the run go on.
    paused: watch::Sender<bool>,
    /// Whether the run waits for that, with nothing in progress.
    rests: Arc<AtomicBool>,
}

impl RunControl {
    pub(crate) fn new(interruption: Interruption) -> Self {
        Self {
            interruption,
            paused: watch::Sender::new(false),
            rests: Arc::default(),
        }
    }

    /// Lets nothing begin from now on, or lets the run go on. Returns whether that changed anything.
    pub(crate) fn pause(&self, pause: bool) -> bool {
        self.paused.send_if_modified(|paused| {
            let is_new = *paused != pause;
            *paused = pause;
            is_new
        })
    }

    /// Returns whether nothing may begin, and is told when that changes.
    pub(crate) fn pauses(&self) -> watch::Receiver<bool> {
        self.paused.subscribe()
    }

    /// Notes that the run waits with nothing in progress, until the guard is dropped.
    pub(crate) fn rest(&self) -> Rest<'_> {
        self.rests.store(true, Ordering::Relaxed);
        Rest(&self.rests)
    }

    /// Returns what the run does.
    pub(crate) fn state(&self) -> RunState {
        match (*self.paused.borrow(), self.rests.load(Ordering::Relaxed)) {
            _ if self.interruption.is_asked() => RunState::Stopping,
            (true, true) => RunState::Paused,
            (true, false) => RunState::Pausing,
            (false, _) => RunState::Working,
        }
    }
}

/// The time in which a run waits to go on.
pub(crate) struct Rest<'control>(&'control AtomicBool);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_what_it_does() {
        let control = RunControl::new(Interruption::default());
        assert_eq!(control.state(), RunState::Working);
        assert!(control.pause(true) && !control.pause(true));
        assert_eq!(control.state(), RunState::Pausing);
        let rest = control.rest();
        assert_eq!(control.clone().state(), RunState::Paused);
        drop(rest);
        assert!(control.pause(false) && !control.pause(false));
        assert_eq!(control.state(), RunState::Working);
        control.interruption.ask();
        assert_eq!(control.state(), RunState::Stopping);
    }
}
