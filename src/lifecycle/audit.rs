//! Audits and reviews of files: what they would read, what is asked of one that is open, its report, and its end.

use std::path::Path;

use serde::Serialize;

use crate::base::error::{Context as _, Error, ErrorKind, Result, exit};
use crate::base::regular;
use crate::base::text::one_line;
use crate::git::Oid;
use crate::issues::issue::Issues;
use crate::issues::pass::Pass;
use crate::issues::scope::Then;
use crate::lifecycle::plan::History;
use crate::lifecycle::{Estimate, Generator, RunSummary, StartOptions};
use crate::model::generation::GenerationName;
use crate::model::{CommitId, RunId};
use crate::record::findings::{FindingsReport, NotRead};
use crate::run::phase::audit::{Files, REPORT_FILE, scope_of, told};
use crate::run::prompt_inputs;

/// The largest report that is read.
const REPORT_LIMIT: usize = 64 << 20;

/// What an audit or a review reads.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct ToRead {
    /// The commit.
    pub revision: CommitId,
    /// How many files.
    pub files: usize,
    /// In how many calls.
    pub parts: usize,
    /// What was asked for and is not read.
    pub not_read: Vec<NotRead>,
}

/// A commit, and what is asked about it.
pub(super) struct Asked {
    pub(super) this: Generator,
    pub(super) issues: Issues,
    pub(super) commit: Oid,
    /// The generation, where it is open.
    pub(super) open: Option<GenerationName>,
}

impl Generator {
    /// Returns what is still to be read for these options; no call is made, and nothing begins.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where a path or a revision is named that is not there, and of kind
    /// [`ErrorKind::Precondition`] where the generation that is open for these options reads another commit.
    pub fn to_read(&self, options: &StartOptions) -> Result<ToRead> {
        let asked = self.asked_for(options)?;
        let files = asked.files()?;
        Ok(ToRead {
            revision: asked.commit.into(),
            files: files.count(),
            parts: files.parts.len(),
            not_read: files.not_read,
        })
    }

    /// Returns the generation of the options as it would begin, or as it is open.
    pub(super) fn asked_for(&self, options: &StartOptions) -> Result<Asked> {
        if let Some(open) = self.open_for(options)? {
            let this = self.clone().choose(Some(open.to_string())).in_its_mode()?;
            let issues = this.store()?.read()?;
            let commit = this.project.tip(&open)?;
            if issues.is_empty() {
                this.refuse_another_commit(&open, options)?;
            }
            return Ok(Asked {
                this,
                issues,
                commit,
                open: Some(open),
            });
        }
        let this = self.in_mode_of(options)?;
        let (name, commit) = (this.new_name(options)?, this.starting_point(options)?);
        let meta = this.store_meta(&name, options, this.project.clock().now());
        Ok(Asked {
            this,
            issues: Issues::new(meta),
            commit,
            open: None,
        })
    }

    /// Refuses to go on with a generation that reads another commit than the options ask for, and has no tasks yet.
    fn refuse_another_commit(&self, generation: &GenerationName, options: &StartOptions) -> Result<()> {
        let asked = self.starting_point(options)?;
        match self.project.git.reference(&generation.base_mark())? {
            Some(read) if read != asked => {
                let (read, asked) = (read.to_string(), asked.to_string());
                let message = format!(
                    "`{generation}` reads {}, and this asks for {}",
                    &read[..10],
                    &asked[..10]
                );
                Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                    "`cordwainer resume --generation {generation}` goes on with what it reads; `cordwainer reset --generation {generation}` ends it"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Returns the prompt of the first part that is still to be read, and what is not read at all, in sentences.
    pub(super) fn audit_prompt(&self, options: &StartOptions) -> Result<(String, Vec<String>)> {
        let asked = self.asked_for(options)?;
        let files = asked.files()?;
        let Some(first) = files.parts.first() else {
            return Err(Error::new(ErrorKind::NothingToDo, "there is nothing to read")
                .hint("only committed files of text are read; `--since` leaves out what has not changed"));
        };
        let project = &asked.this.project;
        let mut told = told(project, &asked.issues, (asked.commit, files.since), first)?;
        told.parts = files.parts.len();
        let left_out = files.not_read.iter().map(|file| {
            let (path, why) = (one_line(&file.path, 200), one_line(&file.reason, 200));
            format!("`{path}` is not read: {why}")
        });
        Ok((prompt_inputs::audit_prompt(project, &told)?, left_out.collect()))
    }

    /// Estimates what reading will take.
    pub(super) fn audit_estimate(&self, options: &StartOptions, history: &History) -> Result<Estimate> {
        let asked = self.asked_for(options)?;
        let estimate = Estimate::of_parts(asked.files()?.parts.len(), history);
        Ok(estimate.of_reading_alone(asked.then(options)))
    }

    /// Says what becomes of the findings of an open generation from now on. Returns whether its files are to be read anew, as
    /// they are by now: they were read before, and nothing of that is left to do.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where findings are to be filed while tasks are left to do, or to be fixed while tasks
    /// are held, or what was read is not in the base branch; of kind [`ErrorKind::Locked`] while another process works here.
    pub fn ask_again(&self, then: Then) -> Result<bool> {
        // A run that is under way does with its findings what it was begun for.
        let _lock = self.project.lock("audit")?;
        let generation = self.project.generation()?;
        let store = self.store()?;
        let issues = store.read()?;
        let counts = issues.counts();
        let known = scope_of(&issues, &self.in_its_mode()?.project.config.mode).then;
        self.refuse_then((&generation, &issues), (known, then))?;
        if known != then {
            store.update("what becomes of findings", self.project.clock().now(), |issues| {
                issues.set_then(then);
                Ok(())
            })?;
        }
        Ok(Pass::of(&issues).complete && !issues.is_empty() && counts.open == 0 && counts.in_progress == 0)
    }

    /// Refuses what an open generation cannot do with its findings from now on, by what it did until now.
    pub(super) fn refuse_then(
        &self,
        (generation, issues): (&GenerationName, &Issues),
        (known, then): (Then, Then),
    ) -> Result<()> {
        let counts = issues.counts();
        match then {
            Then::Report => {}
            Then::File => refuse_to_file(generation, counts.open + counts.in_progress)?,
            Then::Fix => refuse_to_fix(generation, counts.blocked)?,
        }
        // Whoever begins elsewhere to file or fix is told that it will be merged; whoever began to report was not.
        if then != Then::Report && known == Then::Report {
            self.refuse_to_merge(generation, issues)?;
        }
        Ok(())
    }

    fn refuse_to_merge(&self, generation: &GenerationName, issues: &Issues) -> Result<()> {
        let git = &self.project.git;
        let base_branch = &issues.meta().base_branch;
        let (base, branch) = (git.reference(&generation.base_mark())?, git.branch_tip(base_branch)?);
        if let (Some(base), Some(branch)) = (base, branch)
            && !git.is_ancestor(base, branch)?
        {
            let message =
                format!("`{generation}` reads what {base_branch} does not have, so its fixes cannot be merged there");
            return Err(Error::new(ErrorKind::Precondition, message).hint(format!(
                "`cordwainer reset --generation {generation}` ends it; then the same command begins from {base_branch}"
            )));
        }
        Ok(())
    }

    /// Ends the generation of a run that has reported all that it read, and of which nothing else is left: as `reset` does, so
    /// that its ledger is kept.
    pub(super) async fn end_reported(&self, mut done: RunSummary) -> Result<RunSummary> {
        if !self.project.config.mode.kind.reports() || done.exit_code != exit::DONE {
            return Ok(done);
        }
        let this = self.clone().choose(Some(done.generation.to_string()));
        let issues = this.store()?.read()?;
        if Pass::of(&issues).complete && issues.is_empty() {
            done.ended = Some(Box::pin(this.reset(|_, _| ())).await?.archive);
        }
        Ok(done)
    }

    /// Returns the report of a run; without a name, the last one that there is.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Usage`] where there is none.
    pub fn findings_report(&self, run: Option<&str>) -> Result<(RunId, FindingsReport)> {
        let runs = self.project.state_dir.join("runs");
        let hint = "`cordwainer audit` and `cordwainer review` write one";
        let run = match run {
            Some(name) => {
                let found = RunId::parse(name).filter(|run| runs.join(run.as_str()).join(REPORT_FILE).exists());
                found.ok_or_else(|| {
                    let message = format!("the run `{}` has no report", one_line(name, 100));
                    Error::new(ErrorKind::Usage, message).hint(hint)
                })?
            }
            None => last_with_report(&runs)?
                .ok_or_else(|| Error::new(ErrorKind::Usage, "no run has a report").hint(hint))?,
        };
        let path = runs.join(run.as_str()).join(REPORT_FILE);
        let failed = || format!("cannot read `{}`", path.display());
        let text = regular::read_to_string(&path).with_context(ErrorKind::Unexpected, failed)?;
        if text.len() > REPORT_LIMIT {
            return Err(Error::new(
                ErrorKind::Unexpected,
                format!("{}: it is too large", failed()),
            ));
        }
        Ok((run, FindingsReport::read(&text)?))
    }
}

impl Asked {
    /// Returns what becomes of findings: as the options say, which change what an open generation does.
    pub(super) fn then(&self, options: &StartOptions) -> Then {
        let asked = options.request.as_ref().and_then(|request| request.scope.as_ref());
        asked.map_or_else(
            || scope_of(&self.issues, &self.this.project.config.mode).then,
            |scope| scope.then,
        )
    }

    pub(super) fn files(&self) -> Result<Files> {
        let pass = Pass::of(&self.issues).at(&CommitId::from(self.commit));
        // What is complete is read anew when it is asked for again.
        let pass = if pass.complete { Pass::default() } else { pass };
        Files::of(
            &self.this.project.git,
            self.commit,
            &scope_of(&self.issues, &self.this.project.config.mode),
            &pass.files(),
        )
    }
}

/// Refuses to file findings alone while there are tasks that a run would do.
fn refuse_to_file(generation: &GenerationName, left: usize) -> Result<()> {
    if left == 0 {
        return Ok(());
    }
    let tasks = if left == 1 { "task is" } else { "tasks are" };
    let message = format!("`{generation}` files nothing now: {left} {tasks} left to do");
    Err(Error::new(ErrorKind::Precondition, message).hint(format!(
        "`cordwainer resume --generation {generation}` does what is left; then findings are filed"
    )))
}

/// Refuses to fix what is found while tasks are held.
fn refuse_to_fix(generation: &GenerationName, held: usize) -> Result<()> {
    if held == 0 {
        return Ok(());
    }
    let tasks = if held == 1 { "task is" } else { "tasks are" };
    let message = format!("`{generation}` cannot go on by itself: {held} {tasks} held for you");
    Err(Error::new(ErrorKind::Precondition, message).hint(format!(
        "`cordwainer issues release --proposed --generation {generation}` lets go what was found; `cordwainer run --generation {generation}` does it"
    )))
}

/// Returns the last run that has a report: runs are named after the time at which they begin.
fn last_with_report(runs: &Path) -> Result<Option<RunId>> {
    let failed = || format!("cannot list `{}`", runs.display());
    let entries = match std::fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(ErrorKind::Unexpected, failed),
    };
    let mut last = None;
    for entry in entries {
        let entry = entry.with_context(ErrorKind::Unexpected, failed)?;
        let run = entry.file_name().to_str().and_then(RunId::parse);
        if entry.path().join(REPORT_FILE).exists() {
            last = last.max(run);
        }
    }
    Ok(last)
}
