//! The course of a run, for whoever looks again and again: only what is new since the last look is read.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use crate::base::error::Result;
use crate::lifecycle::Generator;
use crate::lifecycle::recorded::standing;
use crate::model::RunId;
use crate::record::course::{CourseOfRun, RunCourse};
use crate::record::event_lines::{EventLine, EventLines};
use crate::record::history::events_of;

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
        let found = self.read_on(generator);
        if found.is_err() {
            // What could not be read whole is not gone on with.
            *self = Self::new(self.run.clone());
        }
        found
    }

    fn read_on(&mut self, generator: &Generator) -> Result<RunCourse> {
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
        let mut course = self.course.clone().summed_up();
        course.overview.run = standing(course.overview.run, is_at_work, generator.project.clock().now());
        Ok(course)
    }
}
