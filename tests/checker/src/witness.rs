//! What agents have left in the slots at a moment, such as after their run was killed: `witness` adds it to a file, and the
//! check finds all of it on refs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Outcome;
use crate::files::walk;
use crate::git::Repository;

/// Notes each file of a slot in use that is not as the commit has it from which the slot was made.
pub(crate) fn witness(repository: &Path, file: &Path) -> Outcome<()> {
    let repository = Repository::open(repository)?;
    let mut seen = OpenOptions::new().create(true).append(true).open(file)?;
    for (number, owner) in markers(&repository)? {
        let is_work = owner["task"].is_string() && owner["expendable"] != true;
        let Some(base) = owner["base"].as_str().filter(|_| is_work) else {
            continue;
        };
        for (path, blob) in left(&repository, number, base)? {
            let line = json!({
                "slot": number, "task": owner["task"], "attempt": owner["attempt"], "path": path, "blob": blob,
            });
            writeln!(seen, "{line}")?;
        }
    }
    Ok(())
}

/// The slots that are marked as in use, with what the marker says; what was cut short says nothing.
pub(crate) fn markers(repository: &Repository) -> Outcome<Vec<(u32, Value)>> {
    let folder = repository.state.join("slots");
    let mut found = Vec::new();
    for number in 1..1000 {
        match fs::read(folder.join(format!("{number}.dirty"))) {
            Ok(bytes) => found.push((number, serde_json::from_slice(&bytes).unwrap_or_default())),
            // Whoever frees a slot removes its marker at that moment.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("the marker of slot {number}: {error}").into()),
        }
    }
    Ok(found)
}

/// The files of a slot that are not those of its base, with their ids. Empty ones are left out: an agent may be about to
/// write them.
fn left(repository: &Repository, number: u32, base: &str) -> Outcome<BTreeMap<String, String>> {
    let root = repository.state.join(format!("slots/{number}"));
    let listed = repository.git(&["ls-tree", "-r", base])?;
    let known: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    let mut paths = Vec::new();
    walk(&root, &mut |path, kind| {
        let is_git = path
            .components()
            .next()
            .is_some_and(|first| first.as_os_str() == ".git");
        let is_content = kind.is_file() && !is_git;
        if is_content && fs::metadata(root.join(path)).is_ok_and(|file| file.len() > 0) {
            paths.push(path.to_owned());
        }
        Ok(!is_git)
    })?;
    let full: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
    let ids = repository.ids_of_files(&full)?;
    let named = paths.iter().map(|path| path.display().to_string()).zip(ids);
    Ok(named.filter(|(_, id)| !known.contains(id.as_str())).collect())
}

/// Returns what was seen in slots and is on no ref.
pub(crate) fn lost(repository: &Repository, witnessed: &Path) -> Outcome<Vec<String>> {
    let listed = repository.git(&["rev-list", "--objects", "--all"])?;
    let kept: BTreeSet<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    let mut found = BTreeSet::new();
    for line in fs::read_to_string(witnessed)?.lines() {
        let seen: Value = serde_json::from_str(line)?;
        let blob = seen["blob"].as_str().unwrap_or_default();
        if !kept.contains(blob) {
            let [task, path] = ["task", "path"].map(|name| seen[name].as_str().unwrap_or_default());
            let attempt = &seen["attempt"];
            found.insert(format!(
                "attempt {attempt} at {task} had left `{path}` ({blob}), which no ref has"
            ));
        }
    }
    Ok(found.into_iter().collect())
}
