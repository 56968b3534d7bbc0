//! What a session is told about the part that it reads.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::{FileToRead, documents};
use super::scope_of;
use crate::base::error::Result;
use crate::git::Oid;
use crate::issues::issue::Issues;
use crate::issues::scope::Subject;
use crate::project::Project;
use crate::prompt::{AuditContext, Document};

/// The most bytes of changes that are shown beside the files.
const CHANGES: usize = 200_000;

/// Returns what is told about files of a commit, but for the number of the part.
pub(crate) fn told(
    project: &Project,
    issues: &Issues,
    (commit, since): (Oid, Option<Oid>),
    files: &[FileToRead],
) -> Result<AuditContext> {
    let scope = scope_of(issues, &project.config.mode);
    let request = issues.meta().request.as_ref();
    let patch = match since {
        Some(since) => {
            let paths: BTreeSet<&Path> = files.iter().map(|file| Path::new(&file.path)).collect();
            let patch = project
                .git
                .patch_of(since, commit, CHANGES, |path| paths.contains(path))?;
            Some(patch)
        }
        None => None,
    };
    let omitted = patch.iter().flat_map(|patch| &patch.left_out);
    let given = request.iter().flat_map(|request| &request.files);
    let kind = project.config.mode.kind;
    Ok(AuditContext {
        mode: kind.name().to_owned(),
        subjects: scope
            .subjects_in(kind)
            .into_iter()
            .map(Subject::name)
            .map(str::to_owned)
            .collect(),
        severity: scope.severity.to_string(),
        user_prompt: project.config.user_prompt.clone(),
        request: request
            .map(|request| request.text.clone())
            .filter(|text| !text.is_empty()),
        request_files: given
            .map(|file| Document {
                path: file.name.clone(),
                text: file.text.clone(),
            })
            .collect(),
        part: 1,
        parts: 1,
        files: documents(&project.git, files)?,
        since: scope.since,
        omitted_changes: omitted.map(|path| path.display().to_string()).collect(),
        changes: patch.map(|patch| patch.text).filter(|text| !text.is_empty()),
        problem: None,
    })
}
