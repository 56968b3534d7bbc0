//! Hazards in a repository's own state and settings.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use git2::{ConfigLevel, ErrorCode, Oid, Repository};
use memchr::memmem;

use super::hazard::{Hazard, Severity};
use super::words::listed;
use crate::base::error::{Context as _, Result};
use crate::base::text;
use crate::git::failure::Failure;
use crate::git::settings::settings;
use crate::git::{bytes, identity};

/// The hooks that git would run for operations of ours.
const HOOKS: [&str; 8] = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-merge-commit",
    "post-merge",
    "post-checkout",
    "reference-transaction",
];

/// Returns a local branch that is another name of a branch: it cannot be moved by compare-and-swap.
pub(super) fn alias(repository: &Repository, branch: &str) -> Result<Option<Hazard>> {
    let name = format!("refs/heads/{branch}");
    let failed = || format!("cannot read the branch `{}`", branch.escape_debug());
    let reference = match repository.find_reference(&name) {
        Ok(reference) => reference,
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => return Ok(None),
        Err(error) => return Err(error).context(failed()),
    };
    let Some(target) = reference.symbolic_target().context(failed())? else {
        return Ok(None);
    };
    let target = text::one_line(target.strip_prefix("refs/heads/").unwrap_or(target), 200);
    let text = format!("the branch `{branch}` is a symbolic ref to `{target}`, and a symbolic ref is never moved");
    let fix = format!(
        "set `base_branch` to `{target}`, or make it a branch of its own: `git symbolic-ref --delete {name}`, then `git branch {branch} {target}`"
    );
    Ok(Some(Hazard::new(Severity::Refuse, text, fix)))
}

/// Returns what the repository's state and settings bring.
pub(super) fn of_repository(repository: &Repository) -> Result<Vec<Hazard>> {
    let mut found = Vec::new();
    if repository.is_shallow() {
        let text = "the clone is shallow: older history is missing";
        found.push(Hazard::new(Severity::Warn, text, "`git fetch --unshallow` fetches it"));
    }
    found.extend(of_checkout(repository));
    for include in identity::unread_includes(repository)? {
        let text =
            format!("git includes {include} here, and cordwainer does not read it: its settings would be missing");
        let fix =
            "include it by `includeIf \"gitdir:…\"` or `include`, as git does in every repository below that folder";
        found.push(Hazard::new(Severity::Refuse, text, fix));
    }
    if is_set(repository, "commit.gpgSign") {
        let text = "commits are not signed here, although `commit.gpgSign` requests it";
        let fix = "`cordwainer stop --no-merge` leaves the branch for you to merge, and your merge is signed";
        found.push(Hazard::new(Severity::Warn, text, fix));
    }
    let hooks = hooks(repository);
    if !hooks.is_empty() {
        let text = format!("hooks are not run here: {}", listed(&hooks));
        let fix = "add checks that each task must pass as gates (`gates` in configuration.yaml)";
        found.push(Hazard::new(Severity::Warn, text, fix));
    }
    Ok(found)
}

/// Returns why the current checkout could not follow a merge into its branch.
fn of_checkout(repository: &Repository) -> Option<Hazard> {
    let hazard = |text: String, fix: &str| Some(Hazard::new(Severity::Checkout, text, fix));
    if is_set(repository, "core.sparseCheckout") {
        let text = "the checkout is sparse: `stop` cannot bring it up to date".to_owned();
        let fix = "run `git sparse-checkout disable`, or check out another branch first: the base branch then moves without a checkout";
        return hazard(text, fix);
    }
    let error = repository.index().err()?;
    if is_split(repository) {
        let text = "the index is split: `stop` cannot bring the checkout up to date".to_owned();
        let fix = "run `git config core.splitIndex false` and `git update-index --no-split-index`, or check out another branch first";
        return hazard(text, fix);
    }
    let text = format!(
        "the index cannot be read, and `stop` cannot bring the checkout up to date: {}",
        Failure::of(&error)
    );
    hazard(text, "check out another branch first, in a checkout that can be read")
}

/// Returns whether the index is split: its extension `link` has the id of the shared index that holds the rest, a file
/// beside it (gitformat-index). libgit2 reads none such, and does not say by a code that this is why.
fn is_split(repository: &Repository) -> bool {
    let folder = repository.path();
    let (Ok(index), Ok(beside)) = (fs::read(folder.join("index")), fs::read_dir(folder)) else {
        return false;
    };
    let names = beside.flatten().filter_map(|file| file.file_name().into_string().ok());
    let mut shared = names.filter_map(|name| Oid::from_str(name.strip_prefix("sharedindex.")?).ok());
    shared.any(|id| {
        let mut places = memmem::find_iter(&index, id.as_bytes());
        places.any(|place| place >= 8 && index[place - 8..].starts_with(b"link"))
    })
}

fn is_set(repository: &Repository, key: &str) -> bool {
    let config = repository.config();
    config.and_then(|config| config.get_bool(key)).unwrap_or(false)
}

/// Returns the existing hooks.
fn hooks(repository: &Repository) -> Vec<String> {
    let folder = hooks_folder(repository);
    let runs = |name: &&str| {
        fs::metadata(folder.join(name)).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    HOOKS
        .iter()
        .filter(|name| runs(name))
        .map(|name| (*name).to_owned())
        .collect()
}

/// Returns where git looks for hooks: a relative `core.hooksPath` is seen from the root of the checkout.
fn hooks_folder(repository: &Repository) -> PathBuf {
    let configured = repository.config().and_then(|config| config.get_path("core.hooksPath"));
    match configured {
        Ok(folder) => repository.workdir().unwrap_or(Path::new("")).join(folder),
        Err(_) => repository.commondir().join("hooks"),
    }
}

/// Returns what the repository's own settings have git obey, seen from where git sees it.
pub(super) fn obeyed_by_settings(repository: &Repository) -> Result<Vec<PathBuf>> {
    let config = repository.config().context("cannot read git's settings")?;
    let mut found = Vec::new();
    if config.get_path("core.hooksPath").is_ok() {
        found.push(hooks_folder(repository));
    }
    for include in settings(repository, r"^include(if\..*)?\.path$")? {
        if include.level == ConfigLevel::Local {
            found.push(repository.commondir().join(bytes::to_path(&include.value)));
        }
    }
    Ok(found)
}
