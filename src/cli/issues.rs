//! `issues …`: the store by hand. The command has the field's word; people read "task".

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::base::error::{Error, Result, exit};
use crate::cli::Context;
use crate::issues::issue::Status;
use crate::issues::store::Store;
use crate::model::TypedId;

mod add;
mod change;
pub(in crate::cli) mod diff;
pub(crate) mod document;
mod edit;
mod form;
mod group;
mod ids;
mod input;
pub(in crate::cli) mod list;
mod name;
mod release;
mod revert;
mod say;
mod shell;
mod show;
mod take;
pub(in crate::cli) mod tasks;
mod transfer;
mod tree;
mod values;

pub(crate) use add::AddArguments;
use change::{Change, EditArguments};
use diff::DiffArguments;
use group::GroupCommand;
use ids::Ids;
use release::ReleaseArguments;
use revert::RevertArguments;
use shell::ShellArguments;
use take::TakeArguments;

/// The arguments of `issues`.
#[derive(Clone, Debug, Args)]
pub(crate) struct IssuesArgs {
    #[command(subcommand)]
    pub(super) command: IssuesCommand,
}

/// Looks at and changes the tasks of a generation.
#[derive(Clone, Debug, PartialEq, Subcommand)]
#[non_exhaustive]
pub(crate) enum IssuesCommand {
    /// List the tasks, and why each is not ready
    ///
    /// With `--generation` it lists those of an ended generation, too.
    #[command(
        after_long_help = "Examples:\n  cordwainer issues list --status open,held --label ui\n  cordwainer issues list --generation search"
    )]
    List {
        /// Only tasks with this status; may be repeated
        #[arg(long, value_parser = values::status(), value_delimiter = ',')]
        status: Vec<Status>,
        /// Only tasks with this label; if repeated, with all of them
        #[arg(long, value_delimiter = ',')]
        label: Vec<String>,
        /// Only tasks of this group
        #[arg(long, value_name = "KEY")]
        group: Option<String>,
    },
    /// List the tasks that can begin, the next one first
    #[command(after_long_help = "Example:\n  cordwainer issues ready")]
    Ready,
    /// Show everything about tasks, including their attempts
    #[command(after_long_help = "Example:\n  cordwainer issues show cw-k7qd")]
    Show(Ids),
    /// Show what an attempt at a task changed
    ///
    /// On a terminal it is shown through your pager, which is chosen as git does it. With `--generation` it shows tasks of ended
    /// generations, too.
    #[command(
        after_long_help = "Examples:\n  cordwainer issues diff cw-k7qd\n  cordwainer issues diff cw-k7qd 2.1 --stat"
    )]
    Diff(DiffArguments),
    /// Show which tasks depend on which, as a tree
    ///
    /// Below each task are those that it depends on. A task that several depend on is shown below each of them, and what
    /// is below it only once. Without a task, the tree begins with those that no other depends on.
    #[command(after_long_help = "Example:\n  cordwainer issues tree cw-k7qd")]
    Tree {
        /// Tasks at the top, by their ids or the first letters of them
        #[arg(value_name = "ID")]
        ids: Vec<TypedId>,
    },
    /// File a task
    #[command(
        after_long_help = "Examples:\n  cordwainer issues add \"Parse the header\" --description \"See docs/format.md\" --depends-on cw-k7qd\n  cordwainer issues add \"Round half sizes up\" --proof \"pytest tests/test_half_sizes.py\""
    )]
    Add(AddArguments),
    /// Change title, description, priority, type, labels or proof of tasks
    ///
    /// Without options, one task is opened in `VISUAL` or `EDITOR`. An attempt that has begun goes on with what it was given.
    #[command(
        after_long_help = "Examples:\n  cordwainer issues edit cw-k7qd\n  cordwainer issues edit cw-k7qd --title \"Parse the whole header\" --priority 1 --label parser"
    )]
    Edit(EditArguments),
    /// Close tasks that need no more work
    #[command(after_long_help = "Example:\n  cordwainer issues close cw-k7qd cw-m3hx --reason \"done by hand\"")]
    Close {
        #[command(flatten)]
        ids: Ids,
        /// Reason, recorded with the tasks
        #[arg(long, short)]
        reason: Option<String>,
    },
    /// Reopen closed tasks
    ///
    /// Earlier attempts no longer count.
    #[command(after_long_help = "Example:\n  cordwainer issues reopen cw-k7qd")]
    Reopen(Ids),
    /// Keep tasks from being worked on until they are released
    #[command(after_long_help = "Example:\n  cordwainer issues hold cw-k7qd --reason \"the format is not decided\"")]
    Hold {
        #[command(flatten)]
        ids: Ids,
        /// Reason, recorded with the tasks
        #[arg(long, short)]
        reason: String,
    },
    /// Release held tasks
    ///
    /// They are attempted again, and earlier attempts no longer count: from nothing, or with `--from` from what an attempt left.
    /// With `--accept` the result of the last attempt at
    /// one task is merged instead; gates do not run on it. `--edit` opens the list of proposals in `VISUAL` or `EDITOR`.
    #[command(
        visible_alias = "retry",
        after_long_help = "Examples:\n  cordwainer issues release cw-k7qd\n  cordwainer issues release cw-k7qd --from 2 --with \"Keep the parser, drop the cache\"\n  cordwainer issues release cw-k7qd --accept\n  cordwainer issues release --edit"
    )]
    Release(ReleaseArguments),
    /// Take the work of a merged task out of the generation again
    ///
    /// A commit on the generation branch undoes the task's commit, and the task is open again. Where later work changed the same
    /// places, it is refused. Gates do not run on what is left. No run may be at work.
    #[command(
        after_long_help = "Examples:\n  cordwainer issues revert cw-k7qd --reason \"it breaks the import\"\n  cordwainer issues revert cw-k7qd --close"
    )]
    Revert(RevertArguments),
    /// Go on with a task on a branch of your own, and hand it back
    ///
    /// The task is held, and what an attempt left is a branch and a worktree of yours. With `--back`, what you have committed
    /// there is merged once the gates pass on the merge, and the task closed. That, and nothing else, waits for the run to end.
    #[command(
        after_long_help = "Examples:\n  cordwainer issues take cw-k7qd\n  cordwainer issues take cw-k7qd 2 --branch parser --path ../parser\n  cordwainer issues take cw-k7qd --back"
    )]
    Take(TakeArguments),
    /// Try by hand what an attempt at a task left, in a container sealed as an agent's
    ///
    /// It is on a copy, and what you change there is discarded, unless you keep it. Its network is that of gates. No run may be at
    /// work, and none can begin meanwhile.
    #[command(
        after_long_help = "Examples:\n  cordwainer issues shell cw-k7qd\n  cordwainer issues shell cw-k7qd 2.1 --keep"
    )]
    Shell(ShellArguments),
    /// Answer what the agent of a held task asks
    ///
    /// The task is open again, and the next run goes on with its session, which gets the answer. Where its candidates ask several
    /// questions, one answer is for all of them, and several answer one each, in the order in which `cordwainer issues show` prints them.
    #[command(
        after_long_help = "Examples:\n  cordwainer issues answer cw-k7qd \"Use the European table\"\n  cordwainer issues answer cw-k7qd \"Metres\" \"Both names\"\n  cat answer.md | cordwainer issues answer cw-k7qd -"
    )]
    Answer {
        /// Task, by its id or the first letters of it
        #[arg(value_name = "ID")]
        id: TypedId,
        /// Text of the answer; `-` reads it from stdin
        #[arg(value_name = "TEXT", required = true)]
        texts: Vec<String>,
    },
    /// Delete tasks that nobody has worked on
    ///
    /// A task that was attempted, is in progress, or that another depends on is refused: close it instead.
    #[command(after_long_help = "Example:\n  cordwainer issues delete cw-k7qd")]
    Delete(Ids),
    /// Add and remove dependencies between tasks
    #[command(after_long_help = "Example:\n  cordwainer issues dep add cw-k7qd cw-m3hx")]
    #[command(subcommand)]
    Dep(DependencyCommand),
    /// Add a comment to tasks
    ///
    /// The prompt of the next attempt includes it.
    #[command(after_long_help = "Example:\n  cordwainer issues comment cw-k7qd \"Use the parser in src/header.rs\"")]
    Comment {
        #[command(flatten)]
        ids: Ids,
        /// Text of the comment; `-` reads it from stdin
        #[arg(required = true)]
        text: String,
    },
    /// Say something to the agent that works on a task now
    ///
    /// The agent reads it with the next result of a tool, or once it has finished what it was asked for. It is a comment on the task,
    /// too, so that a later attempt has it.
    #[command(after_long_help = "Example:\n  cordwainer issues say cw-k7qd \"The table is in docs/sizes.md\"")]
    Say {
        /// Task, by its id or the first letters of it
        #[arg(value_name = "ID")]
        id: TypedId,
        /// What to say; `-` reads it from stdin
        #[arg(value_name = "TEXT")]
        text: String,
    },
    /// File many tasks at once, all or none
    ///
    /// Tasks that were imported before are recognized by their `external` or `id` and not filed again. Of a document (`.md`,
    /// `.txt`) the open items are filed, as `spec inspect` shows them.
    #[command(
        after_long_help = "Examples:\n  cordwainer issues import tasks.json\n  cordwainer issues import docs/backlog.md\n  cordwainer issues import --undo cw-k7qd\n  gh issue list --json number,title,body,labels,state,url | cordwainer issues import -"
    )]
    Import {
        /// File with a JSON array of tasks, or one task per line, or a document; `-` reads JSON from stdin [default:
        /// `issues.jsonl` in `beads_dir`]
        file: Option<PathBuf>,
        /// Delete the tasks that were imported from a document together with this one, unless anybody has worked on them
        #[arg(long, value_name = "ID", conflicts_with = "file")]
        undo: Option<TypedId>,
    },
    /// Look at and change the groups of a generation that is built from documents
    #[command(after_long_help = "Example:\n  cordwainer issues group list")]
    #[command(subcommand)]
    Group(GroupCommand),
    /// Print all tasks as the JSON that `import` reads
    #[command(after_long_help = "Example:\n  cordwainer issues export > tasks.json")]
    Export,
}

/// Changes the dependencies between tasks.
#[derive(Clone, Debug, PartialEq, Subcommand)]
#[non_exhaustive]
pub(crate) enum DependencyCommand {
    /// Make a task wait for another
    #[command(after_long_help = "Example:\n  cordwainer issues dep add cw-k7qd cw-m3hx")]
    Add {
        /// Task that waits
        id: TypedId,
        /// Task that it waits for
        on: TypedId,
    },
    /// Remove a dependency
    #[command(after_long_help = "Example:\n  cordwainer issues dep remove cw-k7qd cw-m3hx")]
    Remove {
        /// Task that waits
        id: TypedId,
        /// Task that it waits for
        on: TypedId,
    },
}

/// Runs a command on the store of the selected generation, and returns its exit code.
pub(super) async fn execute(command: &IssuesCommand, context: &Context) -> Result<u8> {
    let read = || store_to_read(context);
    let store = || context.open()?.store();
    let change = || Ok::<_, Error>(Change::new(context, store()?));
    match command {
        IssuesCommand::List { status, label, group } => {
            list::list(context, &read()?, (status, label, group.as_deref()))?;
        }
        IssuesCommand::Group(command) => {
            if command.adds() {
                context.open()?.refuse_without_groups()?;
            }
            let store = if command.is_read_only() { read()? } else { store()? };
            group::execute(command, &store, context)?;
        }
        IssuesCommand::Ready => list::ready(context, &read()?)?,
        IssuesCommand::Show(Ids { ids }) => show::show(context, &read()?, ids)?,
        IssuesCommand::Diff(arguments) => diff::diff(context, &read()?, arguments)?,
        IssuesCommand::Tree { ids } => tree::tree(context, &read()?, ids)?,
        IssuesCommand::Export => transfer::export(context, &read()?)?,
        IssuesCommand::Add(arguments) => add::add(context, &store()?, arguments)?,
        IssuesCommand::Edit(arguments) => match arguments.to_open() {
            Some(ids) => edit::in_editor(context, store()?, ids)?,
            None => change()?.edit(arguments)?,
        },
        IssuesCommand::Close { ids, reason } => change()?.close(&ids.ids, reason.as_deref())?,
        IssuesCommand::Reopen(Ids { ids }) => change()?.reopen(ids)?,
        IssuesCommand::Hold { ids, reason } => change()?.hold(&ids.ids, reason)?,
        IssuesCommand::Release(arguments) => release::release(context, arguments)?,
        IssuesCommand::Revert(arguments) => revert::revert(context, arguments)?,
        IssuesCommand::Shell(arguments) => Box::pin(shell::shell(context, arguments)).await?,
        IssuesCommand::Take(arguments) => Box::pin(take::take(context, arguments)).await?,
        IssuesCommand::Answer { id, texts } => change()?.answer(id, texts)?,
        IssuesCommand::Delete(Ids { ids }) => change()?.delete(ids)?,
        IssuesCommand::Dep(DependencyCommand::Add { id, on }) => change()?.add_dependency(id, on)?,
        IssuesCommand::Dep(DependencyCommand::Remove { id, on }) => change()?.remove_dependency(id, on)?,
        IssuesCommand::Comment { ids, text } => change()?.comment(&ids.ids, text)?,
        IssuesCommand::Say { id, text } => say::say(context, id, text)?,
        IssuesCommand::Import { undo: Some(id), .. } => change()?.undo_import(id)?,
        IssuesCommand::Import { file: Some(file), .. } if document::is_document(file) => {
            document::import(context, &store()?, file)?;
        }
        IssuesCommand::Import { file, .. } => import(context, file.as_deref())?,
    }
    Ok(exit::DONE)
}

/// Opens the store for a command that changes nothing, and needs no configuration. A generation that is named may have
/// ended.
fn store_to_read(context: &Context) -> Result<Store> {
    let generator = context.look()?;
    if context.generation.is_some() {
        return Ok(generator.store_to_read()?.1);
    }
    generator.store().or_else(|error| {
        let listing = generator.list()?;
        Err(match listing.ended.first() {
            Some(last) if listing.open.is_empty() => error.hint(format!(
                "`--generation {}` selects the one that ended last; `cordwainer start` creates another one",
                last.generation
            )),
            _ => error,
        })
    })
}

fn import(context: &Context, file: Option<&Path>) -> Result<()> {
    let generator = context.open()?;
    let beads_dir = generator.config().beads_dir.as_ref();
    let beads_dir = beads_dir.map(|folder| generator.git().workdir().join(folder));
    transfer::import(context, &generator.store()?, file, beads_dir.as_deref())
}

#[cfg(test)]
mod tests;
