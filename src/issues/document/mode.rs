//! Which mode fits a document: by what it is, what its title asks for, and of which types its open items are.

use super::item::DocumentItem;
use super::kind::{DocumentKind, Signs};
use super::section::plain;
use super::words::{self, has};
use crate::model::ModeKind;

/// Work that a document asks for by name, whatever kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Audit,
    Review,
    Refactor,
}

/// A mode with why it fits.
pub(super) struct Advice {
    pub(super) mode: ModeKind,
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
    let advise = |mode: ModeKind, confidence: u8, why: &str| Advice {
        mode,
        confidence,
        why: why.to_owned(),
    };
    if kind != DocumentKind::BugReport
        && let Some(request) = request
    {
        return match request {
            Request::Audit => advise(ModeKind::Audit, 85, "its title asks for an audit"),
            Request::Review => advise(ModeKind::Review, 85, "its title asks for a review"),
            Request::Refactor => advise(
                ModeKind::Refactor,
                85,
                "its title is about the code and not about what it does",
            ),
        };
    }
    let open: Vec<_> = items.iter().filter(|item| !item.done).collect();
    if open.is_empty() && !items.is_empty() {
        return advise(
            ModeKind::Review,
            60,
            "all of its items are done, which a review can check",
        );
    }
    let all = |issue_type: &str| !open.is_empty() && open.iter().all(|item| item.issue_type == issue_type);
    let is_addition = has(&plain(&signs.title), words::FEATURE_TITLE);
    match kind {
        DocumentKind::BugReport => advise(ModeKind::Fix, certain, "it reports a defect"),
        DocumentKind::TestPlan => advise(ModeKind::Test, certain, "it says what is to be tested"),
        DocumentKind::Specification if is_addition => advise(
            ModeKind::Feature,
            certain.min(80),
            "it proposes something for a program that is there",
        ),
        DocumentKind::Specification => advise(ModeKind::Build, certain, "it says what a program must do"),
        DocumentKind::Backlog if all("bug") => advise(ModeKind::Fix, certain, "all of its open items are defects"),
        DocumentKind::Backlog if all("feature") => {
            advise(ModeKind::Feature, certain, "all of its open items are new features")
        }
        DocumentKind::Backlog => advise(ModeKind::Exec, certain.min(75), "its open items are of several types"),
        DocumentKind::StatusReport => advise(ModeKind::Exec, certain.min(65), "it names what is next"),
        DocumentKind::Unknown if all("bug") => advise(ModeKind::Fix, 50, "all of its items are defects"),
        DocumentKind::Unknown if items.is_empty() => {
            advise(ModeKind::Exec, 20, "nothing in it says what is to be done")
        }
        DocumentKind::Unknown => advise(ModeKind::Exec, 40, "it has items, and nothing says of which kind"),
    }
}
