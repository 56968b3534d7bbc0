//! The course of a run, for whoever looks again and again: only what is new since the last look is read.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::base::error::Result;
use crate::lifecycle::Generator;
use crate::lifecycle::recorded::{standing, why_unreadable};
use crate::model::RunId;
use crate::model::generation::GenerationName;
use crate::record::course::{CourseOfRun, RunCourse};
use crate::record::event::EventKind;
use crate::record::event_lines::{EventLine, EventLines};
use crate::record::history::events_of;
use crate::record::overview::{RunOutcome, RunRow};

/// The course of a run, up to where its events were read.
#[derive(Debug)]
pub(crate) struct LiveCourse {
    run: RunId,
    lines: Option<EventLines>,
    course: CourseOfRun,
}

impl LiveCourse {
    /// Begins with nothing read.
    pub(crate) fn new(run: RunId) -> Self {
        Self {
            course: CourseOfRun::new(run.clone()),
            lines: None,
            run,
        }
    }

    /// Returns the course of the run by now.
    ///
    /// # Errors
    ///
    /// Where its events are gone, or cannot be read.
    pub(crate) fn by_now(&mut self, generator: &Generator) -> Result<RunCourse> {
        let is_at_work = self.read_on(generator)?;
        let mut course = self.course.clone().summed_up();
        course.overview.run = standing(course.overview.run, is_at_work, generator.project.clock().now());
        Ok(course)
    }

    /// Returns how the run stands by now, and the generation that it works on.
    ///
    /// # Errors
    ///
    /// Those of [`Self::by_now`].
    pub(crate) fn standing(&mut self, generator: &Generator) -> Result<(RunOutcome, Option<GenerationName>)> {
        let is_at_work = self.read_on(generator)?;
        let overview = &self.course.overview;
        let outcome = if is_at_work {
            RunOutcome::AtWork
        } else {
            overview.end().0
        };
        Ok((outcome, overview.run.generation.clone()))
    }

    /// Returns the row of the run by now, as a list has it; where its events cannot be read, the row says why.
    pub(crate) fn row(&mut self, generator: &Generator) -> RunRow {
        match self.read_on(generator) {
            Ok(_) => self.course.overview.clone().summed_up().run,
            Err(error) => RunRow::new(self.run.clone()).unreadable(why_unreadable(&error)),
        }
    }

    /// Reads what is new, and returns whether the run is at work.
    fn read_on(&mut self, generator: &Generator) -> Result<bool> {
        let read = self.read_new(generator);
        if read.is_err() {
            // What could not be read whole is not gone on with.
            *self = Self::new(self.run.clone());
        }
        read
    }

    fn read_new(&mut self, generator: &Generator) -> Result<bool> {
        let is_at_work = generator.id_at_work()?.as_ref() == Some(&self.run);
        let path = events_of(generator.state_dir(), &self.run);
        // Another file than the one that was read, or a shorter one, is read from its beginning.
        let looks = fs::metadata(&path).ok();
        let is_it = |lines: &EventLines| {
            let is_known = |looks: &fs::Metadata| lines.inode() == Some(looks.ino()) && looks.len() >= lines.offset();
            looks.as_ref().is_some_and(is_known)
        };
        if !self.lines.as_ref().is_some_and(is_it) {
            *self = Self::new(self.run.clone());
            self.lines = EventLines::open(&path)?;
        }
        match &mut self.lines {
            Some(lines) => {
                while let Some(line) = lines.next_event()? {
                    match line {
                        EventLine::Event(event, _) => self.course.add(&event),
                        EventLine::Unreadable(_) => self.course.add_unreadable(),
                    }
                }
            }
            // One that is at work has just begun.
            None if is_at_work => {}
            None => return Err(generator.events_gone(&self.run)),
        }
        Ok(is_at_work)
    }
}

/// Returns the generation that a run works on; `None` while its events do not have it, or where they cannot be read.
pub(crate) fn generation_in(state_dir: &Path, run: &RunId) -> Option<GenerationName> {
    let mut lines = EventLines::open(&events_of(state_dir, run)).ok()??;
    while let Some(line) = lines.next_wanted(|kind| kind == b"run_started").ok()? {
        if let EventLine::Event(event, _) = line
            && let EventKind::RunStarted { generation, .. } = event.kind
        {
            return Some(generation);
        }
    }
    None
}
