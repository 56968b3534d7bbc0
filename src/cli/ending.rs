//! `cordwainer stop` and `cordwainer reset`: what they announce, and what they report.

use clap::Args;

use super::Context;
use crate::base::error::{Result, exit};
use crate::base::interruption::Interruption;
use crate::base::text::one_line;
use crate::lifecycle::{
    Generator, MergeGates, MergedTask, NewToRun, NewToRunChange, Removal, StopOptions, StopSummary, UndoneGroup,
    UndoneTask,
};
use crate::model::generation::GenerationName;
use crate::report::numbers::{self, counted};
use crate::report::words::in_words;

/// The options of `stop`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct StopArgs {
    /// End the generation, but keep its branch, to be merged by other means
    #[arg(long)]
    no_merge: bool,
    /// Merge without running the gates on the merge
    #[arg(long, conflicts_with = "no_merge")]
    no_gates: bool,
}

pub(super) async fn stop(
    generator: &Generator,
    args: StopArgs,
    interruption: Interruption,
    context: &Context,
) -> Result<u8> {
    let announce = |generation: &GenerationName, removal: &Removal| tell_removal(context, generation, removal);
    let options = StopOptions {
        no_merge: args.no_merge,
        no_gates: args.no_gates,
        interruption,
    };
    let done = generator.stop(options, announce).await?;
    if context.output.json {
        context.output.print_json(&done)?;
        return Ok(exit::DONE);
    }
    tell_recovered(context, &done.recovered)?;
    for gate in &done.not_yet {
        let gate = one_line(gate, 60);
        context
            .output
            .print(&format!("The gate `{gate}` never passed in {}.", done.generation))?;
    }
    if let Some(text) = about_gates(done.gates) {
        context.output.print(text)?;
    }
    tell_result(context, &done)?;
    tell_undone(context, &done.undone)?;
    let heading = format!("{} not done:", counted(done.undone_groups.len(), "group"));
    let line = |group: &UndoneGroup| {
        format!(
            "{} ({}) {}",
            group.key,
            in_words(group.state),
            one_line(&group.name, 100)
        )
    };
    tell_list(context, &heading, done.undone_groups.iter().map(line))?;
    tell_new_to_run(context, &done.new_to_run)?;
    if let Some(push) = &done.push {
        context
            .output
            .print(&format!("To publish it: `git {}`", push.join(" ")))?;
    }
    Ok(exit::DONE)
}

/// Returns what to say of the gates on the merge; `None` where nothing was merged.
fn about_gates(gates: MergeGates) -> Option<&'static str> {
    match gates {
        MergeGates::NoMerge => None,
        MergeGates::Passed => Some("The gates passed on the merge."),
        MergeGates::Skipped => Some("The gates did not run on the merge, as requested."),
        MergeGates::None => Some("No gates are configured, so nothing checked the merge."),
    }
}

/// Prints what became of the generation, and how much that changes.
fn tell_result(context: &Context, done: &StopSummary) -> Result<()> {
    let changes = done.diff.map(|diff| format!(" ({diff})")).unwrap_or_default();
    match (&done.merged, &done.left) {
        (Some(commit), _) => {
            context.output.print(&format!(
                "Merged {} into {} as {}{changes}.",
                done.generation,
                done.base_branch,
                &commit[..10]
            ))?;
        }
        (None, Some(branch)) => context.output.print(&format!(
            "Ended {}; its branch {branch} is still to be merged{changes}.",
            done.generation
        ))?,
        (None, None) if done.found_merged => context.output.print(&format!(
            "Ended {}: {} has its work already.",
            done.generation, done.base_branch
        ))?,
        (None, None) => context.output.print(&format!(
            "Ended {}: there was nothing to merge into {}.",
            done.generation, done.base_branch
        ))?,
    }
    let beside = [
        done.tag.as_ref().map(|tag| format!("Tagged it {tag}.")),
        done.version_file
            .as_ref()
            .map(|file| format!("{file} has its version, in the merge.")),
        done.changelog
            .as_ref()
            .filter(|_| done.merged.is_some())
            .map(|file| format!("{file} has an entry about it, in the merge.")),
    ];
    for line in beside.iter().flatten() {
        context.output.print(line)?;
    }
    if done.merged.is_some() && !done.tasks.is_empty() {
        tell_tasks(context, done)?;
    }
    if let Some(archive) = &done.archive {
        context
            .output
            .print(&format!("Tasks and their commits are kept under {archive}."))?;
    }
    Ok(())
}

/// Reports the tasks that were merged, and what all of it took.
fn tell_tasks(context: &Context, done: &StopSummary) -> Result<()> {
    let heading = format!(
        "{} merged, after {} and {}, {}:",
        counted(done.tasks.len(), "task"),
        counted(done.totals.attempts, "attempt"),
        numbers::calls(done.totals.usage.calls),
        numbers::usage(&done.totals.usage),
    );
    let line = |task: &MergedTask| {
        let score = task.score.map_or_else(String::new, |score| format!(" (score {score})"));
        format!("{} {}{score}", task.id, one_line(&task.title, 100))
    };
    tell_list(context, &heading, done.tasks.iter().map(line))?;
    let changed = done
        .tasks
        .iter()
        .filter_map(|task| Some((&task.id, task.interfaces.as_ref()?)));
    let changed: Vec<String> = changed
        .flat_map(|(id, changes)| {
            let lines = changes.in_lines(usize::MAX).into_iter();
            lines.map(move |line| format!("{id} {}", one_line(&line, 500)))
        })
        .collect();
    tell_list(context, "Public interfaces that changed:", changed.into_iter())
}

/// Reports the tasks that end with the generation and are not done.
fn tell_undone(context: &Context, tasks: &[UndoneTask]) -> Result<()> {
    let heading = format!("{} not done:", counted(tasks.len(), "task"));
    let line = |task: &UndoneTask| {
        let title = one_line(&task.title, 100);
        let why = task.hold.as_ref().map(|hold| format!(": {}", one_line(hold, 100)));
        format!(
            "{} ({}{}) {title}",
            task.id,
            task.status.word(),
            why.unwrap_or_default()
        )
    };
    tell_list(context, &heading, tasks.iter().map(line))?;
    if !tasks.is_empty() {
        context
            .output
            .print("`cordwainer start --carry` begins the next generation with what is not done.")?;
    }
    Ok(())
}

/// Reports the files that tools obey or run by themselves, and that are new or changed.
fn tell_new_to_run(context: &Context, files: &[NewToRun]) -> Result<()> {
    let line = |file: &NewToRun| {
        let change = match file.change {
            NewToRunChange::Added => "new",
            NewToRunChange::Modified => "changed",
        };
        let by = file.named_by.as_ref();
        let by = by.map(|by| format!(", by {}", one_line(by, 200))).unwrap_or_default();
        format!("{} ({change}; {}{by})", one_line(&file.path, 200), file.tool)
    };
    let heading = "Read these files before your next command: tools obey or run them automatically.";
    tell_list(context, heading, files.iter().map(line))
}

/// Prints a heading and the first lines of a list below it; nothing where the list is empty.
fn tell_list(context: &Context, heading: &str, lines: impl ExactSizeIterator<Item = String>) -> Result<()> {
    const SHOWN: usize = 20;
    let count = lines.len();
    if count == 0 {
        return Ok(());
    }
    let mut text = heading.to_owned();
    for line in lines.take(SHOWN) {
        text.push_str(&format!("\n  {line}"));
    }
    if let Some(more @ 1..) = count.checked_sub(SHOWN) {
        text.push_str(&format!("\n  and {more} more; `--json` lists them all"));
    }
    context.output.print(&text)
}

pub(super) async fn reset(generator: &Generator, context: &Context) -> Result<u8> {
    let announce = |generation: &GenerationName, removal: &Removal| tell_removal(context, generation, removal);
    let done = generator.reset(announce).await?;
    if context.output.json {
        context.output.print_json(&done)?;
        return Ok(exit::DONE);
    }
    tell_recovered(context, &done.recovered)?;
    context.output.print(&format!(
        "Reset {}; its commits and tasks are kept under {}.",
        done.generation, done.archive
    ))?;
    Ok(exit::DONE)
}

/// Prints what will be removed, before it is removed.
fn tell_removal(context: &Context, generation: &GenerationName, removal: &Removal) {
    let mut text = format!("Ending {generation} removes:");
    let branch = generation.branch();
    let (branches, refs): (Vec<_>, Vec<_>) = removal.refs.iter().partition(|name| **name == branch);
    if !branches.is_empty() {
        text.push_str(&format!("\n  the branch {generation}"));
    }
    text.push_str(&format!(
        "\n  {} below {}",
        counted(refs.len(), "ref"),
        generation.namespace()
    ));
    if !removal.worktrees.is_empty() {
        text.push_str(&format!(
            "\n  {} of the pool: {}",
            counted(removal.worktrees.len(), "worktree"),
            removal.worktrees.join(", ")
        ));
    }
    for folder in &removal.folders {
        text.push_str(&format!("\n  the folder {folder} from the base branch"));
    }
    if let Some(kept) = &removal.kept_under {
        text.push_str(&format!("\nAll its commits and tasks stay reachable under {kept}"));
    }
    context.output.say(&text);
}

fn tell_recovered(context: &Context, recovered: &[String]) -> Result<()> {
    recovered
        .iter()
        .try_for_each(|what| context.output.print(&format!("Recovered: {what}.")))
}
