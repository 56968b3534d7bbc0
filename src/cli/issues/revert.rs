//! `cordwainer issues revert`: the work of a merged task, taken out of the generation again.

use clap::Args;

use crate::base::error::Result;
use crate::cli::Context;
use crate::cli::issues::name::name;
use crate::issues::issue::Status;
use crate::lifecycle::{Dependent, RevertOptions};
use crate::model::{IssueId, TypedId, id_list};

/// Which task, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct RevertArguments {
    /// Task, by its id or the first letters of it
    #[arg(value_name = "ID")]
    id: TypedId,
    /// Reason: in the commit's message, and in the prompt of the next attempt
    #[arg(long, short)]
    reason: Option<String>,
    /// Close the task, instead of opening it again
    #[arg(long)]
    close: bool,
}

/// Takes the work out, and names the tasks that were built on it.
pub(super) fn revert(context: &Context, arguments: &RevertArguments) -> Result<()> {
    let generator = context.open()?;
    let id = generator.store()?.read()?.find(&arguments.id)?;
    let options = RevertOptions {
        reason: arguments.reason.clone(),
        close: arguments.close,
    };
    let done = generator.revert(&id, &options)?;
    if context.output.json {
        return context.output.print_json(&done);
    }
    let stands = match done.issue.status {
        Status::Closed => "stays closed".to_owned(),
        status => format!("is {} again", status.word()),
    };
    context.output.say(&format!(
        "Took {} out of the generation: {} undoes {}. The task {stands}.",
        name(&done.issue),
        done.commit,
        done.reverted
    ));
    context.output.say("Note: gates did not run on what is left.");
    let note = |is_wanted: fn(&Dependent) -> bool, [one, several]: [&str; 2]| {
        let found = done.dependents.iter().filter(|dependent| is_wanted(dependent));
        let ids: Vec<IssueId> = found.map(|dependent| dependent.id.clone()).collect();
        let words = match ids.as_slice() {
            [] => return,
            [_] => one,
            _ => several,
        };
        context.output.say(&format!("Note: {} {words}", id_list(&ids)));
    };
    let words = ["depends on it, and stays merged.", "depend on it, and stay merged."];
    note(|dependent| dependent.commit.is_some(), words);
    if done.issue.status != Status::Closed {
        let words = [
            "depends on it, and waits for it again.",
            "depend on it, and wait for it again.",
        ];
        note(|dependent| dependent.status != Status::Closed, words);
    }
    Ok(())
}
