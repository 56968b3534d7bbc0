//! The configuration: what is read, what is refused and in which words.

mod accepted;
mod load;
mod schema;
mod source;
mod templates;
mod timers;

use cordwainer::config::{Config, example};
use proptest::prelude::*;

/// The problems of a text, one a line, without the file's name.
fn problems(text: &str) -> String {
    match Config::parse(text, "c.yaml") {
        Ok(_) => "none".to_owned(),
        Err(problems) => problems
            .to_string()
            .lines()
            .map(|line| line.trim_start_matches("c.yaml:").to_owned() + "\n")
            .collect(),
    }
}

/// Checks a file of cases: a text, `----`, its problems; cases are parted by `====`.
fn check(cases: &str) {
    for case in cases.trim_end().split("\n====\n") {
        let (text, expected) = case.split_once("\n----\n").expect("a case has a text and its problems");
        assert_eq!(problems(text).trim_end(), expected, "the problems of:\n{text}");
    }
}

#[test]
fn documents_that_cannot_be_read() {
    check(include_str!("config/document.txt"));
}

#[test]
fn values_that_make_no_sense() {
    check(include_str!("config/values.txt"));
}

#[test]
fn gates_that_name_nothing_or_too_much() {
    check(include_str!("config/gates.txt"));
}

#[test]
fn paths_that_leave_the_repository() {
    check(include_str!("config/paths.txt"));
}

#[test]
fn containers_that_would_be_open() {
    check(include_str!("config/container.txt"));
}

#[test]
fn images_that_cannot_be_built() {
    check(include_str!("config/image.txt"));
}

#[test]
fn servers_that_no_role_could_use() {
    check(include_str!("config/mcp.txt"));
}

#[test]
fn hosts_that_are_none() {
    check(include_str!("config/network.txt"));
}

#[test]
fn roles_and_limits_that_contradict_themselves() {
    check(include_str!("config/roles.txt"));
}

#[test]
fn variables_that_change_who_pays() {
    check(include_str!("config/billing.txt"));
}

#[test]
fn money_and_retries_that_contradict_themselves() {
    check(include_str!("config/money.txt"));
}

#[test]
fn rules_that_say_nothing_or_too_much() {
    check(include_str!("config/rules.txt"));
}

#[test]
fn arguments_of_client_and_podman() {
    check(include_str!("config/arguments.txt"));
}

#[test]
fn a_problem_is_rendered_with_file_place_and_key() {
    let problems = Config::parse("container:\n  memory: lots\n", "configuration.yaml").expect_err("`lots` is no size");
    let expected = "configuration.yaml:2:11: container.memory: expected a size such as `512m`, or `off`, found `lots`";
    assert_eq!(problems.to_string(), expected);
    let error = cordwainer::error::Error::from(problems);
    assert_eq!(error.to_string(), "`configuration.yaml` has 1 problem");
    assert_eq!(error.kind(), cordwainer::error::ErrorKind::Configuration);
}

#[test]
fn a_file_of_another_kind_is_refused_for_its_size() {
    assert_eq!(problems(&"# \n".repeat(1 << 19)), "1:1: larger than 1048576 bytes\n");
    assert_eq!(problems(&"[".repeat(40)), "1:33: nested more than 32 levels deep\n");
    assert_eq!(
        problems(&"[".repeat(100_000)),
        "1:256: not YAML: recursion limit exceeded\n"
    );
}

/// A value of the environment may be a secret: no message repeats it, whatever is wrong with it.
#[test]
fn no_message_repeats_a_value_of_the_environment() {
    const SECRET: &str = "sk-hush";
    for text in [
        "container: {env: KEY=sk-hush}",
        "container: {env: [KEY=sk-hush, KEY=sk-hush]}",
        "container: {env: {'B D': sk-hush}}",
        "container: {env: {KEY: \"sk-hush\\0\"}}",
        "container: {env: {HOME: sk-hush}, env: {KEY: sk-hush}}",
        "podman_args: [-e, '1=sk-hush']",
        "podman_args: ['-e=1=sk-hush', '--evn=KEY=sk-hush', '--evn', 'KEY=sk-hush']",
        "podman_args: ['KEY=sk-hush']",
        "podman_args: [-e, 'KEY=sk-hush', -e, 'KEY=sk-hush']",
    ] {
        let problems = problems(text);
        assert!(problems != "none" && !problems.contains(SECRET), "{text}: {problems}");
    }
}

/// Pieces that mean something to the reader, so that random texts get past its first line.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "container:",
        "  memory: ",
        "podman_args: ",
        "source_dirs: ",
        "claude_args: ",
        "- ",
        "-e ",
        "-v ",
        "--mount ",
        "off",
        "1h30m",
        "4g",
        "9999999999999",
        "\n",
        "\n  ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "&a ",
        "*a",
        "!t ",
        "|\n",
        ">-\n",
        "#",
        "\t",
        "\r\n",
        "é",
        "\u{feff}",
        "\u{0}",
        "..",
        "/",
        "~",
        "gates: ",
        "stitch: ",
        "timeout: ",
        "seed_files: ",
        "---\n",
        "mounts: ",
        ":/a",
        "spec_globs: ",
        "**",
        "%YAML 1.2\n",
        "? ",
        "<<: ",
        "-1",
        ".nan",
        "1e400",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

/// The example with one stretch of it replaced by a piece.
fn damaged_example() -> impl Strategy<Value = String> {
    let example = example();
    (any::<prop::sample::Index>(), 0..40_usize, piece()).prop_map(move |(at, length, piece)| {
        let characters: Vec<char> = example.chars().collect();
        let start = at.index(characters.len());
        let end = (start + length).min(characters.len());
        let (before, after) = (&characters[..start], &characters[end..]);
        before
            .iter()
            .copied()
            .chain(piece.chars())
            .chain(after.iter().copied())
            .collect()
    })
}

fn check_random(text: &str) -> Result<(), TestCaseError> {
    let Err(problems) = Config::parse(text, "c.yaml") else {
        return Ok(());
    };
    prop_assert!(problems.count() > 0);
    let lines = text.split('\n').count().max(1);
    for problem in &problems {
        prop_assert!(
            (1..=lines + 1).contains(&problem.line) && problem.column > 0,
            "{problem:?}"
        );
        prop_assert!(!problem.to_string().chars().any(char::is_control), "{problem:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_reader(pieces in prop::collection::vec(piece(), 0..40)) {
        check_random(&pieces.concat())?;
    }

    #[test]
    fn no_damage_breaks_the_reader(text in damaged_example()) {
        check_random(&text)?;
    }
}
