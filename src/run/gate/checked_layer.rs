//! The layer that was looked at last, so that it is not looked at for each container of a task.

use std::sync::{Arc, Mutex, PoisonError};

use crate::project::layers::Layer;

/// The layer that all share and that the task at hand stands on. It is looked at once for each task, whose agent and gates
/// use it: looking at every file of it takes long where there are many.
#[derive(Default)]
pub(super) struct CheckedLayer(Mutex<Option<Arc<Layer>>>);

impl CheckedLayer {
    /// Forgets it, so that the next one who needs it looks at it again.
    pub(super) fn forget(&self) {
        self.set(None);
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Layer>> {
        let layer = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        layer.filter(|layer| layer.record.key == key)
    }

    pub(super) fn set(&self, layer: Option<Arc<Layer>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = layer;
    }
}
