//! Whether a task makes no progress, judged from what is recorded of its attempts alone, and what becomes of it then. It is
//! pure.

use std::collections::BTreeSet;

use crate::base::text::one_line;
use crate::config::Config;
use crate::issues::attempt::{Attempt, Outcome};
use crate::issues::issue::Issue;
use crate::issues::review::Review;
use crate::issues::round::{CheckKind, FailedCheck};
use crate::issues::stage::StageRun;
use crate::run::attempt_verdict::{AttemptVerdict, hold_reason};
use crate::run::overrides::{candidates_of, settings_of};

/// How a task makes no progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// So many attempts in a row failed at the same gate, each time with this as the first failure.
    SameFailure(usize, FailedCheck),
    /// Its agent changed nothing.
    NoChange,
    /// A review found all of what the one before had found, so many things, although that was to be fixed in between.
    Findings(usize),
}

/// What becomes of a task after an attempt that did not merge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is attempted again, if at all, as any other.
    Again,
    /// It is stuck, and attempted once more, since its agent is called otherwise then: why, and how.
    Stronger(String),
    /// It is held, for this reason.
    Held(String),
    /// It is stuck, and held, for this reason.
    Stuck(String),
}

/// Decides what becomes of a task after an attempt, which is recorded.
pub(crate) fn fate(config: &Config, issue: &Issue, verdict: &AttemptVerdict) -> Fate {
    let most = config.stitch.max_attempts;
    let hold = hold_reason(issue, verdict, most);
    let after = config.stitch.stuck_after.filter(|after| *after > 0);
    let Some(stuck) = after.and_then(|after| of(issue, after)) else {
        return hold.map_or(Fate::Again, Fate::Held);
    };
    let left = most.saturating_sub(issue.counted_attempts());
    let why = stuck.in_words();
    match (stronger(config, issue, left), hold) {
        (Some(how), _) => Fate::Stronger(format!("{why}; {how}")),
        (None, Some(reason)) => Fate::Stuck(reason),
        (None, None) => Fate::Stuck(format!(
            "stuck: {why}; no rule gives the next attempt another model, effort or tools"
        )),
    }
}

/// Returns how a task is stuck after its last attempt, where it is; `after` is how many attempts in a row have to fail in the
/// same way.
fn of(issue: &Issue, after: u32) -> Option<Stuck> {
    let last = issue.attempts.last()?;
    let counted: Vec<&Attempt> = issue.counted().collect();
    match last.outcome {
        Outcome::NoChange => Some(Stuck::NoChange),
        Outcome::GateFailed => same_failure(&counted, usize::try_from(after).ok()?),
        Outcome::ReviewRefused => {
            let stages = counted.iter().flat_map(|attempt| &attempt.stages);
            findings_that_stay(stages).map(Stuck::Findings)
        }
        _ => None,
    }
}

fn same_failure(counted: &[&Attempt], after: usize) -> Option<Stuck> {
    let newest = counted.get(counted.len().checked_sub(after)?..)?;
    let failed = |attempt: &&Attempt| {
        let red = attempt.red.clone().filter(|red| red.by == CheckKind::Gate);
        red.filter(|_| attempt.outcome == Outcome::GateFailed)
    };
    let reds: Vec<FailedCheck> = newest.iter().map(failed).collect::<Option<_>>()?;
    let (last, earlier) = reds.split_last()?;
    let is_same = |red: &FailedCheck| red.gate == last.gate && first_failure(red) == first_failure(last);
    earlier
        .iter()
        .all(is_same)
        .then(|| Stuck::SameFailure(reds.len(), last.clone()))
}

/// Returns how many findings the last but one of the reviews had, where the last one has all of them, too: known by their
/// fingerprints. `None` where there are no two reviews, anything is gone, or nothing of it was to be changed, since the first
/// one passed.
pub(crate) fn findings_that_stay<'a>(stages: impl IntoIterator<Item = &'a StageRun>) -> Option<usize> {
    let mut reviews = Vec::new();
    for stage in stages {
        reviews.extend(&stage.review);
    }
    let [.., before, last] = reviews[..] else { return None };
    if before.passed {
        return None;
    }
    let fingerprints = |review: &'a Review| -> BTreeSet<&'a str> {
        let findings = review.findings.iter();
        findings.map(|finding| finding.fingerprint.as_str()).collect()
    };
    let (before, last) = (fingerprints(before), fingerprints(last));
    (!before.is_empty() && before.is_subset(&last)).then_some(before.len())
}

/// Returns what the next attempt has that the last one had not, in words, if it is made at all and has another model, effort, tools or
/// number of candidates. A later one would be paid for after this, which is known to lead nowhere.
fn stronger(config: &Config, issue: &Issue, left: u32) -> Option<String> {
    let called = |number: u32| {
        let (settings, overrides) = settings_of(config, issue, number);
        let candidates = candidates_of(config, issue, number);
        ((settings.model, settings.effort, settings.tools, candidates), overrides)
    };
    let next = issue.next_attempt();
    let (before, _) = called(next.saturating_sub(1));
    let (settings, overrides) = called(next);
    if left == 0 || settings == before {
        return None;
    }
    let told = overrides
        .iter()
        .filter(|set| is_strength(&set.key))
        .map(ToString::to_string);
    let told = told.collect::<Vec<_>>().join(", ");
    Some(format!("attempt {next} is called with {told}"))
}

fn is_strength(key: &str) -> bool {
    ["model", "effort", "tools", "candidates"].contains(&key)
}

impl Stuck {
    /// Returns it as a sentence without its end.
    fn in_words(&self) -> String {
        match self {
            Self::SameFailure(attempts, red) => {
                let attempts_word = if *attempts == 1 { "attempt" } else { "attempts" };
                let subject = red.subject();
                let first = || red.output.lines().find(|line| !line.trim().is_empty());
                match told_failure(red).or_else(first) {
                    Some(line) => {
                        let line = one_line(line.trim(), 200);
                        format!("{subject} failed in {attempts} {attempts_word} with the same first failure, `{line}`")
                    }
                    None => format!("{subject} {} in {attempts} {attempts_word}", red.how),
                }
            }
            Self::NoChange => "the agent changed nothing".to_owned(),
            Self::Findings(1) => "its review found again what the one before had found".to_owned(),
            Self::Findings(count) => format!("its review found all {count} findings of the one before again"),
        }
    }
}

/// Returns the first line of an output that tells of one failure.
fn told_failure(red: &FailedCheck) -> Option<&str> {
    red.output.lines().find(|line| is_failure(line))
}

/// Returns what the first failure of a gate is known by, without what changes from run to run: the line that tells it; where
/// none does, all of the output, or else how the gate ended.
fn first_failure(red: &FailedCheck) -> String {
    let known = match told_failure(red) {
        Some(line) => line,
        None if red.output.trim().is_empty() => &red.how,
        None => &red.output,
    };
    normalised(known)
}

/// How the words begin that tell of a failure.
const FAILURES: [&str; 11] = [
    "error",
    "fail",
    "panic",
    "assert",
    "exception",
    "traceback",
    "cannot",
    "expected",
    "undefined",
    "unexpected",
    "missing",
];

/// What headings and sums say of failures in general, beside numbers and single letters.
const GENERAL: [&str; 40] = [
    "test", "tests", "testing", "task", "suite", "suites", "run", "ran", "rerun", "build", "check", "checks", "gate",
    "result", "results", "summary", "short", "info", "log", "total", "code", "exit", "exited", "status", "with", "in",
    "of", "the", "and", "to", "most", "recent", "call", "last", "passed", "skipped", "ignored", "measured", "filtered",
    "out",
];

/// Returns whether a line tells of one failure: not of a test of that name which passed, not that there were none, and not
/// of failures in general, as a heading does.
fn is_failure(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let is_passed = ["ok ", "pass", "--- pass", "✓", "✔", "√"]
        .iter()
        .any(|begin| line.starts_with(begin))
        || ["ok", "passed"].iter().any(|end| line.ends_with(end));
    if is_passed {
        return false;
    }
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words: Vec<&str> = line
        .split(|letter| !is_part(letter))
        .filter(|word| !word.is_empty())
        .collect();
    let tells = |word: &str| {
        FAILURES.iter().any(|failure| word.starts_with(failure))
            || word.ends_with("error")
            || word.ends_with("exception")
    };
    let is_told = |(index, word): (usize, &&str)| {
        let before = index.checked_sub(1).map_or("", |before| words[before]);
        tells(word) && !["0", "no"].contains(&before)
    };
    let is_general = |word: &&str| {
        word.len() == 1 || word.starts_with(|letter: char| letter.is_ascii_digit()) || GENERAL.contains(word)
    };
    let is_of_one = words
        .iter()
        .any(|word| !is_general(word) && !FAILURES.iter().any(|failure| word.starts_with(failure)));
    is_of_one && (line.starts_with("not ok") || words.iter().enumerate().any(is_told))
}

/// Returns a text without its numbers, times, addresses and paths of temporary folders. A number within a name stays, and so
/// does one that counts failures: fewer of them are progress.
fn normalised(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for word in line.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&without_temporary(word));
    }
    without_numbers(&text)
}

/// The folders in which others make temporary ones.
const TEMPORARY: [&str; 4] = ["/var/folders/", "/var/tmp/", "/dev/shm/", "/tmp/"];

/// Returns a word without the folder of a path that is made anew each time.
fn without_temporary(word: &str) -> String {
    let found = TEMPORARY
        .iter()
        .filter_map(|folder| word.find(folder).map(|at| (at, folder.len())))
        .min();
    let Some((at, length)) = found else {
        return word.to_owned();
    };
    let below = &word[at + length..];
    let rest = below.find('/').map_or("", |end| &below[end..]);
    format!("{}<temporary>{rest}", &word[..at])
}

fn without_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, after) = rest.split_at(begin);
        let end = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (number, after) = after.split_at(end.unwrap_or(after.len()));
        kept.push_str(before);
        let is_in_name = kept.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        let counts = ["fail", "error", "test"]
            .iter()
            .any(|what| after.trim_start_matches(' ').starts_with(what));
        kept.push_str(if is_in_name || counts { number } else { "#" });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests;
