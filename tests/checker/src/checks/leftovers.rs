//! What must not be left, and what must not be touched.

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::Outcome;
use crate::engine::left;
use crate::facts::Facts;
use crate::files::{contains, walk};
use crate::person::changed;

pub(super) fn on_engines(facts: &Facts) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for engine in &facts.options.engines {
        for what in ["containers", "volumes", "networks"] {
            let names = left(engine, what, &facts.repository.id)?;
            found.extend(
                names
                    .iter()
                    .map(|name| format!("{what}: `{name}` is left on `{}`", engine.display())),
            );
        }
    }
    Ok(found)
}

pub(super) fn processes(facts: &Facts) -> Outcome<Vec<String>> {
    let repository = &facts.repository;
    let places = [&repository.checkout, &repository.common, &repository.state].map(|path| path.display().to_string());
    let is_below = |line: &str| {
        let mut words = line.split(' ');
        let below = |word: &str| {
            places.iter().any(|place| {
                word.strip_prefix(place)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        words.any(below)
    };
    let mut found = Vec::new();
    let own = fs::read_to_string("/proc/self/mounts")?;
    found.extend(
        own.lines()
            .filter(|line| is_below(line))
            .map(|line| format!("this is mounted: {line}")),
    );
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let id = entry.file_name().to_string_lossy().into_owned();
        if !id.bytes().all(|byte| byte.is_ascii_digit()) || id == std::process::id().to_string() {
            continue;
        }
        // Its fourth and fifth fields are what is mounted, within its file system, and where. A process may be gone by now.
        let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        if mounts.lines().any(is_below) {
            let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            found.push(format!(
                "process {id} has a part of the repository mounted: {}",
                command.replace('\0', " ")
            ));
        }
    }
    Ok(found)
}

/// The folders of the state in which agents write.
fn is_agents(path: &Path) -> bool {
    let first = path.components().next().map(|first| first.as_os_str().to_owned());
    let in_slot = first.as_ref().is_some_and(|first| first == "slots") && path.components().count() > 2;
    in_slot
        || first.is_some_and(|first| {
            ["sessions", "layers", "tops", "private"]
                .iter()
                .any(|name| first == *name)
        })
}

fn is_named(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

pub(super) fn locks(facts: &Facts) -> Outcome<Vec<String>> {
    let repository = &facts.repository;
    let mut found = Vec::new();
    walk(&repository.common, &mut |path, kind| {
        let full = repository.common.join(path);
        let is_ours = full.starts_with(&repository.state);
        if !is_ours && kind.is_file() && path.extension().is_some_and(|extension| extension == "lock") {
            found.push(format!("`{}` is left", full.display()));
        }
        Ok(!is_ours)
    })?;
    walk(&repository.state, &mut |path, kind| {
        let is_lock = path.file_name().is_some_and(|name| name == "lock")
            || path.extension().is_some_and(|extension| extension == "lock");
        if is_lock && kind.is_file() && !is_agents(path) {
            let full = repository.state.join(path);
            if File::open(&full)?.try_lock().is_err() {
                found.push(format!("somebody holds `{}`", full.display()));
            }
        }
        Ok(!is_agents(path))
    })?;
    Ok(found)
}

pub(super) fn litter(facts: &Facts) -> Outcome<Vec<String>> {
    let repository = &facts.repository;
    let mut found = Vec::new();
    let mut note = |path: &Path, why: &str| found.push(format!("`{}` is left: {why}", path.display()));
    walk(&repository.state, &mut |path, kind| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_agents(path) {
            return Ok(false);
        }
        if kind.is_socket() || kind.is_fifo() {
            note(&repository.state.join(path), "a socket or a pipe");
        } else if kind.is_file()
            && (is_named(path, "new") || is_named(path, "tmp") || name.starts_with('.') || name.starts_with("tmp_"))
        {
            note(&repository.state.join(path), "a temporary file");
        }
        Ok(true)
    })?;
    for folder in ["cordwainer-locks", "cordwainer-objects", "objects"] {
        let root = repository.common.join(folder);
        walk(&root, &mut |path, kind| {
            let first = path.components().next().map(|first| first.as_os_str().to_owned());
            // A lock to take, and notes of the packs that are cordwainer's, stay. What a process that was killed has written of
            // an object (`tmp_*`), git's own maintenance removes.
            let stays = match folder {
                "objects" => true,
                "cordwainer-objects" => first.is_some_and(|first| first == "lock" || first == "packs"),
                _ => false,
            };
            if is_named(path, "keep") {
                note(&root.join(path), "a pack that is kept for a process");
            } else if kind.is_file() && !stays {
                note(&root.join(path), "a file of a process");
            }
            Ok(true)
        })?;
    }
    Ok(found)
}

pub(super) fn secrets(facts: &Facts) -> Outcome<Vec<String>> {
    let texts = &facts.options.absent;
    let repository = &facts.repository;
    let mut found = Vec::new();
    if texts.is_empty() {
        return Ok(found);
    }
    let mut look = |place: &str, bytes: &[u8]| {
        let named = texts.iter().filter(|text| contains(bytes, text));
        found.extend(named.map(|text| format!("{place} has `{}…`", text.chars().take(8).collect::<String>())));
    };
    walk(&repository.state, &mut |path, kind| {
        if kind.is_file() {
            look(
                &format!("`{}`", path.display()),
                &fs::read(repository.state.join(path))?,
            );
        }
        Ok(true)
    })?;
    let format = "--batch-check=%(objectname)";
    let objects = repository.git(&["cat-file", "--batch-all-objects", format])?;
    let objects: Vec<String> = objects.lines().map(str::to_owned).collect();
    for (object, content) in objects.iter().zip(repository.contents(&objects)?) {
        look(&format!("the object {object}"), &content);
    }
    Ok(found)
}

pub(super) fn checkout(facts: &Facts) -> Outcome<Vec<String>> {
    match &facts.options.remembered {
        Some(file) => changed(&facts.repository, file),
        None => Ok(Vec::new()),
    }
}
