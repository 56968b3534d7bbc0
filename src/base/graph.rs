//! A graph of dependencies: paths from node to node, and circles, in which no node could ever begin.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;

/// Edges from each node to the nodes it waits for. Results are the same for the same edges, whatever their order.
#[derive(Clone, Debug)]
pub struct Graph<N>(BTreeMap<N, BTreeSet<N>>);

impl<N: Copy + Ord> Graph<N> {
    /// Builds the graph from pairs of a node and a node that it waits for.
    pub fn new(edges: impl IntoIterator<Item = (N, N)>) -> Self {
        let mut successors: BTreeMap<N, BTreeSet<N>> = BTreeMap::new();
        for (from, to) in edges {
            successors.entry(from).or_default().insert(to);
        }
        Self(successors)
    }

    /// Finds a shortest path from one node to another, both ends included.
    pub fn path(&self, from: N, to: N) -> Option<Vec<N>> {
        let mut came_from: BTreeMap<N, N> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            if node == to {
                return Some(walk_back(&came_from, from, to));
            }
            for &next in self.successors(node) {
                if next != from && !came_from.contains_key(&next) {
                    came_from.insert(next, node);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    /// Finds circles that share no node, each with its first node repeated at the end; an empty list means that there
    /// is no circle at all.
    pub fn cycles(&self) -> Vec<Vec<N>> {
        let mut rest = self.unresolvable();
        let mut found = Vec::new();
        while let Some(cycle) = self.cycle_within(&rest) {
            for node in &cycle {
                rest.remove(node);
            }
            rest = self.unresolvable_within(&rest);
            found.push(cycle);
        }
        found
    }

    fn successors(&self, node: N) -> impl Iterator<Item = &N> {
        self.0.get(&node).into_iter().flatten()
    }

    fn unresolvable(&self) -> BTreeSet<N> {
        let nodes = self.0.iter().flat_map(|(from, to)| std::iter::once(from).chain(to));
        self.unresolvable_within(&nodes.copied().collect())
    }

    /// Returns those of `nodes` that remain when all that wait for nothing (within `nodes`) are removed, repeatedly.
    fn unresolvable_within(&self, nodes: &BTreeSet<N>) -> BTreeSet<N> {
        let mut open: BTreeMap<N, usize> = nodes.iter().map(|&node| (node, 0)).collect();
        let mut waiters: BTreeMap<N, Vec<N>> = BTreeMap::new();
        for &node in nodes {
            for &next in self.successors(node).filter(|next| nodes.contains(next)) {
                *open.entry(node).or_default() += 1;
                waiters.entry(next).or_default().push(node);
            }
        }
        let mut done: Vec<N> = open
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(node, _)| *node)
            .collect();
        while let Some(node) = done.pop() {
            open.remove(&node);
            for waiter in waiters.remove(&node).unwrap_or_default() {
                if let Some(count) = open.get_mut(&waiter) {
                    *count -= 1;
                    if *count == 0 {
                        done.push(waiter);
                    }
                }
            }
        }
        open.into_keys().collect()
    }

    /// Follows edges within `rest`, in which every node has an edge to another, until a node comes again.
    fn cycle_within(&self, rest: &BTreeSet<N>) -> Option<Vec<N>> {
        let mut trail: Vec<N> = Vec::new();
        let mut at: BTreeMap<N, usize> = BTreeMap::new();
        let mut node = *rest.first()?;
        loop {
            if let Some(&start) = at.get(&node) {
                trail.push(node);
                return Some(trail.split_off(start));
            }
            at.insert(node, trail.len());
            trail.push(node);
            node = *self.successors(node).find(|next| rest.contains(next))?;
        }
    }
}

fn walk_back<N: Copy + Ord>(came_from: &BTreeMap<N, N>, from: N, to: N) -> Vec<N> {
    let mut path = vec![to];
    let mut node = to;
    while node != from {
        node = came_from[&node];
        path.push(node);
    }
    path.reverse();
    path
}

/// Formats nodes as a path: `cw-1 → cw-2 → cw-1`.
pub fn way(nodes: &[impl Display]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(edges: &[(u32, u32)], cycles: &[&str]) {
        let found: Vec<String> = Graph::new(edges.iter().copied())
            .cycles()
            .iter()
            .map(|cycle| way(cycle))
            .collect();
        assert_eq!(found, cycles, "edges {edges:?}");
    }

    #[test]
    fn cycles_are_named_whole() {
        check(&[], &[]);
        check(&[(1, 2), (2, 3), (1, 3)], &[]);
        check(&[(1, 1)], &["1 → 1"]);
        check(&[(1, 2), (2, 1)], &["1 → 2 → 1"]);
        check(&[(1, 2), (2, 3), (3, 2)], &["2 → 3 → 2"]);
        check(&[(1, 2), (2, 1), (3, 4), (4, 3)], &["1 → 2 → 1", "3 → 4 → 3"]);
    }

    #[test]
    fn a_long_chain_is_no_burden() {
        let chain = Graph::new((0_u32..50_000).map(|node| (node, node + 1)));
        assert!(chain.cycles().is_empty());
        assert_eq!(chain.path(0, 50_000).map(|path| path.len()), Some(50_001));
        assert_eq!(chain.path(50_000, 0), None);
    }

    #[test]
    fn a_path_is_a_shortest_one() {
        let graph = Graph::new([(1, 2), (2, 3), (3, 4), (1, 3)]);
        assert_eq!(graph.path(1, 4), Some(vec![1, 3, 4]));
        assert_eq!(graph.path(2, 2), Some(vec![2]));
    }

    proptest! {
        #[test]
        fn a_cycle_is_there_exactly_when_a_node_reaches_itself(edges in prop::collection::vec((0_u8..8, 0_u8..8), 0..16)) {
            let graph = Graph::new(edges.iter().copied());
            let circular = edges.iter().any(|&(from, to)| graph.path(to, from).is_some());
            let cycles = graph.cycles();
            prop_assert_eq!(circular, !cycles.is_empty());
            for pair in cycles.iter().flat_map(|cycle| cycle.windows(2)) {
                prop_assert!(edges.contains(&(pair[0], pair[1])));
            }
        }
    }
}
