//! What gates cover: read once they have ended, compared with what the work began from, and told in a prompt.

use std::path::Path;

use super::agreement;
use super::heard::Heard;
use super::ran::{GateRun, Ran, Tried};
use super::{Runner, Verdicts};
use crate::base::error::Result;
use crate::base::text::one_line;
use crate::git::{Git, Oid};
use crate::project::Project;
use crate::project::coverage::{Coverage, CoverageChange, FileChange, Names};
use crate::prompt::Document;
use crate::sandbox::spec::WORKSPACE;

/// How many bytes of uncovered places are told, of all gates together.
const MOST_TOLD: usize = 24_000;
/// How many bytes of them an agent gets that is to cover more.
const MOST_OF_A_ROUND: usize = 6_000;

/// Returns what the gates leave uncovered on a commit, for a measure that looks for tests: what is kept of them, each with the
/// name of its gate. A gate of which nothing is known there is told to `warn`.
pub(crate) fn uncovered(project: &Project, commit: Oid, warn: &mut dyn FnMut(String)) -> Result<Vec<Document>> {
    let gates = &project.config.gates;
    let measuring: Vec<_> = gates.iter().filter(|gate| gate.coverage.is_some()).collect();
    if measuring.is_empty() || !project.config.mode.kind.looks_for_tests() {
        return Ok(Vec::new());
    }
    let verdicts = Verdicts::open(&project.state_dir);
    let tree = project.git.tree_of(commit)?.to_string();
    let mut found = Vec::new();
    for gate in &measuring {
        match verdicts.covered_on(&tree, gate) {
            Some(coverage) => found.push(Document {
                path: gate.name.clone(),
                text: coverage.uncovered_in_words(MOST_TOLD / measuring.len()),
            }),
            None => warn(format!(
                "the prompt does not say what the gate `{}` leaves uncovered: it was not run on {commit}, or measured \
                 nothing there",
                one_line(&gate.name, 60)
            )),
        }
    }
    Ok(found)
}

impl Runner<'_> {
    /// Returns how a gate ended by what it was to measure, too, and what it covers.
    pub(super) fn with_coverage(&self, ran: Ran, heard: &mut Heard, tree: Oid) -> Result<(Ran, Option<Coverage>)> {
        let Some(written) = heard.coverage() else {
            return Ok((ran, None));
        };
        let entries = tokio::task::block_in_place(|| self.project.git.files(tree))?;
        let paths: Vec<_> = entries.iter().map(|entry| entry.path.to_string_lossy()).collect();
        let names = Names::new(WORKSPACE, paths.iter().map(AsRef::as_ref));
        Ok(agreement::with_coverage(ran, written.coverage(&names)))
    }
}

/// Compares what a gate covers on a tree with what it covered on what the work began from; `None` where it covered
/// nothing there that is known.
pub(super) fn change(git: &Git, tree: Oid, base: Option<&Tried>, run: &GateRun) -> Result<Option<CoverageChange>> {
    let Some(before) = base.and_then(|base| base.coverage.as_ref()) else {
        return Ok(None);
    };
    let nothing = Coverage::default();
    let after = run.coverage.as_ref().unwrap_or(&nothing);
    let mut failure = None;
    let change = CoverageChange::between(before, after, |path| match git.kind_at(tree, Path::new(path)) {
        Ok(kind) => kind.is_some(),
        Err(error) => {
            failure.get_or_insert(error);
            false
        }
    });
    failure.map_or(Ok(Some(change)), Err)
}

/// Returns where a gate covers less than before the work, for whoever is to cover more.
pub(super) fn places(change: &CoverageChange, run: &GateRun) -> String {
    let lower = run.coverage.iter().flat_map(|coverage| {
        let of = |file: &FileChange| Some((file.path.clone(), coverage.of(&file.path)?.clone()));
        change.lower.iter().filter_map(of)
    });
    let lower = Coverage {
        files: lower.collect(),
        ..Coverage::default()
    };
    let mut text = String::new();
    if !lower.files.is_empty() {
        text.push_str("Of the files that are covered less than before:\n");
        text.push_str(&lower.uncovered_in_words(MOST_OF_A_ROUND));
    }
    for path in change.unmeasured.iter().take(20) {
        text.push_str(&format!("- {} is no longer measured\n", one_line(path, 300)));
    }
    text
}
