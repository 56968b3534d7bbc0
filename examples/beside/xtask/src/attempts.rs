//! An observer of this repository's own: a line for each attempt, in a file that other tools read.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use cordwainer::event::{Event, EventKind};
use cordwainer::extension::Observer;

/// Writes down how attempts ended.
pub struct Attempts {
    pub file: PathBuf,
}

impl Observer for Attempts {
    fn observe(&self, event: &Event) {
        let EventKind::AttemptEnded { task, outcome, .. } = &event.kind else {
            return;
        };
        let opened = OpenOptions::new().create(true).append(true).open(&self.file);
        let written = opened.and_then(|mut file| writeln!(file, "{} {task} {outcome}", event.at));
        if let Err(error) = written {
            eprintln!("warning: cannot write {}: {error}", self.file.display());
        }
    }
}
