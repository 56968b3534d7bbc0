//! `issues …`: the store by hand.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::base::error::{Result, exit};
use crate::base::text;
use crate::cli::{Common, Context};
use crate::issues::issue::Status;
use crate::model::IssueId;

mod add;
mod change;
mod input;
mod list;
mod name;
mod show;
mod transfer;

pub(crate) use add::AddArguments;
use change::Change;

/// `issues` and what follows it.
#[derive(Clone, Debug, Args)]
pub struct IssuesArgs {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: IssuesCommand,
}

/// Looks at and changes the issues of a generation.
#[derive(Clone, Debug, PartialEq, Subcommand)]
#[non_exhaustive]
pub(crate) enum IssuesCommand {
    /// List the issues, with why each is not ready
    List {
        /// Only those that are `open`, `in_progress`, `blocked` or `closed`; may be given several times
        #[arg(long, value_parser = status, value_delimiter = ',')]
        status: Vec<Status>,
        /// Only those with this label; given several times, with all of them
        #[arg(long, value_delimiter = ',')]
        label: Vec<String>,
    },
    /// List what can begin, the next one first
    Ready,
    /// Show everything about an issue
    Show {
        /// The issue, such as `cw-12`
        id: IssueId,
    },
    /// File an issue
    Add(AddArguments),
    /// Close an issue that needs no work any more
    Close {
        /// The issue
        id: IssueId,
        /// Why
        #[arg(long, short)]
        reason: Option<String>,
    },
    /// Open a closed issue again; earlier attempts no longer count
    Reopen {
        /// The issue
        id: IssueId,
    },
    /// Keep an issue from being worked on until it is released
    Hold {
        /// The issue
        id: IssueId,
        /// Why
        #[arg(long, short)]
        reason: String,
    },
    /// Let a held issue go on; earlier attempts no longer count
    Release {
        /// The issue
        id: IssueId,
        /// Merge what its last attempt left, as it is, and close it; for one that is held for what it touches
        #[arg(long)]
        accept: bool,
    },
    /// Say what waits for what
    #[command(subcommand)]
    Dep(DependencyCommand),
    /// Say something about an issue
    Comment {
        /// The issue
        id: IssueId,
        /// What to say; `-` reads it from stdin
        text: String,
    },
    /// File many issues at once, all or none
    Import {
        /// A JSON array of issues, or one issue a line; `-` is stdin, and nothing is the `issues.jsonl` of `beads_dir`
        file: Option<PathBuf>,
    },
    /// Write all issues as the JSON that `import` reads
    Export,
}

/// Changes what waits for what.
#[derive(Clone, Debug, PartialEq, Subcommand)]
#[non_exhaustive]
pub(crate) enum DependencyCommand {
    /// Make an issue wait for another
    Add {
        /// The issue that waits
        id: IssueId,
        /// The issue it waits for
        on: IssueId,
    },
    /// Let an issue no longer wait for another
    Remove {
        /// The issue that waits
        id: IssueId,
        /// The issue it waits for
        on: IssueId,
    },
}

impl IssuesCommand {
    /// Whether it changes nothing, and needs no configuration.
    fn only_looks(&self) -> bool {
        matches!(self, Self::List { .. } | Self::Ready | Self::Show { .. } | Self::Export)
    }
}

/// Runs a command on the store of the generation that is meant, and returns its exit code.
pub(super) fn execute(command: &IssuesCommand, context: &Context) -> Result<u8> {
    let generator = if command.only_looks() {
        context.look()?
    } else {
        context.open()?
    };
    let store = &generator.store()?;
    let beads_dir = generator
        .config()
        .beads_dir
        .as_ref()
        .map(|folder| generator.git().workdir().join(folder));
    let beads_dir = beads_dir.as_deref();
    let change = Change::new(context, store);
    match command {
        IssuesCommand::List { status, label } => list::list(context, store, status, label)?,
        IssuesCommand::Ready => list::ready(context, store)?,
        IssuesCommand::Show { id } => show::show(context, store, id)?,
        IssuesCommand::Add(arguments) => add::add(context, store, arguments)?,
        IssuesCommand::Close { id, reason } => change.close(id, reason.as_deref())?,
        IssuesCommand::Reopen { id } => change.reopen(id)?,
        IssuesCommand::Hold { id, reason } => change.hold(id, reason)?,
        IssuesCommand::Release { id, accept: true } => change::accept(context, &generator, id)?,
        IssuesCommand::Release { id, accept: false } => change.release(id)?,
        IssuesCommand::Dep(DependencyCommand::Add { id, on }) => change.add_dependency(id, on)?,
        IssuesCommand::Dep(DependencyCommand::Remove { id, on }) => change.remove_dependency(id, on)?,
        IssuesCommand::Comment { id, text } => change.comment(id, text)?,
        IssuesCommand::Import { file } => transfer::import(context, store, file.as_deref(), beads_dir)?,
        IssuesCommand::Export => transfer::export(context, store)?,
    }
    Ok(exit::DONE)
}

fn status(word: &str) -> Result<Status, String> {
    let known = [Status::Open, Status::InProgress, Status::Blocked, Status::Closed];
    let found = known
        .into_iter()
        .find(|status| status.to_string() == word.replace('-', "_"));
    found.ok_or_else(|| {
        let names = known.map(|status| status.to_string());
        match text::nearest(word, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of {}", names.join(", ")),
        }
    })
}

#[cfg(test)]
mod tests;
