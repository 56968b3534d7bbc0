//! The JSON contract, frozen: other tools read it.

use super::*;

fn full() -> Issues {
    let mut issues = empty();
    issues
        .add(NewIssue::titled("Parse the header"), &NewIds::counted(), at(1))
        .unwrap();
    let mut input = NewIssue {
        description: "With *care*.".to_owned(),
        priority: 1,
        labels: vec!["ui".to_owned(), "ui".to_owned()],
        dependencies: vec![id(1)],
        ..NewIssue::titled("  Render the page ")
    };
    input.plan.requirements.push("shows the title".to_owned());
    input.plan.estimated_lines = Some(300);
    issues.add(input, &NewIds::counted(), at(2)).unwrap();
    issues.claim(&id(1), &"run-1".parse().unwrap(), at(3)).unwrap();
    issues
        .record_attempt(&id(1), attempt(1, Outcome::Merged), at(80))
        .unwrap();
    issues
        .close(&id(1), "merged", Some(&"c0ffee".parse().unwrap()), at(81))
        .unwrap();
    issues
        .comment(&id(2), "Petra Person", "Mind the margins.", at(90))
        .unwrap();
    issues.hold(&id(2), "which colour?", at(91)).unwrap();
    issues
}

#[test]
fn an_issue_as_others_read_it() {
    let issues = full();
    let json = |number| serde_json::to_string_pretty(issues.get(&id(number)).unwrap()).unwrap();
    insta::assert_snapshot!("closed", json(1));
    insta::assert_snapshot!("held", json(2));
    insta::assert_snapshot!("counts", serde_json::to_string(&issues.counts()).unwrap());
}

#[test]
fn the_file_of_an_issue_is_the_same_json() {
    let fixture = Fixture::new();
    fixture.add("Parse the header");
    let repository = fixture.repository();
    let tree = repository.find_commit(fixture.tip()).unwrap().tree().unwrap();
    let blob = repository
        .find_blob(tree.get_path("issues/cw-1.json".as_ref()).unwrap().id())
        .unwrap();
    let issues = fixture.store.read().unwrap();
    let json = serde_json::to_string_pretty(issues.get(&id(1)).unwrap()).unwrap();
    assert_eq!(std::str::from_utf8(blob.content()).unwrap(), format!("{json}\n"));
}
