//! Ctrl-Z: the live lines are taken off the terminal before a shell gets it back, and drawn again when the command goes on.

use std::thread;

use rustix::process::{Signal, getpid, kill_process};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::base::error::{Context as _, Result};
use crate::base::process::group::is_under_a_shell;
use crate::cli::Context;

/// Listens for SIGTSTP from now on, where live lines are drawn and a shell could let the command go on.
pub(crate) fn attend(context: &Context) -> Result<()> {
    // Elsewhere the system does with that signal what it does without us: it ignores it where nobody could end the suspension.
    if !context.is_live() || !is_under_a_shell() {
        return Ok(());
    }
    let failed = "cannot listen for signals";
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context(failed)?;
    let mut suspend = {
        let _entered = runtime.enter();
        signal(SignalKind::from_raw(Signal::TSTP.as_raw())).context(failed)?
    };
    let screen = context.output.screen.clone();
    let hearing = thread::Builder::new().name("suspension".to_owned());
    let obey = move || {
        runtime.block_on(async {
            while suspend.recv().await.is_some() {
                // The process may be stopped a moment after this returns: only the clock draws the lines again.
                let _ = screen.without(|| kill_process(getpid(), Signal::STOP));
            }
        });
    };
    hearing.spawn(obey).context(failed)?;
    Ok(())
}
