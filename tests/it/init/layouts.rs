//! Layouts of repositories: a file in `init/layouts` lists the files of one and what is made of it.
//!
//! It begins with a line about the layout. `-- PATH --` begins a file of it, `== detection ==` what `config detect`
//! prints, `== configuration ==` the keys of the configuration that `init` writes, with a `#` where they are not set.
//! With `CORDWAINER_WRITE_LAYOUTS=1` the last two are written anew instead of compared: read the difference.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::config::Config;
use tempfile::TempDir;

use super::{folder, run};
use crate::support::cargo::{Done, checkout};

/// How many lines the configuration may have.
const MOST_LINES: usize = 60;

/// One layout as its file has it.
struct Layout {
    path: PathBuf,
    about: String,
    files: Vec<(String, String)>,
    expected: BTreeMap<String, String>,
}

impl Layout {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let mut layout = Self {
            path,
            about: String::new(),
            files: Vec::new(),
            expected: BTreeMap::new(),
        };
        let mut current = &mut layout.about;
        for line in text.lines() {
            if let Some(name) = between(line, "-- ", " --") {
                layout.files.push((name.to_owned(), String::new()));
                current = &mut layout.files.last_mut().unwrap().1;
            } else if let Some(name) = between(line, "== ", " ==") {
                current = layout.expected.entry(name.to_owned()).or_default();
            } else {
                current.push_str(line);
                current.push('\n');
            }
        }
        layout
    }

    fn all() -> Vec<Self> {
        let folder = checkout().join("tests/it/init/layouts");
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        assert!(paths.len() >= 42, "{} layouts found", paths.len());
        paths.into_iter().map(Self::read).collect()
    }

    fn build(&self) -> TempDir {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        folder(&files.collect::<Vec<_>>())
    }

    fn write(&self, found: &BTreeMap<String, String>) {
        let mut text = self.about.clone();
        for (path, content) in &self.files {
            text.push_str(&format!("-- {path} --\n{content}"));
        }
        for (name, content) in found.iter().rev() {
            text.push_str(&format!("== {name} ==\n{content}"));
        }
        fs::write(&self.path, text).unwrap();
    }
}

fn between<'line>(line: &'line str, begin: &str, end: &str) -> Option<&'line str> {
    line.strip_prefix(begin)?.strip_suffix(end)
}

/// What `config detect` prints in a folder.
fn detected(root: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cordwainer"))
        .args(["config", "detect"])
        .current_dir(root)
        .output()
        .unwrap();
    let done = Done::of(&output);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    done.stdout
}

/// The lines of a configuration that are keys, or would be without their `#`.
fn keys(text: &str) -> String {
    let is_key = |line: &&str| !line.is_empty() && !line.starts_with("# ");
    text.lines().filter(is_key).flat_map(|line| [line, "\n"]).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person asks for new files with a variable")]
fn each_layout_is_what_it_is() {
    let mut problems = Vec::new();
    for layout in Layout::all() {
        let folder = layout.build();
        let detection = detected(folder.path());
        run(folder.path(), false);
        let text = fs::read_to_string(folder.path().join("configuration.yaml")).unwrap();
        let found = BTreeMap::from([
            ("configuration".to_owned(), keys(&text)),
            ("detection".to_owned(), detection),
        ]);
        if std::env::var_os("CORDWAINER_WRITE_LAYOUTS").is_some() {
            layout.write(&found);
        } else if found != layout.expected {
            problems.push(format!(
                "{}: expected {:#?}\nfound {found:#?}",
                layout.path.display(),
                layout.expected
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_configuration_is_valid_and_short() {
    for layout in Layout::all() {
        let folder = layout.build();
        run(folder.path(), false);
        let config = Config::load(folder.path()).unwrap_or_else(|error| panic!("{}: {error}", layout.about));
        assert!(config.preserve_sources, "{}", layout.about);
        assert!(config.cleanup_dirs.is_empty(), "{}", layout.about);
        for dir in &config.source_dirs {
            assert!(folder.path().join(dir).is_dir(), "{}: {dir}", layout.about);
        }
        let text = fs::read_to_string(folder.path().join("configuration.yaml")).unwrap();
        let lines = text.lines().count();
        assert!(lines < MOST_LINES, "{}: {lines} lines", layout.about);
        assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    }
}

/// Every key that is shown with a `#` can be set by taking that `#` away: each one by itself, and all of them together.
#[test]
fn each_suggestion_can_be_set() {
    for layout in Layout::all() {
        let folder = layout.build();
        run(folder.path(), false);
        let text = fs::read_to_string(folder.path().join("configuration.yaml")).unwrap();
        let is_key = |line: &str| line.starts_with('#') && !line.starts_with("# ");
        let without = |taken: &dyn Fn(usize) -> bool| {
            let lines = text.lines().enumerate().map(
                |(index, line)| {
                    if taken(index) && is_key(line) { &line[1..] } else { line }
                },
            );
            lines.collect::<Vec<_>>().join("\n")
        };
        let shown: Vec<usize> = (0..text.lines().count())
            .filter(|index| is_key(text.lines().nth(*index).unwrap()))
            .collect();
        assert!(shown.len() >= 2, "{text}");
        for index in shown {
            let changed = without(&|other| other == index);
            let config = Config::parse(&changed, "changed").unwrap_or_else(|problems| panic!("{problems}\n{changed}"));
            assert!(config != Config::parse(&text, "written").unwrap(), "{index}: {text}");
        }
        let all = without(&|_| true);
        Config::parse(&all, "all").unwrap_or_else(|problems| panic!("{problems}\n{all}"));
    }
}

/// Taking any one `#` away, with the space after it or without, never gives a configuration with which `start` or
/// `stop` removes a folder that is there.
#[test]
fn no_line_clears_code_when_its_mark_is_taken_away() {
    let mut parsed = 0;
    for layout in Layout::all() {
        let folder = layout.build();
        run(folder.path(), false);
        let text = fs::read_to_string(folder.path().join("configuration.yaml")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for index in (0..lines.len()).filter(|index| lines[*index].contains('#')) {
            let (before, after) = lines[index].split_once('#').unwrap();
            for after in [after, after.trim_start()] {
                let line = format!("{before}{after}");
                let mut changed = lines.clone();
                changed[index] = &line;
                // What is not valid is refused by every command, and clears nothing.
                let Ok(config) = Config::parse(&changed.join("\n"), "changed") else {
                    continue;
                };
                parsed += 1;
                let is_there = |dir: &String| folder.path().join(dir).exists();
                let clears = !config.preserve_sources && config.source_dirs.iter().any(is_there);
                assert!(
                    !clears && !config.cleanup_dirs.iter().any(is_there),
                    "{}: {line}",
                    layout.about
                );
            }
        }
    }
    assert!(
        parsed > 300,
        "{parsed} changed files were valid: are lines still changed?"
    );
}
