//! `issues edit` in the person's editor.

use std::fs;

use super::*;
use crate::support::pseudo_terminal::PseudoTerminal;

fn edited(repository: &TestRepository, script: &str) -> Called {
    let editor = format!("sed --in-place -e '{script}'");
    cordwainer(repository, &["issues", "edit", "1"])
        .env("EDITOR", editor)
        .run()
}

/// Where a refusal says that the text is kept.
#[track_caller]
fn kept(called: &Called) -> String {
    let (_, place) = called
        .stderr
        .split_once("hint: your text is kept in ")
        .unwrap_or_else(|| panic!("{called:#?}"));
    let text = fs::read_to_string(place.trim()).unwrap();
    fs::remove_file(place.trim()).unwrap();
    text
}

#[test]
fn a_task_is_edited_and_one_that_nobody_changes_stays() {
    let repository = generation(&[]);
    let words = [
        "issues",
        "add",
        "Say more",
        "--description",
        "In words.txt.\n\n# Why\nBecause.",
        "--label",
        "a,b",
        "--proof",
        "make check",
    ];
    call(&repository, &words).done();
    let before = repository.git(&["rev-parse", "refs/cordwainer/generation-a/issues"]);
    let same = edited(&repository, "");
    same.refused(4, "error: cw-1 stays as it is: nothing was changed\n");
    assert_eq!(
        repository.git(&["rev-parse", "refs/cordwainer/generation-a/issues"]),
        before
    );
    let called = edited(
        &repository,
        "s/^title: .*/title: Say much more/; s/^priority: .*/priority: 0/; s/^type: .*/type: bug/; s/^labels: .*/labels: b, c/; s/^make check$/make all/; s/^Because.$/Because of that./",
    );
    assert_eq!(
        (called.code, called.stderr.as_str()),
        (0, "Changed cw-1 Say much more.\n"),
        "{called:#?}"
    );
    let task = task(&repository, "1");
    assert_eq!(task["title"], "Say much more");
    assert_eq!(task["description"], "In words.txt.\n\n# Why\nBecause of that.");
    assert_eq!(task["priority"], 0);
    assert_eq!(task["issue_type"], "bug");
    assert_eq!(task["labels"], serde_json::json!(["b", "c"]));
    assert_eq!(task["plan"]["proof"], "make all");
    let several = cordwainer(&repository, &["issues", "edit", "1", "1", "2"])
        .env("EDITOR", "true")
        .run();
    assert_eq!(several.code, 2, "{several:#?}");
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_nothing_is_lost() {
    let repository = generation(&["Say more"]);
    let before = repository.git(&["rev-parse", "refs/cordwainer/generation-a/issues"]);
    let refused = edited(
        &repository,
        "s/^priority: .*/priority: high/; s/^title: .*/title: A better title/",
    );
    assert_eq!(refused.code, 2, "{refused:#?}");
    let words = "error: nothing was changed: line 8: the priority `high` is not a number from 0 to 4\n";
    assert!(refused.stderr.starts_with(words), "{refused:#?}");
    let text = kept(&refused);
    assert_eq!(text.lines().nth(7), Some("priority: high"), "the line that was named");
    assert!(text.contains("title: A better title"));
    // An editor that fails after it has written.
    let failing = cordwainer(&repository, &["issues", "edit", "1"])
        .env("EDITOR", "sh -c 'echo mine >> \"$0\"; exit 1'")
        .run();
    assert_eq!(failing.code, 9, "{failing:#?}");
    assert!(kept(&failing).ends_with("mine\n"));
    let failed = cordwainer(&repository, &["issues", "edit", "1"])
        .env("VISUAL", "false")
        .run();
    failed.refused(
        9,
        "error: the editor `false` ended with exit code 1\n\nhint: name another one in the variable `EDITOR`\n",
    );
    let binary = cordwainer(&repository, &["issues", "edit", "1"])
        .env("EDITOR", "sh -c 'printf \"\\377\" > \"$0\"'")
        .run();
    assert_eq!(binary.code, 2, "{binary:#?}");
    let none = call(&repository, &["issues", "edit", "1"]);
    none.refused(
        9,
        "error: there is no terminal for an editor, and none is named\n\nhint: name one in the variable `EDITOR`\n",
    );
    assert_eq!(
        repository.git(&["rev-parse", "refs/cordwainer/generation-a/issues"]),
        before
    );
}

#[test]
fn a_change_of_somebody_else_is_not_overwritten() {
    let repository = generation(&["Say more"]);
    let program = env!("CARGO_BIN_EXE_cordwainer");
    let other = |words: &str| format!("sh -c '{program} issues {words} && sed -i s/more/much/ \"$0\"'");
    let edit = |editor: String| {
        cordwainer(&repository, &["issues", "edit", "1"])
            .env("EDITOR", editor)
            .run()
    };
    let refused = edit(other("edit 1 --priority 4 --title \"Say little\""));
    assert_eq!(refused.code, 9, "{refused:#?}");
    assert!(
        refused
            .stderr
            .contains("nothing was changed: cw-1 was changed by somebody else meanwhile: its title, priority\n"),
        "{refused:#?}"
    );
    assert!(kept(&refused).contains("title: Say much\n"));
    assert_eq!(task(&repository, "1")["title"], "Say little");
    // What else becomes of the task meanwhile is not a conflict.
    call(&repository, &["issues", "edit", "1", "--title", "Say more"]).done();
    let done = edit(other("hold 1 --reason later"));
    assert_eq!(done.code, 0, "{done:#?}");
    let task = task(&repository, "1");
    assert_eq!(
        (&task["title"], &task["status"]),
        (&"Say much".into(), &"blocked".into())
    );
}

/// On a terminal, the editor opens again, with what is wrong on top.
#[test]
fn on_a_terminal_the_editor_opens_again() {
    let repository = generation(&["Say more"]);
    let script = "f=\"$0\"; if grep -q \"^#! line 9: the priority .high. is not a number\" $f; then sed -i s/high/1/ $f; else sed -i s/^priority:.*/priority:\\ high/ $f; fi";
    let call = cordwainer(&repository, &["issues", "edit", "1"]).env("EDITOR", format!("sh -c '{script}'"));
    let (code, shown) = PseudoTerminal::start(call.command()).ended();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(task(&repository, "1")["priority"], 1);
    // Whoever leaves it as it is gives up.
    let call = cordwainer(&repository, &["issues", "edit", "1"]).env("EDITOR", "sed -i s/^priority:.*/priority:high/");
    let (code, shown) = PseudoTerminal::start(call.command()).ended();
    assert_eq!(code, Some(2), "{shown}");
    let place = shown.split("kept in ").nth(1).unwrap().trim();
    assert!(fs::read_to_string(place).unwrap().contains("priority:high"));
    fs::remove_file(place).unwrap();
}
