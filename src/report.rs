//! What people see of a run: folds over its events, for a terminal, a pipe, or as JSON. Nothing in here changes
//! anything.

use tokio::sync::mpsc::UnboundedReceiver;

use crate::base::error::Result;
use crate::model::IssueId;
use crate::record::event::{Event, EventKind};
use crate::report::lines::Lines;
use crate::report::live::LiveLines;
use crate::report::output::Output;
use crate::report::tone::Line;

pub(crate) mod changes;
pub(crate) mod csv;
pub(crate) mod fixes;
pub(crate) mod guidance;
pub(crate) mod invocation;
mod lines;
pub(crate) mod live;
pub(crate) mod logs;
pub(crate) mod numbers;
pub(crate) mod output;
pub(crate) mod page;
mod picture;
pub(crate) mod plan;
pub(crate) mod reading;
pub(crate) mod runs;
mod said;
pub(crate) mod screen;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod templates;
pub(crate) mod terminal;
pub(crate) mod time;
pub(crate) mod tone;
pub(crate) mod words;

/// What was shown of a command's events, for those who report the rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Whether the end of a run was told, and why it ended.
    pub(crate) run_ended: bool,
    /// The task of the last attempt that ended.
    pub(crate) attempted: Option<IssueId>,
}

impl Shown {
    fn note(&mut self, event: &EventKind) {
        match event {
            EventKind::RunEnded { .. } => self.run_ended = true,
            EventKind::AttemptEnded { task, .. } => self.attempted = Some(task.clone()),
            _ => {}
        }
    }
}

/// Returns the lasting lines of one event alone.
pub(crate) fn lasting(output: &Output, event: &Event) -> Vec<Line> {
    Lines::new(output.zone.clone()).of(event)
}

/// Returns the lasting lines of events, each with its moment, as a terminal shows them one after the other.
#[cfg(feature = "serve")]
pub(crate) fn lasting_of(events: &[Event], zone: &output::Zone) -> Vec<(jiff::Timestamp, Line)> {
    let mut lines = Lines::new(zone.clone());
    let of_one = |event: &Event| {
        lines
            .of(event)
            .into_iter()
            .map(|line| (event.at, line))
            .collect::<Vec<_>>()
    };
    events.iter().flat_map(of_one).collect()
}

/// The most events that are shown in one go.
pub(crate) const AT_ONCE: usize = 256;

/// Shows events until the run that sends them ends; returns what others ask of them. A thread of its own does it: a
/// terminal that takes nothing for a while holds up what is shown there, and not the run.
pub(crate) async fn follow(output: &Output, terminal: bool, events: UnboundedReceiver<Event>) -> Result<Shown> {
    let output = output.clone();
    let showing = tokio::task::spawn_blocking(move || show(&output, terminal, events));
    showing.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // The runtime ends, and with it the run.
        Err(_) => Ok(Shown::default()),
    })
}

fn show(output: &Output, terminal: bool, mut events: UnboundedReceiver<Event>) -> Result<Shown> {
    let mut reporter = Reporter::new(output, terminal);
    let mut some = Vec::new();
    while events.blocking_recv_many(&mut some, AT_ONCE) > 0 {
        reporter.show(&some)?;
        some.clear();
    }
    Ok(reporter.shown)
}

/// Shows the events of a run: as lines that last, and below them on a terminal those that are redrawn; or as JSON.
pub(crate) struct Reporter<'a> {
    output: &'a Output,
    live: Option<LiveLines>,
    lines: Lines,
    shown: Shown,
}

impl<'a> Reporter<'a> {
    /// Begins; `terminal` is whether live lines can be drawn.
    pub(crate) fn new(output: &'a Output, terminal: bool) -> Self {
        Self {
            output,
            live: (terminal && !output.json).then(|| LiveLines::new(&output.screen)),
            lines: Lines::new(output.zone.clone()).in_detail(output.detail),
            shown: Shown::default(),
        }
    }

    /// Shows the next events.
    pub(crate) fn show(&mut self, events: &[Event]) -> Result<()> {
        let mut told = Vec::new();
        for event in events {
            self.shown.note(&event.kind);
            if self.output.json {
                self.output.print_json_line(event)?;
                continue;
            }
            if let Some(live) = &mut self.live {
                live.update(event);
            }
            told.extend(self.lines.of(event));
        }
        if told.is_empty() {
            return Ok(());
        }
        let print = || told.iter().try_for_each(|line| self.output.print_line(line));
        self.output.screen.above(print)
    }
}
