//! Which findings have become tasks in generations whose archives are gone: by that they are not filed a second time. One file on a
//! ref of the repository, changed by compare-and-swap.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Whether the task of a finding was closed, by what the finding is recognized.
    findings: BTreeMap<String, bool>,
}

/// Keeps which findings became tasks in a generation whose archive is about to go. It can be done twice.
pub(crate) fn keep(git: &Git, issues: &Issues, now: Timestamp) -> Result<()> {
    let of_findings = issues.iter().filter_map(|issue| {
        let external = issue
            .external
            .as_ref()
            .filter(|external| found::is_of_finding(external))?;
        Some((external.clone(), issue.status == Status::Closed))
    });
    let more: BTreeMap<String, bool> = of_findings.collect();
    loop {
        let tip = git.reference(REFERENCE)?;
        let before = read(git, tip)?;
        let mut filed = before.clone();
        for (external, is_closed) in &more {
            *filed.findings.entry(external.clone()).or_default() |= is_closed;
        }
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
            parents: tip.into_iter().collect(),
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

/// Returns by what the findings are recognized that became tasks in generations whose archives are gone; with `only_closed`, of
/// those tasks only the closed ones count.
pub(crate) fn known(git: &Git, only_closed: bool) -> Result<BTreeSet<String>> {
    let filed = read(git, git.reference(REFERENCE)?)?;
    let counts = filed
        .findings
        .into_iter()
        .filter(|(_, is_closed)| *is_closed || !only_closed);
    Ok(counts.map(|(external, _)| external).collect())
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
