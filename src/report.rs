//! What people see of a run: folds over its events, for a terminal, a pipe, or as JSON. Nothing in here changes
//! anything.

use tokio::sync::mpsc::UnboundedReceiver;

use crate::base::error::Result;
use crate::record::event::Event;
use crate::report::live::LiveLines;
use crate::report::output::Output;

pub(crate) mod invocation;
mod lines;
mod live;
pub(crate) mod numbers;
pub(crate) mod output;
pub(crate) mod status;
pub(crate) mod terminal;

/// Shows events until the run that sends them ends.
pub(crate) async fn follow(output: &Output, terminal: bool, mut events: UnboundedReceiver<Event>) -> Result<()> {
    if output.json {
        while let Some(event) = events.recv().await {
            output.print_json_line(&event)?;
        }
        return Ok(());
    }
    let mut live = terminal.then(|| LiveLines::new(output.screen.clone()));
    while let Some(event) = events.recv().await {
        if let Some(live) = &mut live {
            live.update(&event);
        }
        if let Some(line) = lines::lasting(&event.kind) {
            output.screen.above(|| output.print(&line))?;
        }
    }
    Ok(())
}
