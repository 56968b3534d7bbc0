//! What `gc` frees and keeps, as a person reads it.

use serde::Serialize;

/// What `gc` freed, or would free.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Whether it only looked.
    pub dry_run: bool,
    /// What was freed.
    pub freed: Vec<Freed>,
    /// What could be looked for there and stays.
    pub kept: Vec<Kept>,
    /// Bytes of all that was freed and has a size.
    pub bytes: u64,
}

/// One thing that was freed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freed {
    /// What it is, such as `slot 2`.
    pub what: String,
    /// Why it was not needed.
    pub why: String,
    /// Bytes; `None` for refs, whose objects git frees when it next cleans up, and for containers and their volumes.
    pub bytes: Option<u64>,
}

/// One thing that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// What it is.
    pub what: String,
    /// Why it stays.
    pub why: String,
}

impl Kept {
    /// Notes that something stays.
    pub(super) fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
        }
    }
}

/// What was found of one kind: each thing that can be freed, with what frees it, and what stays.
pub(super) struct Looked<T> {
    pub(super) found: Vec<(Freed, T)>,
    pub(super) kept: Vec<Kept>,
}

impl<T> Default for Looked<T> {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            kept: Vec::new(),
        }
    }
}

impl<T> Looked<T> {
    /// Notes something that can be freed.
    pub(super) fn free(&mut self, what: impl Into<String>, why: impl Into<String>, bytes: Option<u64>, how: T) {
        let freed = Freed {
            what: what.into(),
            why: why.into(),
            bytes,
        };
        self.found.push((freed, how));
    }

    /// Returns the same with each way of freeing as one of several.
    pub(super) fn map<U>(self, how: impl Fn(T) -> U) -> Looked<U> {
        Looked {
            found: self.found.into_iter().map(|(freed, one)| (freed, how(one))).collect(),
            kept: self.kept,
        }
    }
}
