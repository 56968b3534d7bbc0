//! The removal of a call's container, beside whoever keeps what it has left.

use std::path::PathBuf;

use tokio::task::{JoinHandle, spawn};

use super::adoption;
use crate::record::event::{CallName, EventKind};
use crate::record::recorder::Recorder;
use crate::sandbox::engine::Container;

/// A removal that may be under way. It goes on when this is dropped, but then nobody waits for it.
#[derive(Default)]
pub(crate) struct Removal(Option<JoinHandle<()>>);

impl Removal {
    /// Begins to remove the container of a call whose end was told, and then to forget how another run would have gone on with it:
    /// until both are done, that one hears of the end anew.
    pub(super) fn begin(container: Option<Container>, (name, folder): (CallName, PathBuf), recorder: Recorder) -> Self {
        Self(Some(spawn(async move {
            let warn = |what: String| recorder.emit(EventKind::Warned { what });
            if let Some(container) = container
                && let Err(error) = container.remove().await
            {
                // It has ended, so no harm is done: the next run sweeps it up.
                let error = error.in_a_line();
                warn(format!("{name}: its container could not be removed: {error}"));
            }
            if let Err(error) = adoption::forget(&folder) {
                warn(format!("{name}: {}", error.in_a_line()));
            }
        })))
    }

    /// Waits until the container is gone, and what another run would have gone on with.
    pub(crate) async fn done(&mut self) {
        if let Some(task) = self.0.take()
            && let Err(error) = task.await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
}
