//! What keeps a gate from judging any work, seen before any.

use super::cause::Missing;
use super::ran::{Ran, Tried};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::one_line;
use crate::config::{Compare, Gate, Image};

/// A gate with which no task could be merged, and whose fault that is.
pub(super) struct Fault {
    kind: ErrorKind,
    text: String,
    fix: String,
}

/// Returns what keeps a gate from judging any work, by its result before any; `None` where nothing does.
pub(super) fn fault(image: &Image, (gate, advisory): (&Gate, bool), tried: &Tried) -> Option<Fault> {
    if advisory {
        return None;
    }
    match &tried.ran {
        Ran::CannotRun(how, missing) => Some(cannot_run(image, gate, how, missing)),
        Ran::Red(how) if gate.compare == Compare::Base && tried.results.is_none() => Some(Fault {
            kind: ErrorKind::Precondition,
            text: format!(
                "the gate `{}` is red ({how}), and has no names of failing tests by which work could be compared with that",
                one_line(&gate.name, 60)
            ),
            fix: "fix what makes it red (the branch, the image, `network.allow`), or write in its entry of `gates`: \
                  `results`, so that its tests are compared by name; `advisory: true`, so that it is only reported; or \
                  `compare: strict`, so that only a task that makes it pass is merged"
                .to_owned(),
        }),
        _ => None,
    }
}

fn cannot_run(image: &Image, gate: &Gate, how: &str, missing: &Missing) -> Fault {
    let name = one_line(&gate.name, 60);
    let (kind, fix) = match missing {
        Missing::File(path) => (
            ErrorKind::Configuration,
            format!("commit `{path}`, or fix the command in `gates`"),
        ),
        Missing::Permission(path) => (
            ErrorKind::Configuration,
            format!(
                "make `{path}` executable (`git update-index --chmod=+x`), or have the command call its interpreter"
            ),
        ),
        Missing::Results(_) => (
            ErrorKind::Configuration,
            "have the gate's command write what its `results` in `gates` names, or leave `results` out".to_owned(),
        ),
        Missing::Coverage(_) => (
            ErrorKind::Configuration,
            "have the gate's command write what its `coverage` in `gates` names, or leave `coverage` out".to_owned(),
        ),
        Missing::Server(_) => (
            ErrorKind::Configuration,
            "fix `serve` in the gate's entry; its output has what the server printed".to_owned(),
        ),
        Missing::Program(_) => (
            ErrorKind::Engine,
            format!(
                "{}, then run `cordwainer image build`; or have the gate's command install what it needs: a gate begins in a worktree with what is committed, \
                 and nothing else",
                missing.remedy(image, &gate.command)
            ),
        ),
    };
    let whose = if kind == ErrorKind::Engine {
        format!(" in the image `{}`", image.name)
    } else {
        String::new()
    };
    Fault {
        kind,
        text: format!("the gate `{name}` {how}{whose}: {}", missing.words()),
        fix,
    }
}

/// Fails with all faults; what is wrong with the configuration comes first.
pub(super) fn refuse(faults: &[Fault]) -> Result<()> {
    let is_configuration = |fault: &Fault| fault.kind == ErrorKind::Configuration;
    let Some(first) = faults.iter().find(|fault| is_configuration(fault)).or(faults.first()) else {
        return Ok(());
    };
    let kind = first.kind;
    let texts: Vec<&str> = faults.iter().map(|fault| fault.text.as_str()).collect();
    let mut mends: Vec<&str> = faults.iter().map(|fault| fault.fix.as_str()).collect();
    mends.dedup();
    let message = format!("no task could pass: before any work {}", texts.join("; "));
    Err(Error::new(kind, message).hint(mends.join("; ")))
}
