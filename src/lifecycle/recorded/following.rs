//! The events of one run as they come: those that are there, and those that follow while it is at work.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::changes::{Changes, Woken};
use crate::base::error::{Context as _, Result};
use crate::model::RunId;
use crate::project::Project;
use crate::record::event::EventKind;
use crate::record::event_lines::{EventLine, EventLines};
use crate::record::history::events_of;

/// How long a change is waited for before it is looked whether the run is at work still, and what the kernel may not have
/// reported.
const LOOK: Duration = Duration::from_secs(1);
/// How long what follows a change may come together with it: a run that writes much does not wake its followers for each
/// line.
const TOGETHER: Duration = Duration::from_millis(50);

/// What became of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// There may be more.
    More,
    /// The run has ended, and there will be no more.
    Ended,
    /// Whoever reads what is shown is gone.
    ReaderGone,
}

/// Reads the events of a run, and waits for more of them.
#[derive(Debug)]
pub struct RunEvents {
    project: Project,
    run: RunId,
    path: PathBuf,
    lines: Option<EventLines>,
    changes: Changes,
    /// Whether the event of the run's end was read.
    has_end: bool,
    /// Whether the run was seen to be at work.
    was_at_work: bool,
    /// Whether the run was seen not to be at work, after which everything was read once more.
    is_over: bool,
}

impl RunEvents {
    pub(super) fn new(project: Project, run: RunId) -> Self {
        let path = events_of(&project.state_dir, &run);
        Self {
            project,
            run,
            path,
            lines: None,
            changes: Changes::new(),
            has_end: false,
            was_at_work: false,
            is_over: false,
        }
    }

    /// Returns the run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns whether the event of the run's end was read.
    pub fn has_end(&self) -> bool {
        self.has_end
    }

    /// Returns the next event, or line that is none; `None` where there is no other by now.
    ///
    /// # Errors
    ///
    /// Those of [`EventLines::next_event`].
    pub fn next_event(&mut self) -> Result<Option<EventLine<'_>>> {
        self.next_wanted(|_| true)
    }

    /// Returns the next event as [`Self::next_event`] does, and passes over those of types that are not wanted.
    ///
    /// # Errors
    ///
    /// Those of [`EventLines::next_event`].
    pub(crate) fn next_wanted(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Result<Option<EventLine<'_>>> {
        if self.lines.is_none() {
            self.lines = EventLines::open(&self.path)?;
        }
        let Some(lines) = &mut self.lines else { return Ok(None) };
        let line = lines.next_wanted(is_wanted)?;
        if let Some(EventLine::Event(event, _)) = &line {
            self.has_end |= matches!(event.kind, EventKind::RunEnded { .. });
        }
        Ok(line)
    }

    /// Returns where the next line begins in `events.jsonl`, in bytes.
    pub fn offset(&self) -> u64 {
        self.lines.as_ref().map_or(0, EventLines::offset)
    }

    /// Waits until there may be more to read, or the run has ended. It is called when [`Self::next_event`] has no other.
    /// `reader` is where what is read is shown, if it matters that somebody looks; an `idle` wait also ends when nothing has
    /// happened for a second.
    ///
    /// # Errors
    ///
    /// Where the system cannot wait, or the lock cannot be read.
    pub fn wait(&mut self, reader: Option<BorrowedFd<'_>>, idle: bool) -> Result<Next> {
        if self.has_end || self.is_over {
            return Ok(Next::Ended);
        }
        if !self.was_at_work {
            self.was_at_work = self.is_at_work()?;
            self.is_over = !self.was_at_work;
            return Ok(Next::More);
        }
        loop {
            self.watch();
            let woken = self.changes.wait(LOOK, reader).context("cannot wait for changes")?;
            match woken {
                Woken::ReaderGone => return Ok(Next::ReaderGone),
                Woken::Changed => {
                    let woken = Changes::default()
                        .wait(TOGETHER, reader)
                        .context("cannot wait for changes")?;
                    return Ok(if woken == Woken::ReaderGone {
                        Next::ReaderGone
                    } else {
                        Next::More
                    });
                }
                Woken::Late if self.has_grown() => return Ok(Next::More),
                Woken::Late if !self.is_at_work()? => {
                    // What it wrote last may have come after the last look.
                    self.is_over = true;
                    return Ok(Next::More);
                }
                Woken::Late if idle => return Ok(Next::More),
                Woken::Late => {}
            }
        }
    }

    /// Watches the events; where there are none yet, for the folder in which they come to be.
    fn watch(&self) {
        for place in self.path.ancestors() {
            if self.changes.add(place) || place == self.project.state_dir {
                return;
            }
        }
    }

    fn has_grown(&self) -> bool {
        match &self.lines {
            Some(lines) => lines.length() > lines.offset() + lines.torn(),
            None => self.path.exists(),
        }
    }

    /// Returns whether the run holds the repository's lock.
    fn is_at_work(&self) -> Result<bool> {
        let holder = self.project.run_at_work()?;
        Ok(holder.is_some_and(|holder| holder.id == self.run.as_str()))
    }
}
