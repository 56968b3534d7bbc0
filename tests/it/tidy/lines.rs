//! Words that may stand in some files only, or in none, and how long a file may be.

use std::collections::BTreeMap;

use super::{Text, below, files, report};

/// The longest file of code, in lines.
const MOST_LINES: usize = 500;

/// Words that only some files of `src/` may hold.
struct Rule {
    words: &'static [&'static str],
    /// Beginnings of the paths that may.
    allowed: &'static [&'static str],
    fix: &'static str,
}

const RULES: [Rule; 7] = [
    Rule {
        words: &["bollard::"],
        allowed: &["src/sandbox/engine.rs", "src/sandbox/engine/"],
        fix: "ask `Engine` for it",
    },
    Rule {
        words: &["axum::"],
        allowed: &["src/cli/serve/"],
        fix: "what the server serves is decided outside of it",
    },
    Rule {
        words: &["git2::"],
        allowed: &["src/git.rs", "src/git/", "src/issues/store.rs"],
        fix: "ask `Git` for it",
    },
    Rule {
        words: &[".message()"],
        // libgit2's errors have one; `IntoCause` sees to the rest.
        allowed: &["src/git/failure.rs"],
        fix: "a person reads libgit2's failures in the words of `src/git/failure.rs`",
    },
    Rule {
        words: &["println!(", "print!("],
        allowed: &[],
        fix: "return it, or say it through the command's `Output`",
    },
    Rule {
        words: &[
            "env::var",
            "env::args",
            "env::current_dir",
            "env::current_exe",
            "env::temp_dir",
            "env::home_dir",
        ],
        allowed: &["src/cli.rs", "src/base/crash.rs", "src/base/testing.rs"],
        fix: "read it in src/cli.rs and hand it over in `Environment`",
    },
    Rule {
        words: &["process::exit(", "process::abort("],
        // A person's third Ctrl-C ends the program wherever it stands.
        allowed: &["src/cli/signal.rs"],
        fix: "return an error or an exit code",
    },
];

/// Words that no code may hold. Put together here, so that this file does not hold them.
const NOWHERE: [(&str, &str); 6] = [
    (concat!("#[al", "low"), "say `#[expect(lint, reason = \"…\")]`"),
    (concat!("#![al", "low"), "say `#![expect(lint, reason = \"…\")]`"),
    (concat!("to", "do!("), "write it, or leave it out"),
    (concat!("unimple", "mented!("), "write it, or leave it out"),
    (concat!("db", "g!("), "remove it"),
    (
        concat!("#[ig", "nore"),
        "let the test say what it lacks, and pass or fail",
    ),
];

/// What no file of the tree may name: this machine's folders and the hosts of package registries.
const PLACES: [&str; 10] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("npm", "js.org"),
    concat!("index.cra", "tes.io"),
    concat!("static.cra", "tes.io"),
    concat!("py", "pi.org"),
    concat!("proxy.go", "lang.org"),
    concat!("docker", ".io/"),
    concat!("gh", "cr.io"),
    concat!("qu", "ay.io"),
];

fn offenders(file: &Text, rule: &Rule) -> Vec<String> {
    if rule.allowed.iter().any(|start| file.path.starts_with(start)) {
        return Vec::new();
    }
    let lines = file.code();
    lines
        .filter_map(|(number, line)| {
            let word = rule.words.iter().find(|word| line.contains(**word))?;
            Some(format!(
                "{}:{number}: `{word}` does not belong here: {}",
                file.path, rule.fix
            ))
        })
        .collect()
}

#[test]
fn words_stand_where_they_belong() {
    let files = below("src/");
    let rust = files.iter().filter(|file| file.is_rust());
    let problems: Vec<_> = rust
        .flat_map(|file| RULES.iter().flat_map(|rule| offenders(file, rule)))
        .collect();
    report(&problems);
}

/// Beginnings of the paths whose code reads and writes nothing, and waits for nobody: what goes in and comes out is data.
const PURE: [&str; 42] = [
    "src/model",
    "src/agent",
    "src/accounting",
    "src/issues/attempt.rs",
    "src/issues/document",
    "src/issues/interfaces.rs",
    "src/issues/issue",
    "src/issues/last_word.rs",
    "src/issues/proposal",
    "src/sandbox/guarantee",
    "src/sandbox/network",
    "src/sandbox/spec.rs",
    "src/config/defaults.rs",
    "src/config/keys",
    "src/config/toolchain.rs",
    "src/config/tools.rs",
    "src/prompt",
    "src/record/event.rs",
    "src/record/findings",
    "src/record/so_far.rs",
    "src/record/overview",
    "src/project/coverage",
    "src/project/detect",
    "src/project/interfaces/",
    "src/project/protected",
    "src/project/tampering",
    "src/run/attempt_verdict.rs",
    "src/run/choice.rs",
    "src/run/gate/agreement.rs",
    "src/run/gate/compare.rs",
    "src/run/gate/judgement.rs",
    "src/run/gate/results",
    "src/report/picture",
    "src/cli/completions/engine.rs",
    "src/run/guidance.rs",
    "src/run/plan.rs",
    "src/run/schedule.rs",
    "src/run/stuck",
    "src/run/waiting/pause.rs",
    "src/run/waiting/retry.rs",
    "src/setup/image/containerfile.rs",
    "src/base/graph.rs",
];

/// What pure code never touches, and where it belongs.
const FOREIGN: [(&str, &str); 4] = [
    ("tokio::", "waiting belongs to `run` and `sandbox`"),
    ("std::fs", "files belong to the folders that read and write them"),
    ("std::process", "processes belong to `sandbox`"),
    ("Clock", "time and chance are handed over"),
];

#[test]
fn pure_code_stays_pure() {
    let mut problems = Vec::new();
    for start in PURE {
        for file in below(start).iter().filter(|file| file.is_rust()) {
            for (number, line) in file.code_without_tests() {
                for (name, fix) in FOREIGN.iter().filter(|(name, _)| line.contains(name)) {
                    problems.push(format!("{}:{number}: `{name}` in pure code: {fix}", file.path));
                }
            }
        }
    }
    report(&problems);
}

#[test]
fn a_rule_finds_what_breaks_it() {
    let file = Text {
        path: "src/issue.rs".to_owned(),
        text: "//! bollard::\nuse bollard::Docker;\neprintln!(\"x\");\n".to_owned(),
    };
    let found: Vec<_> = RULES.iter().flat_map(|rule| offenders(&file, rule)).collect();
    let expect = [
        "src/issue.rs:2: `bollard::` does not belong here: ask `Engine` for it",
        "src/issue.rs:3: `println!(` does not belong here: return it, or say it through the command's `Output`",
    ];
    assert_eq!(found, expect);
}

#[test]
fn some_words_stand_nowhere() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.is_rust()) {
        for (number, line) in file.code() {
            for (word, fix) in NOWHERE.iter().filter(|(word, _)| line.contains(word)) {
                problems.push(format!("{}:{number}: `{word}`: {fix}", file.path));
            }
        }
    }
    report(&problems);
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let mut problems = Vec::new();
    for file in below("src/").iter().filter(|file| file.is_rust()) {
        for (number, _) in file.code_without_tests().filter(|(_, line)| line.contains(".unwrap()")) {
            problems.push(format!(
                "{}:{number}: `.unwrap()`: pass the error on, or say `.expect(\"why this holds\")`",
                file.path
            ));
        }
    }
    report(&problems);
}

#[test]
fn files_are_short_and_named_after_what_they_hold() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count();
        if lines > MOST_LINES {
            problems.push(format!(
                "{}: {lines} lines, {MOST_LINES} at most: move a part into a file of its own",
                file.path
            ));
        }
        if file.path.ends_with("/mod.rs") {
            problems.push(format!("{}: name it after its folder, beside the folder", file.path));
        }
    }
    report(&problems);
}

/// Where the public hosts of package managers are data.
const PRESETS: &str = "src/sandbox/network/preset.rs";

#[test]
fn no_place_of_a_machine_is_named() {
    let mut problems = Vec::new();
    let names_them = |path: &str| path.ends_with("Cargo.lock") || path == PRESETS;
    for file in files().iter().filter(|file| !names_them(&file.path)) {
        for (index, line) in file.text.lines().enumerate() {
            for place in PLACES.iter().filter(|place| line.contains(**place)) {
                problems.push(format!(
                    "{}:{}: `{place}` is a place of one machine or a registry: take it from the configuration",
                    file.path,
                    index + 1
                ));
            }
        }
    }
    report(&problems);
}

#[test]
fn each_crash_point_has_a_name_of_its_own() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in below("src/").iter().filter(|file| file.path != "src/base/crash.rs") {
        for (number, line) in file.code() {
            let after = line.split_once("crash_point!(\"").map(|(_, after)| after);
            if let Some((name, _)) = after.and_then(|after| after.split_once('"')) {
                let place = format!("{}:{number}", file.path);
                places.entry(name.to_owned()).or_default().push(place);
            }
        }
    }
    assert!(!places.is_empty(), "no crash point found: has the macro another name?");
    let twice = places.iter().filter(|(_, places)| places.len() > 1);
    let problems: Vec<_> = twice
        .map(|(name, places)| format!("{}: `{name}` has several places: give each its own", places.join(", ")))
        .collect();
    report(&problems);
}
