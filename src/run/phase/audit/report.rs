//! What an audit or a review ends with: its report, and the tasks that its findings become.

use std::collections::{BTreeMap, BTreeSet};

use super::files::Files;
use super::{Audit, scope_of};
use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Result};
use crate::base::fs::write_atomically;
use crate::base::text::{normalised_title, one_line};
use crate::git::Oid;
use crate::issues::found;
use crate::issues::issue::{BatchIssue, Issues, Measure, NewIssue, PROPOSED, TaskPlan};
use crate::issues::pass::Pass;
use crate::issues::scope::Then;
use crate::model::finding::Finding;
use crate::model::{CommitId, IssueId};
use crate::record::event::{AuditStep, EventKind, FiledTask};
use crate::record::findings::{Examined, FindingsReport, NotRead, ReportedFinding};
use crate::run::phase::measure::{MeasureOutcome, filed_task, hold_of};
use crate::run::phase::stitch::lines_of;

/// The file of a run with its report, as JSON; `report.md` and `report.sarif` are beside it.
pub(crate) const REPORT_FILE: &str = "report.json";
/// How many findings are told in a line each.
const MOST_TOLD: usize = 10;

/// What became of findings.
pub(super) struct Filed {
    /// The tasks that they are from now on.
    tasks: Vec<FiledTask>,
    /// How many were tasks before.
    known_before: usize,
}

impl Audit {
    /// Ends a pass of which all parts are read: files what is to become a task, and reports.
    pub(super) fn conclude(&self, files: &Files, commit: Oid) -> Result<MeasureOutcome> {
        let context = self.context();
        let issues = context.store.read()?;
        let pass = Pass::of(&issues).at(&CommitId::from(commit));
        let report = self.report_of(files, &issues, commit, pass.came_to_nothing().is_none())?;
        // Before anything is filed: after a death in between it is written again, and after it, it is there.
        self.write(&report)?;
        if let Some(why) = pass.came_to_nothing() {
            self.tell(&report, None);
            let why = one_line(why, 500);
            return Ok(MeasureOutcome::Refused(format!(
                "no answer about any file can be used: {why}"
            )));
        }
        let became = self.file(&report, scope_of(&issues, &self.context().project.config.mode).then)?;
        self.tell(&report, Some(&became));
        Ok(MeasureOutcome::Filed(became.tasks.len()))
    }

    /// Writes the report of what was read into the folder of the run.
    pub(super) fn write(&self, report: &FindingsReport) -> Result<()> {
        let context = self.context();
        let redactor = context.project.redactor();
        let (json, markdown) = (report.json()?, report.markdown());
        let sarif = serde_json::to_vec_pretty(&report.sarif()).context("cannot write the report as SARIF")?;
        let written = [
            ("report.md", redactor.bytes(markdown.as_bytes())),
            ("report.sarif", redactor.own_json(&sarif)),
            // The last one: whoever finds it finds all.
            (REPORT_FILE, redactor.own_json(json.as_bytes())),
        ];
        for (name, bytes) in written {
            write_atomically(&context.recorder.path(name), &bytes)?;
            crash_point!("audit.reported");
        }
        Ok(())
    }

    /// Tells the report; `filed` is what became of its findings, where all was read.
    pub(super) fn tell(&self, report: &FindingsReport, filed: Option<&Filed>) {
        let weightiest = report.findings.iter().take(MOST_TOLD);
        self.context().recorder.emit(EventKind::Audit(AuditStep::Reported {
            how: report.in_words(),
            weightiest: weightiest.map(|finding| finding.finding().to_string()).collect(),
            findings: report.findings.len(),
            dropped: report.summary.dropped,
            read: report.examined.read.len(),
            not_read: report.examined.not_read.len(),
            filed: filed.map(|filed| filed.tasks.clone()).unwrap_or_default(),
            known_before: filed.map_or(0, |filed| filed.known_before),
            complete: filed.is_some(),
            usage: report.examined.cost,
        }));
    }

    /// Returns the report of what was read of a commit; `complete` is whether all was asked about.
    pub(super) fn report_of(
        &self,
        files: &Files,
        issues: &Issues,
        commit: Oid,
        complete: bool,
    ) -> Result<FindingsReport> {
        let project = &self.context().project;
        let mode = &project.config.mode;
        let scope = scope_of(issues, mode);
        let pass = Pass::of(issues).at(&CommitId::from(commit));
        let read = pass.files();
        let not_read = not_read(files, &pass);
        let found = pass.findings().filter(|finding| finding.severity >= scope.severity);
        let found: Vec<&Finding> = found.collect();
        let mut lines = BTreeMap::new();
        for finding in &found {
            if !lines.contains_key(&finding.path) {
                lines.insert(finding.path.clone(), lines_of(&project.git, commit, &finding.path)?);
            }
        }
        let is_there = |path: &str, line: Option<u32>| {
            let most = lines.get(path).copied().flatten();
            most.is_some_and(|most| line.is_none_or(|line| u64::from(line) <= most))
        };
        let examined = Examined {
            title: format!("{} of {}", capitalized(&mode.name), scope.in_words()),
            mode: mode.name.clone(),
            revision: Some(commit.into()),
            since: files.since.map(CommitId::from),
            complete,
            read: read.iter().map(|path| (*path).to_owned()).collect(),
            not_read,
            cost: pass.usage,
        };
        Ok(FindingsReport::of(examined, found.into_iter().cloned(), is_there))
    }

    /// Files the findings that no task of any generation of the repository was made of, or, where they are to be fixed, none that
    /// is open or closed, and notes that all is read, in one commit. Returns the tasks.
    fn file(&self, report: &FindingsReport, then: Then) -> Result<Filed> {
        let context = self.context();
        let elsewhere = match then {
            Then::Report => BTreeSet::new(),
            Then::File | Then::Fix => context.store.externals_elsewhere(then)?,
        };
        let (mode, now) = (&context.project.config.mode, context.now());
        let protected = context.project.protected()?;
        let new_ids = context.store.new_ids(context.project.clock())?;
        let filed = context.store.update("all files are read", now, |issues| {
            let known: BTreeSet<&str> = issues.iter().filter_map(|issue| issue.external.as_deref()).collect();
            let is_new = |issue: &BatchIssue| {
                let external = issue.issue.external.as_deref().unwrap_or_default();
                !known.contains(external) && !elsewhere.contains(external)
            };
            let batch: Vec<BatchIssue> = match then {
                Then::Report => Vec::new(),
                Then::File | Then::Fix => {
                    let all = report
                        .findings
                        .iter()
                        .map(|finding| task_of(finding, &mode.name, &mode.issue_type));
                    all.filter(is_new).collect()
                }
            };
            let known_before = match then {
                Then::Report => 0,
                Then::File | Then::Fix => report.findings.len() - batch.len(),
            };
            let ids: Vec<IssueId> = issues.import(batch, &new_ids, now)?;
            for id in &ids {
                let hold = match then {
                    Then::Fix => hold_of(self.filed_as, (issues.get(id)?, &protected), None),
                    Then::Report | Then::File => Some(PROPOSED.to_owned()),
                };
                if let Some(reason) = hold {
                    issues.hold(id, &reason, now)?;
                }
            }
            issues.record_measure(Measure {
                of: None,
                run: context.recorder.run().clone(),
                at: now,
                filed: Some(ids.clone()),
                calls: Vec::new(),
                part: None,
            });
            let tasks = ids.iter().map(|id| filed_task(issues, id)).collect::<Result<_>>()?;
            Ok(Filed { tasks, known_before })
        })?;
        crash_point!("audit.filed");
        Ok(filed)
    }
}

/// Returns each file that was not read once: why it is not by now, or why an answer about it could not be used.
fn not_read(files: &Files, pass: &Pass) -> Vec<NotRead> {
    let read = pass.files();
    let mut reasons = BTreeMap::new();
    for part in &pass.parts {
        let Some(why) = &part.failed else { continue };
        let failed = part.files.iter().filter(|path| !read.contains(path.as_str()));
        let reason = format!("no answer about it can be used: {}", one_line(why, 300));
        reasons.extend(failed.map(|path| (path.clone(), reason.clone())));
    }
    let by_now = files.not_read.iter();
    reasons.extend(by_now.map(|file| (file.path.clone(), file.reason.clone())));
    let once = reasons.into_iter().map(|(path, reason)| NotRead { path, reason });
    once.collect()
}

/// Returns the task that a finding becomes.
fn task_of(finding: &ReportedFinding, mode: &str, issue_type: &str) -> BatchIssue {
    let place = finding.finding().place();
    let title = match one_line(&finding.title, 180) {
        title if title.trim().is_empty() => format!("A finding in {}", one_line(&finding.path, 150)),
        title => title,
    };
    let mut description = format!(
        "{} in `{place}`, found by `{mode}`.\n",
        capitalized(finding.severity.name())
    );
    for text in [&finding.problem, &finding.suggestion] {
        if !text.trim().is_empty() {
            description.push_str(&format!("\n{}\n", text.trim()));
        }
    }
    let category = normalised_title(&finding.category).replace(' ', "-");
    let labels = [mode.to_owned(), category.chars().take(40).collect()];
    let issue = NewIssue {
        description,
        issue_type: issue_type.to_owned(),
        labels: labels.into_iter().filter(|label| !label.is_empty()).collect(),
        plan: TaskPlan {
            required_reading: vec![finding.path.clone()],
            requirements: vec![format!("What is found at `{place}` is no longer so.")],
            acceptance_criteria: vec!["Nothing else that the files do has changed.".to_owned()],
            ..TaskPlan::default()
        },
        ..NewIssue::titled(title)
    };
    found::task_of(&finding.finding(), issue)
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issues::scope::PartRead;

    #[test]
    fn a_file_that_is_not_read_for_two_reasons_is_one() {
        let part = |files: &[&str], failed: Option<&str>| PartRead {
            commit: "0123456789012345678901234567890123456789".parse().unwrap(),
            files: files.iter().map(ToString::to_string).collect(),
            findings: Vec::new(),
            failed: failed.map(str::to_owned),
        };
        let pass = Pass {
            parts: vec![
                part(&["a", "b"], Some("no JSON")),
                part(&["a"], Some("no list")),
                part(&["c"], None),
            ],
            ..Pass::default()
        };
        let of = |path: &str, reason: &str| NotRead {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let files = Files {
            not_read: vec![of("d", "it is not text"), of("b", "the calls ended")],
            ..Files::default()
        };
        let expected = [
            of("a", "no answer about it can be used: no list"),
            of("b", "the calls ended"),
            of("d", "it is not text"),
        ];
        assert_eq!(not_read(&files, &pass), expected);
    }
}
