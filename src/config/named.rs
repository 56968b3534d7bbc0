//! The files that a configuration names, as the table of keys knows them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::keys::{Files, IMAGE, Key, MODE, MOUNT, PREPARE, SERVICE, STAGE, Shape, TOP};
use super::{Config, FILE_NAME, OWN_FILE_NAME};

/// Returns the usual names of the configuration, and every path at a key with files that no task may change without review, as
/// the configuration names them: relative to the repository's root, or absolute.
pub(crate) fn protected_files(config: &Config) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(FILE_NAME), PathBuf::from(OWN_FILE_NAME)];
    let values = serde_json::to_value(config).expect("a configuration has no keys but texts");
    in_section(TOP, &values, &mut found);
    found
}

fn in_section(keys: &[Key], values: &Value, found: &mut Vec<PathBuf>) {
    for key in keys {
        let Some(value) = values.get(key.name) else { continue };
        match key.shape {
            Shape::Section(below) => in_section(below, value, found),
            Shape::Image => {
                in_section(IMAGE, value, found);
                // A devcontainer.json names files beside itself.
                let file = value.get("devcontainer").and_then(Value::as_str).map(Path::new);
                let folder = file
                    .and_then(Path::parent)
                    .filter(|folder| !folder.as_os_str().is_empty());
                found.extend(folder.map(Path::to_owned));
            }
            Shape::Prepare => in_section(PREPARE, value, found),
            Shape::Mounts => {
                let mounts = value.as_array().into_iter().flatten();
                mounts.for_each(|mount| in_section(MOUNT, mount, found));
            }
            Shape::Stages => {
                let stages = value.as_array().into_iter().flatten();
                stages.for_each(|stage| in_section(STAGE, stage, found));
            }
            Shape::Modes => {
                let modes = value.as_object().into_iter().flat_map(serde_json::Map::values);
                modes.for_each(|mode| in_section(MODE, mode, found));
            }
            Shape::Services => {
                let services = value.as_object().into_iter().flat_map(serde_json::Map::values);
                services.for_each(|service| in_section(SERVICE, service, found));
            }
            _ if key.files == Files::Protected => add_texts(value, found),
            _ => {}
        }
    }
}

/// Adds a text, those of a list, or the values of a mapping.
fn add_texts(value: &Value, found: &mut Vec<PathBuf>) {
    match value {
        Value::String(text) => found.push(PathBuf::from(text.strip_prefix("unix://").unwrap_or(text))),
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, found)),
        Value::Object(entries) => entries.values().for_each(|entry| add_texts(entry, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "some/place.md";

    /// Returns a line of a file that sets a key to a path, in the form of its shape; `None` where no text fits.
    fn line(key: &Key) -> Option<String> {
        let name = key.name;
        Some(match key.shape {
            Shape::Text | Shape::Words | Shape::User => format!("{name}: {PATH}"),
            Shape::List => format!("{name}: [{PATH}]"),
            Shape::Map => format!("{name}: {{a: {PATH}}}"),
            Shape::Assignments => format!("{name}: {{A: {PATH}}}"),
            Shape::Mounts => format!("{name}: [\"{PATH}:/a\", {{source: {PATH}, target: /b}}]"),
            Shape::Gates => format!("{name}: [{{command: {PATH}}}]"),
            Shape::NetworkEntries => format!("{name}: [{PATH}, {{host: {PATH}, paths: [/{PATH}]}}]"),
            Shape::Prepare => format!("{name}: {{command: {PATH}, inputs: [{PATH}]}}"),
            Shape::Image => format!("{name}: {{build: {{containerfile: {PATH}}}}}"),
            Shape::Services => format!("{name}: {{a: {{image: {{build: {{containerfile: {PATH}}}}}, ports: [2000]}}}}"),
            Shape::Modes => format!("{name}: {{fix: {{prompt: {PATH}}}}}"),
            Shape::Stages => {
                format!("{name}: [stitch, {{name: docs, prompt: {PATH}, may_change: [a], needs: [b]}}]")
            }
            Shape::Section(_)
            | Shape::Tools
            | Shape::Credentials
            | Shape::Port
            | Shape::Ports
            | Shape::Servers
            | Shape::Flag
            | Shape::Count
            | Shape::CountOrOff
            | Shape::CountOr(_)
            | Shape::Number
            | Shape::NumberOrOff
            | Shape::SizeOrOff
            | Shape::DurationOrOff
            | Shape::Duration
            | Shape::Wait
            | Shape::Choice(_)
            | Shape::Rules
            | Shape::StageNames
            | Shape::Priorities
            | Shape::Choices(_)
            | Shape::Callers(_)
            | Shape::ServerTools => return None,
        })
    }

    /// Returns every key that takes a text, with its line in a file of its own.
    fn files_with_a_path() -> Vec<(&'static Key, String)> {
        let mut files = Vec::new();
        for key in TOP {
            if let Shape::Section(below) = key.shape {
                let lines = below.iter().filter_map(|key| Some((key, line(key)?)));
                files.extend(lines.map(|(below, line)| (below, format!("{}:\n  {line}\n", key.name))));
            }
            files.extend(line(key).map(|line| (key, format!("{line}\n"))));
        }
        files
    }

    /// A path cannot be read at a key for which the table declares nothing, so reading one at every key finds them all.
    #[test]
    fn every_key_that_is_read_as_a_path_says_whether_tasks_may_change_it() {
        let files = files_with_a_path();
        assert!(files.len() > 40, "{}", files.len());
        for (key, text) in files {
            let read = Config::parse(&text, FILE_NAME);
            let found = read.map(|config| protected_files(&config)).unwrap_or_default();
            let is_found = found.contains(&PathBuf::from(PATH));
            let expect = matches!(key.files, Files::Protected)
                || matches!(key.name, "mounts" | "image" | "services" | "stages" | "modes");
            // A socket has an absolute path.
            if key.name != "socket" {
                assert_eq!(is_found, expect, "`{}` of\n{text}", key.name);
            }
        }
    }

    #[test]
    fn a_key_whose_name_speaks_of_files_says_whether_tasks_may_change_them() {
        const WORDS: [&str; 8] = ["dir", "dirs", "file", "files", "path", "paths", "globs", "template"];
        let sections = TOP.iter().filter_map(|key| match key.shape {
            Shape::Section(below) => Some(below),
            _ => None,
        });
        for key in sections.flatten().chain(TOP).chain(MOUNT) {
            let speaks = key
                .name
                .split('_')
                .next_back()
                .is_some_and(|last| WORDS.contains(&last));
            // Import path of a module, not a path of files.
            if speaks && key.name != "module_path" {
                assert_ne!(key.files, Files::None, "`{}`", key.name);
            }
        }
    }

    #[test]
    fn a_devcontainer_is_protected_with_its_folder() {
        let text = "image: {devcontainer: .devcontainer/devcontainer.json}\nprotected_paths: []\n";
        let found = protected_files(&Config::parse(text, FILE_NAME).unwrap());
        for expect in [".devcontainer/devcontainer.json", ".devcontainer"] {
            assert!(found.contains(&PathBuf::from(expect)), "{found:?}");
        }
        let text = "image: {devcontainer: .devcontainer.json}\n";
        let found = protected_files(&Config::parse(text, FILE_NAME).unwrap());
        assert!(
            found.contains(&PathBuf::from(".devcontainer.json")) && !found.contains(&PathBuf::new()),
            "{found:?}"
        );
        let text = "services: {db: {image: {devcontainer: db/devcontainer.json}, ports: [2000]}}\n";
        let found = protected_files(&Config::parse(text, FILE_NAME).unwrap());
        assert!(found.contains(&PathBuf::from("db")), "{found:?}");
    }

    #[test]
    fn what_keys_of_every_section_name_is_found() {
        let text = "measure_prompt: prompts/measure.md\nstitch_prompt: prompts/stitch.md\nxtask_dir: tools\n\
                    state_dir: .state\nsecrets_dir: keys\nbeads_dir: beads\nseed_files: {src/v: templates/v}\n\
                    image: {build: {containerfile: docker/Dev}}\n\
                    source_dirs: [src]\ncontext_files: [\"docs/**\"]\nprotected_paths: []\n\
                    container:\n  socket: /srv/engine.sock\n  mounts: [\"reference:/reference\"]\n";
        let config = Config::parse(text, FILE_NAME).unwrap();
        let mut found = protected_files(&config);
        found.sort();
        let expect = [
            "/srv/engine.sock",
            ".state",
            "beads",
            "configuration.yaml",
            "cordwainer.yaml",
            "docker/Dev",
            "keys",
            "prompts/measure.md",
            "prompts/stitch.md",
            "reference",
            "templates/v",
            "tools",
        ];
        assert_eq!(found, expect.map(PathBuf::from));
    }
}
