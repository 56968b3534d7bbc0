//! Gates that are written in Rust, by the program that calls cordwainer. Each judges on a thread of its own; what it wants to
//! have run runs here, as any gate does. However it ends, the run goes on.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::lanes::Numbered;
use super::{GateRun, Ran, Runner};
use crate::base::error::{Error, ErrorKind, Result, with_causes};
use crate::base::interruption::interrupted;
use crate::base::panic::message;
use crate::base::redact::Redactor;
use crate::base::text::{harmless, line_count, one_line};
use crate::config::Gate;
use crate::git::Oid;
use crate::model::Verdict;
use crate::model::finding::findings_in_words;
use crate::run::call::Sandbox;
use crate::run::extension::{AddedGate, Asking, CommandOutput, Judgement, Request, TreeView, Work};

/// How many findings are kept, and how many are looked at.
const MOST_FINDINGS: usize = 50;
const MOST_LOOKED_AT: usize = 1000;
/// The most bytes of findings that are told.
const TOLD: usize = 8 * 1024;

/// What came of a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It judged.
    Judged(Judgement),
    /// It did not: why, as the end of a sentence about it.
    NotRun(String),
    /// The run ended first.
    Cancelled,
}

/// Where what gates want to have run runs, and the number of the next one.
pub(super) struct Place<'a> {
    pub(super) sandbox: &'a Sandbox<'a>,
    pub(super) tree: Oid,
    pub(super) number: usize,
}

impl Runner<'_> {
    /// Has a gate judge work, and has the commands run that it asks for. Its findings are of places that the result has.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Engine`] where something failed under a command again and again.
    pub(super) async fn ask_custom(
        &self,
        added: &AddedGate,
        asking: Asking<'_>,
        place: &mut Place<'_>,
    ) -> Result<Came> {
        let result = asking.view();
        let (requests, asked) = unbounded_channel();
        let judged = match begin(added, Work::new(asking, requests)) {
            Ok(judged) => judged,
            Err(error) => return Ok(Came::NotRun(format!("cannot be started: {error}"))),
        };
        let came = self.attend_custom(added, (judged, asked), place).await?;
        Ok(match came {
            Came::Judged(judgement) => Came::Judged(weighed(judgement, &result)?),
            other => other,
        })
    }

    /// Waits for a gate's judgement, and runs what it asks for meanwhile.
    async fn attend_custom(
        &self,
        added: &AddedGate,
        (mut judged, mut asked): (oneshot::Receiver<Came>, UnboundedReceiver<Request>),
        place: &mut Place<'_>,
    ) -> Result<Came> {
        let deadline = Instant::now() + added.timeout;
        let over = self.interruption.over(self.project.config.stop_grace);
        tokio::pin!(over);
        loop {
            let request = tokio::select! {
                biased;
                judged = &mut judged => {
                    return Ok(judged.unwrap_or_else(|_| Came::NotRun("ended without a judgement".to_owned())));
                }
                Some(request) = asked.recv() => request,
                () = tokio::time::sleep_until(deadline) => {
                    let limit = added.timeout.as_secs_f64();
                    return Ok(Came::NotRun(format!("did not return within {limit} s")));
                }
                () = &mut over => return Ok(Came::Cancelled),
            };
            let mut gate = Gate::of(added.name.clone(), request.command, added.timeout);
            gate.timeout = deadline.saturating_duration_since(Instant::now());
            place.number += 1;
            let one = Numbered {
                number: place.number,
                gate: &gate,
            };
            // Whoever asked may be gone.
            match Box::pin(self.run(place.sandbox, one.number, one.gate, place.tree)).await {
                Ok(run) if run.ran == Ran::Cancelled => {
                    let _ = request.reply.send(Err(interrupted()));
                    return Ok(Came::Cancelled);
                }
                Ok(run) => {
                    let _ = request.reply.send(Ok(output(&run)));
                }
                Err(error) => {
                    let _ = request.reply.send(Err(Error::new(error.kind(), error.in_a_line())));
                    return Err(error);
                }
            }
        }
    }
}

/// Starts the thread on which a gate judges. The runtime waits for none of them: one that
/// never returns keeps nothing from ending.
fn begin(added: &AddedGate, work: Work) -> std::io::Result<oneshot::Receiver<Came>> {
    let gate = Arc::clone(&added.gate);
    let (judged, waiting) = oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("gate {}", added.name));
    thread.spawn(move || {
        let came = match catch_unwind(AssertUnwindSafe(|| gate.judge(&work))) {
            Ok(Ok(judgement)) => Came::Judged(judgement),
            Ok(Err(error)) => Came::NotRun(format!("came to no judgement: {}", in_a_line(error.as_ref()))),
            Err(panic) => Came::NotRun(format!("panicked: {}", message(panic))),
        };
        // Nobody waits for one that took too long.
        let _ = judged.send(came);
    })?;
    Ok(waiting)
}

/// Returns an error and its causes in a line.
fn in_a_line(error: &(dyn std::error::Error + 'static)) -> String {
    one_line(&with_causes(error), 400)
}

/// Returns what a command came to, for the gate that asked for it.
fn output(run: &GateRun) -> CommandOutput {
    CommandOutput {
        exit_code: run.exit,
        how: run.ran.how(),
        output: String::from_utf8_lossy(&run.end).into_owned(),
    }
}

/// Returns a judgement with the weightiest of its findings, of places that the result has.
fn weighed(mut judgement: Judgement, result: &TreeView) -> Result<Judgement> {
    let (mut kept, mut known) = (Vec::new(), HashMap::new());
    for finding in judgement.findings.into_iter().take(MOST_LOOKED_AT) {
        let lines = match known.get(&finding.path) {
            Some(lines) => *lines,
            None => *known
                .entry(finding.path.clone())
                .or_insert(lines_of(result, &finding.path)?),
        };
        let line = finding.line.map(u64::from);
        if lines.is_some_and(|lines| line.is_none_or(|line| (1..=lines).contains(&line))) {
            kept.push(finding);
        }
    }
    kept.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    kept.truncate(MOST_FINDINGS);
    judgement.findings = kept;
    judgement.why = one_line(&judgement.why, 300);
    Ok(judgement)
}

/// Returns how many lines a file has; `None` where there is none. One that is too large to be read has whatever line it is
/// said to have.
fn lines_of(result: &TreeView, path: &str) -> Result<Option<u64>> {
    match result.read(path) {
        Ok(content) => Ok(content.map(|content| line_count(&content))),
        Err(error) if error.kind() == ErrorKind::Usage => Ok(Some(u64::MAX)),
        Err(error) => Err(error),
    }
}

/// What a gate came to, as it is reported: redacted.
pub(crate) struct Told {
    pub(crate) verdict: Verdict,
    /// Why, as the end of a sentence about it; empty where it only passed.
    pub(crate) why: String,
    /// Its findings in full, as many as fit, for whoever is to act on them.
    pub(crate) findings: String,
}

/// Returns what a gate came to, as it is reported; `None` where the run ended first.
pub(crate) fn told(came: Came, redactor: &Redactor) -> Option<Told> {
    let (verdict, why, findings) = match came {
        Came::Cancelled => return None,
        Came::NotRun(why) => (Verdict::NotRun, why, String::new()),
        Came::Judged(judgement) => {
            let verdict = if judgement.passed {
                Verdict::Passed
            } else {
                Verdict::Failed
            };
            (verdict, in_words(&judgement), in_full(&judgement))
        }
    };
    Some(Told {
        verdict,
        why: redactor.text(&why).into_owned(),
        findings: redactor.text(&findings).into_owned(),
    })
}

/// Returns how a gate judged, as the end of a sentence about it; empty where it only passed.
fn in_words(judgement: &Judgement) -> String {
    let why = match (judgement.passed, judgement.why.as_str()) {
        (false, "") => "does not pass it",
        (_, why) => why,
    };
    match judgement.findings.as_slice() {
        [] => why.to_owned(),
        findings if why.is_empty() => format!("has {}", findings_in_words(findings)),
        findings => format!("{why}; {}", findings_in_words(findings)),
    }
}

/// Returns the findings in full, for whoever is to act on them; as many as fit.
fn in_full(judgement: &Judgement) -> String {
    let mut text = String::new();
    for finding in &judgement.findings {
        let full = harmless(&finding.in_full());
        if text.len() + full.len() > TOLD {
            break;
        }
        text.push_str(&full);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity;

    #[test]
    fn a_judgement_is_told_with_the_number_of_its_findings() {
        let failed = Judgement::failed("finds no header");
        assert_eq!(in_words(&failed), "finds no header");
        let found = failed.finding(Severity::High, ("src/a.rs", Some(1)), "no header");
        assert_eq!(in_words(&found), "finds no header; 1 finding (1 high)");
        assert_eq!(in_full(&found), "high src/a.rs:1: no header\n");
        assert_eq!(in_words(&Judgement::passed()), "");
        assert_eq!(in_words(&Judgement::failed("")), "does not pass it");
        let noted = Judgement::passed().finding(Severity::Low, ("a", None), "odd");
        assert_eq!(in_words(&noted), "has 1 finding (1 low)");
        let many = (0..500).fold(Judgement::failed("x"), |judged, _| {
            judged.finding(Severity::Low, ("a", None), "a title of some length")
        });
        assert!((TOLD / 2..=TOLD).contains(&in_full(&many).len()));
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = Error::new(ErrorKind::Usage, "cannot read it").because("the disk is gone");
        assert_eq!(in_a_line(&error), "cannot read it: the disk is gone");
    }
}
