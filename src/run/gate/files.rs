//! A gate that looks for files in the tree: each of its globs matches a file, and no file that it matches is empty.
//! Decided on the host, from what git has.

use super::Runner;
use super::ran::{GateRun, Ran};
use super::results::{Outcome, Results};
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::config::Gate;
use crate::git::{EntryKind, Globs, Oid};

impl Runner<'_> {
    /// Looks for a gate's files in a tree. Its globs are its tests, so that they are compared by name.
    pub(super) fn look_for_files(&self, gate: &Gate, tree: Oid) -> Result<GateRun> {
        let git = &self.project.git;
        let mut files = git.matching(tree, &gate.files)?;
        files.retain(|file| matches!(file.kind, EntryKind::File | EntryKind::Executable));
        let mut results = Results::default();
        let mut faults = Vec::new();
        for glob in &gate.files {
            let globs = Globs::new([glob.as_str()])?;
            let mut matched = files.iter().filter(|file| globs.matches(&file.path)).peekable();
            let mut fault = matched.peek().is_none().then(|| format!("no file matches `{glob}`"));
            for file in matched {
                if git.blob_size(file.id)? == 0 {
                    fault = Some(format!(
                        "`{}` is empty",
                        one_line(&file.path.display().to_string(), 200)
                    ));
                    break;
                }
            }
            let outcome = if fault.is_some() {
                Outcome::Failed
            } else {
                Outcome::Passed
            };
            // There are no more globs than a person writes.
            let _ = results.add(glob, outcome);
            faults.extend(fault);
        }
        let ran = if faults.is_empty() {
            Ran::Passed
        } else {
            Ran::Red(format!("does not find what it looks for: {}", faults.join("; ")))
        };
        Ok(GateRun {
            results: Some(results.sorted()),
            ..ran.without_output()
        })
    }
}
