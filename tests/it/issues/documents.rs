//! Documents of people: what `spec inspect` says of them, what `issues import` files, and how that is taken back.

use insta::assert_snapshot;
use serde_json::json;

use super::commands::{call, started};
use crate::support::repository::TestRepository;
use crate::support::screens::settings;

const BACKLOG: &str = "# Backlog\n\n| ID | Story | Type | Priority | Status | Depends on |\n|---|---|---|---|---|---|\n\
    | S-1 | Keep the cart | feature | P1 | done | |\n| S-2 | Show shipping costs | feature | P1 | open | S-1 |\n\
    | S-3 | Prices are rounded wrongly | bug | P0 | open | S-2 |\n";

fn with(documents: &[(&str, &str)]) -> TestRepository {
    let repository = started(&["Already there"]);
    for (name, text) in documents {
        repository.write(name, text);
    }
    repository
}

fn screen(repository: &TestRepository, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    call(repository, &words).screen(command)
}

fn titles(repository: &TestRepository) -> Vec<String> {
    let listed = call(repository, &["issues", "list", "--json"]).json();
    let titles = listed.as_array().unwrap().iter();
    titles
        .map(|issue| issue["title"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_prompt_of_the_mode_that_fits_is_printed_and_nothing_begins() {
    let repository = with(&[("docs/backlog.md", BACKLOG)]);
    let before = repository.snapshot_of_everything();
    let called = call(&repository, &["spec", "inspect", "docs/backlog.md", "--prompt"]);
    assert!(
        called
            .stderr
            .starts_with("The prompt of `exec` (75 %: its open items are of several types)."),
        "{called:#?}"
    );
    let prompt = called.done();
    assert!(
        prompt.contains("| S-2 | Show shipping costs |") && prompt.contains("## What to propose"),
        "{prompt}"
    );
    let same = call(&repository, &["exec", "--request-file", "docs/backlog.md", "--prompt"]).done();
    assert_eq!(prompt, same);
    let json = call(
        &repository,
        &["spec", "inspect", "docs/backlog.md", "--prompt", "--json"],
    )
    .json();
    assert_eq!(json["prompt"].as_str().unwrap().trim_end(), prompt.trim_end());
    assert_eq!(repository.snapshot_of_everything(), before);
}

#[test]
fn a_document_is_inspected_without_a_repository_or_a_model() {
    let repository = with(&[("docs/backlog.md", BACKLOG)]);
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "spec inspect docs/backlog.md"), @r"
        $ cordwainer spec inspect docs/backlog.md
        title    Backlog
        kind     backlog (94 %: its title is that of a list of work; its table has items with priorities or states; it has a section of what is to be done)
        mode     exec (75 %: its open items are of several types)
        items    3, 1 of them done

        line  id   state  priority  type     title                       waits for
        5     S-1  done   1         feature  Keep the cart
        6     S-2  open   1         feature  Show shipping costs         S-1
        7     S-3  open   0         bug      Prices are rounded wrongly  S-2
        `cordwainer exec --request-file docs/backlog.md` does it; with `--prompt` it prints what would be asked.
        `cordwainer issues import docs/backlog.md` files its 2 open items as tasks.
        [exit 0]
        ");
    });
    let reading = call(&repository, &["spec", "inspect", "docs/backlog.md", "--json"]).json();
    assert_eq!(
        (&reading["kind"], &reading["mode"], &reading["items"][2]["depends_on"]),
        (&json!("backlog"), &json!("exec"), &json!(["S-2"]))
    );
    let outside = TestRepository::new();
    std::fs::write(
        outside.outside().join("x.txt"),
        "Subject: it hangs\n\nSteps to reproduce:\n1. wait\n",
    )
    .unwrap();
    let done = crate::support::command::cordwainer(&outside, &["spec", "inspect", "x.txt", "--json"]);
    let reading = done.in_folder(outside.outside()).run().json();
    assert_eq!(
        (&reading["mode"], &reading["items"][0]["title"]),
        (&json!("fix"), &json!("it hangs"))
    );
}

#[test]
fn open_items_are_filed_once_and_taken_back_with_one_command() {
    let repository = with(&[("docs/backlog.md", BACKLOG)]);
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues import docs/backlog.md"), @r"
        $ cordwainer issues import docs/backlog.md
        cw-2 Show shipping costs
        cw-3 Prices are rounded wrongly
        Imported 2 tasks; 1 is done and left out.
        `cordwainer issues import --undo cw-2` takes back what was imported.
        [exit 0]
        ");
    });
    let shown = call(&repository, &["issues", "show", "cw-3", "--json"]).json();
    assert_eq!(
        (
            &shown["priority"],
            &shown["issue_type"],
            &shown["dependencies"][0]["depends_on_id"]
        ),
        (&json!(0), &json!("bug"), &json!("cw-2"))
    );
    let subjects = repository.git(&["log", "--format=%s", "refs/cordwainer/generation-search/issues"]);
    assert_eq!(
        subjects.lines().next().unwrap(),
        "issues: import 2 items of docs/backlog.md"
    );
    let again = crate::support::command::cordwainer(&repository, &["issues", "import", "backlog.md"]);
    let again = again.in_folder(repository.path().join("docs")).run();
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (0, "Imported 0 tasks; 2 are here already; 1 is done and left out.\n")
    );
    settings().bind(|| {
        assert_snapshot!(screen(&repository, "issues import --undo cw-3"), @r"
        $ cordwainer issues import --undo cw-3
        Deleted cw-2 Show shipping costs.
        Deleted cw-3 Prices are rounded wrongly.
        [exit 0]
        ");
    });
    assert_eq!(titles(&repository), ["Already there"]);
}

#[test]
fn what_cannot_be_imported_or_taken_back_is_said_and_nothing_changes() {
    let circle = "# Tasks\n\n- [ ] T1: a, after T2\n- [ ] T2: b, after T1\n";
    let twice = "# Tasks\n\n- [ ] T1: a\n- [ ] T1: b\n";
    let repository = with(&[
        ("circle.md", circle),
        ("twice.md", twice),
        ("empty.md", ""),
        ("done.md", "# Tasks\n\n- [x] One\n- [x] Two\n"),
    ]);
    std::fs::write(repository.path().join("wide.md"), b"\xff\xfe#\0 \0a\0").unwrap();
    settings().bind(|| {
        let commands = [
            "circle.md",
            "twice.md",
            "empty.md",
            "done.md",
            "wide.md",
            "missing.md",
            "--undo cw-1",
            "--undo cw-9",
        ];
        let screens = commands.map(|file| screen(&repository, &format!("issues import {file}")));
        assert_snapshot!(screens.join("\n"), @r"
        $ cordwainer issues import circle.md
        error: nothing was imported from `circle.md`
          the batch has a problem
          dependencies form a circle: T1 → T2 → T1

        hint: correct these entries, and import all of them again
        [exit 2]
        $ cordwainer issues import twice.md
        error: nothing was imported from `twice.md`
          the batch has a problem
          entry 2 `T1`: entry 1 has the same key

        hint: correct these entries, and import all of them again
        [exit 2]
        $ cordwainer issues import empty.md
        error: nothing was imported from `empty.md`: it has no items

        hint: `cordwainer spec inspect` shows how a document is read; items are list items, boxes, ids and rows of tables
        [exit 4]
        $ cordwainer issues import done.md
        error: nothing was imported from `done.md`: all of its 2 items are done

        hint: `cordwainer spec inspect` shows how a document is read; items are list items, boxes, ids and rows of tables
        [exit 4]
        $ cordwainer issues import wide.md
        error: cannot read `wide.md`: it is UTF-16LE, and UTF-8 is read

        hint: convert it: `iconv -f UTF-16LE -t UTF-8 FILE > NEW`
        [exit 2]
        $ cordwainer issues import missing.md
        error: cannot read `missing.md`
          No such file or directory (os error 2)
        [exit 2]
        $ cordwainer issues import --undo cw-1
        error: cw-1 was not imported from a document

        hint: `cordwainer issues show` tells where a task comes from
        [exit 2]
        $ cordwainer issues import --undo cw-9
        error: unknown task `cw-9`

        hint: the only task is cw-1
        [exit 2]
        ");
    });
    assert_eq!(titles(&repository), ["Already there"]);
}
