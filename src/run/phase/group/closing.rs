//! The closing review of a group: sessions that have written none of it read all that changed since it began, batch by batch, and
//! what they find at `review.block` or worse becomes tasks of the group.

use std::time::Instant;

use super::Groups;
use super::batches::{self, ChangesBatch};
use super::calls::{Asked, Called, Calls, name};
use crate::base::crash::crash_point;
use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::base::text::{harmless, one_line};
use crate::git::Oid;
use crate::issues::found;
use crate::issues::group::{ClosingReview, Group};
use crate::issues::issue::{BatchIssue, Issues, MeasureOf, NewIssue, TaskPlan};
use crate::issues::review::{self, Answer, BEST_SCORE, MOST_ANSWERS, Review, Threshold};
use crate::model::finding::Finding;
use crate::model::{CommitId, PromptName, Role, Severity};
use crate::prompt::{ClosingContext, render_closing};
use crate::record::event::{EventKind, FiledTask, GroupReviewed};
use crate::run::call::{ClosingPlace, FlowPlace};
use crate::run::phase::measure::{MeasureOutcome, filed_task, hold_of};
use crate::run::phase::stitch::lines_of;
use crate::run::prompt_inputs::templates_of;
use crate::run::session::Session;

/// The type of a task that a finding becomes.
const TYPE: &str = "bug";

/// A batch of a closing review.
pub(super) struct Reading {
    group: Group,
    /// What the review came to before this batch.
    review: ClosingReview,
    batch: ChangesBatch,
    /// Which answer about it is requested first, counted from 1.
    number: u32,
    begun: Instant,
}

/// What the reading of a batch came to.
pub(super) struct Read {
    review: ClosingReview,
    findings: Vec<Finding>,
    /// Findings about places that are not there.
    dropped: u32,
    /// Findings beyond those that are kept of one answer.
    left_out: u32,
}

impl Groups {
    /// Reads the next batch of all that changed since a group began; with the last one, what was found is filed.
    pub(super) async fn review(&self, number: u32, key: &str, interruption: &Interruption) -> Result<MeasureOutcome> {
        let context = self.context();
        let (tip, issues) = (context.tip()?, self.issues()?);
        let reading = self.reading((key, 1), tip, &issues)?;
        let mut calls = Calls {
            number,
            of: MeasureOf::ClosingReview,
            made: Vec::new(),
            below: String::new(),
            issues,
        };
        let Some(reading) = reading else {
            // Nothing has changed.
            let (reading, nothing) = nothing_to_read(key, tip, &calls.issues)?;
            return self.note_read(&calls, &reading, &nothing);
        };
        let _alive = context.active_work.note(Role::Review.name(), None);
        let mut session = self.sessions.enter_afresh(self.purpose(Role::Review, number), tip)?;
        let read = Box::pin(self.read_batch(&mut session, &mut calls, &reading, interruption)).await;
        self.leave(session, &calls, read).await
    }

    /// Returns the batch of a group's changes that is read next at a commit, about which the answer of this number is requested first;
    /// `None` where there is none.
    pub(super) fn reading(&self, (key, number): (&str, u32), tip: Oid, issues: &Issues) -> Result<Option<Reading>> {
        let git = &self.context().project.git;
        let group = issues.group(key)?.clone();
        let begun = match &group.begun {
            Some(begun) => git.resolve(begun.as_str())?,
            None => tip,
        };
        let mut batches = batches::of(git, begun, tip)?;
        let review = next_of(&group, tip, &batches);
        let place = review.read as usize;
        Ok((place < batches.len()).then(|| Reading {
            group,
            review,
            batch: batches.swap_remove(place),
            number,
            begun: Instant::now(),
        }))
    }

    /// Asks until there is an answer that can be read.
    pub(super) async fn read_batch(
        &self,
        session: &mut Session,
        calls: &mut Calls,
        reading: &Reading,
        interruption: &Interruption,
    ) -> Result<MeasureOutcome> {
        let project = &self.context().project;
        let git = &project.git;
        let commit = session.base();
        let mut told = self.told(reading);
        loop {
            let asked = Asked {
                name: name(Role::Review, told.number),
                prompt: render_closing(&templates_of(project, &[PromptName::Closing])?, &told)?,
                schema: review::json_schema(),
                place: FlowPlace::Closing(ClosingPlace {
                    group: reading.group.key.clone(),
                    calls: calls.made.clone(),
                }),
            };
            let problem = match self.call(session, calls, asked, interruption).await? {
                Called::Ended(done, reason) => return self.fail(calls, done, &reason),
                Called::Badly(how) => format!("The call {how}."),
                Called::Answered(report) => match Answer::read(&report) {
                    Ok(answer) => {
                        let threshold = Threshold {
                            min_score: BEST_SCORE,
                            block: self.block(),
                        };
                        let answer = answer.weigh(threshold, |path| lines_of(git, commit, path))?;
                        return self.note_read(calls, reading, &self.taken_in(reading, answer));
                    }
                    Err(problem) => problem,
                },
            };
            if told.number >= MOST_ANSWERS {
                let reason = format!(
                    "the closing review of the group `{}` came to nothing: {MOST_ANSWERS} answers cannot be used: {problem}",
                    reading.group.key
                );
                return self.fail(calls, MeasureOutcome::Refused(one_line(&reason, 2000)), &reason);
            }
            told.number += 1;
            told.problem = Some(problem);
            session.begin_round(told.number)?;
        }
    }

    fn told(&self, reading: &Reading) -> ClosingContext {
        let Reading {
            group, review, batch, ..
        } = reading;
        ClosingContext {
            key: group.key.clone(),
            name: group.name.clone(),
            scope: group.scope.clone(),
            briefing: group.briefing.clone(),
            number: reading.number,
            batch: review.read + 1,
            batches: review.batches,
            changes: batch.text.clone(),
            too_large: batch.too_large.clone(),
            block: self.block().name().to_owned(),
            problem: None,
        }
    }

    /// Returns the least severity of a finding that becomes a task.
    fn block(&self) -> Severity {
        self.context().project.config.review.block.unwrap_or(Severity::Low)
    }

    /// Returns the review with what an answer about a batch adds to it.
    fn taken_in(&self, reading: &Reading, answer: Review) -> Read {
        let mut review = reading.review.clone();
        review.read += 1;
        review.too_large.extend(reading.batch.too_large.iter().cloned());
        let (findings, lesser): (Vec<_>, Vec<_>) = answer
            .findings
            .into_iter()
            .partition(|finding| finding.severity >= self.block());
        review.lesser = review
            .lesser
            .saturating_add(u32::try_from(lesser.len()).unwrap_or(u32::MAX));
        for finding in &findings {
            if review
                .findings
                .iter()
                .all(|known| known.fingerprint != finding.fingerprint)
            {
                review.findings.push(finding.clone());
            }
        }
        Read {
            review,
            findings,
            dropped: answer.dropped,
            left_out: answer.left_out,
        }
    }

    /// Notes what a batch came to, and files what was found with the last one.
    fn note_read(&self, calls: &Calls, reading: &Reading, read: &Read) -> Result<MeasureOutcome> {
        let context = self.context();
        let (now, key) = (context.now(), &reading.group.key);
        let is_last = read.review.read >= read.review.batches;
        let new_ids = context.store.new_ids(context.project.clock())?;
        let why = format!(
            "closing review of {key}: batch {} of {}",
            read.review.read, read.review.batches
        );
        let filed = context.store.update(&why, now, |issues| {
            let mut review = read.review.clone();
            let mut filed = None;
            if is_last {
                let fresh = fresh(issues, &review.findings);
                let batch = fresh.iter().map(|finding| task_of(finding, key)).collect();
                let ids = issues.import(batch, &new_ids, now)?;
                for id in &ids {
                    let held = hold_of(self.filed_as, (issues.get(id)?, &self.protected), None);
                    if let Some(reason) = held {
                        issues.hold(id, &reason, now)?;
                    }
                }
                filed = Some(
                    ids.iter()
                        .map(|id| filed_task(issues, id))
                        .collect::<Result<Vec<_>>>()?,
                );
                review.filed = Some(ids);
            }
            issues.note_review(key, &review);
            issues.record_measure(self.record(calls));
            Ok(filed)
        })?;
        crash_point!("group.read");
        let count = filed.as_ref().map_or(0, Vec::len);
        self.tell_read(calls, reading, read, filed);
        Ok(MeasureOutcome::Filed(count))
    }

    fn tell_read(&self, calls: &Calls, reading: &Reading, read: &Read, filed: Option<Vec<FiledTask>>) {
        let round = reading.group.whole_reviews().count() + 1;
        self.context().recorder.emit(EventKind::GroupReviewed(GroupReviewed {
            group: reading.group.key.clone(),
            round: u32::try_from(round).unwrap_or(u32::MAX),
            batch: read.review.read,
            batches: read.review.batches,
            findings: read.findings.iter().map(ToString::to_string).collect(),
            found: filed.as_ref().map(|_| read.review.findings.len()),
            filed,
            lesser: read.review.lesser,
            dropped: read.dropped,
            left_out: read.left_out,
            too_large: reading.batch.too_large.clone(),
            usage: calls.usage(),
            seconds: reading.begun.elapsed().as_secs_f64(),
        }));
    }
}

/// Returns the whole review of a group in which nothing has changed.
pub(super) fn nothing_to_read(key: &str, tip: Oid, issues: &Issues) -> Result<(Reading, Read)> {
    let group = issues.group(key)?.clone();
    let review = next_of(&group, tip, &[]);
    let nothing = Read {
        review: review.clone(),
        findings: Vec::new(),
        dropped: 0,
        left_out: 0,
    };
    let reading = Reading {
        group,
        review,
        batch: ChangesBatch::default(),
        number: 1,
        begun: Instant::now(),
    };
    Ok((reading, nothing))
}

/// Returns the review that has batches left, where it is of this very tip; else a new one.
fn next_of(group: &Group, tip: Oid, batches: &[ChangesBatch]) -> ClosingReview {
    let count = u32::try_from(batches.len()).unwrap_or(u32::MAX);
    let tip = CommitId::from(tip);
    let under_way = group.review_under_way();
    let same = under_way.filter(|review| review.tip == tip && review.batches == count);
    same.cloned().unwrap_or(ClosingReview {
        tip,
        batches: count,
        read: 0,
        findings: Vec::new(),
        lesser: 0,
        too_large: Vec::new(),
        filed: None,
    })
}

/// Returns the findings that no task was ever filed for.
fn fresh(issues: &Issues, findings: &[Finding]) -> Vec<Finding> {
    let is_known = |finding: &&Finding| {
        let external = found::external_of(finding);
        issues
            .iter()
            .any(|issue| issue.external.as_deref() == Some(external.as_str()))
    };
    findings.iter().filter(|finding| !is_known(finding)).cloned().collect()
}

/// Returns what is said of a finding to whoever does something about it.
fn description_of(finding: &Finding, group: &str) -> String {
    let mut text = format!(
        "The closing review of the group `{group}` found this at {}.",
        finding.place()
    );
    for said in [&finding.problem, &finding.suggestion] {
        let said = harmless(said.trim());
        if !said.is_empty() {
            text.push_str(&format!("\n\n{said}"));
        }
    }
    text
}

/// Returns the task that a finding becomes.
fn task_of(finding: &Finding, group: &str) -> BatchIssue {
    // A title of white space would be refused, and with it the whole review.
    let title = match one_line(&finding.title, 150) {
        title if title.is_empty() => format!("A finding in {}", one_line(&finding.path, 120)),
        title => title,
    };
    let problem = format!("What the closing review of the group `{group}` found no longer holds: {title}");
    let issue = NewIssue {
        description: description_of(finding, group),
        issue_type: TYPE.to_owned(),
        group: Some(group.to_owned()),
        plan: TaskPlan {
            acceptance_criteria: vec![one_line(&problem, 1000)],
            ..TaskPlan::default()
        },
        ..NewIssue::titled(title)
    };
    found::task_of(finding, issue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_without_a_title_can_be_filed() {
        for title in ["", " \n\t"] {
            let finding = Finding {
                severity: Severity::High,
                category: "bug".to_owned(),
                path: "src/a.rs".to_owned(),
                line: None,
                title: title.to_owned(),
                problem: "p".to_owned(),
                suggestion: String::new(),
                fingerprint: "f1".to_owned(),
            };
            let task = task_of(&finding, "a").issue;
            assert_eq!(task.problems(), [""; 0], "{title:?}");
            assert_eq!(task.title, "A finding in src/a.rs");
        }
    }
}
