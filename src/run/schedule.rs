//! How many tasks are worked on at once, and which one begins next. It is pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::base::machine::Machine;
use crate::config::{ContainerConfig, Parallel};
use crate::issues::issue::Issue;
use crate::model::IssueId;

/// The most that `auto` comes to.
const MOST_BY_AUTO: u32 = 16;
/// The memory that is set aside for a container without a limit of its own.
const MEMORY_OF_ONE: u64 = 2 << 30;
/// How often a task is passed over for the files that it shares with tasks at work; and how many begin one after the other that
/// are newer than another one that could.
const PATIENCE: u32 = 8;

/// Returns how many agents are at work at once at most. `auto` gives each container the cores that `container.cpus` lets it
/// have, one where that is `off`, and out of three quarters of the machine's memory that of two containers: gates of another
/// task run beside it.
pub(crate) fn most(parallel: Parallel, container: &ContainerConfig, machine: Machine) -> u32 {
    let cores = container.cpus.unwrap_or(1.0);
    let memory = container.memory.unwrap_or(MEMORY_OF_ONE);
    let fits = |count: &u32| {
        let has_cores = f64::from(*count) * cores <= f64::from(machine.cores);
        let needed = u64::from(*count).saturating_mul(memory).saturating_mul(2);
        has_cores && machine.memory.is_none_or(|bytes| needed <= bytes / 4 * 3)
    };
    match parallel {
        Parallel::Count(count) => count.max(1),
        Parallel::Auto => (1..=MOST_BY_AUTO).take_while(fits).last().unwrap_or(1),
    }
}

/// What several attempts meet at the same time, such as a limit of their account, counted once. Attempts are numbered in
/// the order in which they begin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    /// The first attempt that began after it was met last.
    since: u64,
}

impl Event {
    /// Takes in that the attempt of this number met it; `next` is the number of the next one. Returns whether it is
    /// another event than the last one: that attempt began after it.
    pub(crate) fn met_by(&mut self, number: u64, next: u64) -> bool {
        let is_new = self.is_before(number);
        if is_new {
            self.since = next;
        }
        is_new
    }

    /// Returns whether it was met last before the attempt of this number began.
    pub(crate) fn is_before(&self, number: u64) -> bool {
        number >= self.since
    }
}

/// How much of an account's window, in thousandths, is left when fewer tasks begin to be worked on at once.
const TAPER: u16 = 200;

/// How many tasks may have an agent at work now: half as many after each limit or failure that calls met, one more after each attempt
/// that got through.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    most: u32,
    now: u32,
}

impl Places {
    /// Builds so many places.
    pub(crate) fn new(most: u32) -> Self {
        let most = most.max(1);
        Self { most, now: most }
    }

    /// Returns how many tasks may be at work with so many places: for each task with an agent another one whose gates run, or
    /// that waits to land. Where tasks were asked for one after the other, a task begins when the one before has ended.
    pub(crate) fn most_tasks(&self, places: u32) -> u32 {
        match self.most {
            1 => 1,
            _ => places.saturating_mul(2),
        }
    }

    /// Returns how many there are now; never none.
    pub(crate) fn now(&self) -> u32 {
        self.now
    }

    /// Returns how many there are now with so much of the account's window left to use, in thousandths: as many as there
    /// are otherwise while a fifth is left, then fewer in proportion, down to one where nothing is left.
    pub(crate) fn with_left(&self, left: u16) -> u32 {
        let others = u64::from(self.most - 1) * u64::from(left.min(TAPER)) / u64::from(TAPER);
        let most = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
        self.now.min(most)
    }

    /// Has so many at most from now on. Where calls have shown that all of them are too many, more of them come one by one.
    pub(crate) fn set_most(&mut self, most: u32) {
        let most = most.max(1);
        let is_full = self.now == self.most;
        self.now = if is_full { most } else { self.now.min(most) };
        self.most = most;
    }

    /// Halves them.
    pub(crate) fn shrink(&mut self) {
        self.now = (self.now / 2).max(1);
    }

    /// Adds one, up to as many as there were.
    pub(crate) fn grow(&mut self) {
        self.now = self.now.saturating_add(1).min(self.most);
    }
}

/// A ready task that may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) task: IssueId,
    /// Its place by priority and age.
    pub(crate) place: usize,
    /// Whether its session waits in a slot.
    pub(crate) is_suspended: bool,
    /// How often the infrastructure failed its calls in this run.
    pub(crate) failures: u32,
    /// Whether it names a file that a task at work names, too.
    pub(crate) overlaps: bool,
    /// How often another one was begun in its place for that.
    pub(crate) passed_over: u32,
    /// When it was filed.
    pub(crate) filed: Timestamp,
}

/// Returns ready tasks in the order in which they begin. Those come first whose session waits, then those of priority and
/// age. Tasks that name a file of a task at work come after all others, but not for ever. Those are last whose calls the
/// infrastructure failed, so that nobody waits for them. Where `overtaken` tasks in a row were newer than another one that could
/// begin, the oldest comes first: none waits for ever among newer ones.
pub(crate) fn in_order(mut candidates: Vec<Candidate>, overtaken: u32) -> Vec<Candidate> {
    candidates.sort_by_key(|one| {
        let gives_way = one.overlaps && one.passed_over < PATIENCE;
        (one.failures, gives_way, !one.is_suspended, one.place)
    });
    if overtaken >= PATIENCE {
        // Those of the same age stay in order.
        candidates.sort_by_key(|one| one.filed);
    }
    candidates
}

/// Returns whether `chosen` begins before one that was filed earlier.
pub(crate) fn overtakes(candidates: &[Candidate], chosen: &Candidate) -> bool {
    candidates.iter().any(|one| one.filed < chosen.filed)
}

/// Returns the tasks that are passed over for their files where `chosen` begins.
pub(crate) fn passed_over<'a>(candidates: &'a [Candidate], chosen: &'a Candidate) -> impl Iterator<Item = &'a IssueId> {
    let gave_way = |one: &&Candidate| one.overlaps && !chosen.overlaps && one.place < chosen.place;
    candidates.iter().filter(gave_way).map(|one| &one.task)
}

/// Returns the files that tasks name.
pub(crate) fn files_of<'a>(tasks: impl Iterator<Item = &'a Issue>) -> BTreeSet<&'a str> {
    tasks.flat_map(named).collect()
}

/// Returns whether a task names one of these files.
pub(crate) fn overlaps(task: &Issue, files: &BTreeSet<&str>) -> bool {
    named(task).any(|file| files.contains(file))
}

fn named(task: &Issue) -> impl Iterator<Item = &str> {
    task.plan.files.iter().map(|file| file.path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn auto_is_as_many_as_cores_and_memory_carry() {
        const GIB: u64 = 1 << 30;
        for (cores, memory, cpus, limit, expect) in [
            (8, Some(64 * GIB), None, None, 8),
            (8, Some(16 * GIB), None, None, 3),
            (8, Some(16 * GIB), Some(3.0), None, 2),
            (8, Some(16 * GIB), None, Some(GIB / 2), 8),
            (64, None, Some(0.5), None, MOST_BY_AUTO),
            (1, Some(GIB), Some(4.0), Some(8 * GIB), 1),
        ] {
            let container = ContainerConfig {
                cpus,
                memory: limit,
                ..Config::default().container
            };
            let machine = Machine { cores, memory };
            assert_eq!(
                most(Parallel::Auto, &container, machine),
                expect,
                "{machine:?} {cpus:?} {limit:?}"
            );
            assert_eq!(most(Parallel::Count(5), &container, machine), 5);
        }
    }

    #[test]
    fn places_halve_at_a_limit_grow_back_one_by_one_and_never_end() {
        let mut places = Places::new(8);
        let shrunk = [0; 5].map(|_| {
            places.shrink();
            places.now()
        });
        assert_eq!(shrunk, [4, 2, 1, 1, 1]);
        for _ in 0..20 {
            places.grow();
        }
        assert_eq!(places.now(), 8);
        assert_eq!(Places::new(0).now(), 1);
    }

    #[test]
    fn places_grow_fewer_as_the_window_of_the_account_ends_and_never_end() {
        let check = |most: u32, cases: &[(u16, u32)]| {
            let places = Places::new(most);
            for (left, expect) in cases {
                assert_eq!(places.with_left(*left), *expect, "{most} with {left} left");
            }
        };
        check(1, &[(1000, 1), (100, 1), (0, 1)]);
        check(3, &[(1000, 3), (200, 3), (199, 2), (100, 2), (99, 1), (50, 1), (0, 1)]);
        check(
            8,
            &[
                (201, 8),
                (200, 8),
                (180, 7),
                (100, 4),
                (50, 2),
                (29, 2),
                (28, 1),
                (0, 1),
            ],
        );
        check(u32::MAX, &[(200, u32::MAX), (0, 1)]);
        // Those that a failure took are not given back.
        let mut places = Places::new(8);
        places.shrink();
        assert_eq!([1000, 180, 50].map(|left| places.with_left(left)), [4, 4, 2]);
    }

    #[test]
    fn another_number_of_places_does_not_undo_what_calls_have_shown() {
        let mut places = Places::new(4);
        let mut set = |most, shrink: bool| {
            places.set_most(most);
            if shrink {
                places.shrink();
            }
            places.now()
        };
        assert_eq!(
            [(6, false), (8, true), (16, false), (2, false), (0, false), (3, false)]
                .map(|(most, shrink)| set(most, shrink)),
            [6, 4, 4, 2, 1, 3]
        );
    }

    #[test]
    fn what_attempts_meet_at_the_same_time_counts_once() {
        let mut event = Event::default();
        // Attempts 0 to 3 are at work, then 4 begins.
        let counted = [(2, 4), (0, 4), (3, 5), (4, 5), (1, 5)].map(|(number, next)| event.met_by(number, next));
        assert_eq!(counted, [true, false, false, true, false]);
        assert!(!event.is_before(4) && event.is_before(5));
    }

    fn candidate(number: u32, place: usize) -> Candidate {
        Candidate {
            task: IssueId::new(number),
            place,
            is_suspended: false,
            failures: 0,
            overlaps: false,
            passed_over: 0,
            filed: Timestamp::UNIX_EPOCH,
        }
    }

    fn numbers(candidates: Vec<Candidate>) -> Vec<String> {
        let ordered = in_order(candidates, 0);
        ordered.iter().map(|one| one.task.to_string()).collect()
    }

    #[test]
    fn sessions_that_wait_come_first_and_those_that_fail_last() {
        let plain = vec![candidate(3, 0), candidate(1, 1), candidate(2, 2)];
        assert_eq!(numbers(plain.clone()), ["cw-3", "cw-1", "cw-2"]);
        let mut odd = plain;
        odd[0].failures = 1;
        odd[2].is_suspended = true;
        assert_eq!(numbers(odd), ["cw-2", "cw-1", "cw-3"]);
    }

    #[test]
    fn the_oldest_waits_for_so_many_newer_ones_and_no_more() {
        // Ever newer ones, each of which comes before it by its priority.
        let mut old = candidate(1, 1);
        old.failures = 1;
        let (mut overtaken, mut begun) = (0, Vec::new());
        for number in 2..20 {
            let mut newer = candidate(number, 0);
            newer.filed = Timestamp::from_second(i64::from(number)).unwrap();
            let ordered = in_order(vec![newer, old.clone()], overtaken);
            overtaken = if overtakes(&ordered, &ordered[0]) {
                overtaken + 1
            } else {
                0
            };
            begun.push(ordered[0].task == old.task);
        }
        let turns: Vec<_> = (0..begun.len()).filter(|turn| begun[*turn]).collect();
        assert_eq!(turns, [8, 17]);
        // Those that were filed together come by priority all the same.
        let together = vec![candidate(2, 1), candidate(1, 0)];
        assert_eq!(in_order(together, PATIENCE)[0].place, 0);
    }

    #[test]
    fn tasks_of_the_same_files_give_way_but_not_for_ever() {
        let mut both = vec![candidate(1, 0), candidate(2, 1)];
        both[0].overlaps = true;
        both[0].is_suspended = true;
        assert_eq!(numbers(both.clone()), ["cw-2", "cw-1"]);
        let chosen = both[1].clone();
        assert_eq!(passed_over(&both, &chosen).collect::<Vec<_>>(), [&both[0].task]);
        assert_eq!(passed_over(&both, &both[0]).count(), 0);
        both[0].passed_over = PATIENCE;
        assert_eq!(numbers(both), ["cw-1", "cw-2"]);
    }
}
