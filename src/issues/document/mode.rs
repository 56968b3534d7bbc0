//! Which mode fits a document: by what it is, what its title asks for, and of which types its open items are.

use serde::Serialize;

use super::item::DocumentItem;
use super::kind::{DocumentKind, Signs};
use super::section::plain;
use super::words::{self, has};

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A whole program from its specification, group by group.
    Build,
    /// Something new in a program that is there.
    Feature,
    /// A defect, with a test that shows it.
    Fix,
    /// Findings over the whole tree.
    Audit,
    /// Tests for what is not tested.
    Test,
    /// Findings about files or changes.
    Review,
    /// Better code that behaves as before.
    Refactor,
    /// Whatever the words ask, in one task or a few.
    Exec,
    /// The loop over documents until nothing is left.
    Generate,
}

impl Mode {
    /// Returns its name in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Feature => "feature",
            Self::Fix => "fix",
            Self::Audit => "audit",
            Self::Test => "test",
            Self::Review => "review",
            Self::Refactor => "refactor",
            Self::Exec => "exec",
            Self::Generate => "generate",
        }
    }
}

/// Work that a document asks for by name, whatever kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Audit,
    Review,
    Refactor,
}

/// A mode with why it fits.
pub(super) struct Advice {
    pub(super) mode: Mode,
    /// From 0 to 100.
    pub(super) confidence: u8,
    pub(super) why: String,
}

/// Returns what the title asks for.
pub(super) fn request(signs: &Signs) -> Option<Request> {
    let title = plain(&signs.title);
    let requests = [
        (words::AUDIT, Request::Audit),
        (words::REVIEW, Request::Review),
        (words::REFACTOR, Request::Refactor),
    ];
    let found = requests.into_iter().find(|(words, _)| has(&title, words));
    found.map(|(_, request)| request)
}

/// Returns which mode fits.
pub(super) fn advice(
    signs: &Signs,
    (kind, certain): (DocumentKind, u8),
    request: Option<Request>,
    items: &[DocumentItem],
) -> Advice {
    let advise = |mode: Mode, confidence: u8, why: &str| Advice {
        mode,
        confidence,
        why: why.to_owned(),
    };
    if kind != DocumentKind::BugReport
        && let Some(request) = request
    {
        return match request {
            Request::Audit => advise(Mode::Audit, 85, "its title asks for an audit"),
            Request::Review => advise(Mode::Review, 85, "its title asks for a review"),
            Request::Refactor => advise(
                Mode::Refactor,
                85,
                "its title is about the code and not about what it does",
            ),
        };
    }
    let open: Vec<_> = items.iter().filter(|item| !item.done).collect();
    if open.is_empty() && !items.is_empty() {
        return advise(Mode::Review, 60, "all of its items are done, which a review can check");
    }
    let all = |issue_type: &str| !open.is_empty() && open.iter().all(|item| item.issue_type == issue_type);
    let is_addition = has(&plain(&signs.title), words::FEATURE_TITLE);
    match kind {
        DocumentKind::BugReport => advise(Mode::Fix, certain, "it reports a defect"),
        DocumentKind::TestPlan => advise(Mode::Test, certain, "it says what is to be tested"),
        DocumentKind::Specification if is_addition => advise(
            Mode::Feature,
            certain.min(80),
            "it proposes something for a program that is there",
        ),
        DocumentKind::Specification => advise(Mode::Build, certain, "it says what a program must do"),
        DocumentKind::Backlog if all("bug") => advise(Mode::Fix, certain, "all of its open items are defects"),
        DocumentKind::Backlog if all("feature") => {
            advise(Mode::Feature, certain, "all of its open items are new features")
        }
        DocumentKind::Backlog => advise(Mode::Exec, certain.min(75), "its open items are of several types"),
        DocumentKind::StatusReport => advise(Mode::Exec, certain.min(65), "it names what is next"),
        DocumentKind::Unknown if all("bug") => advise(Mode::Fix, 50, "all of its items are defects"),
        DocumentKind::Unknown if items.is_empty() => advise(Mode::Exec, 20, "nothing in it says what is to be done"),
        DocumentKind::Unknown => advise(Mode::Exec, 40, "it has items, and nothing says of which kind"),
    }
}
