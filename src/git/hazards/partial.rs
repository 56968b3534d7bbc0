//! Partial clones: objects that git would fetch when it needs them, and libgit2 does not.

use std::fs;

use git2::{ErrorCode, ObjectType, Oid, Repository};

use super::hazard::{Hazard, Severity};
use crate::base::error::{Context as _, Result};
use crate::base::text;
use crate::git::EntryKind;

/// Finds what a partial clone lacks: a refusal where files of the commit are missing, a warning where only history may
/// be missing.
pub(super) fn look(repository: &Repository, commit: Oid) -> Result<Vec<Hazard>> {
    let promised = promisors(repository)?;
    if promised.is_empty() && !has_promisor_pack(repository) {
        return Ok(Vec::new());
    }
    let remote = promised.first().map_or("origin", String::as_str);
    let fix = format!(
        "`git fetch --refetch --no-filter {remote}` fetches all objects; then `git config --unset remote.{remote}.promisor` \
         and `git config --unset remote.{remote}.partialCloneFilter`"
    );
    if Files(repository).are_missing(commit)? {
        let text = format!("the clone is partial, and files of the commit {commit} are missing");
        return Ok(vec![Hazard::new(Severity::Refuse, text, fix)]);
    }
    if promised.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("the clone is partial: agents cannot read the part of the history that only `{remote}` has");
    Ok(vec![Hazard::new(Severity::Warn, text, fix)])
}

/// Returns the remotes that have the missing objects, by the configuration.
fn promisors(repository: &Repository) -> Result<Vec<String>> {
    let failed = "cannot read git's configuration";
    let config = repository.config().context(failed)?;
    let mut found = Vec::new();
    let mut entries = config.entries(Some(r"^remote\..*\.promisor$")).context(failed)?;
    while let Some(entry) = entries.next() {
        let entry = entry.context(failed)?;
        let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
        let remote = name
            .strip_prefix("remote.")
            .and_then(|rest| rest.strip_suffix(".promisor"));
        if let (Some(remote), true) = (remote, config.get_bool(&name).unwrap_or(true)) {
            found.push(text::one_line(remote, 60));
        }
    }
    Ok(found)
}

/// Returns whether a pack came from a remote that left objects out.
fn has_promisor_pack(repository: &Repository) -> bool {
    let Ok(entries) = fs::read_dir(repository.commondir().join("objects/pack")) else {
        return false;
    };
    let mut names = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    names.any(|path| path.extension().is_some_and(|extension| extension == "promisor"))
}

/// The files of a repository, whose trees themselves may not be there.
struct Files<'repository>(&'repository Repository);

impl Files<'_> {
    fn are_missing(&self, commit: Oid) -> Result<bool> {
        match self.0.find_commit(commit) {
            Ok(commit) => self.is_tree_missing(commit.tree_id()),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(true),
            Err(error) => Err(error).context(format!("cannot read the commit {commit}")),
        }
    }

    fn is_tree_missing(&self, id: Oid) -> Result<bool> {
        let failed = || format!("cannot read the tree {id}");
        let tree = match self.0.find_tree(id) {
            Ok(tree) => tree,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(true),
            Err(error) => return Err(error).context(failed()),
        };
        let objects = self.0.odb().context(failed())?;
        for entry in &tree {
            let kind = EntryKind::of_mode(entry.filemode_raw().cast_unsigned());
            let missing = match entry.kind() {
                Some(ObjectType::Tree) => self.is_tree_missing(entry.id())?,
                _ => kind != EntryKind::Submodule && !objects.exists(entry.id()),
            };
            if missing {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
