//! Crates: build scripts, procedural macros, and what both are built from. See the reference of cargo's manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::{Table, Value};

use super::tree::{folder_of, joined};
use super::what::{MOST_OF_A_FILE, What};

/// A crate, or a workspace.
#[derive(Debug)]
pub(super) struct Crate {
    /// Whether its code runs in the compiler.
    is_macro: bool,
    /// The place of its library, if not in `src`.
    library: Option<String>,
    /// The crates in the tree that it needs.
    needs: Vec<Need>,
    /// The crates in the tree that its build script needs, and those that replace crates of registries.
    build_needs: Vec<Need>,
    /// The folders, by name, that members of the workspace share.
    shared: BTreeMap<String, String>,
}

#[derive(Debug)]
enum Need {
    /// A crate in this folder.
    Folder(String),
    /// A crate by its name in the workspace.
    Shared(String),
}

/// Reads a manifest: the crate, and the build scripts that it names. `None` where cargo may be able to read it, but we
/// are not.
pub(super) fn read(folder: &str, text: &str) -> Option<(Crate, Vec<What>)> {
    let table: Table = text.trim_start_matches('\u{feff}').parse().ok()?;
    let package = table.get("package").or_else(|| table.get("project"));
    let scripts = texts(package.and_then(|package| package.get("build"))).into_iter();
    let scripts = scripts
        .filter_map(|script| joined(folder, script).map(What::Path))
        .collect();
    let library = table.get("lib");
    let path = library.and_then(|library| library.get("path"));
    let patches = ["patch", "replace"]
        .iter()
        .filter_map(|name| table.get(*name)?.as_table());
    let patches = patches.flatten().flat_map(|(name, patch)| {
        let of_source = patch.as_table().into_iter().flatten();
        of_source.chain([(name, patch)])
    });
    let workspace = table
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    let shared = workspace.and_then(Value::as_table).into_iter().flatten();
    let read = Crate {
        is_macro: library.is_some_and(is_macro),
        library: path.and_then(Value::as_str).and_then(|path| joined(folder, path)),
        needs: needs(&table, &["dependencies"], folder),
        build_needs: needs(&table, &["build-dependencies", "build_dependencies"], folder)
            .into_iter()
            .chain(patches.filter_map(|(name, need)| need_of(folder, name, need)))
            .collect(),
        shared: shared
            .filter_map(|(name, need)| Some((name.clone(), path_of(folder, need)?)))
            .collect(),
    };
    let needs = read.needs.len() + read.build_needs.len() + read.shared.len();
    (needs <= MOST_OF_A_FILE).then_some((read, scripts))
}

fn is_macro(library: &Value) -> bool {
    let flag = library.get("proc-macro").or_else(|| library.get("proc_macro"));
    let kinds = library.get("crate-type").or_else(|| library.get("crate_type"));
    flag == Some(&Value::Boolean(true)) || texts(kinds).contains(&"proc-macro")
}

/// Returns the dependencies in tables of these names, for all targets and for some.
fn needs(table: &Table, names: &[&str], folder: &str) -> Vec<Need> {
    let targets = table.get("target").and_then(Value::as_table).into_iter().flatten();
    let targets = targets.filter_map(|(_, target)| target.as_table());
    let tables = std::iter::once(table).chain(targets);
    let needed = tables.flat_map(|table| names.iter().filter_map(|name| table.get(*name)?.as_table()));
    needed
        .flatten()
        .filter_map(|(name, need)| need_of(folder, name, need))
        .collect()
}

fn need_of(folder: &str, name: &str, need: &Value) -> Option<Need> {
    if need.get("workspace") == Some(&Value::Boolean(true)) {
        return Some(Need::Shared(name.to_owned()));
    }
    path_of(folder, need).map(Need::Folder)
}

/// Returns the folder that a dependency names, from the root; the root itself is an empty text.
fn path_of(folder: &str, need: &Value) -> Option<String> {
    let path = need.get("path")?.as_str()?;
    Some(joined(folder, path).unwrap_or_default())
}

/// Returns a text, or those of a list.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Finds what runs during a build, each with the manifest that names it: crates of procedural macros, dependencies of
/// build scripts, and all that those need in turn.
pub(super) fn built_with(crates: &[(String, Arc<Crate>)]) -> Vec<(&str, What)> {
    let by_folder: BTreeMap<&str, &(String, Arc<Crate>)> = crates.iter().map(|one| (folder_of(&one.0), one)).collect();
    let mut ahead = Vec::new();
    for one in crates {
        ahead.extend(one.1.is_macro.then_some(one));
        ahead.extend(found(one, &one.1.build_needs, &by_folder));
    }
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    while let Some(one) = ahead.pop() {
        let (path, read) = one;
        if !seen.insert(path) {
            continue;
        }
        let folder = folder_of(path);
        all.extend(joined(folder, "src").map(|source| (path.as_str(), What::Path(source))));
        // Its modules are beside it; in the crate's own folder everything else is, too.
        let library = read.library.as_deref().map(|library| match folder_of(library) {
            beside if beside == folder => library,
            beside => beside,
        });
        all.extend(library.map(|library| (path.as_str(), What::Path(library.to_owned()))));
        ahead.extend(found(one, &read.needs, &by_folder));
    }
    all
}

fn found<'all>(
    of: &(String, Arc<Crate>),
    needs: &[Need],
    by_folder: &BTreeMap<&str, &'all (String, Arc<Crate>)>,
) -> Vec<&'all (String, Arc<Crate>)> {
    let folder = |need: &Need| match need {
        Need::Folder(folder) => Some(folder.clone()),
        Need::Shared(name) => shared(folder_of(&of.0), name, by_folder),
    };
    let folders = needs.iter().filter_map(folder);
    folders
        .filter_map(|folder| by_folder.get(folder.as_str()).copied())
        .collect()
}

/// Returns the folder of a crate by its name in the nearest workspace above.
fn shared(folder: &str, name: &str, by_folder: &BTreeMap<&str, &(String, Arc<Crate>)>) -> Option<String> {
    let mut above = Some(folder);
    while let Some(here) = above {
        let path = by_folder.get(here).and_then(|(_, one)| one.shared.get(name));
        if path.is_some() {
            return path.cloned();
        }
        above = (!here.is_empty()).then(|| folder_of(here));
    }
    None
}
