//! `cordwainer issues diff`: what an attempt at a task changed. All of it is an agent's text, and shown harmlessly.

use std::ops::ControlFlow;

use clap::Args;
use serde::Serialize;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::text::harmless;
use crate::cli::Context;
use crate::cli::issues::name::name;
use crate::cli::pager::{self, Page};
use crate::git::{FilePatch, Git, Oid};
use crate::issues::issue::Issue;
use crate::issues::store::Store;
use crate::model::{AttemptId, CommitId, IssueId, TypedId};
use crate::report::changes::{Change, stat};
use crate::report::terminal;
use crate::report::tone::DiffPart;

/// How many bytes of changes one document holds at most.
const MOST_IN_JSON: usize = 64 << 20;
/// The width of a table that no terminal shows, in columns.
const WIDTH: u16 = 80;

/// Which attempt, and what of it.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct DiffArguments {
    /// Task, by its id or the first letters of it
    #[arg(value_name = "ID")]
    id: TypedId,
    /// Attempt, such as `2`, or `2.1` for a candidate [default: the last one that left a commit]
    #[arg(value_name = "ATTEMPT")]
    attempt: Option<AttemptId>,
    /// Only the files, and how many lines of each were changed
    #[arg(long)]
    stat: bool,
    /// Do not use a pager
    #[arg(long)]
    no_pager: bool,
}

/// What an attempt changed, as one document.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Document<'a> {
    id: &'a IssueId,
    attempt: AttemptId,
    commit: &'a CommitId,
    /// What it is compared with.
    base: CommitId,
    files: Vec<ChangedFile>,
}

#[derive(Debug, Serialize)]
struct ChangedFile {
    #[serde(flatten)]
    change: Change,
    /// Missing where only the figures are asked for, `null` where it would be too much.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Patch>,
}

/// The text of what changed in a file; `null` where it would be too much.
#[derive(Debug, Serialize)]
struct Patch(Option<String>);

/// Shows what an attempt changed.
pub(super) fn diff(context: &Context, store: &Store, arguments: &DiffArguments) -> Result<()> {
    let issues = store.read()?;
    let issue = issues.get(&issues.find(&arguments.id)?)?;
    let git = store.git();
    if context.output.json {
        return context
            .output
            .print_json(&Document::of(git, issue, arguments.attempt, arguments.stat)?);
    }
    let (attempt, commit) = issue.left_by(arguments.attempt)?;
    let sides = sides(git, (issue, attempt), commit)?;
    let of = format!("{}, attempt {attempt}: {commit}\n", name(issue));
    pager::show(context, (git, !arguments.no_pager), |page| {
        let shown = Shown { context, page };
        if arguments.stat {
            shown.stat(git, sides, &of)
        } else {
            shown.patch(git, sides, &of)
        }
    })
}

impl<'a> Document<'a> {
    /// Describes what an attempt changed, the last one that left a commit where none is named.
    ///
    /// # Errors
    ///
    /// Where it left nothing, or that is not there any more.
    pub(in crate::cli) fn of(
        git: &Git,
        issue: &'a Issue,
        attempt: Option<AttemptId>,
        figures_only: bool,
    ) -> Result<Self> {
        let (attempt, commit) = issue.left_by(attempt)?;
        let sides = sides(git, (issue, attempt), commit)?;
        Ok(Self {
            id: &issue.id,
            attempt,
            commit,
            base: CommitId::from(sides.0),
            files: changed_files(git, sides, figures_only)?,
        })
    }
}

/// Returns the commit that an attempt began from, and the one that it left.
pub(in crate::cli) fn sides(git: &Git, (issue, attempt): (&Issue, AttemptId), commit: &CommitId) -> Result<(Oid, Oid)> {
    let id = git.resolve(commit.as_str()).map_err(|error| {
        let message = format!("{}: what attempt {attempt} left is not in this repository", issue.id);
        Error::new(ErrorKind::Precondition, message).because(error)
    })?;
    Ok((git.commit_info(id)?.first_parent("commit")?, id))
}

fn changed_files(git: &Git, (old, new): (Oid, Oid), figures_only: bool) -> Result<Vec<ChangedFile>> {
    let (mut files, mut left) = (Vec::new(), MOST_IN_JSON);
    git.each_patch(old, new, |patch| {
        let change = change(&patch);
        let text = (patch.text.len() <= left).then_some(patch.text);
        left -= text.as_ref().map_or(0, String::len);
        files.push(ChangedFile {
            change,
            patch: (!figures_only).then_some(Patch(text)),
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(files)
}

fn change(patch: &FilePatch) -> Change {
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    Change {
        path: text(&patch.path),
        old_path: patch.old_path.as_deref().map(text),
        insertions: patch.insertions,
        deletions: patch.deletions,
    }
}

/// What a person sees of it.
struct Shown<'a, 'page> {
    context: &'a Context,
    page: &'a mut Page<'page>,
}

impl Shown<'_, '_> {
    fn patch(mut self, git: &Git, (old, new): (Oid, Oid), of: &str) -> Result<()> {
        if self.line(None, of)?.is_break() {
            return Ok(());
        }
        git.each_patch(old, new, |patch| {
            let text = self.context.output.redactor.text(&patch.text).into_owned();
            let mut is_heading = true;
            for line in text.split_inclusive('\n') {
                is_heading &= !line.starts_with("@@");
                if self.line(part(line, is_heading), line)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn stat(mut self, git: &Git, (old, new): (Oid, Oid), of: &str) -> Result<()> {
        let mut changes = Vec::new();
        git.each_patch(old, new, |patch| {
            changes.push(change(&patch));
            Ok(ControlFlow::Continue(()))
        })?;
        let _ = self.line(None, of)?;
        let width = usize::from(terminal::width().unwrap_or(WIDTH));
        for line in stat(&changes, width) {
            let text: String = line.iter().map(|(part, text)| self.painted(*part, text)).collect();
            if self.page.write(&(text + "\n"))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn painted(&self, part: Option<DiffPart>, text: &str) -> String {
        let text = harmless(&self.context.output.redactor.text(text));
        match part {
            Some(part) if self.page.has_colors => part.paint(&text),
            _ => text,
        }
    }

    /// Writes a line of a diff, which is redacted already.
    fn line(&mut self, part: Option<DiffPart>, line: &str) -> Result<ControlFlow<()>> {
        let line = harmless(line);
        match part {
            Some(part) if self.page.has_colors => self.page.write(&part.paint(&line)),
            _ => self.page.write(&line),
        }
    }
}

/// Returns what a line of a diff is.
fn part(line: &str, is_heading: bool) -> Option<DiffPart> {
    if is_heading {
        return Some(DiffPart::Heading);
    }
    match line.bytes().next() {
        Some(b'@') => Some(DiffPart::Place),
        Some(b'+') => Some(DiffPart::Added),
        Some(b'-') => Some(DiffPart::Removed),
        _ => None,
    }
}
