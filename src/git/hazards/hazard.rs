//! One hazard: how grave it is, what it is, and what a person can do about it.

/// How grave a hazard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// People should know; the work can be done.
    Warn,
    /// The work can be done, and the checkout that the person stands in cannot follow its merge.
    Checkout,
    /// Files would be recorded, or checked out, with wrong contents: no work is done, and no checkout follows a merge.
    Contents,
    /// Nothing is done.
    Refuse,
}

/// One thing to know about a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hazard {
    /// How grave it is.
    pub severity: Severity,
    /// What it is, in words for people.
    pub text: String,
    /// What a person can do about it.
    pub fix: String,
}

impl Hazard {
    pub(super) fn new(severity: Severity, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            severity,
            text: text.into(),
            fix: fix.into(),
        }
    }

    /// Returns whether nothing may begin on a repository that has it.
    pub fn refuses_work(&self) -> bool {
        self.severity >= Severity::Contents
    }

    /// Returns whether nothing may be merged into a branch; `checkout` is whether files are to follow.
    pub fn refuses_merge(&self, checkout: bool) -> bool {
        let least = if checkout { Severity::Checkout } else { Severity::Refuse };
        self.severity >= least
    }

    /// Returns what it is and what can be done, as one sentence without a period.
    pub fn sentence(&self) -> String {
        format!("{} ({})", self.text, self.fix)
    }
}
