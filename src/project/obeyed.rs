//! The files of a change that tools on the person's side would obey or run by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::base::error::Result;
use crate::base::text::one_line;
use crate::config::tools::TOOLS;
use crate::git::{Change, ChangeKind, ChosenFiles, EntryKind, Git, Oid, TreeEntry};
use crate::project::protected::{Manifest, Named, Naming, Paths, ProtectedPaths, What, is_manifest, leads_to};

/// The largest file that is searched for names of others; people write a few kilobytes.
const MANIFEST_LIMIT: u64 = 256 * 1024;

/// The most links in a row that are followed: as many as Linux follows, so that no tool gets further.
const LINKS_IN_A_ROW: usize = 40;

/// How many files that name others are remembered: more than that begin anew.
const MOST_READ: usize = 20_000;

/// Files that name others, by their paths and contents: what is in one does not depend on its tree.
static READ: Mutex<BTreeMap<Place, Arc<Manifest>>> = Mutex::new(BTreeMap::new());

/// A path, and what is read there.
type Place = (PathBuf, Option<(EntryKind, Oid)>);

/// The files that may make tools run others.
static NAMING: ChosenFiles<fn(&Path, EntryKind) -> bool> = ChosenFiles::new(may_name);

/// A new or changed file that some tool obeys or runs by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NewToRun {
    /// Its path from the root of the repository.
    pub path: String,
    /// The tool, by its name in the table of `src/config/tools.rs`.
    pub tool: String,
    /// Whether it is `added` or `modified`.
    pub change: NewToRunChange,
    /// The file that makes the tool run it; `None` where its own name does.
    pub named_by: Option<String>,
}

/// The change of such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NewToRunChange {
    /// It is new.
    Added,
    /// Its content, mode or kind changed.
    Modified,
}

/// Finds, in words, what a change from one tree or commit to another touches that no task may change without a person's
/// consent: protected paths, files that other files make tools run in place of protected ones, before the change or
/// after it, and files that begin to do so.
pub(crate) fn touched(git: &Git, protected: &ProtectedPaths, old: Oid, new: Oid) -> Result<Vec<String>> {
    let changes = git.changes(old, new)?;
    let is_watched = |path: &str| protected.has(Path::new(path));
    let before = named_in(git, old, &is_watched)?;
    let after = named_in(git, new, &is_watched)?;
    let paths = paths_of(before.iter().chain(&after));
    let mut news: BTreeMap<&str, &Named> = BTreeMap::new();
    for named in after.difference(&before) {
        news.entry(&named.by).or_insert(named);
    }
    let quoted = |path: &Path| format!("`{}`", one_line(&path.display().to_string(), 200));
    let said = changes.iter().filter_map(|Change { path, .. }| {
        if protected.has(path) {
            return Some(quoted(path));
        }
        if let Some(named) = paths.get(path).or_else(|| paths.above(path)) {
            let by = one_line(&named.by, 200);
            return Some(format!("{} ({} runs it by `{by}`)", quoted(path), named.tool));
        }
        let named = news.get(path.to_string_lossy().as_ref())?;
        let what = match &named.what {
            What::Path(path) => format!("makes {} run `{}`", named.tool, one_line(path, 200)),
            What::Value { key, .. } => format!("makes {} run the value of `{}`", named.tool, one_line(key, 100)),
            What::Unreadable(_) => format!("is obeyed by {}, and cannot be read here", named.tool),
        };
        Some(format!("{} (it {what})", quoted(path)))
    });
    Ok(said.collect())
}

/// Finds the files that are new or changed between two commits and that some tool obeys or runs by itself, by path.
pub(crate) fn new_to_run(git: &Git, protected: &ProtectedPaths, old: Oid, new: Oid) -> Result<Vec<NewToRun>> {
    let mut tools = Vec::new();
    for tool in TOOLS {
        let globs: Vec<String> = tool
            .obeys
            .iter()
            .chain(tool.runs)
            .map(|&glob| glob.to_owned())
            .collect();
        tools.push((tool.name, ProtectedPaths::new(&globs)?));
    }
    let tool_of = |path: &Path| {
        let tool = tools.iter().find(|(_, globs)| globs.has(path)).map(|(name, _)| *name);
        tool.or_else(|| protected.has(path).then_some("cordwainer"))
    };
    let named = named_in(git, new, &|path: &str| tool_of(Path::new(path)).is_some())?;
    let paths = paths_of(&named);
    let mut found = Vec::new();
    for Change { path, kind } in git.changes(old, new)? {
        let change = match kind {
            ChangeKind::Added => NewToRunChange::Added,
            ChangeKind::Modified => NewToRunChange::Modified,
            ChangeKind::Deleted => continue,
        };
        let by = paths.get(&path);
        if let Some(tool) = by.map(|named| named.tool).or_else(|| tool_of(&path)) {
            found.push(NewToRun {
                path: path.display().to_string(),
                tool: tool.to_owned(),
                change,
                named_by: by.map(|named| named.by.clone()),
            });
        }
    }
    Ok(found)
}

fn paths_of<'named>(all: impl IntoIterator<Item = &'named Named>) -> Paths<&'named Named> {
    Paths::new(all.into_iter().filter_map(|named| match &named.what {
        What::Path(path) => Some((path.as_str(), named)),
        What::Value { .. } | What::Unreadable(_) => None,
    }))
}

fn may_name(path: &Path, kind: EntryKind) -> bool {
    kind == EntryKind::Link || is_manifest(path)
}

/// Returns what the files of a tree make tools run in place of watched paths, and the targets of watched links.
fn named_in(git: &Git, tree: Oid, is_watched: &dyn Fn(&str) -> bool) -> Result<BTreeSet<Named>> {
    let entries = NAMING.of(git, tree)?;
    let mut naming = Naming::default();
    let mut links = Vec::new();
    for entry in &entries {
        let path = entry.path.to_string_lossy();
        if entry.kind == EntryKind::Link {
            links.extend(Named::by_link(&path, &target_of(git, entry)?));
        }
        if is_manifest(&entry.path)
            && let Some(manifest) = manifest_of(git, tree, entry)?
        {
            naming.add(&path, &entry.id.to_string(), &manifest);
        }
    }
    let mut all = naming.finish();
    all.retain(|named| is_watched(&named.stands_for));
    for _ in 0..LINKS_IN_A_ROW {
        let known = paths_of(&all);
        let (more, rest): (Vec<Named>, Vec<Named>) = links
            .into_iter()
            .partition(|link| is_watched(&link.by) || known.get(Path::new(&link.by)).is_some());
        links = rest;
        if more.is_empty() {
            break;
        }
        all.extend(more);
    }
    Ok(all)
}

/// Reads a file that names others, or what a link in its place leads to; `None` where it is not such a file.
fn manifest_of(git: &Git, tree: Oid, entry: &TreeEntry) -> Result<Option<Arc<Manifest>>> {
    let file = behind_links(git, tree, entry)?;
    // Read once: a task changes few of them.
    let key = (entry.path.clone(), file.as_ref().map(|file| (file.kind, file.id)));
    if let Some(known) = READ.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(Some(Arc::clone(known)));
    }
    let text = file.map(|file| text_of(git, &file)).transpose()?.flatten();
    let read = Manifest::read(&entry.path.to_string_lossy(), text.as_deref()).map(Arc::new);
    let mut all = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MOST_READ {
        all.clear();
    }
    all.extend(read.as_ref().map(|read| (key, Arc::clone(read))));
    Ok(read)
}

/// Returns the file itself, or the one that a link leads to in the end; `None` where it leads to none.
fn behind_links(git: &Git, tree: Oid, entry: &TreeEntry) -> Result<Option<TreeEntry>> {
    let mut entry = entry.clone();
    for _ in 0..LINKS_IN_A_ROW {
        if entry.kind != EntryKind::Link {
            break;
        }
        let target = target_of(git, &entry)?;
        let place = leads_to(&entry.path.to_string_lossy(), &target).map(PathBuf::from);
        let next = place.map(|place| git.file_at(tree, &place)).transpose()?;
        let Some(next) = next.flatten() else { return Ok(None) };
        entry = next;
    }
    Ok(Some(entry))
}

fn target_of(git: &Git, link: &TreeEntry) -> Result<String> {
    Ok(String::from_utf8_lossy(&git.read_blob(link.id)?).into_owned())
}

/// Returns the text of a file; `None` where there is none, or too much.
fn text_of(git: &Git, file: &TreeEntry) -> Result<Option<String>> {
    let is_file = matches!(file.kind, EntryKind::File | EntryKind::Executable);
    if !is_file || git.blob_size(file.id)? > MANIFEST_LIMIT {
        return Ok(None);
    }
    Ok(String::from_utf8(git.read_blob(file.id)?).ok())
}
