//! One hazard: its severity, its description, and what a person can do about it.

/// The severity of a hazard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// People should know; the work can be done.
    Warn,
    /// The work can be done, but the current checkout cannot follow its merge.
    Checkout,
    /// Files would be recorded, or checked out, with wrong contents: no work is done, and no checkout follows a merge.
    Contents,
    /// Nothing is done.
    Refuse,
}

/// A hazard of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hazard {
    /// Its severity.
    pub severity: Severity,
    /// Its description, for people.
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

    /// Returns whether it prevents any work on a repository.
    pub fn refuses_work(&self) -> bool {
        self.severity >= Severity::Contents
    }

    /// Returns whether it prevents any merge into a branch; `checkout` is whether files are to follow.
    pub fn refuses_merge(&self, checkout: bool) -> bool {
        let least = if checkout { Severity::Checkout } else { Severity::Refuse };
        self.severity >= least
    }

    /// Returns its description and the fix, as one sentence without a period.
    pub fn sentence(&self) -> String {
        format!("{} ({})", self.text, self.fix)
    }
}
