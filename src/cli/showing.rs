//! Work of which events are shown while it lasts.

use tokio::sync::mpsc::unbounded_channel;

use super::Context;
use super::signal::{self, OnSignal};
use super::suspension;
use crate::base::error::{ErrorKind, Result};
use crate::base::interruption::Interruption;
use crate::lifecycle::{Generator, Plan, RunOptions, RunSummary};
use crate::record::recorder::EventSender;
use crate::report::{self, Shown, fixes};

/// Calls `work` with a sender of events and shows them until it ends; returns what was shown, too. `None` is work that a
/// person interrupted, where that was told already.
pub(super) async fn showing<T, F>(
    generator: &Generator,
    (context, interruption): (&Context, &Interruption),
    work: impl FnOnce(EventSender, Interruption) -> F,
) -> Result<(Option<T>, Shown)>
where
    F: Future<Output = Result<T>>,
{
    let on_signal = OnSignal::Suspend {
        interruption: interruption.clone(),
        grace: generator.config().stop_grace,
    };
    signal::listen(on_signal, context)?;
    suspension::attend(context)?;
    let (sender, receiver) = unbounded_channel();
    let (done, shown) = tokio::join!(
        work(sender, interruption.clone()),
        report::follow(&context.output, context.is_live(), receiver)
    );
    match done {
        Err(error) if error.kind() == ErrorKind::Interrupted => match shown? {
            shown if shown.run_ended && !context.output.json => Ok((None, shown)),
            _ => Err(error),
        },
        done => {
            let done = done?;
            Ok((Some(done), shown?))
        }
    }
}

/// Makes a measure that files nothing, and shows what happens; `None` is one that a person interrupted.
pub(super) async fn dry_run_shown(generator: &Generator, context: &Context) -> Result<Option<Plan>> {
    let work = |events, interruption| Box::pin(generator.dry_run(events, interruption));
    let (done, _) = showing(generator, (context, &Interruption::default()), work).await?;
    Ok(done)
}

/// Runs until it has ended or `interruption` asks it to, and shows what happens; `None` is a run that a person interrupted.
pub(super) async fn run_shown(
    generator: &Generator,
    options: RunOptions,
    interruption: &Interruption,
    context: &Context,
) -> Result<Option<RunSummary>> {
    let work = |events, interruption| Box::pin(generator.run(options, events, interruption));
    let (done, _) = showing(generator, (context, interruption), work).await?;
    // One that has ended by itself had no task, and may have been the only one that was open.
    if done.as_ref().is_some_and(|done| done.ended.is_none()) {
        tell_fixed(generator, context)?;
    }
    Ok(done)
}

/// Tells what the tasks of the generation have fixed, where it is about faults; in JSON on one line, like the events before it.
fn tell_fixed(generator: &Generator, context: &Context) -> Result<()> {
    let fixed = generator.fixed()?;
    if fixed.is_empty() {
        return Ok(());
    }
    if context.output.json {
        return context.output.print_json_line(&serde_json::json!({ "fixed": fixed }));
    }
    context.output.print(&fixes::fixed(&fixed))
}
