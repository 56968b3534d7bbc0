//! An audit or a review of files: read in parts, each by a session of its own in a worktree that it cannot write, and reported
//! together. What a part came to is in the store before the next one begins, so that no part is paid for twice.

use std::sync::Arc;

use crate::accounting::ledger::Entry;
use crate::base::crash::crash_point;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::config::Mode;
use crate::git::Oid;
use crate::issues::issue::{Issues, Measure};
use crate::issues::pass::Pass;
use crate::issues::review::{FindingsAnswer, MOST_ANSWERS, findings_schema};
use crate::issues::scope::{PartRead, Scope, Then};
use crate::model::finding::Finding;
use crate::model::{CommitId, Role};
use crate::prompt::AuditContext;
use crate::record::event::{AuditStep, CallName, EventKind, Step};
use crate::record::findings::NotRead;
use crate::run::call::{FlowPlace, PartPlace};
use crate::run::context::RunContext;
use crate::run::phase::measure::{Ended, FiledAs, MeasureOutcome, ended};
use crate::run::prompt_inputs;
use crate::run::session::{Ask, Entered, Next, Purpose, Session, Sessions};

mod adopted;
mod files;
mod report;
mod told;

pub(crate) use self::adopted::TakenOverPart;
pub(crate) use self::files::{FileToRead, Files};
pub(crate) use self::report::REPORT_FILE;
pub(crate) use self::told::told;

/// The phase that reads files.
pub(crate) struct Audit {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) filed_as: FiledAs,
}

/// What the calls of one part came to.
enum Heard {
    Findings(Vec<Finding>),
    /// Another answer may be better: what was wrong.
    Nothing(String),
    /// Its request is refused, such as one that is too large, and would be again; another part's may pass.
    Refused(String),
    /// No other call would give one now: how the audit ends, and why.
    Ended(MeasureOutcome, String),
}

/// The calls of one part so far.
struct Asked {
    /// Which part of its run it is, counted from 1: it names the records.
    cycle: u32,
    /// The paths of its files.
    files: Vec<String>,
    calls: Vec<Entry>,
}

/// Returns which files the generation of a store is to read. Where nothing is said of what becomes of findings, its mode says it.
pub(crate) fn scope_of(issues: &Issues, mode: &Mode) -> Scope {
    let request = issues.meta().request.as_ref();
    let asked = request.and_then(|request| request.scope.clone());
    asked.unwrap_or_else(|| Scope {
        then: if mode.writes { Then::Fix } else { Then::Report },
        ..Scope::default()
    })
}

impl Audit {
    fn context(&self) -> &RunContext {
        &self.sessions.context
    }

    /// Has all parts read that are not yet, one after the other, and reports what was found; returns how many tasks that
    /// filed. However it ends, there is a report, which names what was not read.
    pub(crate) async fn read(&self, interruption: &Interruption) -> Result<MeasureOutcome> {
        self.read_all(None, interruption).await
    }

    /// Has all parts read; the first one by a session that is at it, of a run that died.
    async fn read_all(
        &self,
        mut under_way: Option<TakenOverPart>,
        interruption: &Interruption,
    ) -> Result<MeasureOutcome> {
        let context = self.context();
        let (commit, issues) = (context.tip()?, context.store.read()?);
        let pass = Pass::of(&issues).at(&CommitId::from(commit));
        // Whatever died between its last part and its end, all is read; where tasks came of it, it is asked for anew, as it is
        // where a part is being read.
        let pass = if pass.complete && (under_way.is_some() || !issues.is_empty()) {
            Pass::default()
        } else {
            pass
        };
        let scope = scope_of(&issues, &context.project.config.mode);
        let git = &context.project.git;
        let mut files = tokio::task::block_in_place(|| Files::of(git, commit, &scope, &pass.files()))?;
        if let Some(under_way) = &under_way {
            files.put_first(&under_way.files);
        }
        if pass.complete {
            // Only its end is missing. Another part, such as one of which no answer could be used, would begin a new pass.
            files.parts.clear();
        }
        let known = pass.parts.iter().filter(|part| part.failed.is_none()).count();
        let parts = known + files.parts.len();
        context.recorder.emit(EventKind::Audit(AuditStep::Started {
            what: scope.in_words(),
            files: pass.files().len() + files.count(),
            not_read: files.not_read.len(),
            parts,
            known,
        }));
        let mut waiting = std::mem::take(&mut files.parts).into_iter().enumerate();
        while let Some((index, part)) = waiting.next() {
            let told = told(&context.project, &issues, (commit, files.since), &part)?;
            let told = AuditContext {
                part: known + index + 1,
                parts,
                ..told
            };
            let read = match under_way.take() {
                Some(under_way) => Box::pin(self.part_under_way((commit, told, &part), under_way, interruption)).await,
                None => Box::pin(self.part(commit, told, &part, interruption)).await,
            };
            let Some((done, why)) = read? else { continue };
            let reason = format!("the calls ended before there was an answer about it: {why}");
            let paths = part.into_iter().chain(waiting.flat_map(|(_, part)| part));
            files.not_read.extend(paths.map(|file| NotRead {
                path: file.path,
                reason: reason.clone(),
            }));
            let issues = context.store.read()?;
            let report = self.report_of(&files, &issues, commit, false)?;
            self.write(&report)?;
            self.tell(&report, None);
            return Ok(done);
        }
        self.conclude(&files, commit)
    }

    /// Has one part read, and notes what came of it; returns how and why the audit ends, if it does.
    async fn part(
        &self,
        commit: Oid,
        told: AuditContext,
        files: &[FileToRead],
        interruption: &Interruption,
    ) -> Result<Option<(MeasureOutcome, String)>> {
        let context = self.context();
        let issues = context.store.read()?;
        let _alive = context.active_work.note(Role::Review.name(), None);
        let own = issues
            .meta()
            .measures
            .iter()
            .filter(|one| one.run == *context.recorder.run());
        let asked = Asked {
            cycle: u32::try_from(own.count()).unwrap_or(u32::MAX).saturating_add(1),
            files: Vec::new(),
            calls: Vec::new(),
        };
        let session = match self.sessions.enter(self.purpose(asked.cycle), commit, &issues) {
            Ok(Entered::Ready(session)) => session,
            Ok(Entered::Refused(failure)) | Err(failure) => return self.broken(failure).await.map(Some),
        };
        self.part_in((session, asked), (commit, told, files), interruption)
            .await
    }

    /// Has one part read in a slot, and notes what came of it; returns how and why the audit ends, if it does.
    async fn part_in(
        &self,
        (mut session, mut asked): (Box<Session>, Asked),
        (commit, told, files): (Oid, AuditContext, &[FileToRead]),
        interruption: &Interruption,
    ) -> Result<Option<(MeasureOutcome, String)>> {
        let (number, parts) = (told.part, told.parts);
        asked.files = files.iter().map(|file| file.path.clone()).collect();
        let (heard, next) = match Box::pin(self.answers(&mut session, told, &mut asked, interruption)).await {
            Ok(heard) => (heard, Next::Release),
            Err(failure) => {
                let (done, why) = match self.broken(failure).await {
                    Ok(ended) => ended,
                    Err(failure) => {
                        session.leave(Next::Keep)?;
                        return Err(failure);
                    }
                };
                (Heard::Ended(done, why), Next::Keep)
            }
        };
        let read = |findings: Vec<Finding>, failed: Option<String>| PartRead {
            commit: commit.into(),
            files: asked.files.clone(),
            findings,
            failed,
        };
        let (part, ended) = match heard {
            Heard::Findings(found) => (Some(read(found, None)), None),
            Heard::Nothing(why) | Heard::Refused(why) => (Some(read(Vec::new(), Some(why))), None),
            Heard::Ended(done, why) => (None, Some((done, why))),
        };
        // Not left before what it used is noted: until then the slot shows a recovery that it is not.
        self.note(&asked.calls, part.as_ref())?;
        session.leave(next)?;
        if let Some(part) = part {
            self.context().recorder.emit(EventKind::Audit(AuditStep::PartRead {
                part: number,
                parts,
                findings: part.findings.len(),
                failed: part.failed,
            }));
        }
        Ok(ended)
    }

    /// Asks until there is an answer that can be used.
    async fn answers(
        &self,
        session: &mut Session,
        mut told: AuditContext,
        asked: &mut Asked,
        interruption: &Interruption,
    ) -> Result<Heard> {
        let mut heard = Heard::Nothing(String::new());
        let first = session.first_round();
        for number in first..=MOST_ANSWERS {
            if number > first {
                session.begin_round(number)?;
            }
            heard = Box::pin(self.call(session, &told, (number, asked), interruption)).await?;
            match &heard {
                Heard::Nothing(problem) => told.problem = Some(problem.clone()),
                Heard::Findings(_) | Heard::Refused(_) | Heard::Ended(..) => break,
            }
        }
        Ok(heard)
    }

    /// Makes one call, or goes on with the one of a run that died.
    async fn call(
        &self,
        session: &Session,
        told: &AuditContext,
        (number, asked): (u32, &mut Asked),
        interruption: &Interruption,
    ) -> Result<Heard> {
        let context = self.context();
        let issues = context.store.read()?;
        let cancelled = || Heard::Ended(MeasureOutcome::Cancelled, "the run was interrupted".to_owned());
        let (reservation, adopted) = match session.take_or_reserve(&issues, interruption).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(cancelled()),
            Err(spent) => return Ok(Heard::Ended(MeasureOutcome::Spent(spent.reason.clone()), spent.reason)),
        };
        let name = name(number);
        let folder = context.recorder.call_folder(&name, asked.cycle)?;
        let place = FlowPlace::Part(PartPlace {
            files: asked.files.clone(),
            calls: asked.calls.clone(),
        });
        let ask = Ask {
            name: &name,
            folder: &folder,
            prompt: &prompt_inputs::audit_prompt(&context.project, told)?,
            json_schema: Some(findings_schema()),
            reservation: &reservation,
            issues: &issues,
            flow: Some(&place),
            on_end: None,
        };
        context.step(&name, Step::Container);
        let made = match session.call_or_go_on(&ask, adopted.as_ref(), interruption).await {
            // While its services were awaited.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(cancelled()),
            made => made?,
        };
        crash_point!("audit.called");
        let met = reservation.scope_met(&made.entry.charged());
        asked.calls.push(made.entry);
        if let Some(failure) = made.failure {
            return Err(failure);
        }
        Ok(match ended(&made.report, met) {
            Ended::Answered => match FindingsAnswer::read(&made.report) {
                Ok(answer) => Heard::Findings(answer.findings()),
                Err(problem) => Heard::Nothing(problem),
            },
            Ended::Otherwise(MeasureOutcome::Refused(why), _) if made.report.request_refused => Heard::Refused(why),
            Ended::Otherwise(done, why) => Heard::Ended(done, why),
            Ended::Badly(how) => Heard::Nothing(format!("the call {how}")),
        })
    }

    /// Ends what still runs after something failed that was not the agent; returns how the audit ends.
    async fn broken(&self, failure: Error) -> Result<(MeasureOutcome, String)> {
        // Its files are read-only in the container: whether that still runs only decides who ends it.
        self.sessions.is_over(&name(0)).await;
        let reason = failure.in_a_line();
        match failure.kind() {
            ErrorKind::Engine => Ok((MeasureOutcome::Failed(reason.clone()), reason)),
            _ => Err(failure),
        }
    }

    /// Notes what the calls of a part used, and what came of them.
    fn note(&self, calls: &[Entry], part: Option<&PartRead>) -> Result<()> {
        if calls.is_empty() && part.is_none() {
            return Ok(());
        }
        let context = self.context();
        let now = context.now();
        context.store.update("a part of the files is read", now, |issues| {
            issues.record_measure(Measure {
                of: None,
                run: context.recorder.run().clone(),
                at: now,
                filed: None,
                calls: calls.to_vec(),
                part: part.cloned(),
            });
            Ok(())
        })?;
        crash_point!("audit.noted");
        Ok(())
    }

    fn purpose(&self, cycle: u32) -> Purpose {
        Purpose {
            role: Role::Review,
            settings: self.context().project.config.review.clone(),
            task: None,
            attempt: 1,
            candidate: 0,
            race: None,
            round: 1,
            cycle,
            writable: false,
            // It only reads, and needs nothing built.
            layer: None,
        }
    }
}

/// Names a call about a part.
fn name(number: u32) -> CallName {
    CallName {
        role: Role::Review,
        task: None,
        attempt: 1,
        round: number,
        candidate: 0,
    }
}
