//! `cordwainer issues shell`: a sealed container, to try by hand what an attempt left.

use clap::Args;

use crate::base::error::Result;
use crate::base::interruption::Interruption;
use crate::cli::Context;
use crate::cli::raw_terminal::{self, RawTerminal};
use crate::cli::signal::{GRACE, OnSignal, listen};
use crate::lifecycle::{PersonsTerminal, ShellOptions};
use crate::model::{AttemptId, TypedId};

/// Which work a shell is opened on.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct ShellArguments {
    /// Task, by its id or the first letters of it
    #[arg(value_name = "ID")]
    id: TypedId,
    /// Attempt whose work it is, such as `2`, or `2.1` for a candidate [default: the last one that left a commit]
    #[arg(value_name = "ATTEMPT")]
    attempt: Option<AttemptId>,
    /// Keep what you leave there on the task's ref, as an attempt of yours
    #[arg(long)]
    keep: bool,
}

/// Opens a shell, and tells what is left of it.
pub(super) async fn shell(context: &Context, arguments: &ShellArguments) -> Result<()> {
    RawTerminal::expect()?;
    let generator = context.open()?;
    let issues = generator.store()?.read()?;
    let id = issues.find(&arguments.id)?;
    if arguments.attempt.is_some() {
        // What is refused is not announced before.
        let _ = issues.get(&id)?.left_by(arguments.attempt)?;
    }
    let interruption = Interruption::default();
    let on_signal = OnSignal::Finish {
        interruption: interruption.clone(),
        grace: GRACE,
    };
    listen(on_signal, context)?;
    let options = ShellOptions {
        attempt: arguments.attempt,
        keep: arguments.keep,
        interruption,
    };
    let fate = if arguments.keep { "kept" } else { "discarded" };
    context.output.say(&format!(
        "Opening a sealed container on {id}: `exit` ends it, and what you change there is {fate}."
    ));
    let raw = RawTerminal::take()?;
    let terminal = PersonsTerminal {
        input: Box::new(raw_terminal::file(std::io::stdin())?),
        output: Box::new(raw_terminal::file(std::io::stdout())?),
        size: raw_terminal::size()?,
        kind: context.terminal.clone(),
    };
    let done = Box::pin(generator.shell(&id, &options, terminal)).await;
    drop(raw);
    let done = done?;
    if context.output.json {
        return context.output.print_json(&done);
    }
    for what in &done.left_out {
        context.output.say(&format!("Note: {what}."));
    }
    context.output.say(&match done.kept {
        Some(kept) => format!(
            "What you left is attempt {kept}: `cordwainer issues diff {id} {kept}` shows it, and `cordwainer issues release {id} \
             --from {kept}` has an agent go on from it."
        ),
        None if arguments.keep => "You changed nothing: nothing is kept.".to_owned(),
        None => "Nothing is kept.".to_owned(),
    });
    Ok(())
}
