//! `cordwainer issues show`: everything about tasks, for a person.
//!
//! Text that an agent or a person wrote is made harmless and indented, so that no line of it looks like one of ours.

use std::collections::HashMap;
use std::fmt::Display;

use crate::accounting::ledger::Entry;
use crate::base::error::{ErrorKind, Result};
use crate::base::text;
use crate::cli::Context;
use crate::cli::issues::ids::print_json;
use crate::cli::issues::name::name;
use crate::git::{DiffStat, Git};
use crate::issues::attempt::{Attempt, Candidate, InterfaceChanges, WorkSummary};
use crate::issues::issue::{FileAction, Issue, Issues, TaskPlan};
use crate::issues::round::{FailedCheck, Round};
use crate::issues::stage::StageRun;
use crate::issues::store::Store;
use crate::model::{CommitId, IssueId, TypedId, id_list};
use crate::report::guidance;
use crate::report::numbers;
use crate::report::output::Zone;
use crate::report::time;

/// Prints tasks, with an empty line between them; in JSON one object, or an array where several are named.
pub(super) fn show(context: &Context, store: &Store, ids: &[TypedId]) -> Result<()> {
    let issues = store.read()?;
    let ids = issues.find_all(ids)?;
    let found = ids.iter().map(|id| issues.get(id)).collect::<Result<Vec<_>>>()?;
    if context.output.json {
        return print_json(&context.output, &found);
    }
    let sizes = Sizes::of(store.git(), &found)?;
    let zone = &context.output.zone;
    let pages = found.iter().map(|issue| render(&issues, issue, &sizes, zone));
    context.output.print(&pages.collect::<Result<Vec<_>>>()?.join("\n\n"))
}

/// How much the commits of tasks change, each compared with its first parent.
#[derive(Default)]
struct Sizes(HashMap<CommitId, DiffStat>);

impl Sizes {
    fn of(git: &Git, issues: &[&Issue]) -> Result<Self> {
        let snapshots = issues.iter().flat_map(|issue| &issue.attempts);
        let snapshots = snapshots.flat_map(|attempt| {
            let of_candidates = attempt.candidates.iter().map(|one| &one.snapshot);
            std::iter::once(&attempt.snapshot).chain(of_candidates).flatten()
        });
        let merged = issues.iter().filter_map(|issue| issue.commit.as_ref());
        let mut sizes = HashMap::new();
        for commit in snapshots.chain(merged) {
            let id = match git.resolve(commit.as_str()) {
                Ok(id) => id,
                // A task that was imported may have been done in another repository.
                Err(error) if error.kind() == ErrorKind::Usage => continue,
                Err(error) => return Err(error),
            };
            if let Some(parent) = git.commit_info(id)?.parents.first() {
                sizes.insert(commit.clone(), git.diff_stat(*parent, id)?);
            }
        }
        Ok(Self(sizes))
    }

    /// Returns a commit with its size, such as `5f1c0ff (2 files, +61 -0)`.
    fn with(&self, commit: &CommitId) -> String {
        match self.0.get(commit).filter(|size| size.files > 0) {
            Some(size) => format!("{commit} ({size})"),
            None => commit.to_string(),
        }
    }
}

fn render(issues: &Issues, issue: &Issue, sizes: &Sizes, zone: &Zone) -> Result<String> {
    let mut page = Page::default();
    page.line(0, &name(issue));
    fields(&mut page, issues, issue, sizes, zone);
    page.section(
        "depends on",
        &related(issues, issue.dependencies.iter().map(|edge| &edge.depends_on_id))?,
    );
    page.section("needed by", &related(issues, &issues.dependents(&issue.id)?)?);
    page.section("question", issue.question.as_slice());
    page.section("description", &non_empty(&issue.description));
    plan(&mut page, &issue.plan);
    let comments = issue.comments.iter();
    let comments: Vec<String> = comments
        .map(|said| {
            format!(
                "{} {}:\n  {}",
                time::moment(said.created_at, &zone.0),
                text::one_line(&said.author, 100),
                said.text.replace('\n', "\n  ")
            )
        })
        .collect();
    page.section("comments", &comments);
    let attempts: Vec<String> = issue.attempts.iter().map(|one| attempt(one, sizes, zone)).collect();
    page.section("attempts", &attempts);
    page.section("to decide", &guidance::to_decide(issue));
    Ok(page.0)
}

/// The text so far.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Adds text, each line of it indented.
    fn line(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            if !self.0.is_empty() {
                self.0.push('\n');
            }
            let line = format!("{:indent$}{}", "", text::harmless(line));
            self.0.push_str(line.trim_end());
        }
    }

    fn field(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.line(2, &format!("{name:<10} {}", text::one_line(&value.to_string(), 1000)));
        }
    }

    fn section(&mut self, name: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.0.push('\n');
        self.line(0, name);
        for item in items {
            self.line(2, item);
        }
    }
}

fn fields(page: &mut Page, issues: &Issues, issue: &Issue, sizes: &Sizes, zone: &Zone) {
    let moment = |at| time::moment(at, &zone.0);
    page.field("status", Some(issue.status.word()));
    page.field("held", issue.hold.as_ref());
    let waits_for = issues.waits_for(issue);
    page.field("waits for", (!waits_for.is_empty()).then(|| id_list(&waits_for)));
    page.field(
        "claimed",
        issue
            .claim
            .as_ref()
            .map(|claim| format!("by run {} at {}", claim.run, moment(claim.at))),
    );
    page.field("priority", Some(issue.priority));
    page.field("type", Some(&issue.issue_type));
    page.field("group", issue.group.as_ref());
    page.field("external", issue.external.as_ref());
    page.field("labels", (!issue.labels.is_empty()).then(|| issue.labels.join(", ")));
    page.field("created", Some(moment(issue.created_at)));
    page.field("changed", Some(moment(issue.updated_at)));
    page.field("closed", issue.closed_at.map(moment));
    page.field("because", issue.close_reason.as_ref());
    page.field("commit", issue.commit.as_ref().map(|commit| sizes.with(commit)));
    let forgiven = match issue.forgiven_attempts {
        0 => None,
        1 => Some("the first attempt no longer counts".to_owned()),
        count => Some(format!("the first {count} attempts no longer count")),
    };
    page.field("forgiven", forgiven);
    let from = issue.begins_from.map(|from| format!("from what attempt {from} left"));
    page.field("begins", from);
    let used = issue.usage();
    let phrase = || format!("{} in {}", numbers::usage(&used), numbers::calls(used.calls));
    page.field("used", (used.calls > 0).then(phrase));
}

fn related<'a>(issues: &Issues, ids: impl IntoIterator<Item = &'a IssueId>) -> Result<Vec<String>> {
    let line = |id: &IssueId| {
        let issue = issues.get(id)?;
        Ok(format!(
            "{id} {} {}",
            issue.status.word(),
            text::one_line(&issue.title, 200)
        ))
    };
    ids.into_iter().map(line).collect()
}

fn plan(page: &mut Page, plan: &TaskPlan) {
    page.section("required reading", &bullets(&plan.required_reading));
    let file = |file: &crate::issues::issue::TaskFile| {
        let action = match file.action {
            FileAction::Create => "create",
            FileAction::Modify => "modify",
            FileAction::Delete => "delete",
        };
        format!("{action} {}", text::one_line(&file.path, 500))
    };
    page.section("files", &plan.files.iter().map(file).collect::<Vec<_>>());
    page.section("requirements", &bullets(&plan.requirements));
    page.section("acceptance criteria", &bullets(&plan.acceptance_criteria));
    page.section("proof", &plan.proof.iter().cloned().collect::<Vec<_>>());
    let size = plan.estimated_lines.map(|lines| format!("about {lines} lines"));
    page.section("size", &size.into_iter().collect::<Vec<_>>());
}

fn bullets(items: &[String]) -> Vec<String> {
    items
        .iter()
        .map(|item| format!("- {}", item.replace('\n', "\n  ")))
        .collect()
}

fn non_empty(text: &str) -> Vec<String> {
    let text = text.trim_end();
    if text.is_empty() {
        Vec::new()
    } else {
        vec![text.to_owned()]
    }
}

fn attempt(attempt: &Attempt, sizes: &Sizes, zone: &Zone) -> String {
    let reason = match attempt.reason.as_str() {
        "" => String::new(),
        reason => format!(": {}", text::one_line(reason, 1000)),
    };
    let took = attempt.ended_at.duration_since(attempt.started_at);
    let took = time::duration(took.try_into().unwrap_or_default());
    let call = attempt.call.as_ref();
    let mut lines = vec![
        format!("{} {}{reason}", attempt.number, attempt.outcome),
        format!(
            "  run {}, {}, {took}",
            attempt.run,
            time::moment(attempt.started_at, &zone.0)
        ),
    ];
    lines.push(call.map_or_else(|| "  the agent was not called".to_owned(), used));
    let mut place = |name: &str, value: &Option<String>| {
        lines.extend(
            value
                .as_ref()
                .map(|value| format!("  {name} {}", text::one_line(value, 1000))),
        );
    };
    place("snapshot", &attempt.snapshot.as_ref().map(|commit| sizes.with(commit)));
    place(
        "left out by ignore rules",
        &attempt.ignored.as_ref().map(ToString::to_string),
    );
    let overrides: Vec<_> = attempt.overrides.iter().map(ToString::to_string).collect();
    place("called with", &(!overrides.is_empty()).then(|| overrides.join(", ")));
    place("records", &attempt.records);
    place("session", &call.and_then(|call| call.session_id.clone()));
    lines.extend(attempt.summary.iter().flat_map(summary));
    lines.extend(attempt.interfaces.iter().flat_map(interfaces));
    lines.extend(attempt.rounds.iter().flat_map(round));
    lines.extend(attempt.stages.iter().flat_map(stage));
    lines.extend(attempt.red.iter().flat_map(red));
    lines.extend(
        attempt
            .candidates
            .iter()
            .flat_map(|one| candidate(one, attempt.number, sizes)),
    );
    lines.join("\n")
}

/// Returns the lines of what an agent says of its work.
fn summary(summary: &WorkSummary) -> Vec<String> {
    let mut lines = vec![format!("  summary {}", text::harmless(&summary.to_string()))];
    let mut add = |line: String| lines.push(format!("    {}", text::harmless(&line)));
    summary.body.iter().for_each(|line| add(line.clone()));
    for (name, value) in [
        ("cause", &summary.cause),
        ("place", &summary.place),
        ("test", &summary.test),
    ] {
        if let Some(value) = value {
            add(format!("{name} {value}"));
        }
    }
    lines
}

/// How many public interfaces that changed are shown.
const INTERFACES_SHOWN: usize = 20;

/// Returns the lines of the public interfaces that an attempt changed.
fn interfaces(changes: &InterfaceChanges) -> Vec<String> {
    let lines = changes.in_lines(INTERFACES_SHOWN);
    let lines = lines.iter().map(|line| format!("    {}", text::harmless(line)));
    std::iter::once("  public interfaces changed:".to_owned())
        .chain(lines)
        .collect()
}

/// Returns the lines of a candidate; the attempt itself has those of the chosen one.
fn candidate(one: &Candidate, attempt: u32, sizes: &Sizes) -> Vec<String> {
    let reason = match one.reason.as_str() {
        "" => String::new(),
        reason => format!(": {}", text::one_line(reason, 1000)),
    };
    let score = one.score.map_or_else(String::new, |score| format!(", score {score}"));
    let number = format!("candidate {attempt}.{}", one.number);
    if one.chosen {
        return vec![format!("  {number}, as above{score}")];
    }
    let mut lines = vec![format!("  {number} {}{reason}{score}", one.outcome)];
    lines.push(one.call.as_ref().map_or_else(
        || "    the agent was not called".to_owned(),
        |call| format!("  {}", used(call)),
    ));
    let snapshot = one.snapshot.as_ref().map(|commit| sizes.with(commit));
    lines.extend(snapshot.map(|snapshot| format!("    snapshot {}", text::one_line(&snapshot, 1000))));
    let records = one.records.as_ref();
    lines.extend(records.map(|records| format!("    records {}", text::one_line(records, 1000))));
    for nested in one
        .rounds
        .iter()
        .flat_map(round)
        .chain(one.stages.iter().flat_map(stage))
    {
        lines.push(format!("  {nested}"));
    }
    lines
}

/// Returns the lines of a fix round.
fn round(round: &Round) -> Vec<String> {
    let (subject, how) = (round.red.subject(), text::one_line(&round.red.how, 300));
    let kind = if round.is_of_conflict() {
        "conflict round"
    } else {
        "fix round"
    };
    let mut lines = vec![format!("  {kind} {}: {subject} {how}", round.number)];
    let called = round.call.as_ref();
    lines.push(called.map_or_else(
        || "    the agent was not called".to_owned(),
        |call| format!("  {}", used(call)),
    ));
    lines.extend(
        round
            .records
            .as_ref()
            .map(|records| format!("    records {}", text::one_line(records, 1000))),
    );
    lines
}

/// How many findings of a review are shown.
const FINDINGS_SHOWN: usize = 5;

/// Returns the lines of a later stage: what it came to, and the weightiest findings of a review.
fn stage(stage: &StageRun) -> Vec<String> {
    let what = stage.in_words();
    let after = match stage.round {
        0 => String::new(),
        round => format!(" after fix round {round}"),
    };
    let name = text::one_line(&stage.stage, 60);
    let mut lines = vec![format!("  {name} {}{after} {what}", stage.number)];
    let findings = stage.review.as_ref().map_or(&[][..], |review| &review.findings);
    lines.extend(
        findings
            .iter()
            .take(FINDINGS_SHOWN)
            .map(|finding| format!("    {finding}")),
    );
    if let Some(more @ 1..) = findings.len().checked_sub(FINDINGS_SHOWN) {
        lines.push(format!("    and {more} more"));
    }
    lines.extend(stage.call.as_ref().map(|call| format!("  {}", used(call))));
    let records = stage.records.as_ref();
    lines.extend(records.map(|records| format!("    records {}", text::one_line(records, 1000))));
    lines
}

/// Returns the lines of a gate that was red at an attempt's end, or of the review that did not pass it: what it printed.
fn red(red: &FailedCheck) -> Vec<String> {
    let (subject, how) = (red.subject(), text::one_line(&red.how, 300));
    let mut lines = vec![format!("  {subject} {how}:")];
    lines.extend(red.output.lines().map(|line| format!("    {}", text::harmless(line))));
    if red.output.is_empty() {
        lines.push("    it printed nothing".to_owned());
    }
    lines
}

/// Returns what a call took and used.
fn used(call: &Entry) -> String {
    let model = text::one_line(call.model.as_deref().unwrap_or("no model"), 100);
    let estimated = if call.estimated { ", estimated" } else { "" };
    format!(
        "  {model}, {}, {} tokens ({}), ${:.4}{estimated}",
        numbers::counted(usize::try_from(call.turns).unwrap_or(usize::MAX), "turn"),
        call.usage.tokens(),
        numbers::kinds(&call.usage),
        call.usage.cost_usd,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::issues::tests::sample;

    fn shown(number: u32) -> String {
        let issues = sample();
        let size = DiffStat {
            files: 2,
            insertions: 61,
            deletions: 3,
        };
        let sizes = Sizes([("5f1c0ffee".parse().unwrap(), size)].into());
        let issue = issues.get(&IssueId::new(number)).unwrap();
        render(&issues, issue, &sizes, &Zone::default()).unwrap()
    }

    #[test]
    fn an_issue_is_shown_whole_and_nothing_in_it_passes_for_ours() {
        insta::assert_snapshot!("show_everything", shown(2));
        insta::assert_snapshot!("show_claimed", shown(1).lines().take(4).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_held_task_ends_with_the_commands_that_go_on() {
        let mut issues = sample();
        let five = IssueId::new(5);
        assert_eq!(guidance::to_decide(issues.get(&five).unwrap()), Vec::<String>::new());
        issues.hold(&five, "later", jiff::Timestamp::UNIX_EPOCH).unwrap();
        insta::assert_snapshot!(guidance::to_decide(issues.get(&five).unwrap()).join("\n"), @r"
        `cordwainer issues release cw-5` lets it begin
        `cordwainer issues close cw-5 --reason TEXT` drops it
        ");
        let mut touched = issues.get(&IssueId::new(2)).unwrap().clone();
        touched.attempts[0].outcome = crate::issues::attempt::Outcome::ProtectedPath;
        insta::assert_snapshot!(guidance::to_decide(&touched).join("\n"), @r"
        `cordwainer issues diff cw-2` shows what it changes
        `cordwainer transcript runs/20261121-1/cw-2-1` shows what the agent did
        `cordwainer issues release cw-2 --accept` merges it as it is; gates do not run
        `cordwainer issues comment cw-2 TEXT` adds to what the next attempt is told
        `cordwainer issues release cw-2` has it attempted again; earlier attempts no longer count
        `cordwainer issues close cw-2 --reason TEXT` drops it
        ");
    }
}
