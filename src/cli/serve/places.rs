//! Places of connections: how many there are, and who gives one up. Whoever has shown the token keeps its place. All others share a
//! few places, and when one more of them comes, the oldest one of them goes: so somebody who has the token gets in, however many
//! connections others hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, getrlimit};
use tokio::sync::Notify;

/// How many connections are open at once, where the process may have enough files open.
const MOST: usize = 1024;
/// How many are open at once however few files the process may have open.
const LEAST: usize = 32;
/// How many of those that have not shown the token are open at once at least.
const LEAST_STRANGERS: usize = 16;
/// How many files a connection takes: its socket, and the events of the run that it follows.
const FILES: u64 = 2;

/// The places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    /// How many connections that have not shown the token are open at once.
    strangers: usize,
    taken: Mutex<Taken>,
    /// That a connection is gone.
    gone: Notify,
}

/// The places that are taken.
#[derive(Debug, Default)]
struct Taken {
    count: usize,
    /// How many connections there ever were.
    numbered: u64,
    /// Those that have not shown the token, by their numbers, the oldest one first.
    strangers: BTreeMap<u64, Arc<Notify>>,
    /// Those that were told to go.
    going: BTreeSet<u64>,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    told_to_go: Arc<Notify>,
}

impl Places {
    /// Builds as many as the files allow that this process may have open. A quarter of those is for what it opens beside its
    /// connections: repositories, records, and what it waits for.
    pub(super) fn of_this_process() -> Arc<Self> {
        Self::new(most(getrlimit(Resource::Nofile).current))
    }

    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            strangers: (most / 4).max(LEAST_STRANGERS),
            taken: Mutex::default(),
            gone: Notify::new(),
        })
    }

    /// Takes a place for a connection that has not shown the token, and has the oldest such one go where there is none for it.
    /// Waits while all places belong to connections that have shown it.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        loop {
            if let Some(place) = self.take_now() {
                return place;
            }
            self.gone.notified().await;
        }
    }

    fn take_now(self: &Arc<Self>) -> Option<Place> {
        let mut taken = self.lock();
        let stay = taken.count - taken.going.len();
        if stay >= self.most || taken.strangers.len() >= self.strangers {
            let (oldest, told_to_go) = taken.strangers.pop_first()?;
            taken.going.insert(oldest);
            told_to_go.notify_one();
        }
        if taken.count >= self.most {
            return None;
        }
        let number = taken.numbered;
        let told_to_go = Arc::new(Notify::new());
        taken.count += 1;
        taken.numbered += 1;
        taken.strangers.insert(number, Arc::clone(&told_to_go));
        Some(Place {
            places: Arc::clone(self),
            number,
            told_to_go,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Notes that the connection has shown the token: from now on it stays.
    pub(super) fn keep(&self) {
        self.places.lock().strangers.remove(&self.number);
    }

    /// Waits until the connection is to go.
    pub(super) async fn told_to_go(&self) {
        self.told_to_go.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.count -= 1;
        taken.strangers.remove(&self.number);
        taken.going.remove(&self.number);
        drop(taken);
        self.places.gone.notify_one();
    }
}

/// Returns how many connections are open at once where so many files may be; without a limit, [`MOST`].
fn most(files: Option<u64>) -> usize {
    let places = files.map_or(MOST, |files| {
        usize::try_from((files - files / 4) / FILES).unwrap_or(usize::MAX)
    });
    places.clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn is_to_go(place: &Place) -> bool {
        place.told_to_go().now_or_never().is_some()
    }

    fn take(places: &Arc<Places>) -> Option<Place> {
        places.take().now_or_never()
    }

    #[test]
    fn the_files_that_may_be_open_bound_the_connections() {
        for (files, expect) in [
            (None, 1024),
            (Some(u64::MAX), 1024),
            (Some(1 << 20), 1024),
            (Some(2732), 1024),
            (Some(1024), 384),
            (Some(256), 96),
            (Some(64), 32),
            (Some(0), 32),
        ] {
            assert_eq!(most(files), expect, "{files:?}");
        }
        let strangers = [1024, 384, 96, 32].map(|most| Places::new(most).strangers);
        assert_eq!(strangers, [256, 96, 24, 16]);
    }

    #[test]
    fn the_oldest_stranger_makes_room_and_whoever_has_shown_the_token_stays() {
        let places = Places::new(64);
        let known: Vec<Place> = (0..20).map(|_| take(&places).unwrap()).inspect(Place::keep).collect();
        let mut strangers: Vec<Place> = (0..16).map(|_| take(&places).unwrap()).collect();
        assert!(!strangers.iter().chain(&known).any(is_to_go), "there is room");
        for oldest in 0..10 {
            strangers.push(take(&places).unwrap());
            let going: Vec<usize> = (0..strangers.len()).filter(|one| is_to_go(&strangers[*one])).collect();
            assert_eq!(going, [oldest]);
        }
        assert!(!known.iter().any(is_to_go));
        // Of those who show it only now, one stays, and one was told before.
        strangers[10].keep();
        strangers[9].keep();
        let more: Vec<Place> = (0..2).map(|_| take(&places).unwrap()).collect();
        let going: Vec<usize> = (10..strangers.len()).filter(|one| is_to_go(&strangers[*one])).collect();
        assert_eq!((going, places.lock().strangers.len()), (vec![11], 16));
        drop((known, strangers, more));
        let taken = places.lock();
        assert_eq!(
            (taken.count, taken.strangers.len(), taken.going.len()),
            (0, 0, 0),
            "nothing is left"
        );
    }

    #[tokio::test]
    async fn a_place_is_taken_once_it_is_free_and_nobody_goes_twice_for_one() {
        let places = Places::new(32);
        let mut known: Vec<Place> = (0..30).map(|_| take(&places).unwrap()).inspect(Place::keep).collect();
        let mut strangers: Vec<Place> = (0..2).map(|_| take(&places).unwrap()).collect();
        let mut next = Box::pin(places.take());
        for _ in 0..3 {
            assert!(next.as_mut().now_or_never().is_none(), "all are open still");
            places.gone.notify_one();
        }
        assert!(is_to_go(&strangers[0]) && !is_to_go(&strangers[1]));
        drop(strangers.remove(0));
        let next = next.await;
        next.keep();
        strangers[0].keep();
        let mut late = Box::pin(places.take());
        assert!(late.as_mut().now_or_never().is_none(), "all have shown the token");
        assert!(!known.iter().any(is_to_go));
        known.pop();
        let _ = late.await;
    }
}
