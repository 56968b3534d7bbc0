//! Things that exist until a guard is dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Things that exist now, oldest first; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry<T>(Arc<Mutex<Things<T>>>);

#[derive(Debug, Default)]
struct Things<T> {
    next: u64,
    by_key: BTreeMap<u64, T>,
}

/// A thing of a registry, which exists until this is dropped.
#[derive(Debug)]
pub(crate) struct Registered<T> {
    all: Registry<T>,
    key: u64,
}

impl<T> Registry<T> {
    /// Notes that something exists from now on.
    pub(crate) fn note(&self, thing: T) -> Registered<T> {
        let mut things = self.things();
        let key = things.next;
        things.next += 1;
        things.by_key.insert(key, thing);
        drop(things);
        Registered {
            all: Self(Arc::clone(&self.0)),
            key,
        }
    }

    /// Returns whether something exists for which `test` holds.
    pub(crate) fn has(&self, test: impl FnMut(&T) -> bool) -> bool {
        self.things().by_key.values().any(test)
    }

    fn things(&self) -> MutexGuard<'_, Things<T>> {
        // The map is complete even if a holder of the lock panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Registry<T> {
    /// Returns all that exist, oldest first.
    pub(crate) fn all(&self) -> Vec<T> {
        self.things().by_key.values().cloned().collect()
    }
}

impl<T> Drop for Registered<T> {
    fn drop(&mut self) {
        self.all.things().by_key.remove(&self.key);
    }
}
