//! What people see of a run: folds over its events, for a terminal, a pipe, or as JSON.

use tokio::sync::mpsc::UnboundedReceiver;

use crate::cli::Context;
use crate::error::Result;
use crate::event::Event;
use crate::report::live::LiveLines;

mod lines;
mod live;
pub(crate) mod numbers;
pub(crate) mod status;

/// Shows events until the run that sends them ends.
pub(crate) async fn follow(context: &Context, terminal: bool, mut events: UnboundedReceiver<Event>) -> Result<()> {
    if context.json {
        while let Some(event) = events.recv().await {
            context.print_json_line(&event)?;
        }
        return Ok(());
    }
    let mut live = terminal.then(|| LiveLines::new(context.screen.clone()));
    while let Some(event) = events.recv().await {
        if let Some(live) = &mut live {
            live.update(&event);
        }
        if let Some(line) = lines::lasting(&event.event) {
            context.screen.above(|| context.print(&line))?;
        }
    }
    Ok(())
}
