//! The budget of work that reading what an agent wrote may take.

use std::cell::{Cell, RefCell};

use super::bytes;
use crate::base::text::one_line;

/// How many steps one snapshot, one checkout or one merge may take. A step is one pattern looked at, one part of it
/// compared with one byte of a path, or two lines compared; a hundred million take about a second.
const MOST: u64 = 1_000_000_000;
/// How much of a path is shown, in characters.
const SHOWN: usize = 200;

/// What is left of the budget, and what exceeded it.
#[derive(Debug)]
pub(in crate::git) struct Work {
    left: Cell<u64>,
    exceeded: RefCell<Option<Exceeded>>,
}

/// What exceeded a budget first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) struct Exceeded {
    /// The file of rules; `None` where none in the tree did.
    pub(in crate::git) rules: Option<Vec<u8>>,
    /// The path that they were matched with.
    pub(in crate::git) path: Vec<u8>,
}

impl Work {
    /// Builds the whole budget.
    pub(in crate::git) fn new() -> Self {
        Self::of(MOST)
    }

    /// Builds a budget of so many steps.
    pub(in crate::git) fn of(steps: u64) -> Self {
        Self {
            left: Cell::new(steps),
            exceeded: RefCell::new(None),
        }
    }

    /// Takes so many steps; returns whether they were left. Once they were not, nothing is.
    pub(in crate::git) fn spend(&self, steps: u64) -> bool {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or_default());
        left.is_some_and(|left| left > 0)
    }

    /// Returns whether the budget did not suffice.
    pub(in crate::git) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Notes, if the budget was exceeded just now, that matching a path did so, with a file of rules in this folder of
    /// the tree, or with rules outside of any tree.
    pub(in crate::git) fn note(&self, rules: Option<(&[u8], &str)>, path: &[u8]) {
        if self.is_spent() && self.exceeded.borrow().is_none() {
            self.exceeded.replace(Some(Exceeded {
                rules: rules.map(|(folder, name)| bytes::join(folder, name.as_bytes())),
                path: path.to_vec(),
            }));
        }
    }

    /// Returns what exceeded the budget, where that was noted.
    pub(in crate::git) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.borrow().clone()
    }
}

impl Exceeded {
    /// Returns what exceeded the budget, as a fragment: the file of rules, and the path that they were matched with.
    pub(in crate::git) fn reason(&self) -> String {
        let shown = |path: &[u8]| one_line(&String::from_utf8_lossy(path), SHOWN);
        let rules = match &self.rules {
            Some(rules) => format!("the rules in `{}`", shown(rules)),
            None => "git's rules outside of the tree".to_owned(),
        };
        format!("{rules} take too long to match with `{}`", shown(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_budget_first_is_noted() {
        let work = Work::of(10);
        assert!(work.spend(9));
        work.note(Some((b"", ".gitignore")), b"a");
        assert_eq!(work.exceeded(), None);
        assert!(!work.spend(1) && !work.spend(0));
        work.note(Some((b"d", ".gitattributes")), b"d/b");
        work.note(None, b"c");
        let reason = work.exceeded().unwrap().reason();
        assert_eq!(
            reason,
            "the rules in `d/.gitattributes` take too long to match with `d/b`"
        );
    }
}
