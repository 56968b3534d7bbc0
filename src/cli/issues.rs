//! `issues …`: the store by hand.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::base::error::{Result, exit};
use crate::base::text;
use crate::cli::{Common, Context};
use crate::issues::issue::Status;
use crate::model::IssueId;
use crate::report::status;

mod add;
mod change;
mod input;
mod list;
mod name;
mod show;
mod transfer;

pub(crate) use add::AddArguments;
use change::Change;

/// The arguments of `issues`.
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
    /// List the issues, and why each is not ready
    #[command(after_help = "Example:\n  cargo xtask issues list --status open,held --label ui")]
    List {
        /// Only issues that are `open`, `in_progress`, `held` or `closed`; may be repeated
        #[arg(long, value_parser = status, value_delimiter = ',')]
        status: Vec<Status>,
        /// Only issues with this label; if repeated, with all of them
        #[arg(long, value_delimiter = ',')]
        label: Vec<String>,
    },
    /// List the issues that can begin, the next one first
    #[command(after_help = "Example:\n  cargo xtask issues ready")]
    Ready,
    /// Show everything about an issue, including its attempts
    #[command(after_help = "Example:\n  cargo xtask issues show cw-12")]
    Show {
        /// Issue, such as `cw-12`
        id: IssueId,
    },
    /// File an issue
    #[command(
        after_help = "Example:\n  cargo xtask issues add \"Parse the header\" --description \"See docs/format.md\" --depends-on cw-3"
    )]
    Add(AddArguments),
    /// Close an issue that needs no more work
    #[command(after_help = "Example:\n  cargo xtask issues close cw-12 --reason \"done by hand\"")]
    Close {
        /// Issue, such as `cw-12`
        id: IssueId,
        /// Reason, recorded with the issue
        #[arg(long, short)]
        reason: Option<String>,
    },
    /// Reopen a closed issue
    ///
    /// Earlier attempts no longer count.
    #[command(after_help = "Example:\n  cargo xtask issues reopen cw-12")]
    Reopen {
        /// Issue, such as `cw-12`
        id: IssueId,
    },
    /// Keep an issue from being worked on until it is released
    #[command(after_help = "Example:\n  cargo xtask issues hold cw-12 --reason \"the format is not decided\"")]
    Hold {
        /// Issue, such as `cw-12`
        id: IssueId,
        /// Reason, recorded with the issue
        #[arg(long, short)]
        reason: String,
    },
    /// Release a held issue
    ///
    /// It is attempted again, and earlier attempts no longer count. With `--accept` the result of its last attempt is merged
    /// instead; gates do not run on it.
    #[command(
        after_help = "Examples:\n  cargo xtask issues release cw-12\n  cargo xtask issues release cw-12 --accept"
    )]
    Release {
        /// Issue, such as `cw-12`
        id: IssueId,
        /// Merge the result of its last attempt as it is and close it, if it is held because of a path or a file
        #[arg(long)]
        accept: bool,
    },
    /// Add and remove dependencies between issues
    #[command(after_help = "Example:\n  cargo xtask issues dep add cw-12 cw-3")]
    #[command(subcommand)]
    Dep(DependencyCommand),
    /// Add a comment to an issue
    ///
    /// The prompt of the next attempt includes it.
    #[command(after_help = "Example:\n  cargo xtask issues comment cw-12 \"Use the parser in src/header.rs\"")]
    Comment {
        /// Issue, such as `cw-12`
        id: IssueId,
        /// Text of the comment; `-` reads it from stdin
        text: String,
    },
    /// File many issues at once, all or none
    #[command(after_help = "Example:\n  cargo xtask issues import tasks.json")]
    Import {
        /// File with a JSON array of issues, or one issue per line; `-` reads stdin [default: `issues.jsonl` in `beads_dir`]
        file: Option<PathBuf>,
    },
    /// Print all issues as the JSON that `import` reads
    #[command(after_help = "Example:\n  cargo xtask issues export > tasks.json")]
    Export,
}

/// Changes the dependencies between issues.
#[derive(Clone, Debug, PartialEq, Subcommand)]
#[non_exhaustive]
pub(crate) enum DependencyCommand {
    /// Make an issue wait for another
    #[command(after_help = "Example:\n  cargo xtask issues dep add cw-12 cw-3")]
    Add {
        /// Issue that waits
        id: IssueId,
        /// Issue that it waits for
        on: IssueId,
    },
    /// Remove a dependency
    #[command(after_help = "Example:\n  cargo xtask issues dep remove cw-12 cw-3")]
    Remove {
        /// Issue that waits
        id: IssueId,
        /// Issue that it waits for
        on: IssueId,
    },
}

impl IssuesCommand {
    /// Returns whether the command changes nothing, and needs no configuration.
    fn only_looks(&self) -> bool {
        matches!(self, Self::List { .. } | Self::Ready | Self::Show { .. } | Self::Export)
    }
}

/// Runs a command on the store of the selected generation, and returns its exit code.
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
    let typed = word.replace('-', "_");
    // JSON has `blocked` for `held`, so `blocked` is accepted, too.
    let found = known
        .into_iter()
        .find(|status| status::word(*status) == typed || status.to_string() == typed);
    found.ok_or_else(|| {
        let names = known.map(status::word);
        match text::nearest(word, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of {}", names.join(", ")),
        }
    })
}

#[cfg(test)]
mod tests;
