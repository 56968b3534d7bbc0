//! Texts name a command as `cordwainer run`, in backticks: where one is printed, `src/report/invocation.rs` puts in its
//! place what the person types.

use super::{Text, below, report};

/// The commands of a generation's life, which texts name without `generator`.
const GENERATION: [&str; 12] = [
    "init", "start", "run", "runs", "resume", "stop", "reset", "measure", "stitch", "status", "list", "switch",
];
/// Groups of commands, which texts name together with the program.
const GROUPS: [&str; 6] = ["issues", "image", "config", "stats", "doctor", "network"];

/// Returns the words that follow each occurrence of `start` in a line.
fn after<'a>(line: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    line.split(start).skip(1).map(|rest| {
        let word = |letter: char| !letter.is_ascii_lowercase();
        rest.split(word).next().unwrap_or_default()
    })
}

/// Returns what is wrong with how a line names commands.
fn problem(line: &str) -> Option<&'static str> {
    let is_life = |word: &str| GENERATION.contains(&word);
    let namespaced = ["`generator ", "cordwainer generator ", "xtask generator "];
    if namespaced.iter().any(|start| after(line, start).any(is_life)) {
        return Some("name the command without `generator`, as `cordwainer run`");
    }
    let is_command = |word: &str| is_life(word) || GROUPS.contains(&word);
    if after(line, "cargo xtask ").any(is_command) {
        return Some("write `cordwainer`: what is typed instead of it is put in where the text is printed");
    }
    let bare = GROUPS
        .iter()
        .any(|group| after(line, &format!("`{group} ")).any(|word| !word.is_empty()));
    bare.then_some("name the program, too, as `cordwainer issues list`")
}

fn problems(file: &Text) -> Vec<String> {
    let is_test = file.path.ends_with("/tests.rs") || file.path.contains("/tests/");
    let lines = file.text.lines().enumerate();
    lines
        .take_while(|(_, line)| !is_test && line.trim() != "#[cfg(test)]")
        .filter_map(|(index, line)| Some(format!("{}:{}: {}", file.path, index + 1, problem(line)?)))
        .collect()
}

#[test]
fn texts_name_commands_as_the_program_has_them() {
    let mut found = Vec::new();
    for file in below("src/").iter().filter(|file| file.is_rust()) {
        found.extend(problems(file));
    }
    report(&found);
}

#[test]
fn a_text_that_names_a_command_in_another_way_is_found() {
    for (line, is_wrong) in [
        (".hint(\"run `generator run`\")", true),
        (".hint(\"run `cargo xtask generator init`\")", true),
        (".hint(\"run `cordwainer generator stop`\")", true),
        ("/// Example: cargo xtask issues list", true),
        ("\"`issues list` shows them\"", true),
        ("\"`cordwainer issues list` shows them\"", false),
        ("\"`cordwainer run` goes on; `cargo xtask codegen` writes it\"", false),
        ("/// The arguments of `generator` and of `issues`.", false),
        ("`generator runs stop`", true),
        ("`generator running`", false),
    ] {
        assert_eq!(problem(line).is_some(), is_wrong, "{line}");
    }
}
