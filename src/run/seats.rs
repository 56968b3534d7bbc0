//! Seats: so many tasks have an agent at work at once. A task gives its seat up once its agent has done its work, so that
//! another task begins while its gates run and while it waits to land; it takes one again for whatever an agent is asked next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::base::interruption::Interruption;

/// The seats of a run.
pub(crate) struct Seats(watch::Sender<State>);

/// Who has a seat, and who waits for one.
#[derive(Debug, Default)]
pub(crate) struct State {
    most: u32,
    /// The tasks that have a seat, by the order in which they began, with how many of their candidates need it.
    taken: BTreeMap<u64, u32>,
    /// The tasks that wait for one, by the order in which they came.
    waiting: BTreeMap<u64, u64>,
    /// Whether each agent of a task counts, and not the task as one.
    counts_agents: bool,
    next: u64,
}

/// The seat of a task, or of a candidate of it, which shares that of the task.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    task: u64,
    /// How many agents it is for.
    agents: u32,
    is_held: AtomicBool,
}

/// A place in the queue of those that wait, until this is dropped.
struct Waiting<'a> {
    seats: &'a Seats,
    ticket: u64,
}

impl Seats {
    /// Makes so many seats; at least one.
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(State {
            most: most.max(1),
            ..State::default()
        })))
    }

    /// Has so many seats from now on, at least one. Those that have one keep it.
    pub(crate) fn set_most(&self, most: u32) {
        let most = most.max(1);
        self.0.send_if_modified(|state| {
            let is_new = state.most != most;
            state.most = most;
            is_new
        });
    }

    /// Returns how many tasks have a seat, or wait for one.
    pub(crate) fn in_use(&self) -> u32 {
        let state = self.0.borrow();
        let without = state.waiting.values().filter(|task| !state.taken.contains_key(task));
        u32::try_from(state.taken.len() + without.count()).unwrap_or(u32::MAX)
    }

    /// Returns what shows that another task has a seat, or none any more.
    pub(crate) fn changes(&self) -> watch::Receiver<State> {
        self.0.subscribe()
    }

    /// Takes a seat for a task that begins; `None` where all are taken, or waited for.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Seat> {
        self.begin_with(1, false)
    }

    /// Takes a seat for a task that begins with so many agents, each of which counts from now on; `None` where that would be too
    /// many, unless none is at work, or where one is waited for.
    pub(crate) fn begin_counting(self: &Arc<Self>, agents: u32) -> Option<Seat> {
        self.begin_with(agents.max(1), true)
    }

    fn begin_with(self: &Arc<Self>, agents: u32, counts_agents: bool) -> Option<Seat> {
        let mut task = None;
        self.0.send_if_modified(|state| {
            state.counts_agents = counts_agents;
            let is_free = state.waiting.is_empty() && state.has_room(agents);
            task = is_free.then(|| state.number());
            task.is_some_and(|task| state.taken.insert(task, agents).is_none())
        });
        Some(self.seat((task?, agents), true))
    }

    /// Takes a seat for a task whose agent is at work already, however many there are.
    pub(crate) fn go_on(self: &Arc<Self>) -> Seat {
        let mut task = 0;
        self.0.send_modify(|state| {
            task = state.number();
            state.taken.insert(task, 1);
        });
        self.seat((task, 1), true)
    }

    /// Takes the one seat that a task alone needs.
    pub(crate) fn alone() -> Seat {
        Self::new(1).go_on()
    }

    fn seat(self: &Arc<Self>, (task, agents): (u64, u32), is_held: bool) -> Seat {
        Seat {
            seats: Arc::clone(self),
            task,
            agents,
            is_held: AtomicBool::new(is_held),
        }
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Gives a task a seat whose turn it is by its ticket, or that has one already.
    fn give(&mut self, ticket: u64, (task, agents): (u64, u32)) -> bool {
        let is_next = self
            .waiting
            .first_key_value()
            .is_some_and(|(first, _)| *first == ticket);
        let has_one = self.taken.contains_key(&task);
        if has_one || is_next && self.has_room(agents) {
            *self.taken.entry(task).or_default() += agents;
            self.waiting.remove(&ticket);
            return true;
        }
        false
    }

    /// Returns whether a task may have so many agents at work that has none.
    fn has_room(&self, agents: u32) -> bool {
        if !self.counts_agents {
            return self.taken.len() < self.most as usize;
        }
        let at_work = self
            .taken
            .values()
            .fold(0, |sum: u32, users| sum.saturating_add(*users));
        at_work == 0 || at_work.saturating_add(agents) <= self.most
    }

    fn give_up(&mut self, task: u64, agents: u32) {
        if let Some(users) = self.taken.get_mut(&task) {
            *users = users.saturating_sub(agents);
            if *users == 0 {
                self.taken.remove(&task);
            }
        }
    }
}

impl Seat {
    /// Returns another hold on the task's seat, for a candidate that begins; its own where the task has none now.
    pub(crate) fn shared(&self) -> Self {
        let mut is_held = false;
        self.seats.0.send_if_modified(|state| {
            if let Some(users) = state.taken.get_mut(&self.task) {
                *users += 1;
                is_held = true;
            }
            false
        });
        self.seats.seat((self.task, 1), is_held)
    }

    /// Takes a seat again, after those that came before; at once where the task has it still. Returns without one where the
    /// run is to end.
    pub(crate) async fn take(&self, interruption: &Interruption) {
        if self.is_held.load(Ordering::SeqCst) {
            return;
        }
        let mut changes = self.seats.changes();
        let waiting = self.wait();
        loop {
            let mut is_given = false;
            self.seats.0.send_if_modified(|state| {
                is_given = state.give(waiting.ticket, (self.task, self.agents));
                is_given
            });
            if is_given {
                self.is_held.store(true, Ordering::SeqCst);
                return;
            }
            tokio::select! {
                // The sender lives as long as this does.
                _ = changes.changed() => {}
                () = interruption.asked() => return,
            }
        }
    }

    fn wait(&self) -> Waiting<'_> {
        let mut ticket = 0;
        self.seats.0.send_if_modified(|state| {
            ticket = state.number();
            state.waiting.insert(ticket, self.task);
            true
        });
        Waiting {
            seats: &self.seats,
            ticket,
        }
    }

    /// Gives the seat up, where it is held.
    pub(crate) fn give_up(&self) {
        if self.is_held.swap(false, Ordering::SeqCst) {
            self.seats.0.send_modify(|state| state.give_up(self.task, self.agents));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.seats
            .0
            .send_if_modified(|state| state.waiting.remove(&self.ticket).is_some());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn never() -> Interruption {
        Interruption::default()
    }

    /// Returns whether a seat is given without anything else happening.
    async fn is_given(seat: &Seat) -> bool {
        let given = tokio::time::timeout(Duration::ZERO, seat.take(&never())).await;
        given.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_begins_when_another_gives_its_seat_up_and_waits_for_one_behind_those_that_came_before() {
        let seats = Seats::new(2);
        let (one, two) = (seats.begin().unwrap(), seats.begin().unwrap());
        assert!(seats.begin().is_none());
        let beyond = seats.go_on();
        assert_eq!(seats.in_use(), 3);
        drop(beyond);
        one.give_up();
        one.give_up();
        assert_eq!(seats.in_use(), 1);
        let three = seats.begin().unwrap();
        assert!(!is_given(&one).await);
        let interruption = never();
        let mut waits = std::pin::pin!(one.take(&interruption));
        assert!(tokio::time::timeout(Duration::ZERO, &mut waits).await.is_err());
        assert_eq!(seats.in_use(), 3);
        two.give_up();
        assert!(seats.begin().is_none(), "the first one comes before what begins");
        assert!(!is_given(&two).await, "and before what came after it");
        waits.await;
        drop(three);
        assert!(is_given(&two).await);
        one.give_up();
        two.give_up();
        assert_eq!(seats.in_use(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn candidates_share_the_seat_of_their_task_until_the_last_gives_it_up() {
        let seats = Seats::new(1);
        let task = seats.begin().unwrap();
        let (one, two) = (task.shared(), task.shared());
        drop(task);
        one.give_up();
        assert_eq!(seats.in_use(), 1);
        assert!(is_given(&one).await, "the other one has it still");
        one.give_up();
        two.give_up();
        assert_eq!(seats.in_use(), 0);
        assert!(is_given(&two).await && is_given(&one).await);
        assert_eq!(seats.in_use(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn where_agents_count_those_of_candidates_leave_fewer_seats_for_others() {
        let seats = Seats::new(4);
        let three = seats.begin_counting(3).unwrap();
        let candidates = [three.shared(), three.shared(), three.shared()];
        three.give_up();
        assert!(seats.begin_counting(2).is_none(), "five would be at work");
        let one = seats.begin_counting(1).unwrap();
        assert!(seats.begin_counting(1).is_none());
        candidates[0].give_up();
        let another = seats.begin_counting(1).unwrap();
        assert!(is_given(&candidates[0]).await, "its task has its seat still");
        drop((candidates, one, another, three));
        assert!(seats.begin_counting(9).is_some(), "one task may always begin");
        assert_eq!(seats.in_use(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn fewer_seats_take_none_away_and_there_is_always_one() {
        let seats = Seats::new(0);
        let one = seats.begin().unwrap();
        seats.set_most(3);
        let (two, three) = (seats.begin().unwrap(), seats.begin().unwrap());
        seats.set_most(0);
        assert_eq!(seats.in_use(), 3);
        drop((one, two));
        assert!(seats.begin().is_none());
        three.give_up();
        assert!(is_given(&three).await);
        let (asked, interruption) = (seats.begin(), never());
        assert!(asked.is_none());
        three.give_up();
        let last = seats.begin().unwrap();
        interruption.ask();
        three.take(&interruption).await;
        assert_eq!(seats.in_use(), 1, "what is to end waits for none");
        drop(last);
    }
}
