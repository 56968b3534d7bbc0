//! `watch` and `status --watch`: the lines of the run that is at work, in any terminal.

use std::os::fd::AsFd as _;

use crate::base::error::{Error, ErrorKind, Result, exit};
use crate::cli::Context;
use crate::cli::signal::{self, OnSignal};
use crate::lifecycle::{Generator, Next};
use crate::model::RunId;
use crate::record::event::Event;
use crate::record::event_lines::EventLine;
use crate::record::overview::RunOutcome;
use crate::report::runs::no_end;
use crate::report::{AT_ONCE, Reporter};

/// Shows the run that is at work as its own terminal does, until it has ended.
pub(super) fn execute(generator: &Generator, context: &Context) -> Result<u8> {
    let holder = generator.run_at_work()?.and_then(|holder| RunId::parse(&holder.id));
    let Some(run) = holder else {
        let message = "no run is at work on this repository";
        return Err(Error::new(ErrorKind::NothingToDo, message)
            .hint("`cordwainer run` begins one; `cordwainer runs show` shows what the last one came to"));
    };
    signal::listen(OnSignal::Leave, context)?;
    let output = &context.output;
    let mut events = generator.run_events(&run);
    let mut reporter = Reporter::new(output, context.is_live());
    let stdout = std::io::stdout();
    // Most events are of this type, and only live lines and JSON show it.
    let has_all = context.is_live() || output.json;
    let mut some = Vec::new();
    loop {
        while let Some(line) = events.next_wanted(|kind| has_all || kind != b"agent_progress")? {
            match line {
                EventLine::Event(event, _) => some.push(*event),
                EventLine::Unreadable(unread) => {
                    show(&mut reporter, &mut some)?;
                    output.say(&format!("Warning: {}.", unread.in_words()));
                }
            }
            if some.len() == AT_ONCE {
                show(&mut reporter, &mut some)?;
            }
            if output.is_reader_gone() {
                return Ok(exit::DONE);
            }
        }
        show(&mut reporter, &mut some)?;
        match events.wait(Some(stdout.as_fd()), false)? {
            Next::More => {}
            Next::ReaderGone => return Ok(exit::DONE),
            Next::Ended => break,
        }
    }
    drop(reporter);
    output.screen.end();
    if !events.has_end() && generator.overview(&run)?.run.outcome == RunOutcome::Died {
        output.say(&no_end(&run));
    }
    Ok(exit::DONE)
}

/// Shows events, which are shown then.
fn show(reporter: &mut Reporter<'_>, some: &mut Vec<Event>) -> Result<()> {
    let shown = reporter.show(some);
    some.clear();
    shown
}
