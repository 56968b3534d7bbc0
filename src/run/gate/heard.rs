//! What is heard of a gate while it runs: its output, its results, in the output or in files, and its coverage.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::results::{OutputReader, Results, of_junit};
use crate::base::error::Result;
use crate::base::lines::Line;
use crate::base::redact::Redactor;
use crate::base::whole_output::WholeOutput;
use crate::config::{Gate, ResultsFormat};
use crate::git::{FoundFile, Globs, SeenFolder, find_files, read_found};
use crate::project::coverage::{self, Coverage, Names};
use crate::run::call::Sandbox;
use crate::run::slots::SlotMounts;
use crate::run::tops::PreparedMounts;

/// The most files of results of a gate.
const MOST_FILES: usize = 10_000;
/// The most bytes of them, together.
const MOST_BYTES: u64 = 64 << 20;

/// What is heard of a gate.
pub(super) struct Heard {
    output: WholeOutput,
    results: Option<Reading>,
    coverage: Option<WrittenFiles>,
}

/// Results that are being read.
enum Reading {
    Output(OutputReader),
    Files(WrittenFiles),
}

impl Heard {
    /// Begins, before the gate does.
    pub(super) fn begin(sandbox: &Sandbox<'_>, gate: &Gate) -> Result<Self> {
        let results = match &gate.results {
            None => None,
            Some(ResultsFormat::Junit(glob)) => Some(Reading::Files(WrittenFiles::before(sandbox, glob)?)),
            Some(format) => OutputReader::new(format).map(Reading::Output),
        };
        let coverage = gate.coverage.as_deref();
        Ok(Self {
            output: WholeOutput::new(&sandbox.folder.redactor),
            results,
            coverage: coverage.map(|glob| WrittenFiles::before(sandbox, glob)).transpose()?,
        })
    }

    /// Takes a line of the output.
    pub(super) fn take(&mut self, line: &Line) {
        let line = self.output.take(line);
        if let Some(Reading::Output(reader)) = &mut self.results {
            reader.line(&line);
        }
    }

    /// Returns the end of the output.
    pub(super) fn output(&self) -> &[u8] {
        self.output.end()
    }

    /// Returns the output for the record: whole up to 16 MiB, and beyond that with a line that says how much is left out.
    pub(super) fn whole_output(&self) -> Cow<'_, [u8]> {
        self.output.text()
    }

    /// Returns the results, once the gate has ended: why they cannot be used, as the end of a sentence, where they
    /// cannot. `None` for a gate that has none.
    pub(super) fn results(&mut self) -> Option<std::result::Result<Results, String>> {
        Some(match self.results.take()? {
            Reading::Output(reader) => reader.finish(),
            Reading::Files(files) => files.read(|files| of_junit(files.iter().copied())),
        })
    }

    /// Returns what tells what the gate covers, once it has ended; `None` for a gate that does not measure it.
    pub(super) fn coverage(&mut self) -> Option<WrittenFiles> {
        self.coverage.take()
    }
}

/// The files that a gate wrote, each a path and its content.
type Contents<'a> = &'a [(&'a str, &'a [u8])];

/// Files that a gate is to write.
pub(super) struct WrittenFiles {
    glob: String,
    globs: Globs,
    places: Vec<SeenFolder>,
    /// Those that were there before.
    before: BTreeMap<PathBuf, FoundFile>,
    redactor: Redactor,
}

impl WrittenFiles {
    /// Looks at what is there before the gate.
    fn before(sandbox: &Sandbox<'_>, glob: &str) -> Result<Self> {
        let globs = Globs::new([glob])?;
        let places = places(&sandbox.slot, sandbox.mounts);
        let before = tokio::task::block_in_place(|| find_files(&places, &globs))?;
        Ok(Self {
            glob: glob.to_owned(),
            globs,
            places,
            before,
            redactor: sandbox.folder.redactor.clone(),
        })
    }

    /// Returns what the gate covers of the files with these names: why that is not known, as the end of a sentence, where it
    /// is not.
    pub(super) fn coverage(self, names: &Names<'_>) -> std::result::Result<Coverage, String> {
        self.read(|files| coverage::read_all(files.iter().copied(), names).map_err(|error| error.in_a_line()))
    }

    /// Reads those that the gate wrote.
    fn read<T>(
        self,
        read: impl FnOnce(Contents<'_>) -> std::result::Result<T, String>,
    ) -> std::result::Result<T, String> {
        tokio::task::block_in_place(|| {
            let files = self.contents()?;
            let files: Vec<_> = files
                .iter()
                .map(|(path, content)| (path.as_str(), content.as_slice()))
                .collect();
            read(&files)
        })
    }

    fn contents(&self) -> std::result::Result<Vec<(String, Vec<u8>)>, String> {
        let mut found = find_files(&self.places, &self.globs).map_err(|error| error.in_a_line())?;
        found.retain(|path, file| self.before.get(path) != Some(file));
        if found.is_empty() {
            return Err(format!("it wrote no file that matches `{}`", self.glob));
        }
        let bytes: u64 = found.values().map(|file| file.bytes).sum();
        if found.len() > MOST_FILES || bytes > MOST_BYTES {
            return Err(format!(
                "it wrote {} files with {bytes} bytes, and at most {MOST_FILES} with {MOST_BYTES} are read",
                found.len()
            ));
        }
        let mut contents = Vec::new();
        for (path, file) in &found {
            // Nothing runs any more, so that it has the size that was seen.
            let content = read_found(&self.places, path, file.bytes).map_err(|error| error.in_a_line())?;
            let content = self.redactor.bytes(&content.unwrap_or_default()).into_owned();
            contents.push((path.display().to_string(), content));
        }
        Ok(contents)
    }
}

/// Returns the folders of the host that get what a container of a slot writes into its worktree.
pub(super) fn places(slot: &std::path::Path, mounts: &SlotMounts) -> Vec<SeenFolder> {
    let worktree = SeenFolder {
        folder: slot.to_owned(),
        seen_at: PathBuf::new(),
    };
    let prepared = mounts.layer().into_iter().flat_map(PreparedMounts::written);
    std::iter::once(worktree).chain(prepared).collect()
}
