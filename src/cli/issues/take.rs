//! `cordwainer issues take`: a task on a branch of the person's own, and back.

use std::path::PathBuf;

use clap::Args;

use crate::base::error::Result;
use crate::cli::Context;
use crate::cli::issues::name::name;
use crate::lifecycle::{Generator, TakeOptions};
use crate::model::{AttemptId, CommitId, IssueId, TypedId};

/// Which task, and where to.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct TakeArguments {
    /// Task, by its id or the first letters of it
    #[arg(value_name = "ID")]
    id: TypedId,
    /// Attempt whose work it is, such as `2`, or `2.1` for a candidate [default: the last one that left a commit]
    #[arg(value_name = "ATTEMPT")]
    attempt: Option<AttemptId>,
    /// Name of the branch [default: the task's id]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Folder of the worktree [default: beside the repository, with its name and the task's id]
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
    /// Hand the task back: what you have committed on its branch is merged, and closes it
    #[arg(long, conflicts_with_all = ["attempt", "branch", "path"])]
    back: bool,
}

/// Takes a task, or hands it back.
pub(super) fn take(context: &Context, arguments: &TakeArguments) -> Result<()> {
    let generator = context.open()?;
    let id = generator.store()?.read()?.find(&arguments.id)?;
    if arguments.back {
        return hand_back(context, &generator, &id);
    }
    let options = TakeOptions {
        attempt: arguments.attempt,
        branch: arguments.branch.clone(),
        path: arguments.path.as_ref().map(|path| context.directory.join(path)),
    };
    let taken = generator.take(&id, &options)?;
    if context.output.json {
        return context.output.print_json(&taken);
    }
    let say = |text: String| context.output.say(&text);
    say(format!(
        "Took {}: it is held, and its work is the branch `{}` in `{}`.",
        name(&taken.issue),
        taken.branch,
        taken.path
    ));
    if !taken.issue.attempts.is_empty() {
        say(
            "Note: what an agent wrote is in that folder now. Nothing was run there, but your tools would: hooks of git by \
             `core.hooksPath`, builds and tests, editors, direnv."
                .to_owned(),
        );
    }
    for file in &taken.new_to_run {
        say(format!(
            "Note: {} obeys or runs `{}`, which the work has changed.",
            file.tool, file.path
        ));
    }
    if taken.behind > 0 {
        let commits = crate::report::numbers::counted(taken.behind, "commit");
        say(format!(
            "Note: the generation has {commits} that it does not have; `git rebase` brings them."
        ));
    }
    say(format!(
        "Next: commit there, then `cordwainer issues take {id} --back` merges it; gates do not run."
    ));
    say(format!(
        "Next: `cordwainer issues release {id}` gives it back to an agent instead."
    ));
    Ok(())
}

fn hand_back(context: &Context, generator: &Generator, id: &IssueId) -> Result<()> {
    let issue = generator.hand_back(id)?;
    if context.output.json {
        return context.output.print_json(&issue);
    }
    let commit = issue.commit.as_ref().map_or("", CommitId::as_str);
    context.output.say(&format!(
        "Merged {}: it is on the generation branch as {commit}.",
        name(&issue)
    ));
    context
        .output
        .say("Note: gates did not run on it. Branch and worktree stay: they are yours.");
    Ok(())
}
