//! The attempt that a dead run was at, as its claim and its records show it.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::Recovery;
use crate::accounting::ledger::{CallPlace, Entry};
use crate::agent::CallOutcome;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::fs::remove_unfinished;
use crate::base::regular;
use crate::base::text::one_line;
use crate::git::Oid;
use crate::issues::attempt::{Attempt, Candidate, Outcome};
use crate::issues::issue::{Claim, Issue, Issues};
use crate::issues::questions::{self, AskedBy};
use crate::issues::round::{Calls, FailedCheck, Round};
use crate::issues::stage::StageRun;
use crate::model::{CommitId, Role, RunId};
use crate::project::interfaces;
use crate::record::recorder::{RED_FILE, STAGE_FILE, recorded_call, round_folder};
use crate::run::call::collect;
use crate::run::commit_message::AttemptName;
use crate::run::land::{candidate_of, kept_commit, merged_commit};
use crate::run::overrides::settings_of;
use crate::run::waiting::suspend::SlotOwner;

impl Recovery<'_> {
    /// Returns the name of an attempt at a claimed task of this generation.
    pub(super) fn name<'name>(&'name self, issue: &'name Issue, number: u32, run: &'name RunId) -> AttemptName<'name> {
        let claim = issue.claim.as_ref();
        AttemptName {
            generation: self.generation,
            task: &issue.id,
            number,
            run,
            repository: claim.and_then(|claim| claim.repository.as_deref()),
            candidate: 0,
        }
    }

    /// Returns the commit on the generation branch that came of the attempt that a dead run was at, if there is one.
    pub(super) fn merged_of(&self, issue: &Issue) -> Result<Option<Oid>> {
        let run = &claim_of(issue)?.run;
        merged_commit(self.project, &self.name(issue, issue.next_attempt(), run))
    }

    /// Returns the calls of an attempt, or of a candidate of it: those that the store has of it, else those that its records
    /// show.
    pub(super) fn calls_of(
        &self,
        issue: &Issue,
        (attempt, candidate): (u32, u32),
        run: &RunId,
        issues: &Issues,
    ) -> Result<Calls> {
        if let Some(stored) = issue.attempts.iter().find(|stored| stored.number == attempt) {
            return Ok(stored_calls(stored, candidate));
        }
        let now = self.project.clock().now();
        let below = records_of(run, issue, (attempt, candidate));
        let mut calls = Calls::default();
        for round in 0.. {
            let below = round_folder(&below, round);
            let folder = self.project.state_dir.join(&below);
            let red = match round {
                0 => None,
                _ => match red_of(&folder)? {
                    Some(red) => Some(red),
                    None => break,
                },
            };
            let place = CallPlace {
                role: Role::Stitch,
                task: Some(issue.id.clone()),
                attempt,
                round,
                candidate,
                cycle: issues.cycle(),
                run: run.clone(),
            };
            let earlier: Vec<Entry> = calls.entries().cloned().collect();
            // Its container is gone by now, and nobody writes there.
            remove_unfinished(&folder)?;
            collect(&folder, self.project.redactor())?;
            let call = recorded_call(&folder, issues, &earlier)?;
            if let Some(call) = &call {
                calls.hear(&call.report);
            }
            let call = call.map(|call| call.entry(place, now));
            match red {
                None => calls.first = call,
                Some(red) => calls.rounds.push(Round {
                    number: round,
                    red,
                    records: Some(below),
                    call,
                }),
            }
        }
        self.add_stages(&mut calls, issue, ((attempt, candidate), run), issues)?;
        Ok(calls)
    }

    /// Adds the calls of later stages that the records of an attempt show, whatever `stages` has by now: those of one round
    /// after those of the round before it, and in the order of `stages`.
    fn add_stages(
        &self,
        calls: &mut Calls,
        issue: &Issue,
        (name, run): ((u32, u32), &RunId),
        issues: &Issues,
    ) -> Result<()> {
        let now = self.project.clock().now();
        let mut found = Vec::new();
        for below in self.folders_beginning(&format!("{}-", records_of(run, issue, name)))? {
            let folder = self.project.state_dir.join(&below);
            remove_unfinished(&folder)?;
            collect(&folder, self.project.redactor())?;
            let Some(mut stage) = read_json::<StageRun>(&folder.join(STAGE_FILE))? else {
                continue;
            };
            let Some(role) = Role::named(&stage.stage) else {
                continue;
            };
            let place = CallPlace {
                role,
                task: Some(issue.id.clone()),
                attempt: name.0,
                round: stage.number,
                candidate: name.1,
                cycle: issues.cycle(),
                run: run.clone(),
            };
            stage.records = Some(below);
            stage.call = recorded_call(&folder, issues, &[])?.map(|call| call.entry(place, now));
            let place = self.project.config.stages.iter().position(|one| one.role() == role);
            found.push(((stage.round, place, stage.stage.clone(), stage.number), stage));
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        calls.stages.extend(found.into_iter().map(|(_, stage)| stage));
        Ok(())
    }

    /// Takes what nobody heard of the calls of a measure into their records. Their containers are gone by now.
    pub(super) fn collect_measure(&self, owner: &SlotOwner) -> Result<()> {
        for below in self.folders_beginning(&format!("runs/{}/measure-{}-", owner.run, owner.cycle))? {
            collect(&self.project.state_dir.join(below), self.project.redactor())?;
        }
        Ok(())
    }

    /// Returns the folders whose names below the state folder begin so.
    pub(super) fn folders_beginning(&self, beginning: &str) -> Result<Vec<String>> {
        folders_beginning(&self.project.state_dir, beginning)
    }

    /// Returns the attempt that a dead run was at, with what its transcripts show of it; `merged` is the commit of it on the
    /// generation branch. Of candidates it is like the one that this came of, else like the first that asks, else like the first. Beside
    /// it, what its agents ask a person.
    pub(super) fn interrupted_attempt(
        &self,
        issue: &Issue,
        merged: Option<Oid>,
        now: Timestamp,
        issues: &Issues,
    ) -> Result<(Attempt, Vec<AskedBy>)> {
        let claim = claim_of(issue)?;
        let (run, number) = (&claim.run, issue.next_attempt());
        let mut candidates = Vec::new();
        for candidate in self.candidates_of(issue, number, run)? {
            candidates.push(self.interrupted(issue, (number, candidate), run, issues)?);
        }
        let landed = merged.filter(|_| self.project.config.mode.keep_tests);
        let interfaces = landed.and_then(|commit| {
            interfaces::of_landed(&self.project.git, &issue.id, commit, |why| tracing::warn!("{why}"))
        });
        let merged = merged.map(|commit| self.project.git.commit_info(commit)).transpose()?;
        let chosen = merged.as_ref().map(candidate_of);
        let place = candidates
            .iter()
            .position(|one| Some(one.number) == chosen)
            .or_else(|| candidates.iter().position(|one| one.question.is_some()))
            .unwrap_or(0);
        let own = match candidates.get_mut(place) {
            Some(one) => one.choose(),
            None => self.interrupted(issue, (number, 0), run, issues)?,
        };
        let question = own.question.as_deref().filter(|_| merged.is_none());
        let asked = question.map_or_else(Vec::new, |own| questions::different(own, &candidates));
        let attempt = Attempt {
            number,
            outcome: own.outcome,
            reason: own.reason,
            snapshot: own.snapshot,
            ignored: None,
            person: None,
            overrides: settings_of(&self.project.config, issue, number).1,
            records: own.records,
            started_at: claim.at,
            ended_at: now,
            red: own.red,
            summary: own.summary,
            interfaces,
            call: own.call,
            rounds: own.rounds,
            stages: own.stages,
            run: run.clone(),
            candidates,
        };
        Ok((attempt, asked))
    }

    /// Returns what the transcripts show of an attempt, or of a candidate of it.
    fn interrupted(
        &self,
        issue: &Issue,
        (attempt, candidate): (u32, u32),
        run: &RunId,
        issues: &Issues,
    ) -> Result<Candidate> {
        let name = self.name(issue, attempt, run).of_candidate(candidate);
        let kept = kept_commit(self.project, &name)?;
        let calls = self.calls_of(issue, (attempt, candidate), run, issues)?;
        let (outcome, reason) = match &calls.question {
            Some(question) => (Outcome::Asked, one_line(question, 300)),
            None => (
                interrupted_outcome(calls.entries().max_by_key(|call| call.ended_at)),
                "the run ended before the attempt did".to_owned(),
            ),
        };
        Ok(Candidate {
            number: candidate,
            chosen: false,
            outcome,
            reason,
            snapshot: kept.map(CommitId::from),
            score: calls.review().map(|(_, review)| review.score),
            changed: None,
            records: Some(records_of(run, issue, (attempt, candidate))),
            red: calls.rounds.last().map(|round| round.red.clone()),
            summary: calls.summary,
            question: calls.question,
            call: calls.first,
            rounds: calls.rounds,
            stages: calls.stages,
        })
    }

    /// Returns the candidates of an attempt that its records show, by number; none where it has none.
    pub(super) fn candidates_of(&self, issue: &Issue, attempt: u32, run: &RunId) -> Result<BTreeSet<u32>> {
        let beginning = format!("{}.", records_of(run, issue, (attempt, 0)));
        let folders = self.folders_beginning(&beginning)?;
        let numbers = folders
            .iter()
            .filter_map(|below| below.strip_prefix(&beginning)?.parse().ok());
        Ok(numbers.collect())
    }
}

/// Returns the folders and files whose names below the state folder begin so; none where there is no such folder.
pub(super) fn folders_beginning(state_dir: &Path, beginning: &str) -> Result<Vec<String>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};

    let (above, name) = beginning.rsplit_once('/').unwrap_or(("", beginning));
    let folder = state_dir.join(above);
    let failed = || format!("cannot list `{}`", folder.display());
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        let is_one = |found: &&str| found.starts_with(name);
        found.extend(
            entry
                .file_name()
                .to_str()
                .filter(is_one)
                .map(|name| format!("{above}/{name}")),
        );
    }
    Ok(found)
}

/// Returns the claim of a task that a dead run was at.
fn claim_of(issue: &Issue) -> Result<&Claim> {
    issue.claim.as_ref().ok_or_else(|| {
        let message = format!("nobody has claimed {}", issue.id);
        Error::new(ErrorKind::Unexpected, message)
    })
}

/// Returns the calls that the store has of an attempt, or of a candidate of it.
fn stored_calls(stored: &Attempt, candidate: u32) -> Calls {
    let (call, rounds, stages) = match stored.other(candidate) {
        Some(other) => (&other.call, &other.rounds, &other.stages),
        None => (&stored.call, &stored.rounds, &stored.stages),
    };
    Calls {
        first: call.clone(),
        rounds: rounds.clone(),
        stages: stages.clone(),
        summary: stored.summary_of(candidate).cloned(),
        question: None,
    }
}

/// Reads the red gate that a fix round was to make pass; `None` where no such round was about to begin.
fn red_of(folder: &Path) -> Result<Option<FailedCheck>> {
    read_json(&folder.join(RED_FILE))
}

/// Reads what was written down before a call; `None` where nothing was.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let failed = || format!("cannot read `{}`", path.display());
    match regular::read(path) {
        // A crash cut it short: the call had not begun.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(ErrorKind::Unexpected, failed),
    }
}

/// Returns how an attempt ended whose run died: at a limit, if its call had met one by then.
fn interrupted_outcome(call: Option<&Entry>) -> Outcome {
    match call.map(|call| call.outcome) {
        Some(CallOutcome::Limited | CallOutcome::Overage) => Outcome::Limited,
        _ => Outcome::Cancelled,
    }
}

/// Returns the folder of the records of an attempt, or of a candidate of it, below the state folder.
pub(super) fn records_of(run: &RunId, issue: &Issue, (attempt, candidate): (u32, u32)) -> String {
    match candidate {
        0 => format!("runs/{run}/{}-{attempt}", issue.id),
        candidate => format!("runs/{run}/{}-{attempt}.{candidate}", issue.id),
    }
}
