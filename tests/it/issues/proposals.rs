//! What `run --confirm` proposed, released by a person.

use super::commands::{call, started};
use crate::support::command::cordwainer;

/// Proposals are released all at once, or as a list says that a person edits.
#[test]
fn proposals_are_released_all_or_as_an_edited_list_says() {
    let repository = started(&["one", "two", "three", "four"]);
    let run = |words: &[&str]| call(&repository, words);
    let none = "error: no proposal waits to be released\n\nhint: `cordwainer run --confirm` asks for proposals\n";
    run(&["issues", "release", "--proposed"]).refused(4, none);
    let hold = [
        "issues",
        "hold",
        "cw-1",
        "cw-2",
        "cw-3",
        "--reason",
        "proposed, and not released yet",
    ];
    run(&hold).done();
    run(&["issues", "hold", "cw-4", "--reason", "the format is not decided"]).done();

    let edit = |script: &str| {
        let call = cordwainer(&repository, &["issues", "release", "--edit"]);
        call.env("EDITOR", format!("sed --in-place -e '{script}'")).run()
    };
    assert_eq!(edit("").code, 4, "an unchanged list changes nothing");
    edit("s/^keep cw-1/release cw-1/; s/^keep cw-2/delete cw-2/; /cw-3/d").done();
    let left = |status: &str| {
        let listed = run(&["issues", "list", "--json", "--status", status]).done();
        let tasks: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let ids = tasks
            .as_array()
            .unwrap()
            .iter()
            .map(|task| task["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(
        (left("open"), left("held")),
        (vec!["cw-1".to_owned()], vec!["cw-3".to_owned(), "cw-4".to_owned()])
    );

    let refused = edit("s/^keep/pick/");
    assert_eq!(refused.code, 2, "{refused:?}");
    let begin = "error: nothing was changed: line 7: expected `release`, `keep` or `delete`, found `pick`\n\n\
                 hint: your list is kept in ";
    let kept = refused
        .stderr
        .strip_prefix(begin)
        .unwrap_or_else(|| panic!("{}", refused.stderr));
    assert!(std::fs::read_to_string(kept.trim()).unwrap().contains("pick cw-3"));
    std::fs::remove_file(kept.trim()).unwrap();
    let failed = cordwainer(&repository, &["issues", "release", "--edit"])
        .env("VISUAL", "false")
        .run();
    assert_eq!(failed.code, 9, "{failed:?}");
    assert!(
        failed
            .stderr
            .starts_with("error: the editor `false` ended with exit code 1"),
        "{}",
        failed.stderr
    );
    run(&["issues", "release", "--proposed"]).done();
    assert_eq!(
        (left("open"), left("held")),
        (vec!["cw-1".to_owned(), "cw-3".to_owned()], vec!["cw-4".to_owned()])
    );
}
