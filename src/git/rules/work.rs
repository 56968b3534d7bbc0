//! The budget of work that matching rules against paths may take.

use std::cell::Cell;

/// How many steps all rules of one snapshot or checkout may take together. A step is one pattern looked at, or one part
/// of it compared with one byte of a path; a hundred million take about a second.
const MOST: u64 = 1_000_000_000;

/// What is left of the budget.
#[derive(Debug)]
pub(in crate::git) struct Work {
    left: Cell<u64>,
}

impl Work {
    /// The whole budget.
    pub(in crate::git) fn new() -> Self {
        Self::of(MOST)
    }

    /// A budget of so many steps.
    pub(in crate::git) fn of(steps: u64) -> Self {
        Self { left: Cell::new(steps) }
    }

    /// Takes so many steps; says whether they were left. Once they were not, nothing is.
    pub(super) fn spend(&self, steps: u64) -> bool {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or_default());
        left.is_some_and(|left| left > 0)
    }

    /// Whether the budget did not suffice.
    pub(in crate::git) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }
}
