//! The invariants, each with what it claims and how it is checked.

mod landing;
mod ledger;
mod leftovers;
mod store;
mod work;

use crate::Outcome;
use crate::facts::Facts;

/// Something that always holds once no run is alive.
pub(crate) struct Invariant {
    pub(crate) name: &'static str,
    pub(crate) claim: &'static str,
    /// What breaks it, in sentences.
    pub(crate) violations: fn(&Facts) -> Outcome<Vec<String>>,
}

/// All of them.
pub(crate) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "merged-once",
        claim: "a task is closed with a commit if and only if exactly one commit of the branch has its trailers",
        violations: landing::merged_once,
    },
    Invariant {
        name: "linear",
        claim: "the branch is one line of commits from its base, and no merge is in it",
        violations: landing::linear,
    },
    Invariant {
        name: "gated",
        claim: "the tree of each commit that landed has passed every gate",
        violations: landing::gated,
    },
    Invariant {
        name: "no-merge-lost",
        claim: "each commit that landed by the events, the store's history or the branch's log is still on the branch",
        violations: landing::no_merge_lost,
    },
    Invariant {
        name: "snapshots",
        claim: "what an attempt left is a commit that its task's ref reaches, with trailers of the task",
        violations: work::snapshots,
    },
    Invariant {
        name: "slots",
        claim: "no slot is in use, but for those in which the session of an open task waits",
        violations: work::slots,
    },
    Invariant {
        name: "left-work",
        claim: "what was seen in the slots of dead runs is on a ref",
        violations: work::left_work,
    },
    Invariant {
        name: "attempts",
        claim: "attempts are numbered from 1 without gaps, and each one that began is recorded",
        violations: work::attempts,
    },
    Invariant {
        name: "claims",
        claim: "no task is claimed while no run is alive",
        violations: work::claims,
    },
    Invariant {
        name: "ledger",
        claim: "each call is in the ledger exactly once, as its event reported it",
        violations: ledger::once,
    },
    Invariant {
        name: "usage",
        claim: "the ledger counts what the agents' transcripts show, and every transcript",
        violations: ledger::as_served,
    },
    Invariant {
        name: "budgets",
        claim: "no budget is exceeded",
        violations: ledger::budgets,
    },
    Invariant {
        name: "status",
        claim: "`status` counts the tasks and the usage that the store has",
        violations: ledger::status,
    },
    Invariant {
        name: "store",
        claim: "the store is a line of versions in which attempts are only added, and closed tasks stay closed",
        violations: store::only_grows,
    },
    Invariant {
        name: "events",
        claim: "each record of a run can be read, and the newest one ends with the end of the run",
        violations: store::events,
    },
    Invariant {
        name: "objects",
        claim: "git finds every object whole, and everything that is reachable is there",
        violations: store::objects,
    },
    Invariant {
        name: "history",
        claim: "what agents can read of the history has nothing that the branch does not reach",
        violations: store::history,
    },
    Invariant {
        name: "containers",
        claim: "no container, volume or network of the repository is left on an engine",
        violations: leftovers::on_engines,
    },
    Invariant {
        name: "processes",
        claim: "no process has a worktree of the pool mounted, and nothing below the repository is mounted",
        violations: leftovers::processes,
    },
    Invariant {
        name: "locks",
        claim: "no lock of git is left, and none of cordwainer's is held",
        violations: leftovers::locks,
    },
    Invariant {
        name: "litter",
        claim: "no socket, pipe, temporary file or pack that is kept for a dead process is left",
        violations: leftovers::litter,
    },
    Invariant {
        name: "secrets",
        claim: "no text that must not be recorded is in the records, the state or git's objects",
        violations: leftovers::secrets,
    },
    Invariant {
        name: "checkout",
        claim: "the person's checkout, index, HEAD, configuration, hooks and refs are byte for byte as before",
        violations: leftovers::checkout,
    },
];
