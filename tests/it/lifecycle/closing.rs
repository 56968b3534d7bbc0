//! What the merge of a generation says and has beside its work: tag, version, changelog.

use serde_json::json;

use super::{at_work, generator, project, refs, refuses, start, work};
use crate::support::command::cordwainer;
use crate::support::repository::TestRepository;

const CHANGES: &str = "# Changes\n\nAll of them.\n\n## [Unreleased]\n\n- Something.\n\n## 0.1\n\n- The first.\n";
const CARGO: &str = "[package]\nname = \"x\"\nversion = \"0.1.0\"\n";
const CONFIGURATION: &str = "tag: v1.{date}.{n}\nversion_file: Cargo.toml\nchangelog: docs/changes.md\n";

/// A generation at work in a repository with these files, too.
fn with_files(configuration: &str, files: &[(&str, &str)]) -> TestRepository {
    let repository = project(configuration);
    for (path, text) in files {
        repository.write(path, text);
    }
    repository.commit("more files");
    start(&repository, "a");
    work(&repository, "generation-a", &[("new.txt", "new\n")]);
    repository
}

/// A generation whose merge has a tag, a version and an entry.
pub(super) fn prepare() -> TestRepository {
    with_files(CONFIGURATION, &[("docs/changes.md", CHANGES), ("Cargo.toml", CARGO)])
}

/// The day of a commit, as tags have it.
fn day(repository: &TestRepository, revision: &str) -> String {
    let seconds = repository.git(&["log", "-1", "--format=%ct", revision]);
    let at = jiff::Timestamp::from_second(seconds.trim().parse().unwrap()).unwrap();
    at.strftime("%Y%m%d").to_string()
}

#[test]
fn the_merge_has_a_tag_its_version_and_an_entry_and_says_what_was_done() {
    let repository = prepare();
    repository.git(&["tag", "v1.20200101.7"]);
    cordwainer(&repository, &["issues", "add", "Not done"]).run().done();
    let done = generator(&repository, &["stop", "--json"]).run().json();
    let day = day(&repository, "main");
    let tag = format!("v1.{day}.1");
    assert_eq!(done["tag"], tag);
    assert_eq!(
        (&done["version_file"], &done["changelog"]),
        (&json!("Cargo.toml"), &json!("docs/changes.md"))
    );
    assert_eq!(done["undone"][0]["title"], "Not done");
    assert_eq!((&done["tasks"], &done["totals"]["attempts"]), (&json!([]), &json!(0)));
    // Annotated, and on the merge.
    assert_eq!(repository.git(&["cat-file", "-t", &format!("refs/tags/{tag}")]), "tag");
    assert_eq!(
        repository.git(&["rev-parse", &format!("{tag}^{{commit}}")]),
        done["merged"].as_str().unwrap()
    );
    repository.git(&["fsck", "--strict"]);
    let message = repository.git(&["log", "-1", "--format=%B", "main"]);
    let id = done["undone"][0]["id"].as_str().unwrap();
    let expect = format!(
        "Merge generation-a\n\nLeft behind:\n\n- {id}: Not done\n\nCordwainer-Generation: generation-a\nCordwainer-Tag: {tag}\n\
         Cordwainer-Tasks: 0\nCordwainer-Attempts: 0\nCordwainer-Tokens: 0\nCordwainer-Cost: 0.0000 USD"
    );
    assert_eq!(message.trim_end(), expect);
    let version = format!("version = \"1.{day}.1\"");
    assert_eq!(
        repository.git(&["show", "main:Cargo.toml"]),
        CARGO.replace("version = \"0.1.0\"", &version).trim_end()
    );
    let date = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
    let entry = format!("- Something.\n\n## {tag} - {date}\n\n- Work without tasks.\n\n## 0.1");
    let changes = repository.git(&["show", "main:docs/changes.md"]);
    assert_eq!(changes, CHANGES.replace("- Something.\n\n## 0.1", &entry).trim_end());
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    // The next one of the same day counts on.
    start(&repository, "b");
    work(&repository, "generation-b", &[("b.txt", "b\n")]);
    let told = generator(&repository, &["stop"]).run().done();
    let tag = format!("v1.{}.2", self::day(&repository, "main"));
    assert!(
        told.contains(&format!(
            "\nTagged it {tag}.\nCargo.toml has its version, in the merge.\n"
        )),
        "{told}"
    );
    assert!(
        repository
            .git(&["show", "main:docs/changes.md"])
            .contains(&format!("- Something.\n\n## {tag} - "))
    );
}

#[test]
fn a_generation_that_brings_nothing_or_is_left_gets_no_tag() {
    let repository = project("tag: v{n}\n");
    start(&repository, "a");
    let done = generator(&repository, &["stop", "--json"]).run().json();
    assert_eq!(done.get("tag"), None);
    start(&repository, "b");
    work(&repository, "generation-b", &[("b.txt", "b\n")]);
    let done = generator(&repository, &["stop", "--no-merge", "--json"]).run().json();
    assert_eq!(done.get("tag"), None);
    assert_eq!(repository.git(&["tag"]), "");
}

#[test]
fn what_cannot_be_written_or_tagged_is_refused_before_anything_moves() {
    let hint = "hint: choose another `tag`, such as one with `{n}`, or delete that one; nothing was changed\n";
    let repository = at_work("tag: v1\n");
    repository.git(&["tag", "v1"]);
    let say = |what: &str, hint: &str| format!("error: {what}\n\n{hint}");
    refuses(&repository, &["stop"], 9, &say("the tag `v1` exists already", hint));
    repository.git(&["tag", "-d", "v1"]);
    repository.git(&["tag", "v1/a"]);
    refuses(
        &repository,
        &["stop"],
        9,
        &say("the tag `v1` cannot be set beside the tag `v1/a`", hint),
    );
    let file = |key: &str, path: &str, why: &str| {
        say(
            &format!("`{key}` names `{path}`, and {why}"),
            &format!("hint: commit a text file there, or change `{key}`; nothing was changed\n"),
        )
    };
    for (configuration, message) in [
        (
            "changelog: CHANGES.md\n",
            file("changelog", "CHANGES.md", "the merge has no such file"),
        ),
        (
            "changelog: src\n",
            file("changelog", "src", "the merge has no such file"),
        ),
        (
            "changelog: a.bin\n",
            file("changelog", "a.bin", "that is not UTF-8 text"),
        ),
        ("changelog: link\n", file("changelog", "link", "that is not a file")),
        (
            "changelog: large\n",
            file("changelog", "large", "that is larger than 1 MB"),
        ),
        (
            "tag: v{n}\nversion_file: none\n",
            file("version_file", "none", "the merge has no such file"),
        ),
        (
            "tag: v{n}\nversion_file: src/lib.rs\n",
            say(
                "`version_file` names `src/lib.rs`, in which no version is found for `tag` to replace",
                "hint: it is found in a file of one word, or behind the name `version` on a line; or unset `version_file`\n",
            ),
        ),
    ] {
        let repository = project(configuration);
        repository.write("a.bin", "a\0b");
        repository.write("large", "x".repeat((1 << 20) + 1));
        std::os::unix::fs::symlink("a.bin", repository.path().join("link")).unwrap();
        repository.commit("files");
        start(&repository, "a");
        work(&repository, "generation-a", &[("new.txt", "new\n")]);
        refuses(&repository, &["stop"], 9, &message);
    }
}

#[test]
fn a_tag_that_somebody_sets_meanwhile_keeps_the_generation_from_its_end_until_it_is_gone() {
    let repository = with_files("tag: v{n}\n", &[]);
    for (point, on_base) in [("stop.prepared:1", false), ("stop.landed:1", true)] {
        let died = generator(&repository, &["stop"])
            .env("CORDWAINER_CRASH_AT", point)
            .run();
        assert_eq!(died.code, 137, "{died:#?}");
        repository.git(&["tag", "v1", "main~1"]);
        let refused = generator(&repository, &["stop"]).run();
        assert_eq!(refused.code, 9, "{refused:#?}");
        assert!(refused.stderr.contains("the tag `v1` exists already"), "{refused:#?}");
        assert_eq!(
            refused.stderr.contains("the merge is on the base branch"),
            on_base,
            "{refused:#?}"
        );
        repository.git(&["tag", "-d", "v1"]);
    }
    let done = generator(&repository, &["stop", "--json"]).run().json();
    assert_eq!(done["tag"], "v1");
    assert_eq!(
        refs(&repository)
            .keys()
            .filter(|name| name.starts_with("refs/tags/"))
            .count(),
        1
    );
}
