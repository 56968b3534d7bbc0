//! Puts a batch in an order in which every task comes after its dependencies.

use std::collections::BTreeSet;

use super::Proposal;

/// Sorts a batch by its dependencies, keeping its own order otherwise. Tasks in a circle are left out, with all that
/// wait for them; the keys of one such circle are returned, too.
pub(super) fn sort(batch: Vec<Proposal>) -> (Vec<Proposal>, Option<Vec<String>>) {
    let mut waiting = batch;
    let mut sorted: Vec<Proposal> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let pending: BTreeSet<String> = waiting.iter().map(|one| one.key.clone()).collect();
        let free = |one: &Proposal| !one.depends_on.iter().any(|key| pending.contains(key));
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(free);
        if ready.is_empty() {
            return (sorted, Some(cycle(&rest)));
        }
        sorted.extend(ready);
        waiting = rest;
    }
    (sorted, None)
}

/// Follows dependencies from task to task until one comes up again. Every task here waits for another one here.
fn cycle(stuck: &[Proposal]) -> Vec<String> {
    let mut path: Vec<&str> = Vec::new();
    let mut next = stuck.first();
    while let Some(one) = next {
        if let Some(start) = path.iter().position(|key| *key == one.key) {
            return path[start..].iter().map(|key| (*key).to_owned()).collect();
        }
        path.push(&one.key);
        next = stuck.iter().find(|other| one.depends_on.contains(&other.key));
    }
    path.into_iter().map(str::to_owned).collect()
}
