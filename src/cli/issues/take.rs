//! `cordwainer issues take`: a task on a branch of the person's own, and back.

use std::path::PathBuf;

use clap::Args;

use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::cli::Context;
use crate::cli::issues::name::name;
use crate::cli::signal::{GRACE, OnSignal, listen};
use crate::lifecycle::{Generator, HandBackOptions, MergeGates, TakeOptions};
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
    /// With `--back`: merge without running the gates on the merge
    #[arg(long, requires = "back")]
    no_gates: bool,
}

/// Takes a task, or hands it back.
pub(super) async fn take(context: &Context, arguments: &TakeArguments) -> Result<()> {
    let generator = context.open()?;
    let id = generator.store()?.read()?.find(&arguments.id)?;
    if arguments.back {
        return hand_back(context, &generator, &id, arguments.no_gates).await;
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
        "Next: commit there, then `cordwainer issues take {id} --back` merges it once the gates pass."
    ));
    say(format!(
        "Next: `cordwainer issues release {id}` gives it back to an agent instead."
    ));
    Ok(())
}

async fn hand_back(context: &Context, generator: &Generator, id: &IssueId, no_gates: bool) -> Result<()> {
    let interruption = Interruption::default();
    let on_signal = OnSignal::Finish {
        interruption: interruption.clone(),
        grace: GRACE,
    };
    listen(on_signal, context)?;
    let options = HandBackOptions { no_gates, interruption };
    let done = Box::pin(generator.hand_back(id, &options)).await?;
    if context.output.json {
        return context.output.print_json(&done);
    }
    let commit = done.issue.commit.as_ref().map_or("", CommitId::as_str);
    let say = |text: &str| context.output.say(text);
    say(&format!(
        "Merged {}: it is on the generation branch as {commit}.",
        name(&done.issue)
    ));
    match done.gates {
        MergeGates::Passed => say("The gates passed on it."),
        MergeGates::Skipped => say("Note: the gates did not run on it, as requested."),
        MergeGates::None => say("Note: no gates are configured, so nothing checked it."),
        // It was merged before.
        MergeGates::NoMerge => {}
    }
    say("Branch and worktree stay: they are yours.");
    Ok(())
}
