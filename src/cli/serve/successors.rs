//! The run that goes on with the generation of one that died. Somebody who follows the dead one looks for it again and again, so what
//! a look has found out about other runs is kept for the next one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::error::Result;
use crate::lifecycle::{generation_in, run_ids_in};
use crate::model::RunId;
use crate::model::generation::GenerationName;
use crate::record::history::events_of;

/// Looks for the run that goes on with the generation of one that died.
#[derive(Debug)]
pub(super) struct Successors {
    state_dir: PathBuf,
    run: RunId,
    /// The generation of the run that died; `None` where its records do not have it.
    generation: Option<GenerationName>,
    /// The runs after it that did not go on with its generation by the last look.
    others: BTreeMap<RunId, Other>,
}

/// What is known of a run that is not the one that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    /// It is of another generation.
    Elsewhere,
    /// Its events did not have its generation when they were so long; `None` where there were none.
    NotYet(Option<u64>),
}

impl Successors {
    /// Begins with nothing known of other runs than the one that died.
    pub(super) fn new(state_dir: PathBuf, run: RunId, generation: Option<GenerationName>) -> Self {
        Self {
            state_dir,
            run,
            generation,
            others: BTreeMap::new(),
        }
    }

    /// Returns the first run that went on with the generation; `None` where none has by now.
    ///
    /// # Errors
    ///
    /// Where the folder of records cannot be read.
    pub(super) fn look(&mut self) -> Result<Option<RunId>> {
        // The newest is the first one.
        let later = run_ids_in(&self.state_dir)?.into_iter().rev();
        for run in later.filter(|run| *run > self.run) {
            if self.others.get(&run) == Some(&Other::Elsewhere) {
                continue;
            }
            // Before they are read: what is appended meanwhile is read the next time.
            let length = events_of(&self.state_dir, &run)
                .metadata()
                .ok()
                .map(|looks| looks.len());
            if self.others.get(&run) == Some(&Other::NotYet(length)) {
                continue;
            }
            let other = match generation_in(&self.state_dir, &run) {
                Some(name) if self.generation.as_ref().is_none_or(|own| *own == name) => return Ok(Some(run)),
                Some(_) => Other::Elsewhere,
                None => Other::NotYet(length),
            };
            self.others.insert(run, other);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::path::Path;

    use super::*;

    fn append(state_dir: &Path, run: &str, text: &str) {
        let folder = state_dir.join("runs").join(run);
        fs::create_dir_all(&folder).unwrap();
        let mut options = File::options();
        let file = options.create(true).append(true).open(folder.join("events.jsonl"));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn started(generation: &str) -> String {
        let at = "2026-11-30T12:00:00Z";
        format!(
            "{{\"at\":\"{at}\",\"event\":{{\"type\":\"run_started\",\"run\":\"r\",\"generation\":\"{generation}\",\"engine\":\"e\",\"image\":\"i\"}}}}\n"
        )
    }

    #[test]
    fn the_first_run_of_the_generation_is_found_once_its_events_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = folder.path();
        let [before, dead, gate, other, next, later] =
            [1, 2, 3, 4, 5, 6].map(|number| format!("20261130-12000000{number}-1"));
        append(state_dir, &before, &started("generation-one"));
        append(state_dir, &dead, &started("generation-one"));
        let run = |name: &str| name.parse::<RunId>().unwrap();
        let generation = GenerationName::new("generation-one").unwrap();
        let mut successors = Successors::new(state_dir.to_owned(), run(&dead), Some(generation));
        assert_eq!(successors.look().unwrap(), None);
        // Records of a gate that was called by itself, and those of a run on another generation.
        append(state_dir, &gate, "{\"format\":10}\n");
        append(state_dir, &other, &started("generation-two"));
        fs::create_dir(state_dir.join("runs").join(&next)).unwrap();
        assert_eq!(successors.look().unwrap(), None);
        let length = Some(14);
        let known = [
            (run(&gate), Other::NotYet(length)),
            (run(&other), Other::Elsewhere),
            (run(&next), Other::NotYet(None)),
        ];
        assert_eq!(successors.others, known.into_iter().collect());
        // A line that is not whole says nothing.
        let line = started("generation-one");
        append(state_dir, &next, &line[..30]);
        assert_eq!(successors.look().unwrap(), None);
        append(state_dir, &later, &line);
        append(state_dir, &next, &line[30..]);
        assert_eq!(successors.look().unwrap(), Some(run(&next)));
    }
}
