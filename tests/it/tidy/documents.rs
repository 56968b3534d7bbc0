//! What the documents promise is there, and what is there is in the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::image::{DEFAULT_CLIENT_VERSION, OLDEST_CLIENT_VERSION};
use serde_yaml::Value;

use super::folders::FOLDERS;
use super::{Text, below, documents, files, report};
use crate::support::cargo::Done;
use crate::support::cargo::checkout;
use crate::support::xtask::program;

/// Tasks of an example's own.
const OWN_TASKS: [&str; 1] = ["requirements"];

/// Keys that nothing outside `src/config/` reads, each with who does.
const READ_ELSEWHERE: [(&str, &str); 5] = [
    ("measure_prompt", "read by `Config::template`, beside that of a mode"),
    ("stitch_prompt", "read by `Config::template`"),
    ("podman_args", "read into `container`"),
    ("measure.parallel", "src/config/parallel.rs admits 1 alone"),
    ("limits.overage", "read as `allow_overage`"),
];

/// A command as a document writes it.
struct Mention {
    place: String,
    /// The words up to the first that is no command's name.
    words: Vec<String>,
    /// The options that follow.
    options: Vec<String>,
}

/// What stands before a command in a document; without the backtick or the prompt, the name is the beginning of a sentence.
const CALLS: [&str; 3] = ["cargo xtask ", "`cordwainer ", "$ cordwainer "];

fn mentions(file: &Text) -> Vec<Mention> {
    let lines = file.text.lines().enumerate();
    let parts = lines.flat_map(|(index, line)| {
        let parts = CALLS.iter().flat_map(|call| line.split(call).skip(1));
        parts.map(move |part| (index + 1, part))
    });
    parts
        .map(|(line, part)| mention(format!("{}:{line}", file.path), part))
        .collect()
}

fn mention(place: String, text: &str) -> Mention {
    let end = text.find(['`', '#', '|', ';', ')']).unwrap_or(text.len());
    let words: Vec<&str> = text[..end].split_whitespace().collect();
    let is_name = |word: &&&str| {
        word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') && !word.starts_with('-')
    };
    let options = words.iter().map(|word| word.trim_matches(['[', ']']));
    Mention {
        place,
        words: words
            .iter()
            .take_while(is_name)
            .map(|word| (*word).to_owned())
            .collect(),
        options: options
            .filter(|word| word.starts_with("--"))
            .map(str::to_owned)
            .collect(),
    }
}

#[test]
fn a_mention_is_read_up_to_what_is_no_command() {
    let file = Text {
        path: "README.md".to_owned(),
        text: "x `cargo xtask start [--name NAME]` y\ncargo xtask issues show ID  # see\n\
               cordwainer is, `cordwainer run --cycles 3` does\n$ cordwainer runs logs -f\n"
            .to_owned(),
    };
    let found: Vec<_> = mentions(&file)
        .into_iter()
        .map(|mention| (mention.place, mention.words.join(" "), mention.options.join(" ")))
        .collect();
    let expect = [
        ("README.md:1", "start", "--name"),
        ("README.md:2", "issues show", ""),
        ("README.md:3", "run", "--cycles"),
        ("README.md:4", "runs logs", ""),
    ];
    let expect = expect.map(|(place, words, options)| (place.to_owned(), words.to_owned(), options.to_owned()));
    assert_eq!(found, expect);
}

/// The targets of a document's links, each with its line.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.flat_map(|(index, line)| {
        let ends = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        ends.map(move |(target, _)| (index + 1, target))
    })
}

/// What a document's headings are called in links: lower case, with `-` for spaces and without other marks.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().chars();
        let kept = kept.filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// What is wrong with a link in the document `path`; `None` where it leads somewhere, or out of this repository.
fn dead(path: &str, target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (file, anchor) = target
        .split_once('#')
        .map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let folder = Path::new(path).parent().unwrap();
    let whole = if file.is_empty() {
        checkout().join(path)
    } else {
        checkout().join(folder).join(file)
    };
    if !whole.exists() {
        return Some(format!("there is no `{file}`"));
    }
    let anchor = anchor?;
    let text = std::fs::read_to_string(whole).unwrap();
    (!anchors(&text).contains(anchor)).then(|| format!("`{file}` has no heading `#{anchor}`"))
}

#[test]
fn links_lead_somewhere() {
    let mut problems = Vec::new();
    let mut count = 0;
    for document in documents() {
        for (line, target) in links(&document.text) {
            count += 1;
            problems.extend(dead(&document.path, target).map(|what| format!("{}:{line}: {what}", document.path)));
        }
    }
    assert!(count > 20, "{count} links found: are they still read?");
    report(&problems);
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    assert_eq!(
        links("a [b](c.md) d [e](f)\n[g](#h)").collect::<Vec<_>>(),
        [(1, "c.md"), (1, "f"), (2, "#h")]
    );
    for (target, what) in [
        ("https://example.invalid/", None),
        ("money.md", None),
        ("../README.md", None),
        ("README.md", Some("there is no `README.md`")),
        ("troubleshooting.md#doctor", None),
        (
            "troubleshooting.md#patience",
            Some("`troubleshooting.md` has no heading `#patience`"),
        ),
    ] {
        assert_eq!(dead("docs/engines.md", target).as_deref(), what, "{target}");
    }
}

/// This repository's own xtask.
struct Xtask {
    program: PathBuf,
    /// Answers of `--help`, by command.
    known: BTreeMap<Vec<String>, Option<String>>,
}

impl Xtask {
    fn provide() -> Self {
        Self {
            program: program().to_owned(),
            known: BTreeMap::new(),
        }
    }

    /// What `--help` of a command says; `None` when there is no such command.
    fn help(&mut self, words: &[String]) -> Option<String> {
        let program = &self.program;
        let ask = || {
            let output = Command::new(program).args(words).arg("--help").output().unwrap();
            let done = Done::of(&output);
            (done.code == Some(0)).then_some(done.stdout)
        };
        self.known.entry(words.to_vec()).or_insert_with(ask).clone()
    }

    /// Every command that can be called, from `--help` downwards.
    fn commands(&mut self, above: &[String]) -> Vec<Vec<String>> {
        let help = self.help(above).unwrap_or_default();
        let section = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        let lines = section.lines().take_while(|line| !line.is_empty());
        let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names: Vec<_> = names.filter_map(|line| line.split_whitespace().next()).collect();
        if names.is_empty() {
            return vec![above.to_vec()];
        }
        let below = names.into_iter().filter(|name| *name != "help");
        below
            .flat_map(|name| self.commands(&[above, &[name.to_owned()]].concat()))
            .collect()
    }
}

#[test]
fn the_commands_of_the_documents_exist() {
    let mut xtask = Xtask::provide();
    let mut problems = Vec::new();
    for mention in documents().iter().flat_map(mentions) {
        let Mention { place, words, options } = mention;
        if words.first().is_none_or(|word| OWN_TASKS.contains(&word.as_str())) {
            continue;
        }
        let Some(help) = xtask.help(&words) else {
            problems.push(format!(
                "{place}: there is no command `{}`: name one that is",
                words.join(" ")
            ));
            continue;
        };
        for option in options.iter().filter(|option| !help.contains(option.as_str())) {
            problems.push(format!("{place}: `{}` has no `{option}`", words.join(" ")));
        }
    }
    report(&problems);
}

#[test]
fn the_readme_names_every_command() {
    let readme = Text::read("docs/commands.md").text + &Text::read("README.md").text;
    let commands = Xtask::provide().commands(&[]);
    assert!(commands.len() > 20, "{commands:?}");
    let missing = commands
        .iter()
        .map(|words| words.join(" "))
        .filter(|name| !readme.contains(&format!("`{name}")));
    let problems: Vec<_> = missing
        .map(|name| format!("docs/commands.md: `{name}` is missing: add it to the table"))
        .collect();
    report(&problems);
}

#[test]
fn the_readme_says_which_clients_are_supported() {
    let range = format!("Claude Code {OLDEST_CLIENT_VERSION} to {DEFAULT_CLIENT_VERSION} is supported");
    assert!(
        Text::read("README.md").text.contains(&range),
        "README.md: write `{range}`"
    );
}

#[test]
fn the_readme_says_what_each_exit_code_means() {
    let readme = Text::read("README.md").text;
    let source = Text::read("src/base/error.rs");
    let mut problems = Vec::new();
    let mut count = 0;
    for (number, line) in source.code() {
        let Some((name, value)) = line
            .trim()
            .strip_prefix("pub const ")
            .and_then(|rest| rest.split_once(": u8 = "))
        else {
            continue;
        };
        count += 1;
        let code = value.trim_end_matches(';');
        if !readme.contains(&format!("\n| {code} |")) {
            problems.push(format!(
                "{}:{number}: README.md does not say what {code} (`{name}`) means: add a row to its table",
                source.path
            ));
        }
    }
    assert!(count > 0, "no exit code found in src/base/error.rs");
    report(&problems);
}

#[test]
fn the_changelog_has_a_place_for_what_comes_next() {
    let text = Text::read("CHANGELOG.md").text;
    assert!(
        text.contains("\n## [Unreleased]\n"),
        "CHANGELOG.md: add `## [Unreleased]` on top"
    );
}

#[test]
fn the_architecture_has_a_row_for_each_folder_in_their_order() {
    let text = Text::read("ARCHITECTURE.md").text;
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let named: Vec<String> = rows
        .filter_map(|row| Some(row.split_once("| `")?.1.split_once("/`")?.0.to_owned()))
        .collect();
    assert_eq!(named, FOLDERS, "ARCHITECTURE.md: the table of folders");
}

#[test]
fn the_documents_name_files_that_are_there() {
    let paths: BTreeSet<String> = files().into_iter().map(|file| file.path).collect();
    let mut problems = Vec::new();
    for document in documents() {
        let path = &document.path;
        for (index, line) in document.text.lines().enumerate() {
            let quoted = line.split('`').skip(1).step_by(2);
            for name in quoted.filter(|name| name.starts_with("src/") || name.starts_with("tests/")) {
                let is_there = paths
                    .iter()
                    .any(|path| path == name || path.starts_with(&format!("{}/", name.trim_end_matches('/'))));
                if !is_there {
                    problems.push(format!("{path}:{}: there is no `{name}`", index + 1));
                }
            }
        }
    }
    report(&problems);
}

#[test]
fn something_reads_every_configuration_key() {
    let example: Value = serde_yaml::from_str(&Text::read("configuration.example.yaml").text).unwrap();
    let mut sources = below("src/");
    sources.retain(|file| file.is_rust() && file.path != "src/config.rs" && !file.path.starts_with("src/config/"));
    let code: Vec<&str> = sources
        .iter()
        .flat_map(|file| file.code_without_tests().map(|(_, line)| line))
        .collect();
    let name = |key: &str| format!(".{}", key.rsplit('.').next().unwrap_or(key));
    let is_read = |key: &str| {
        let (field, method) = (name(key), format!("config{}(", name(key)));
        code.iter().any(|line| has_word(line, &field) || line.contains(&method))
    };
    // `Config::template` reads all of them by their names, which a unit test of it goes through.
    let is_prompt = |key: &str| key.starts_with("prompts.");
    let listed = |key: &str| is_prompt(key) || READ_ELSEWHERE.iter().any(|(listed, _)| *listed == key);
    let keys = keys(&example);
    assert!(keys.len() > 50, "{keys:?}");
    let unread = keys.iter().filter(|key| !listed(key) && !is_read(key));
    let mut problems: Vec<_> = unread
        .map(|key| {
            format!("configuration.example.yaml: nothing reads `{key}`: use it, or remove it in src/config/keys")
        })
        .collect();
    let stale = READ_ELSEWHERE
        .iter()
        .filter(|(key, _)| !keys.iter().any(|known| known == key));
    problems.extend(
        stale.map(|(key, _)| format!("tests/it/tidy/documents.rs: there is no key `{key}` any more: remove it")),
    );
    report(&problems);
}

/// Roles that nothing calls have no keys: a key that is checked and does nothing is a promise.
#[test]
fn roles_that_nobody_calls_have_no_keys() {
    let example: Value = serde_yaml::from_str(&Text::read("configuration.example.yaml").text).unwrap();
    let sources = below("src/");
    let code = || {
        let rust = sources
            .iter()
            .filter(|file| file.is_rust() && !file.path.starts_with("src/config"));
        rust.flat_map(|file| file.code_without_tests().map(|(_, line)| line))
    };
    for (role, name) in [
        ("Role::Measure", "measure"),
        ("Role::Stitch", "stitch"),
        ("Role::Review", "review"),
        ("Role::Optimize", "optimize"),
    ] {
        let is_called = code().any(|line| line.contains(role));
        assert_eq!(
            example.get(name).is_some(),
            is_called,
            "{name}: a section and a caller, or neither"
        );
    }
}

/// All keys of a file, sections' as `section.key`.
fn keys(example: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in example.as_mapping().unwrap() {
        let key = key.as_str().unwrap();
        // What a mapping of the person's own holds are no keys; those are empty in the example.
        match value.as_mapping().filter(|section| !section.is_empty()) {
            Some(section) => {
                let names = section.keys().map(|name| name.as_str().unwrap());
                keys.extend(names.map(|name| format!("{key}.{name}")));
            }
            None => keys.push(key.to_owned()),
        }
    }
    keys
}

/// Whether `name` stands in a line and ends there, and is no method's.
fn has_word(line: &str, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || "_(".contains(letter));
    line.match_indices(name)
        .any(|(start, _)| ends(&line[start + name.len()..]))
}
