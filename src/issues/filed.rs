//! Which findings were done as tasks in generations whose archives are gone: by that they are not filed a second time. What was left
//! undone there is a task nowhere any more, and is filed again. One file on a ref of the repository, changed by compare-and-swap.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::crash::crash_point;
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::git::{Git, NewCommit, Oid, RefMove, TreeEdit};
use crate::issues::found;
use crate::issues::issue::{Issues, Status};

/// The ref: no archive has this name, since no generation has the name `archive`.
const REFERENCE: &str = "refs/cordwainer/archive/archive/filed";
/// The file in its tree.
const FILE: &str = "filed.json";
/// The format of the file.
const FORMAT: u32 = 1;

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filed {
    format: u32,
    /// By what the findings are recognized.
    findings: BTreeSet<String>,
}

/// Keeps which findings were done in a generation whose archive is about to go. It can be done twice.
pub(crate) fn keep(git: &Git, issues: &Issues, now: Timestamp) -> Result<()> {
    let done = issues.iter().filter(|issue| issue.status == Status::Closed);
    let externals = done.filter_map(|issue| issue.external.clone());
    let more: BTreeSet<String> = externals.filter(|external| found::is_of_finding(external)).collect();
    loop {
        let tip = git.reference(REFERENCE)?;
        let before = read(git, tip)?;
        let mut filed = before.clone();
        filed.findings.extend(more.iter().cloned());
        if filed == before {
            return Ok(());
        }
        filed.format = FORMAT;
        let json = serde_json::to_vec_pretty(&filed).context("cannot write which findings were filed")?;
        let edit = TreeEdit {
            write: vec![(PathBuf::from(FILE), json)],
            ..TreeEdit::default()
        };
        let commit = git.commit(&NewCommit {
            tree: git.edit_tree(git.empty_tree()?, &edit)?,
            // What an earlier one has is in this one.
            parents: Vec::new(),
            message: "keep which findings were filed as tasks\n".to_owned(),
            author: None,
            committer: None,
            time: now,
        })?;
        if git.move_reference(REFERENCE, tip, Some(commit), "cordwainer: gc")? == RefMove::Moved {
            crash_point!("gc.filed_kept");
            return Ok(());
        }
    }
}

/// Returns by what the findings are recognized that were done in generations whose archives are gone.
pub(crate) fn known(git: &Git) -> Result<BTreeSet<String>> {
    Ok(read(git, git.reference(REFERENCE)?)?.findings)
}

fn read(git: &Git, tip: Option<Oid>) -> Result<Filed> {
    let Some(tip) = tip else {
        return Ok(Filed::default());
    };
    let failed = || format!("cannot read `{FILE}` of `{REFERENCE}`");
    let json = git.read_file(tip, Path::new(FILE))?.unwrap_or_default();
    let kept: Filed = serde_json::from_slice(&json).with_context(ErrorKind::Unexpected, failed)?;
    if kept.format != FORMAT {
        let message = format!("{}: it has format {}", failed(), kept.format);
        return Err(Error::new(ErrorKind::Unexpected, message).hint("use the version of cordwainer that wrote it"));
    }
    Ok(kept)
}
