//! The attempts at a task, with what was judged of each: rounds, gates with their output, reviews with their findings, and where
//! the transcripts of its calls are.

use serde::Serialize;

use super::frame::{TEXT, TITLE};
use crate::accounting::ledger::Entry;
use crate::base::text::one_line;
use crate::issues::attempt::{Attempt, Candidate};
use crate::issues::round::{FailedCheck, Round};
use crate::issues::stage::StageRun;
use crate::model::finding::Finding;
use crate::report::numbers::{counted, dollars, tokens};
use crate::report::page::{Reader, Word};
use crate::report::runs::seconds;
use crate::report::time::moment;
use crate::report::tone::Tone;

/// How much of a gate's output is shown, in characters; the store has no more than the end of it.
const OUTPUT: usize = 20_000;

/// An attempt, or a candidate of one.
#[derive(Serialize)]
pub(super) struct Shown {
    /// `2`, or `2.1` for a candidate.
    id: String,
    outcome: Word,
    reason: String,
    facts: Vec<Fact>,
    summary: String,
    steps: Vec<Step>,
    red: Option<Step>,
    transcripts: Vec<Transcript>,
    candidates: Vec<Shown>,
}

#[derive(Serialize)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// Something that was judged, and what it printed or found.
#[derive(Serialize)]
struct Step {
    key: String,
    what: Word,
    output: String,
    findings: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    severity: Word,
    title: String,
    place: String,
    problem: String,
    suggestion: String,
}

/// Where what an agent said and did is read.
#[derive(Serialize)]
struct Transcript {
    key: String,
    records: String,
    what: String,
}

/// Builds a fact.
pub(super) fn fact(name: &'static str, value: impl Into<String>) -> Fact {
    let value = value.into();
    Fact { name, value }
}

impl Shown {
    /// Shows an attempt.
    pub(super) fn of(attempt: &Attempt, reader: &Reader) -> Self {
        let took = attempt.ended_at.duration_since(attempt.started_at).as_secs_f64();
        let mut facts = vec![
            fact("run", attempt.run.to_string()),
            fact("began", moment(attempt.started_at, &reader.zone)),
            fact("time", seconds(took.max(0.0))),
        ];
        facts.extend(
            attempt
                .person
                .as_ref()
                .map(|person| fact("by", one_line(person, TITLE))),
        );
        facts.extend(
            attempt
                .ignored
                .as_ref()
                .map(|ignored| fact("left out by ignore rules", one_line(&ignored.to_string(), TEXT))),
        );
        let overrides: Vec<String> = attempt.overrides.iter().map(ToString::to_string).collect();
        facts.extend((!overrides.is_empty()).then(|| fact("called with", one_line(&overrides.join(", "), TEXT))));
        let id = attempt.number.to_string();
        let candidates = attempt
            .candidates
            .iter()
            .map(|one| Self::of_candidate(one, attempt.number));
        Self {
            outcome: Word::of_outcome(Some(attempt.outcome), ""),
            summary: attempt.summary.as_ref().map(ToString::to_string).unwrap_or_default(),
            candidates: candidates.collect(),
            ..Self::parts(
                (id, &attempt.reason, facts),
                (attempt.call.as_ref(), attempt.records.as_deref()),
                (&attempt.rounds, &attempt.stages, attempt.red.as_ref()),
            )
        }
    }

    fn of_candidate(one: &Candidate, attempt: u32) -> Self {
        let mut facts = Vec::new();
        facts.extend(one.chosen.then(|| fact("chosen", "yes")));
        facts.extend(one.score.map(|score| fact("score", format!("{score} of 10"))));
        let id = format!("{attempt}.{}", one.number);
        Self {
            outcome: Word::of_outcome(Some(one.outcome), ""),
            summary: one.summary.as_ref().map(ToString::to_string).unwrap_or_default(),
            ..Self::parts(
                (id, &one.reason, facts),
                (one.call.as_ref(), one.records.as_deref()),
                (&one.rounds, &one.stages, one.red.as_ref()),
            )
        }
    }

    fn parts(
        (id, reason, mut facts): (String, &str, Vec<Fact>),
        (call, records): (Option<&Entry>, Option<&str>),
        (rounds, stages, red): (&[Round], &[StageRun], Option<&FailedCheck>),
    ) -> Self {
        match call {
            Some(call) => facts.extend(used(call)),
            None => facts.push(fact("agent", "was not called")),
        }
        let key = id.replace('.', "-");
        let mut transcripts: Vec<Transcript> = records
            .map(|records| transcript(&key, "the work", records))
            .into_iter()
            .collect();
        let of_rounds = rounds.iter().filter_map(|round| {
            let key = format!("{key}-round-{}", round.number);
            Some(transcript(
                &key,
                &format!("fix round {}", round.number),
                round.records.as_deref()?,
            ))
        });
        transcripts.extend(of_rounds);
        let of_stages = stages.iter().filter_map(|stage| {
            let key = format!("{key}-{}-{}", word(&stage.stage), stage.number);
            let what = format!("{} {}", one_line(&stage.stage, TITLE), stage.number);
            Some(transcript(&key, &what, stage.records.as_deref()?))
        });
        transcripts.extend(of_stages);
        let steps = rounds.iter().map(|round| Step::of_round(round, &key));
        let steps = steps.chain(stages.iter().map(|stage| Step::of_stage(stage, &key)));
        Self {
            outcome: Word::new(None, ""),
            reason: one_line(reason, TEXT),
            facts,
            summary: String::new(),
            steps: steps.collect(),
            red: red.map(|red| Step::of_red(red, (format!("{key}-red"), String::new()))),
            transcripts,
            candidates: Vec::new(),
            id,
        }
    }
}

impl Step {
    fn of_round(round: &Round, key: &str) -> Self {
        let kind = if round.is_of_conflict() {
            "conflict round"
        } else {
            "fix round"
        };
        let before = format!("{kind} {}, since ", round.number);
        Self::of_red(&round.red, (format!("{key}-round-{}-red", round.number), before))
    }

    fn of_red(red: &FailedCheck, (key, before): (String, String)) -> Self {
        let what = format!("{before}{} {}", red.subject(), one_line(&red.how, TEXT));
        Self {
            key,
            what: Word::new(Some(Tone::Bad), what),
            output: red.output.chars().take(OUTPUT).collect(),
            findings: Vec::new(),
        }
    }

    fn of_stage(stage: &StageRun, key: &str) -> Self {
        let has_passed = stage.review.as_ref().map(|review| review.passed);
        let tone = match (has_passed, &stage.failed) {
            (Some(true), _) => Some(Tone::Good),
            (Some(false), _) | (None, Some(_)) => Some(Tone::Bad),
            (None, None) => None,
        };
        let what = format!(
            "{} {} {}",
            one_line(&stage.stage, TITLE),
            stage.number,
            stage.in_words()
        );
        let review = stage.review.as_ref();
        Self {
            key: format!("{key}-{}-{}-said", word(&stage.stage), stage.number),
            what: Word::new(tone, one_line(&what, TEXT)),
            output: review
                .map(|review| review.summary.chars().take(OUTPUT).collect())
                .unwrap_or_default(),
            findings: review
                .map_or(&[][..], |review| &review.findings)
                .iter()
                .map(Found::of)
                .collect(),
        }
    }
}

impl Found {
    fn of(finding: &Finding) -> Self {
        Self {
            severity: Word::new(None, finding.severity.name()),
            title: one_line(&finding.title, TITLE),
            place: one_line(&finding.place(), TITLE),
            problem: finding.problem.clone(),
            suggestion: finding.suggestion.clone(),
        }
    }
}

fn used(call: &Entry) -> Vec<Fact> {
    let about = if call.estimated { ", estimated" } else { "" };
    vec![
        fact("model", one_line(call.model.as_deref().unwrap_or("none"), TITLE)),
        fact(
            "turns",
            counted(usize::try_from(call.turns).unwrap_or(usize::MAX), "turn"),
        ),
        fact(
            "used",
            format!(
                "{} tokens, {}{about}",
                tokens(call.usage.tokens()),
                dollars(call.usage.cost_usd)
            ),
        ),
    ]
}

fn transcript(key: &str, what: &str, records: &str) -> Transcript {
    Transcript {
        key: format!("transcript-{key}"),
        records: records.to_owned(),
        what: what.to_owned(),
    }
}

/// Returns a name as a part of the name of an element.
fn word(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    name.chars().take(TITLE).map(letter).collect()
}
