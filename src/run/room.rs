//! Room in the budgets for the calls of a run: those at work at once share what is left, and wait for each other.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::accounting::budget::{Allowance, BudgetConfig, Budgets, Granted, Request, Reservation, Spent};
use crate::accounting::ledger::Entry;
use crate::base::interruption::Interruption;
use crate::config::RoleConfig;
use crate::issues::issue::Issues;
use crate::model::{IssueId, Role, RunId};

/// What is left of the budgets of a run.
pub(crate) struct Room {
    budgets: Budgets,
    run: RunId,
    /// Told each time that a call gives back what it held.
    freed: watch::Sender<()>,
    /// How many calls about tasks share what is left.
    sharers: AtomicU32,
    /// The tasks whose last call got less than there is, for what others held or were to get.
    shared: Mutex<BTreeSet<IssueId>>,
}

/// Where a call takes place.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The task that it is about, if it is about one.
    pub(crate) task: Option<&'a IssueId>,
    pub(crate) cycle: u32,
    /// How many calls about the task can be in progress at once, this one among them.
    pub(crate) beside: u32,
}

/// What was set aside for a call, until this is dropped.
pub(crate) struct Reserved {
    // Dropped first: whoever is told looks at what is there then.
    reservation: Reservation,
    _freed: Freed,
}

/// Tells others, when it is dropped, that there may be room.
struct Freed(watch::Sender<()>);

impl Room {
    pub(crate) fn new(config: BudgetConfig, run: RunId) -> Self {
        Self {
            budgets: Budgets::new(config),
            run,
            freed: watch::Sender::new(()),
            sharers: AtomicU32::new(1),
            shared: Mutex::default(),
        }
    }

    /// Sets other budgets from now on; calls in progress keep what was set aside for them.
    pub(crate) fn set(&self, config: BudgetConfig) {
        self.budgets.set(config);
        // Those that wait may find room now, or none at all.
        self.freed.send_replace(());
    }

    /// Returns the budgets in force.
    pub(crate) fn config(&self) -> BudgetConfig {
        self.budgets.config()
    }

    /// Has so many calls about tasks share what is left, from now on.
    pub(crate) fn share_among(&self, calls: u32) {
        self.sharers.store(calls.max(1), Ordering::Relaxed);
    }

    /// Returns whether the last call about a task got less than there was left, so that it can have more later.
    pub(crate) fn was_shared(&self, task: &IssueId) -> bool {
        self.shared().contains(task)
    }

    /// Returns the budget that has no room for a call in a cycle, if one has none.
    pub(crate) fn spent(&self, by: (Role, &RoleConfig), place: Place<'_>, issues: &Issues) -> Option<Spent> {
        self.budgets.spent(&self.request(by, place), issues.ledger())
    }

    /// Sets aside what a call in a cycle may use, or returns which budget has no room for it. Where other calls hold what it
    /// lacks, it waits for them. `None` when the run is to end.
    pub(crate) async fn reserve(
        &self,
        by: (Role, &RoleConfig),
        place: Place<'_>,
        issues: &Issues,
        interruption: &Interruption,
    ) -> Result<Option<Reserved>, Spent> {
        let mut freed = self.freed.subscribe();
        loop {
            freed.mark_unchanged();
            // Settled calls count although `issues` was read before them.
            let reserved = self.budgets.reserve(&self.request(by, place), issues.ledger());
            if let Some(task) = place.task {
                self.note_shared(task, reserved.as_ref().is_ok_and(Reservation::is_shared));
            }
            match reserved {
                _ if interruption.is_asked() => return Ok(None),
                Ok(reservation) => {
                    return Ok(Some(Reserved {
                        reservation,
                        _freed: Freed(self.freed.clone()),
                    }));
                }
                Err(spent) if !spent.held => return Err(spent),
                Err(_) => {}
            }
            tokio::select! {
                // The sender lives as long as this does.
                _ = freed.changed() => {}
                () = interruption.asked() => return Ok(None),
            }
        }
    }

    /// Sets aside again, at once, what a call of a dead run has that goes on. Its run had granted no more than there was, so
    /// that all of it is within the budgets, what it has used of it included.
    pub(crate) fn reserve_again(&self, by: (Role, &RoleConfig), place: Place<'_>, granted: Granted) -> Reserved {
        let reservation = self.budgets.reserve_again(&self.request(by, place), granted);
        if let Some(task) = place.task {
            self.note_shared(task, reservation.is_shared());
        }
        Reserved {
            reservation,
            _freed: Freed(self.freed.clone()),
        }
    }

    /// Counts a call that a dead run has made and that the store does not have yet.
    pub(crate) fn note_made(&self, entry: &Entry) {
        self.budgets.note_made(entry);
    }

    fn note_shared(&self, task: &IssueId, is_shared: bool) {
        if is_shared {
            self.shared().insert(task.clone());
        } else {
            self.shared().remove(task);
        }
    }

    fn shared(&self) -> MutexGuard<'_, BTreeSet<IssueId>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what a call is to the budgets.
    fn request(&self, (role, settings): (Role, &RoleConfig), place: Place<'_>) -> Request {
        let Place { task, cycle, beside } = place;
        let others = beside.saturating_sub(1);
        Request {
            role,
            task: task.cloned(),
            cycle,
            run: self.run.clone(),
            call: Allowance {
                usd: settings.budget_usd,
                tokens: settings.budget_tokens,
            },
            // Nothing is at work beside a measure where there is a budget for both.
            parallel: task.map_or(1, |_| self.sharers.load(Ordering::Relaxed).saturating_add(others)),
            beside,
        }
    }
}

impl Deref for Reserved {
    type Target = Reservation;

    fn deref(&self) -> &Reservation {
        &self.reservation
    }
}

impl Drop for Freed {
    fn drop(&mut self) {
        self.0.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::config::Config;
    use crate::issues::issue::StoreMeta;
    use crate::model::generation::GenerationName;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn room(usd: f64) -> (Arc<Room>, Issues) {
        let config = BudgetConfig {
            usd: Some(usd),
            ..BudgetConfig::default()
        };
        let meta = StoreMeta::new(
            GenerationName::new("generation-one").unwrap(),
            "main".to_owned(),
            Timestamp::UNIX_EPOCH,
        );
        let room = Room::new(config, "run-1".parse().unwrap());
        (Arc::new(room), Issues::new(meta))
    }

    async fn reserve(
        room: &Room,
        issues: &Issues,
        task: u32,
        interruption: &Interruption,
    ) -> Result<Option<Reserved>, Spent> {
        let settings = Config::default().stitch;
        let task = IssueId::new(task);
        let place = Place {
            task: Some(&task),
            cycle: 1,
            beside: 1,
        };
        room.reserve((Role::Stitch, &settings), place, issues, interruption)
            .await
    }

    #[tokio::test]
    async fn what_another_call_holds_is_waited_for_and_what_is_spent_is_not() {
        let (room, issues) = room(5.0);
        let going_on = Interruption::default();
        let first = reserve(&room, &issues, 1, &going_on)
            .await
            .unwrap()
            .expect("it is asked");
        assert_eq!(first.allowance().usd, Some(5.0));
        assert!(!room.was_shared(&IssueId::new(1)));
        let (waiting_room, waiting_issues) = (Arc::clone(&room), issues.clone());
        let waiting = tokio::spawn(async move {
            let second = reserve(&waiting_room, &waiting_issues, 2, &Interruption::default()).await;
            second.unwrap().expect("it is asked").allowance().usd
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "there is nothing left for it yet");
        drop(first);
        let second = tokio::time::timeout(PATIENCE, waiting).await.expect("it was told");
        assert_eq!(second.unwrap(), Some(5.0));

        let (spent, issues) = self::room(0.0);
        let refused = reserve(&spent, &issues, 1, &going_on).await.err();
        assert!(refused.is_some_and(|spent| !spent.held));
    }

    #[tokio::test]
    async fn a_call_that_waits_for_room_ends_with_the_run() {
        let (room, issues) = room(5.0);
        let interruption = Interruption::default();
        let _first = reserve(&room, &issues, 1, &interruption)
            .await
            .unwrap()
            .expect("it is asked");
        let asking = async {
            tokio::task::yield_now().await;
            interruption.ask();
        };
        let (second, ()) = tokio::join!(reserve(&room, &issues, 2, &interruption), asking);
        assert!(second.is_ok_and(|second| second.is_none()));
    }

    #[tokio::test]
    async fn calls_that_begin_side_by_side_share_what_is_left() {
        let (room, issues) = room(6.0);
        let going_on = Interruption::default();
        room.share_among(3);
        let mut shares = Vec::new();
        for task in 1..=3 {
            let share = reserve(&room, &issues, task, &going_on)
                .await
                .unwrap()
                .expect("it is asked");
            assert!(room.was_shared(&IssueId::new(task)));
            shares.push(share);
        }
        let given: Vec<_> = shares.iter().map(|share| share.allowance().usd).collect();
        assert_eq!(given, [Some(2.0); 3]);
        drop(shares);
        room.share_among(1);
        let alone = reserve(&room, &issues, 1, &going_on)
            .await
            .unwrap()
            .expect("it is asked");
        assert_eq!(alone.allowance().usd, Some(6.0));
        assert!(!room.was_shared(&IssueId::new(1)));
    }
}
