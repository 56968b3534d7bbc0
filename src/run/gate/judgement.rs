//! The verdict on a gate: by itself, and compared with what the work began from.

use super::Gates;
use super::compare::{difference, listed};
use super::ran::{GateRun, Ran, Tried};
use super::results::Results;
use crate::config::Gate;
use crate::model::Verdict;
use crate::project::coverage::CoverageChange;

/// What a gate is judged with.
pub(crate) struct Beside<'a> {
    /// Its result on what the work began from; `None` where it is not compared.
    pub(crate) base: Option<&'a Tried>,
    /// Whether it need not pass yet.
    pub(crate) may_wait: bool,
    /// Whether fewer tests may pass than before: the task is to delete files.
    pub(crate) may_lose: bool,
    /// How what it covers has changed since then; `None` where that is not compared.
    pub(crate) coverage: Option<&'a CoverageChange>,
}

/// The verdict on a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// Why, as the end of a sentence about the gate; empty where there is nothing to say.
    pub(crate) why: String,
}

/// Judges a gate that has run.
pub(crate) fn of(gate: &Gate, ran: &Ran, results: Option<&Results>, beside: &Beside<'_>) -> Judgement {
    let judged = |verdict, why| Judgement { verdict, why };
    let compared = gate
        .is_compared()
        .then(|| Some((results?, beside.base?)))
        .flatten()
        .and_then(|(now, base)| Some(compared(ran, now, base.results.as_ref()?, beside)));
    let judgement = match (ran, compared) {
        (Ran::Passed, None) => judged(Verdict::Passed, String::new()),
        (Ran::Passed, Some(judgement)) => judgement,
        (ran, _) if beside.may_wait => judged(Verdict::NotYet, ran.how()),
        (Ran::Red(_), Some(judgement)) => judgement,
        (Ran::Red(how), None) => judged(Verdict::Failed, how.clone()),
        (Ran::CannotRun(..) | Ran::Cancelled, _) => judged(Verdict::NotRun, ran.how()),
    };
    match beside.coverage {
        Some(change) if matches!(judgement.verdict, Verdict::Passed | Verdict::StillFailing) => {
            with_coverage(judgement, change)
        }
        _ => judgement,
    }
}

/// Judges a gate that passes, or fails what it failed before, by what it covers, too.
fn with_coverage(judgement: Judgement, change: &CoverageChange) -> Judgement {
    let Some(told) = change.in_words() else {
        return judgement;
    };
    if change.fell() {
        return Judgement {
            verdict: Verdict::Failed,
            why: told,
        };
    }
    let earlier = (!judgement.why.is_empty()).then_some(judgement.why);
    Judgement {
        why: earlier.into_iter().chain([told]).collect::<Vec<_>>().join("; "),
        ..judgement
    }
}

/// Judges what a gate's tests came to beside what they came to before.
fn compared(ran: &Ran, now: &Results, before: &Results, beside: &Beside<'_>) -> Judgement {
    let found = difference(before, now);
    let gone = match found.gone.as_slice() {
        [] => String::new(),
        names => format!(
            "tests that passed before the work and are gone or skipped: {}",
            listed(names)
        ),
    };
    let how = ran.how();
    if !found.newly_failing.is_empty() {
        let why = format!(
            "{how}: tests fail that did not fail before the work: {}",
            listed(&found.newly_failing)
        );
        return Judgement {
            verdict: Verdict::Failed,
            why,
        };
    }
    if found.fewer > 0 && !beside.may_lose {
        let why = format!(
            "{how}, and passes {} tests fewer than before the work; {gone}",
            found.fewer
        );
        return Judgement {
            verdict: Verdict::Failed,
            why,
        };
    }
    let mut told = Vec::new();
    if !found.still_failing.is_empty() {
        told.push(format!(
            "{how}: tests failed before the work, too: {}",
            listed(&found.still_failing)
        ));
    }
    told.extend((!gone.is_empty()).then_some(gone));
    Judgement {
        verdict: if *ran == Ran::Passed {
            Verdict::Passed
        } else {
            Verdict::StillFailing
        },
        why: told.join("; "),
    }
}

impl Gates {
    /// Judges a gate by its run; where it could not run, with what would let it.
    pub(super) fn judged(&self, gate: &Gate, run: &GateRun, beside: &Beside<'_>) -> Judgement {
        let mut judgement = of(gate, &run.ran, run.results.as_ref(), beside);
        if let (Verdict::NotRun, Ran::CannotRun(how, missing)) = (judgement.verdict, &run.ran) {
            let remedy = missing.words_with_remedy(&self.context.project.config.image, &gate.command);
            judgement.why = format!("{how}: {remedy}");
        }
        judgement
    }
}

impl Tried {
    /// Judges a gate by its result on a commit.
    pub(crate) fn judged(&self, gate: &Gate, beside: &Beside<'_>) -> Judgement {
        of(gate, &self.ran, self.results.as_ref(), beside)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::results::of_names as results;
    use super::*;
    use crate::config::{Compare, ResultsFormat};

    #[test]
    fn what_is_covered_may_not_fall() {
        let gate = Gate::of("tests".to_owned(), "make test".to_owned(), Duration::MAX);
        let covering = |hits: &str| {
            let lines = (1..).zip(hits.chars());
            let lines: Vec<_> = lines.map(|(line, hit)| format!("DA:{line},{hit}\n")).collect();
            let lines = lines.concat();
            crate::project::coverage::of_files(&format!("SF:a\n{lines}end_of_record\n"), &["a"])
        };
        for (ran, before, after, verdict, says) in [
            (Ran::Passed, "1100", "1100", Verdict::Passed, ""),
            (
                Ran::Passed,
                "1100",
                "1110",
                Verdict::Passed,
                "covers more than before the work: 50.00 % (2 of 4) before, 75.00 % (3 of 4) now",
            ),
            (
                Ran::Passed,
                "1100",
                "1000",
                Verdict::Failed,
                "covers less than before the work: 50.00 % (2 of 4) before, 25.00 % (1 of 4) now, of the files that were \
                 measured before; less in `a`",
            ),
            // What is red is red for that.
            (red(), "1100", "1000", Verdict::Failed, "exited with 1"),
        ] {
            let change = CoverageChange::between(&covering(before), &covering(after), |_| true);
            let beside = Beside {
                base: None,
                may_wait: false,
                may_lose: false,
                coverage: Some(&change),
            };
            let judgement = of(&gate, &ran, None, &beside);
            assert_eq!((judgement.verdict, judgement.why.as_str()), (verdict, says));
        }
        let lost = CoverageChange::between(&covering("10"), &crate::project::coverage::Coverage::default(), |_| {
            true
        });
        assert_eq!(
            lost.in_words().unwrap(),
            "no longer measures `a`, as it did before the work"
        );
    }

    fn tried(results: Option<Results>) -> Tried {
        let is_red = results.as_ref().is_none_or(|results| !results.failed.is_empty());
        Tried {
            ran: if is_red { red() } else { Ran::Passed },
            anew: false,
            results,
            coverage: None,
            output: Vec::new(),
        }
    }

    fn red() -> Ran {
        Ran::Red("exited with 1".to_owned())
    }

    #[test]
    fn what_passed_before_must_pass_and_nothing_else() {
        let gate = Gate {
            results: Some(ResultsFormat::Tap),
            ..Gate::of("tests".to_owned(), "make test".to_owned(), Duration::MAX)
        };
        let before = tried(Some(results("a b", "x y")));
        for (now, may_lose, verdict, says) in [
            (results("a b x y", ""), false, Verdict::Passed, ""),
            (
                results("a b", "x y"),
                false,
                Verdict::StillFailing,
                "failed before the work, too: `x`, `y`",
            ),
            (results("a b x", "y"), false, Verdict::StillFailing, "`y`"),
            (
                results("a", "b x"),
                false,
                Verdict::Failed,
                "did not fail before the work: `b`",
            ),
            (results("a b", "new x y"), false, Verdict::Failed, "`new`"),
            (
                results("a", "x y"),
                false,
                Verdict::Failed,
                "1 tests fewer than before the work; tests that passed before the work and are gone or skipped: `b`",
            ),
            (results("a", ""), false, Verdict::Failed, "1 tests fewer"),
            (results("a", ""), true, Verdict::Passed, "are gone or skipped: `b`"),
            (results("a c", ""), false, Verdict::Passed, "are gone or skipped: `b`"),
        ] {
            let ran = if now.failed.is_empty() { Ran::Passed } else { red() };
            let beside = Beside {
                base: Some(&before),
                may_wait: false,
                may_lose,
                coverage: None,
            };
            let judgement = of(&gate, &ran, Some(&now), &beside);
            assert_eq!(judgement.verdict, verdict, "{now:?}: {judgement:?}");
            assert!(
                judgement.why.contains(says) && judgement.why.is_empty() == says.is_empty(),
                "{judgement:?}"
            );
        }
    }

    #[test]
    fn without_names_on_both_sides_red_is_red() {
        let by_name = Gate {
            results: Some(ResultsFormat::Tap),
            ..Gate::of("tests".to_owned(), "make test".to_owned(), Duration::MAX)
        };
        let strict = Gate {
            compare: Compare::Strict,
            ..by_name.clone()
        };
        let (with, without) = (tried(Some(results("a", "x"))), tried(None));
        let now = results("a", "x");
        for (gate, base, results, may_wait, verdict) in [
            (&by_name, Some(&with), Some(&now), false, Verdict::StillFailing),
            (&strict, Some(&with), Some(&now), false, Verdict::Failed),
            (&by_name, Some(&without), Some(&now), false, Verdict::Failed),
            (&by_name, Some(&with), None, false, Verdict::Failed),
            (&by_name, None, Some(&now), false, Verdict::Failed),
            (&by_name, None, Some(&now), true, Verdict::NotYet),
        ] {
            let beside = Beside {
                base,
                may_wait,
                may_lose: false,
                coverage: None,
            };
            assert_eq!(of(gate, &red(), results, &beside).verdict, verdict);
        }
    }
}
