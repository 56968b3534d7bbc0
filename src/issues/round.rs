//! Fix rounds: a gate that failed on what an attempt left, and the call that the same session got to make it pass.

use serde::{Deserialize, Serialize};

use crate::accounting::ledger::Entry;
use crate::agent::CallReport;
use crate::base::text::one_line;
use crate::issues::last_word::{self, WorkSummary};
use crate::issues::review::Review;
use crate::issues::stage::StageRun;
use crate::model::{CommitId, Role, Usage};

/// What did not let an attempt's work pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A gate.
    #[default]
    Gate,
    /// A review.
    Review,
    /// The merge with newer work of the generation.
    Merge,
}

impl CheckKind {
    /// Returns whether it is a gate.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_gate(&self) -> bool {
        *self == Self::Gate
    }

    /// Returns it by its name, as the subject of a sentence: the gate `test`, the review.
    pub(crate) fn subject(self, name: &str) -> String {
        match self {
            Self::Gate => format!("the gate `{}`", one_line(name, 60)),
            Self::Review => "the review".to_owned(),
            Self::Merge => "the work".to_owned(),
        }
    }
}

/// A gate that failed on what an attempt left, a review that did not pass it, or newer work that it does not fit on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedCheck {
    /// What it is.
    #[serde(default, skip_serializing_if = "CheckKind::is_gate")]
    pub by: CheckKind,
    /// Its name.
    pub gate: String,
    /// How it ended, as the end of a sentence about it: `exited with 101`.
    pub how: String,
    /// What it printed, harmless: lines that name places, and its last lines; of a review, its findings. Bounded; may be
    /// empty. Of a merge, both sides of the conflict.
    #[serde(default)]
    pub output: String,
    /// The commit of the generation on which the work does not pass; `None` where it does not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onto: Option<CommitId>,
}

impl FailedCheck {
    /// Returns it as the subject of a sentence.
    pub(crate) fn subject(&self) -> String {
        let subject = self.by.subject(&self.gate);
        match (&self.onto, self.by) {
            (None, _) | (_, CheckKind::Merge) => subject,
            (Some(_), _) => format!("with newer work {subject}"),
        }
    }

    /// Returns whether this is the same failure as another: the same gate ended in the same way and printed the same,
    /// but for times, addresses and the lines of places.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let same = |one: &str, two: &str| steady(one).eq(steady(two));
        (self.by, &self.gate) == (other.by, &other.gate) && self.how == other.how && same(&self.output, &other.output)
    }
}

/// Returns an output without its numbers that change from run to run: those of a line and column, of a time, of a
/// process, of an address.
fn steady(output: &str) -> impl Iterator<Item = String> {
    output.lines().map(|line| {
        let mut text = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(begin) = rest.find(|character: char| character.is_ascii_digit()) {
            let (before, after) = rest.split_at(begin);
            let end = after.find(|character: char| !character.is_ascii_alphanumeric() && character != '.');
            let (number, after) = after.split_at(end.unwrap_or(after.len()));
            text.push_str(before);
            if !changes(before, number, after) {
                text.push_str(number);
            }
            rest = after;
        }
        text + rest
    })
}

/// Returns whether a number between two texts may be another one each time.
fn changes(before: &str, number: &str, after: &str) -> bool {
    let unit = number.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
    let is_time = ["s", "ms", "us", "ns", "m"].contains(&unit)
        || ["s", "ms", "sec", "second", "minute"]
            .iter()
            .any(|unit| after.strip_prefix(' ').is_some_and(|after| after.starts_with(unit)));
    let is_place = before.ends_with(':') || before.ends_with("line ") || before.ends_with(".go:");
    let is_process = before.ends_with('(') && after.starts_with(')');
    is_time || is_place || is_process || number.starts_with("0x")
}

/// One fix round of an attempt, or a round that fits its work on newer work of the generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Counted from 1 within the attempt.
    pub number: u32,
    /// What it was asked to make pass.
    pub red: FailedCheck,
    /// The folder with prompt, transcript and stderr, below the state folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// Time and usage of its call; `None` when it never began.
    #[serde(default)]
    pub call: Option<Entry>,
}

impl Round {
    /// Returns whether it fits the work on newer work, which fix rounds do not.
    pub fn is_of_conflict(&self) -> bool {
        self.red.onto.is_some()
    }
}

/// What the fix rounds of a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fixing {
    /// How many tasks needed any.
    pub tasks: usize,
    /// How many there were.
    pub rounds: usize,
    /// What their calls used; also a part of what the run used.
    pub usage: Usage,
}

/// The calls of an attempt so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// The first one; `None` when it never began.
    pub(crate) first: Option<Entry>,
    /// The fix rounds after it.
    pub(crate) rounds: Vec<Round>,
    /// The stages after these.
    pub(crate) stages: Vec<StageRun>,
    /// What its session says of the work.
    pub(crate) summary: Option<WorkSummary>,
    /// What its last call asks a person.
    pub(crate) question: Option<String>,
}

impl Calls {
    /// Returns all entries: those of the session, and those of stages.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let stages = self.stages.iter().filter_map(|stage| stage.call.as_ref());
        self.of_session().chain(stages)
    }

    /// Returns the entries of the session that does the work, in order.
    pub(crate) fn of_session(&self) -> impl Iterator<Item = &Entry> {
        self.first
            .iter()
            .chain(self.rounds.iter().filter_map(|round| round.call.as_ref()))
    }

    /// Returns how many rounds there were, of whichever kind.
    pub(crate) fn round(&self) -> u32 {
        u32::try_from(self.rounds.len()).unwrap_or(u32::MAX)
    }

    /// Returns the fix rounds, or else those that fit the work on newer work.
    pub(crate) fn rounds_of(&self, conflict: bool) -> impl DoubleEndedIterator<Item = &Round> {
        let is_one = move |round: &&Round| round.is_of_conflict() == conflict;
        self.rounds.iter().filter(is_one)
    }

    /// Counts what [`Self::rounds_of`] returns.
    pub(crate) fn count_of(&self, conflict: bool) -> u32 {
        u32::try_from(self.rounds_of(conflict).count()).unwrap_or(u32::MAX)
    }

    /// Returns the review of what the last call of the session left, if there is one that came to something.
    pub(crate) fn review(&self) -> Option<(&StageRun, &Review)> {
        let last = self.stages.iter().rev().find(|stage| stage.review.is_some())?;
        let review = last.review.as_ref().filter(|_| last.round == self.round())?;
        Some((last, review))
    }

    /// Returns the number that the next call of a stage has.
    pub(crate) fn next_of(&self, role: Role) -> u32 {
        let made = self.stages.iter().filter(|run| run.stage == role.name()).count();
        u32::try_from(made).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Notes what a call of the session says of the work, where one that says nothing leaves what was said before; and what it
    /// asks a person.
    pub(crate) fn hear(&mut self, report: &CallReport) {
        self.question = last_word::question(report);
        if let Some(summary) = last_word::summary(report) {
            self.summary = Some(summary);
        }
    }

    /// Adds the entry of a call: the first one's, or that of the last round.
    pub(crate) fn add(&mut self, entry: Entry) {
        match self.rounds.last_mut() {
            None => self.first = Some(entry),
            Some(round) => round.call = Some(entry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(output: &str) -> FailedCheck {
        FailedCheck {
            by: CheckKind::Gate,
            gate: "test".to_owned(),
            how: "exited with 1".to_owned(),
            output: output.to_owned(),
            onto: None,
        }
    }

    #[test]
    fn the_same_failure_is_known_whatever_the_time_and_the_line_and_another_is_not() {
        let one = "test a ... FAILED\nthread 'a' (132) panicked at src/lib.rs:10:5:\nleft: 3\nfinished in 0.03s\nin 2 seconds";
        let two = "test a ... FAILED\nthread 'a' (977) panicked at src/lib.rs:14:9:\nleft: 3\nfinished in 1.10s\nin 12 seconds";
        assert!(red(one).is_like(&red(two)));
        assert!(red("at 0x7f01 in f").is_like(&red("at 0x7fe3 in f")));
        for (before, after) in [("left: 3", "left: 4"), ("test a", "test b"), ("3 failed", "2 failed")] {
            assert!(!red(one).is_like(&red(&one.replace("left: 3", after))), "{before}");
        }
        assert!(!red("3 failed").is_like(&red("2 failed")));
        let otherwise = FailedCheck {
            how: "exited with 2".to_owned(),
            ..red(one)
        };
        assert!(!red(one).is_like(&otherwise));
    }
}
