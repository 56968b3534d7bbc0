//! The queue of work that waits to land on the generation's tip. Whoever has the turn takes all that wait then, so that the gates
//! run once for several; work that they do not let pass together is halved until they do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A queue: entries, and what each is told once it is decided.
pub(crate) struct LandingQueue<E, V> {
    waiting: Mutex<Vec<Arc<Waiting<E, V>>>>,
    turn: tokio::sync::Mutex<()>,
}

/// An entry that waits.
pub(crate) struct Waiting<E, V> {
    pub(crate) entry: E,
    tell: Mutex<Option<oneshot::Sender<V>>>,
}

/// A place in the queue, until this is dropped.
pub(crate) struct Place<'a, E, V> {
    queue: &'a LandingQueue<E, V>,
    own: Arc<Waiting<E, V>>,
    told: oneshot::Receiver<V>,
}

/// What came first of what a place waits for.
pub(crate) enum Came<'a, V> {
    /// Whoever had the turn decided it.
    Told(V),
    /// The turn, until this is dropped: all that wait are to be decided, this place's entry among them.
    Turn(tokio::sync::MutexGuard<'a, ()>),
}

impl<E, V> Default for LandingQueue<E, V> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

impl<E, V> LandingQueue<E, V> {
    /// Puts an entry at the end of the queue.
    pub(crate) fn enter(&self, entry: E) -> Place<'_, E, V> {
        let (tell, told) = oneshot::channel();
        let own = Arc::new(Waiting {
            entry,
            tell: Mutex::new(Some(tell)),
        });
        self.waiting().push(Arc::clone(&own));
        Place { queue: self, own, told }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Arc<Waiting<E, V>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E, V> Waiting<E, V> {
    /// Tells the entry what was decided, for good.
    pub(crate) fn tell(&self, verdict: V) {
        // Nobody listens where the attempt has ended in another way.
        if let Some(tell) = self.sender().take() {
            let _ = tell.send(verdict);
        }
    }

    fn is_told(&self) -> bool {
        self.sender().is_none()
    }

    fn sender(&self) -> MutexGuard<'_, Option<oneshot::Sender<V>>> {
        self.tell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, E, V> Place<'a, E, V> {
    /// Waits until the entry is decided, or has the turn.
    pub(crate) async fn wait(&mut self) -> Came<'a, V> {
        tokio::select! {
            biased;
            Ok(verdict) = &mut self.told => Came::Told(verdict),
            turn = self.queue.turn.lock() => match self.told.try_recv() {
                Ok(verdict) => Came::Told(verdict),
                Err(_) => Came::Turn(turn),
            },
        }
    }

    /// Returns all that wait and are not decided, in the order in which they came.
    pub(crate) fn all(&self) -> Vec<Arc<Waiting<E, V>>> {
        let waiting = self.queue.waiting();
        waiting.iter().filter(|one| !one.is_told()).cloned().collect()
    }
}

impl<E, V> Drop for Place<'_, E, V> {
    fn drop(&mut self) {
        self.queue.waiting().retain(|one| !Arc::ptr_eq(one, &self.own));
    }
}

/// What is still to be decided: groups, each of which lands as a whole or not at all.
#[derive(Debug)]
pub(crate) struct Groups<T>(Vec<Vec<T>>);

impl<T> Groups<T> {
    /// Makes one group of all, in the order in which they land.
    pub(crate) fn of(all: Vec<T>) -> Self {
        Self(vec![all])
    }

    /// Takes the next group.
    pub(crate) fn next(&mut self) -> Option<Vec<T>> {
        self.0.pop()
    }

    /// Puts a group before all others.
    pub(crate) fn first(&mut self, group: Vec<T>) {
        if !group.is_empty() {
            self.0.push(group);
        }
    }

    /// Puts a group after all others.
    pub(crate) fn last(&mut self, group: Vec<T>) {
        if !group.is_empty() {
            self.0.insert(0, group);
        }
    }

    /// Takes back a group that does not pass together, as two halves; where it is only one, returns that: it is to blame.
    pub(crate) fn halve(&mut self, mut group: Vec<T>) -> Option<T> {
        if group.len() <= 1 {
            return group.pop();
        }
        let second = group.split_off(group.len().div_ceil(2));
        self.first(second);
        self.first(group);
        None
    }
}

/// The trees that are known not to pass on a tip, and why.
#[derive(Debug)]
pub(crate) struct Known<K, R> {
    tip: Option<K>,
    red: BTreeMap<K, (R, Lasts)>,
}

/// Whether a tree that does not pass on a tip will not pass either where a part of it has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// It will not: what it fails is asked of any part.
    Yes,
    /// It may: the rest may not be asked that.
    No,
}

impl<K, R> Default for Known<K, R> {
    fn default() -> Self {
        Self {
            tip: None,
            red: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone, R: Clone> Known<K, R> {
    /// Returns why a tree does not pass on a tip, if that is known.
    pub(crate) fn red(&self, tip: &K, tree: &K) -> Option<R> {
        let known = self.red.get(tree).filter(|_| self.tip.as_ref() == Some(tip));
        known.map(|(why, _)| why.clone())
    }

    /// Notes why a tree does not pass on a tip. What is known of another tip is forgotten.
    pub(crate) fn note(&mut self, tip: &K, tree: K, why: (R, Lasts)) {
        if self.tip.as_ref() != Some(tip) {
            self.red.clear();
            self.tip = Some(tip.clone());
        }
        self.red.insert(tree, why);
    }

    /// Notes that a part has landed on a tip, which is another one now.
    pub(crate) fn landed(&mut self, tip: &K, now: K) {
        if self.tip.as_ref() == Some(tip) {
            self.red.retain(|_, (_, lasts)| *lasts == Lasts::Yes);
            self.tip = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    type Set = BTreeSet<usize>;

    /// Lands those of so many that are not among `bad`, as the lander does. Returns which landed, how many trees the gates judged,
    /// and how many of these were red, which is judged once more.
    fn lands(count: usize, bad: &Set) -> (Set, u32, u32) {
        let (mut tip, mut gates, mut red) = (Set::new(), 0, 0);
        let mut known: Known<Set, ()> = Known::default();
        let mut groups = Groups::of((0..count).collect());
        while let Some(group) = groups.next() {
            let tree: Set = tip.iter().chain(&group).copied().collect();
            let mut is_red = known.red(&tip, &tree).is_some();
            if !is_red {
                gates += 1;
                is_red = !tree.is_disjoint(bad);
                if is_red {
                    red += 1;
                    known.note(&tip, tree.clone(), ((), Lasts::Yes));
                }
            }
            if is_red {
                groups.halve(group);
            } else {
                known.landed(&tip, tree.clone());
                tip = tree;
            }
        }
        (tip, gates, red)
    }

    #[test]
    fn good_work_lands_in_one_go_and_bad_work_costs_what_the_documentation_says() {
        assert_eq!(lands(16, &Set::new()).1, 1);
        let worst = |count: usize| (0..count).map(|one| lands(count, &Set::from([one])).1).max().unwrap();
        let best = |count: usize| (0..count).map(|one| lands(count, &Set::from([one])).1).min().unwrap();
        assert_eq!([2, 4, 8, 16].map(worst), [3, 5, 7, 9]);
        assert_eq!([2, 4, 8, 16].map(best), [2, 3, 4, 5]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, rng_seed: proptest::test_runner::RngSeed::Fixed(13), ..ProptestConfig::default() })]
        #[test]
        fn all_that_is_good_lands_and_nothing_else(count in 1_usize..24, bad in prop::collection::btree_set(0_usize..24, 0..24)) {
            let bad: Set = bad.into_iter().filter(|one| *one < count).collect();
            let (landed, gates, red) = lands(count, &bad);
            let good: Set = (0..count).filter(|one| !bad.contains(one)).collect();
            prop_assert_eq!(landed, good);
            // No more than a whole tree of halves, whatever is bad.
            prop_assert!(gates < 2 * u32::try_from(count).unwrap());
            let depth = count.next_power_of_two().ilog2();
            let bad = u32::try_from(bad.len()).unwrap();
            let bound = 1 + 2 * bad * depth;
            prop_assert!(gates <= bound, "{} of {}: {} trees, bound {}", bad, count, gates, bound);
            let bound = if bad == 0 { 0 } else { 1 + bad * depth };
            prop_assert!(red <= bound, "{} of {}: {} red trees, bound {}", bad, count, red, bound);
        }
    }

    #[test]
    fn what_is_known_of_a_tip_is_forgotten_with_it() {
        let mut known: Known<u32, &str> = Known::default();
        known.note(&1, 10, ("always asked", Lasts::Yes));
        known.note(&1, 11, ("a proof", Lasts::No));
        assert_eq!(known.red(&1, &11), Some("a proof"));
        known.landed(&1, 2);
        assert_eq!(known.red(&2, &10), Some("always asked"));
        assert_eq!(known.red(&2, &11), None);
        assert_eq!(known.red(&3, &10), None, "somebody else has moved the branch");
        known.note(&3, 12, ("new", Lasts::Yes));
        assert_eq!(known.red(&3, &10), None);
    }

    #[tokio::test]
    async fn whoever_has_the_turn_decides_for_all_that_wait() {
        let queue: LandingQueue<u32, u32> = LandingQueue::default();
        let mut places: Vec<_> = (1..=3).map(|number| queue.enter(number)).collect();
        let mut first = places.remove(0);
        let Came::Turn(turn) = first.wait().await else {
            panic!("nobody has decided");
        };
        let all = first.all();
        assert_eq!(all.iter().map(|one| one.entry).collect::<Vec<_>>(), [1, 2, 3]);
        // The last one is left to whoever comes next.
        for one in &all[..2] {
            one.tell(one.entry * 10);
        }
        let mut second = places.remove(0);
        let waited = tokio::time::timeout(Duration::from_secs(60), second.wait()).await;
        assert!(
            matches!(waited, Ok(Came::Told(20))),
            "it need not wait for the turn to end"
        );
        drop(turn);
        assert!(matches!(first.wait().await, Came::Told(10)));
        let mut third = places.remove(0);
        assert!(matches!(third.wait().await, Came::Turn(_)));
        assert_eq!(third.all().len(), 1);
        drop((first, second));
        drop(third);
        assert!(queue.waiting().is_empty());
    }
}
