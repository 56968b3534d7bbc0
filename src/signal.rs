//! Interruption: the first signal lets the step under way end safely; the second is left to the system.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::{Context as _, Result};

/// Cancels `cancel` on SIGINT, SIGTERM or SIGHUP. A second signal ends the process at once, as `kill -9` may at any
/// moment: nothing is lost by it.
pub(crate) fn cancel_on_signal(cancel: &CancellationToken) -> Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).context("cannot listen for signals")?;
        let cancel = cancel.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if cancel.is_cancelled() {
                    let this = rustix::process::getpid();
                    // Nothing more to do when even this fails: the person has a third try.
                    let _ = rustix::process::kill_process(this, rustix::process::Signal::KILL);
                }
                cancel.cancel();
            }
        });
    }
    Ok(())
}
