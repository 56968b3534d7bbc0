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
fn what_did_not_change_is_read_once_and_what_somebody_else_changed_is_read_again() {
    let fixture = Fixture::new();
    let (one, other) = (fixture.add("One"), fixture.add("Other"));
    let before = fixture.store.read().unwrap();
    let elsewhere = Store::open(&fixture.project.handle(), &generation()).unwrap();
    let comment = |issues: &mut Issues| issues.comment(&other, "Petra Person", "Mind the margins.", at(2));
    elsewhere.update("comment", at(2), comment).unwrap();
    let after = fixture.store.read().unwrap();
    let is_shared = |id: &IssueId| std::ptr::eq(before.get(id).unwrap(), after.get(id).unwrap());
    assert!(is_shared(&one) && !is_shared(&other));
    let comments = |issues: &Issues| issues.get(&other).unwrap().comments.len();
    assert_eq!((comments(&before), comments(&after)), (0, 1));
    assert_eq!(after, elsewhere.read().unwrap());
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
