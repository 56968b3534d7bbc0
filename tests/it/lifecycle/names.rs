//! Names of generations: odd ones, near ones, taken ones.

use super::{generator, project, refs, refuses, start, work};
use crate::support::command::cordwainer;

const CHOOSE: &str = "\nhint: choose another name with `--name`\n";

#[test]
fn a_name_that_begins_with_another_is_another_generation() {
    let repository = project("");
    start(&repository, "a");
    start(&repository, "a-b");
    work(&repository, "generation-a", &[("a.txt", "a\n")]);
    work(&repository, "generation-a-b", &[("b.txt", "b\n")]);
    let before = refs(&repository);
    generator(&repository, &["reset", "--generation", "a"]).run().done();
    let after = refs(&repository);
    for (name, target) in before.iter().filter(|(name, _)| name.contains("generation-a-b")) {
        assert_eq!(after.get(name), Some(target), "{name}");
    }
    assert!(!after.contains_key("refs/heads/generation-a"));
}

#[test]
fn the_name_as_it_stands_wins_over_the_one_with_the_prefix() {
    let repository = project("");
    start(&repository, "a");
    start(&repository, "generation-a");
    let told = generator(&repository, &["switch", "generation-a"]).run().done();
    assert_eq!(told, "Switched to generation-a.\n");
}

#[test]
fn names_that_git_or_we_cannot_take_are_usage_errors() {
    let repository = project("");
    let before = refs(&repository);
    for name in [
        "",
        "a/b",
        "a b",
        "..",
        "a..b",
        "x.lock",
        "x~1",
        "x^",
        "a:b",
        "@{",
        "a\\b",
        "a\tb",
        "a\u{1b}[2J",
        "x*",
        "x.",
    ] {
        let called = generator(&repository, &["start", "--name", name]).run();
        assert_eq!(called.code, 2, "{name:?}: {called:#?}");
        assert!(called.stderr.starts_with("error: "), "{}", called.stderr);
        assert!(!called.stderr.contains('\u{1b}'), "{}", called.stderr);
        assert_eq!(refs(&repository), before, "{name:?}");
    }
}

#[test]
fn names_beyond_ascii_live_and_end() {
    let repository = project("");
    for name in ["größe", "名前", "🥾", "a'b", "$(x)", "-x", "base", "tip"] {
        generator(&repository, &["start", &format!("--name={name}")])
            .run()
            .done();
        work(&repository, &format!("generation-{name}"), &[("new.txt", name)]);
        generator(&repository, &["stop"]).run().done();
        assert_eq!(repository.git(&["show", "main:new.txt"]), name);
    }
    let listing = generator(&repository, &["list", "--json"]).run().json();
    assert_eq!(listing["ended"].as_array().unwrap().len(), 8);
}

#[test]
fn a_name_in_use_is_refused() {
    let repository = project("");
    start(&repository, "a");
    let words = "error: the generation `generation-a` is open already\n\n\
                 hint: choose another name with `--name`, or continue this one with `cordwainer run`\n";
    refuses(&repository, &["generator", "start", "--name", "a"], 9, words);
}

#[test]
fn a_branch_that_is_no_generation_is_not_taken_over() {
    let repository = project("");
    repository.git(&["branch", "generation-a"]);
    let words = format!("error: a branch `generation-a` exists, and is not a generation\n{CHOOSE}");
    refuses(&repository, &["generator", "start", "--name", "a"], 9, &words);
}

#[test]
fn names_that_differ_by_case_alone_are_refused() {
    let repository = project("");
    start(&repository, "a");
    let words =
        format!("error: `generation-A` cannot be created beside `generation-a`: they differ only by case\n{CHOOSE}");
    refuses(&repository, &["generator", "start", "--name", "A"], 9, &words);
}

#[test]
fn a_name_below_a_branch_is_refused_before_anything_is_made() {
    let repository = project("gen_prefix: work/\n");
    repository.git(&["branch", "work"]);
    let words = format!(
        "error: `work/a` cannot be created beside `work`: for git, one would be a folder in the other\n{CHOOSE}"
    );
    refuses(&repository, &["generator", "start", "--name", "a"], 9, &words);
}

#[test]
fn refs_that_are_not_ours_are_left_alone() {
    let repository = project("");
    for reference in [
        "refs/cordwainer/-x/base",
        "refs/cordwainer/a/base/base",
        "refs/cordwainer/odd",
    ] {
        repository.git(&["update-ref", reference, "main"]);
    }
    start(&repository, "a");
    let listing = generator(&repository, &["list", "--json"]).run().json();
    assert_eq!(listing["open"].as_array().unwrap().len(), 1);
    generator(&repository, &["reset"]).run().done();
    assert!(refs(&repository).contains_key("refs/cordwainer/odd"));
}

#[test]
fn an_argument_that_is_not_utf_8_is_a_usage_error() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let repository = project("");
    let arguments = [
        OsStr::new("generator"),
        OsStr::new("start"),
        OsStr::new("--name"),
        OsStr::from_bytes(b"\xff"),
    ];
    let called = cordwainer(&repository, &arguments).run();
    assert_eq!(called.code, 2, "{called:#?}");
    assert!(called.stderr.starts_with("error: invalid UTF-8"), "{}", called.stderr);
}
