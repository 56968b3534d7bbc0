//! What people ask of a run while it works: to end, to pause, to go on, and to take in what the configuration says by now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::base::interruption::Interruption;
use crate::config::reload::Reloadable;
use crate::project::RunState;
use crate::run::conversations::Conversations;

/// What people ask of a run; clones share it. Signals and requests of other processes come here, and nothing else asks.
#[derive(Clone, Debug)]
pub(crate) struct RunControl {
    /// To end.
    pub(crate) interruption: Interruption,
    /// What they say to its sessions.
    pub(crate) conversations: Conversations,
    asked: watch::Sender<Asked>,
    /// Whether the run waits for that, with nothing in progress.
    rests: Arc<AtomicBool>,
}

/// What people ask of a run, beside that it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Asked {
    /// Whether nothing may begin until somebody lets the run go on.
    pub(crate) paused: bool,
    /// What is in force of the configuration.
    pub(crate) config: Reloadable,
}

impl RunControl {
    pub(crate) fn new(interruption: Interruption, config: Reloadable) -> Self {
        let asked = Asked { paused: false, config };
        Self {
            interruption,
            conversations: Conversations::default(),
            asked: watch::Sender::new(asked),
            rests: Arc::default(),
        }
    }

    /// Lets nothing begin from now on, or lets the run go on. Returns whether that changed anything.
    pub(crate) fn pause(&self, paused: bool) -> bool {
        self.ask(|asked| asked.paused = paused)
    }

    /// Has these values of the configuration in force from now on.
    pub(crate) fn reload(&self, config: Reloadable) -> bool {
        self.ask(|asked| asked.config = config)
    }

    fn ask(&self, change: impl FnOnce(&mut Asked)) -> bool {
        self.asked.send_if_modified(|asked| {
            let before = *asked;
            change(asked);
            *asked != before
        })
    }

    /// Returns what is asked now, and is told when that changes.
    pub(crate) fn asked(&self) -> watch::Receiver<Asked> {
        self.asked.subscribe()
    }

    /// Notes that the run waits with nothing in progress, until the guard is dropped.
    pub(crate) fn rest(&self) -> Rest<'_> {
        self.rests.store(true, Ordering::Relaxed);
        Rest(&self.rests)
    }

    /// Returns what the run does.
    pub(crate) fn state(&self) -> RunState {
        match (self.asked.borrow().paused, self.rests.load(Ordering::Relaxed)) {
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
    use crate::config::Config;

    #[test]
    fn a_run_says_what_it_does() {
        let config = Reloadable::of(&Config::default());
        let control = RunControl::new(Interruption::default(), config);
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
