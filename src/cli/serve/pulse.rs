//! Wakes whoever follows something when files may have changed: one thread waits for all of them.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::changes::{Changes, Woken};
use crate::base::error::{Context as _, Result};

/// How long a change is waited for before everybody looks all the same: on some file systems none is reported.
const LOOK: Duration = Duration::from_secs(1);
/// How long what follows a change may come together with it.
const TOGETHER: Duration = Duration::from_millis(50);

/// A beat for each time that something may have changed, and at least one a second.
#[derive(Debug)]
pub(super) struct Pulse {
    changes: Changes,
    beats: watch::Sender<u64>,
}

impl Pulse {
    /// Begins to wait for changes.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread.
    pub(super) fn begin() -> Result<Arc<Self>> {
        let pulse = Arc::new(Self {
            changes: Changes::new(),
            beats: watch::Sender::new(0),
        });
        let waiting = Arc::clone(&pulse);
        let thread = thread::Builder::new().name("changes".to_owned());
        thread
            .spawn(move || waiting.keep())
            .context("cannot wait for changes")?;
        Ok(pulse)
    }

    /// Has changes of a file or folder cause a beat; returns whether it is there.
    pub(super) fn add(&self, path: &Path) -> bool {
        self.changes.add(path)
    }

    /// Returns where beats are received. One that comes between two looks is not lost, and many are one.
    pub(super) fn beats(&self) -> watch::Receiver<u64> {
        self.beats.subscribe()
    }

    fn keep(&self) {
        loop {
            match self.changes.wait(LOOK, None) {
                Ok(Woken::Changed) => thread::sleep(TOGETHER),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!("cannot wait for changes: {error}");
                    thread::sleep(LOOK);
                }
            }
            self.beats.send_modify(|beats| *beats = beats.wrapping_add(1));
        }
    }
}
