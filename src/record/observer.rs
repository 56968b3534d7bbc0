//! Observers: code of the program that calls cordwainer, which gets every event of its runs.
//!
//! Each has a thread of its own, so that one which is slow, or never returns, holds nobody up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::base::error::{Context as _, Result};
use crate::base::panic::message;
use crate::record::event::Event;

/// Gets every event of a run.
pub trait Observer: Send + Sync + 'static {
    /// Takes an event as it is recorded: redacted, in the order of the record, and without waiting for it. It is called on a
    /// thread that this observer has for the run. After a panic, which is reported once, it gets no more events, and the
    /// run goes on.
    fn observe(&self, event: &Event);
}

/// How long the end of a run waits for observers to take its last events.
const END: Duration = Duration::from_secs(10);

/// The observers of a run.
#[derive(Debug)]
pub(crate) struct Observers(Mutex<Vec<Watching>>);

/// One observer, and its thread.
#[derive(Debug)]
struct Watching {
    /// Its place among them, counted from 1.
    number: usize,
    /// Where its events go; `None` once it gets no more.
    events: Option<mpsc::Sender<Event>>,
    /// Resolves when it has taken all of them.
    over: Option<oneshot::Receiver<()>>,
    panicked: Arc<OnceLock<String>>,
    is_told: bool,
}

impl Observers {
    /// Starts the thread of each observer.
    ///
    /// # Errors
    ///
    /// Where the system has no thread left.
    pub(crate) fn begin(observers: &[Arc<dyn Observer>]) -> Result<Self> {
        let begun = observers
            .iter()
            .enumerate()
            .map(|(index, observer)| watch(index + 1, observer));
        Ok(Self(Mutex::new(begun.collect::<Result<_>>()?)))
    }

    /// Hands an event to each. Returns what is to be reported of them, once.
    pub(crate) fn take(&self, event: &Event) -> Vec<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for one in all.iter() {
            if let Some(events) = &one.events {
                // One that has panicked takes no more.
                let _ = events.send(event.clone());
            }
        }
        told(&mut all)
    }

    /// Waits until each has taken all events, for a few seconds. Returns what is to be reported of them.
    pub(crate) async fn end(&self) -> Vec<String> {
        let begun: Vec<_> = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let end = |one: &mut Watching| {
                one.events = None;
                Some((one.number, one.over.take()?))
            };
            all.iter_mut().filter_map(end).collect()
        };
        let limit = tokio::time::Instant::now() + END;
        let mut late = Vec::new();
        for (number, over) in begun {
            if tokio::time::timeout_at(limit, over).await.is_err() {
                late.push(format!(
                    "the observer {number} of this program did not take all events within {} s after the last one",
                    END.as_secs()
                ));
            }
        }
        late.extend(told(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)));
        late
    }
}

/// Returns what is to be reported of observers, and notes that it was.
fn told(all: &mut [Watching]) -> Vec<String> {
    let told = all.iter_mut().filter(|one| !one.is_told).filter_map(|one| {
        let message = one.panicked.get()?;
        one.is_told = true;
        let number = one.number;
        Some(format!(
            "the observer {number} of this program panicked, and gets no more events: {message}"
        ))
    });
    told.collect()
}

fn watch(number: usize, observer: &Arc<dyn Observer>) -> Result<Watching> {
    let observer = Arc::clone(observer);
    let (events, taken) = mpsc::channel::<Event>();
    let (done, over) = oneshot::channel();
    let panicked = Arc::new(OnceLock::new());
    let noted = Arc::clone(&panicked);
    let thread = std::thread::Builder::new().name(format!("observer-{number}"));
    let started = thread.spawn(move || {
        for event in taken {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| observer.observe(&event))) {
                let _ = noted.set(message(panic));
                break;
            }
        }
        let _ = done.send(());
    });
    started.context(format!("cannot start the thread of the observer {number}"))?;
    Ok(Watching {
        number,
        events: Some(events),
        over: Some(over),
        panicked,
        is_told: false,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::record::event::EventKind;

    /// Keeps what it is told, and panics over one word.
    #[derive(Default)]
    struct Keeps(Mutex<Vec<String>>);

    impl Observer for Keeps {
        fn observe(&self, event: &Event) {
            let EventKind::Warned { what } = &event.kind else {
                return;
            };
            assert!(what != "bad", "cannot take {what}");
            self.0.lock().unwrap().push(what.clone());
        }
    }

    fn event(what: &str) -> Event {
        Event {
            at: Timestamp::UNIX_EPOCH,
            kind: EventKind::Warned { what: what.to_owned() },
        }
    }

    #[tokio::test]
    async fn each_takes_all_events_and_a_panic_is_reported_once() {
        let (one, two) = (Arc::new(Keeps::default()), Arc::new(Keeps::default()));
        let both: [Arc<dyn Observer>; 2] = [one.clone(), two.clone()];
        let fine = Observers::begin(&both[..1]).unwrap();
        for number in 0..500 {
            assert_eq!(fine.take(&event(&number.to_string())), [""; 0]);
        }
        assert_eq!(fine.end().await, [""; 0]);
        assert_eq!(one.0.lock().unwrap().len(), 500);
        let broken = Observers::begin(&both).unwrap();
        let mut told = broken.take(&event("a"));
        told.extend(broken.take(&event("bad")));
        told.extend(broken.end().await);
        told.sort();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(
            told[1],
            "the observer 2 of this program panicked, and gets no more events: cannot take bad"
        );
        assert_eq!(*two.0.lock().unwrap(), ["a"]);
        assert_eq!(broken.end().await, [""; 0], "it is not reported again");
    }
}
