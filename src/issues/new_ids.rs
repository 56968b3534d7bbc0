//! The ids of new tasks: random bits, so that generations and clones have none in common.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::clock::Clock;
use crate::base::error::{Error, ErrorKind, Result};
use crate::model::IssueId;

/// How many draws may be wasted before that is an error; each is, with a chance of less than one in a hundred.
const DRAWS: usize = 100;

/// Where new tasks get their ids from.
#[derive(Clone, Debug)]
pub struct NewIds(Source);

#[derive(Clone, Debug)]
enum Source {
    /// Draws bits until no task has the id.
    Drawn { clock: Clock, taken: BTreeSet<IssueId> },
    /// Counts, as earlier versions did.
    #[cfg(any(test, feature = "crash-points"))]
    Counted,
}

impl NewIds {
    /// Draws ids from the clock's random source; none of `taken`, which are those of other stores.
    pub fn drawn(clock: &Clock, taken: BTreeSet<IssueId>) -> Self {
        let clock = clock.clone();
        Self(Source::Drawn { clock, taken })
    }

    /// Counts ids (`cw-1`, `cw-2`) as earlier versions did, for tests that name them.
    #[cfg(any(test, feature = "crash-points"))]
    pub fn counted() -> Self {
        Self(Source::Counted)
    }
}

impl NewIds {
    /// Returns ids for so many new tasks of a store, in their order, none of which the store has.
    pub(super) fn take<T>(&self, count: usize, own: &BTreeMap<IssueId, T>) -> Result<Vec<IssueId>> {
        match &self.0 {
            Source::Drawn { clock, taken } => {
                let known = own.len() + taken.len() + count;
                let is_free = |id: &IssueId| !own.contains_key(id) && !taken.contains(id);
                draw(clock, known, count, is_free)
            }
            #[cfg(any(test, feature = "crash-points"))]
            Source::Counted => {
                let last = own.keys().filter_map(IssueId::number).max().unwrap_or(0);
                Ok((last + 1..).map(IssueId::new).take(count).collect())
            }
        }
    }
}

fn draw(clock: &Clock, known: usize, count: usize, is_free: impl Fn(&IssueId) -> bool) -> Result<Vec<IssueId>> {
    // Of tasks that are filed at the same moment, the first one has the first id.
    let mut drawn = BTreeSet::new();
    for _ in 0..count.saturating_add(DRAWS) {
        if drawn.len() == count {
            break;
        }
        let id = IssueId::from_bits(clock.bits()?, known);
        if is_free(&id) {
            drawn.insert(id);
        }
    }
    if drawn.len() < count {
        return Err(Error::new(
            ErrorKind::Unexpected,
            "the system's random source repeats itself: no free id was drawn",
        ));
    }
    Ok(drawn.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::issues::issue::{Issues, NewIssue, StoreMeta};
    use crate::model::generation::GenerationName;

    fn empty() -> Issues {
        Issues::new(StoreMeta::new(
            GenerationName::new("generation-a").unwrap(),
            "main".to_owned(),
            Timestamp::UNIX_EPOCH,
        ))
    }

    fn text(ids: &[IssueId]) -> Vec<String> {
        ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_id_that_a_task_has_is_drawn_again() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let taken = BTreeSet::from(["cw-baaa".parse().unwrap()]);
        let mut issues = empty();
        let ids = NewIds::drawn(&clock, taken);
        let first = issues
            .add(NewIssue::titled("One"), &ids, Timestamp::UNIX_EPOCH)
            .unwrap();
        assert_eq!(first.to_string(), "cw-aaaa");
        // Another clock draws from the beginning, and both ids are there already.
        let again = NewIds::drawn(
            &Clock::fixed(Timestamp::UNIX_EPOCH),
            BTreeSet::from(["cw-baaa".parse().unwrap()]),
        );
        let own = BTreeMap::from([(first, "One")]);
        assert_eq!(text(&again.take(2, &own).unwrap()), ["cw-caaa", "cw-daaa"]);
        let machine = NewIds::drawn(&Clock::machine(), BTreeSet::new())
            .take(500, &own)
            .unwrap();
        assert_eq!(machine.len(), 500);
        assert!(machine.is_sorted(), "the order of a batch is that of its ids");
    }

    #[test]
    fn a_store_of_an_earlier_version_gets_drawn_ids_beside_its_counted_ones() {
        let mut issues = empty();
        let now = Timestamp::UNIX_EPOCH;
        let old = issues.add(NewIssue::titled("Old"), &NewIds::counted(), now).unwrap();
        let ids = NewIds::drawn(&Clock::fixed(now), BTreeSet::new());
        let mut input = NewIssue::titled("New");
        input.dependencies = vec![old.clone()];
        let new = issues.add(input, &ids, now).unwrap();
        assert_eq!(text(&[old.clone(), new.clone()]), ["cw-1", "cw-aaaa"]);
        assert_eq!(issues.waits_for(issues.get(&new).unwrap()), [old]);
    }
}
