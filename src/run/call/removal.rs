//! The removal of a call's container, beside whoever keeps what it has left.

use tokio::task::{JoinHandle, spawn};

use super::adoption;
use super::request::{Call, CallResult};
use crate::agent::CallOutcome;
use crate::record::event::EventKind;
use crate::record::recorder::Recorder;
use crate::sandbox::engine::Container;

/// A removal that may be under way. It goes on when this is dropped, but then nobody waits for it.
#[derive(Default)]
pub(crate) struct Removal(Option<JoinHandle<()>>);

impl Removal {
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

impl CallResult {
    /// Begins to remove the container of a call whose end was told, and to forget how another run would have gone on with it:
    /// until both are done, that one hears of the end anew. After a success the caller waits for that, else it is done here.
    pub(super) async fn removing(mut self, container: Option<Container>, call: &Call<'_>, recorder: &Recorder) -> Self {
        let (name, folder) = (call.sandbox.name.clone(), call.sandbox.folder.path.clone());
        let recorder = recorder.clone();
        self.removal = Removal(Some(spawn(async move {
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
        })));
        // What failed may still run, and write.
        if self.failure.is_some() || self.report.outcome != CallOutcome::Success {
            self.removal.done().await;
        }
        self
    }
}
