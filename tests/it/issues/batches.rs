//! Batches: all or nothing, with every problem at once.

use cordwainer::issue::{BatchIssue, BatchProblems, Status, read_batch};

use super::*;

/// Imports JSON into a store with cw-1 in it; returns `id status [dependencies] title` of what is new, or the error.
fn import(json: &str) -> std::result::Result<Vec<String>, String> {
    let mut issues = empty();
    issues
        .add(NewIssue::titled("There before"), &NewIds::counted(), at(1))
        .unwrap();
    let before = issues.clone();
    let imported = read_batch(json).and_then(|reading| issues.import(reading.batch, &NewIds::counted(), at(2)));
    match imported {
        Ok(ids) => Ok(ids.iter().map(|id| line(&issues, id)).collect()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert_eq!(issues, before, "a refused batch left something behind");
            Err(told(&error))
        }
    }
}

fn line(issues: &Issues, id: &IssueId) -> String {
    let issue = issues.get(id).unwrap();
    let on: Vec<String> = issue
        .dependencies
        .iter()
        .map(|edge| edge.depends_on_id.to_string())
        .collect();
    format!("{id} {} [{}] {}", issue.status, on.join(" "), issue.title)
}

#[test]
fn dependencies_are_by_key_or_by_existing_id() {
    let json = r#"[
        {"key": "late", "title": "Late", "depends_on": ["early", "cw-1"]},
        {"key": "early", "title": "Early", "dependencies": []}
    ]"#;
    assert_eq!(
        import(json).unwrap(),
        ["cw-2 open [cw-3 cw-1] Late", "cw-3 open [] Early"]
    );
    assert_eq!(import("").unwrap(), Vec::<String>::new());
    assert_eq!(import("[]").unwrap(), Vec::<String>::new());
}

#[test]
fn every_problem_is_reported_at_once() {
    let json = r#"[
        {"key": "a", "title": "", "priority": 9, "depends_on": ["b", "nowhere", "cw-7"]},
        {"key": "b", "title": "B", "depends_on": ["a", "a"], "status": "paused"},
        {"key": "b", "title": 5},
        {"title": "Position", "depends_on": ["1"]},
        {"title": "Number", "depends_on": [0]},
        {"key": "self", "title": "Self", "depends_on": ["self"]},
        {"key": "x", "title": "X", "dependencies": [{"issue_id": "y", "depends_on_id": "cw-1"}]}
    ]"#;
    insta::assert_snapshot!(import(json).unwrap_err());
}

#[test]
fn what_is_no_json_is_refused_with_every_bad_line() {
    insta::assert_snapshot!(import("{\"title\": \"One\"}\n\n{\"title\": \nnonsense\n").unwrap_err());
    assert!(import("[{\"title\": \"One\"").is_err());
    assert!(import("[1]").unwrap_err().contains("entry 1 is not a JSON object"));
    assert!(import("\u{0}\u{1}").is_err());
}

#[test]
fn the_older_systems_lines_are_understood() {
    let lines = r#"{"id":"old-a1","title":"Done","status":"closed","priority":1,"issue_type":"task","created_at":"2025-10-01T10:00:00.123456+02:00","updated_at":"2025-10-02T10:00:00Z","closed_at":"2025-10-03T10:00:00Z","close_reason":"Completed","design":"a sketch"}
{"id":"old-b2","title":"Next","status":"in_progress","priority":2,"issue_type":"feature","assignee":"somebody","dependencies":[{"issue_id":"old-b2","depends_on_id":"old-a1","type":"blocks","created_at":"2025-10-01T10:00:00Z","created_by":"x"},{"issue_id":"old-b2","depends_on_id":"old-z9","type":"related"}],"comments":[{"id":1,"issue_id":"old-b2","author":"x","text":"Go on.","created_at":"2025-10-01T10:00:00Z"}]}
"#;
    assert_eq!(import(lines).unwrap(), ["cw-2 closed [] Done", "cw-3 open [cw-2] Next"]);
    assert_eq!(
        read_batch(lines).unwrap().notes,
        [
            "entry 1: left out `design`",
            "entry 2: left out its relation `related` to `old-z9`: only `blocks` makes a task wait",
            "entry 2: left out `assignee`",
        ]
    );
}

#[test]
fn what_the_older_system_deleted_or_set_aside_keeps_nothing_else_out() {
    let long = "long ".repeat(80);
    let lines = format!(
        r#"{{"id":"old-1","title":"Alive","status":"open","dependencies":[{{"issue_id":"old-1","depends_on_id":"old-2","type":"blocks"}}]}}
{{"id":"old-2","title":"Gone","status":"tombstone","deleted_at":"2026-01-06T10:00:00Z"}}
{{"id":"old-3","title":"Later","status":"deferred"}}
{{"id":"old-4","title":"{long}","description":"More.","status":"open"}}
"#
    );
    let imported = import(&lines).unwrap();
    assert_eq!(imported[..2], ["cw-2 open [] Alive", "cw-3 blocked [] Later"]);
    assert!(imported[2].starts_with("cw-4 open [] long long"), "{imported:?}");
    let reading = read_batch(&lines).unwrap();
    assert!(reading.batch[2].issue.description.ends_with("long\n\nMore."));
    assert_eq!(
        reading.notes,
        [
            "entry 2: `old-2` was deleted, and is left out",
            "entry 3: it was `deferred`, and is held",
            "entry 4: its title of 399 characters continues in its description",
        ]
    );
}

#[test]
fn what_was_exported_comes_back() {
    let mut issues = empty();
    for title in ["Closed", "Held", "Tried", "Waiting"] {
        issues.add(NewIssue::titled(title), &NewIds::counted(), at(1)).unwrap();
    }
    issues
        .close(&id(1), "by hand", Some(&"c0ffee".parse().unwrap()), at(2))
        .unwrap();
    issues.hold(&id(2), "which one?", at(2)).unwrap();
    issues
        .record_attempt(&id(3), attempt(1, Outcome::TimedOut), at(2))
        .unwrap();
    issues.comment(&id(3), "Petra", "Again, please.", at(2)).unwrap();
    issues.add_dependency(&id(4), &id(3), at(2)).unwrap();
    let json = serde_json::to_string(&issues.iter().collect::<Vec<_>>()).unwrap();

    let reading = read_batch(&json).unwrap();
    assert_eq!(reading.notes, Vec::<String>::new());
    let mut copy = empty();
    copy.import(reading.batch, &NewIds::counted(), at(2)).unwrap();
    let aged = |issues: &Issues| -> Vec<cordwainer::issue::Issue> {
        issues
            .iter()
            .cloned()
            .map(|issue| cordwainer::issue::Issue {
                updated_at: at(2),
                external: Some(issue.id.to_string()),
                ..issue
            })
            .collect()
    };
    assert_eq!(aged(&copy), aged(&issues));
}

#[test]
fn a_proposal_cannot_bring_a_status_along() {
    let mut issues = empty();
    let batch = vec![BatchIssue::new("k", NewIssue::titled("One"), Vec::new())];
    let ids = issues.import(batch, &NewIds::counted(), at(1)).unwrap();
    assert_eq!(issues.get(&ids[0]).unwrap().status, Status::Open);
}

#[test]
fn the_problems_are_there_one_by_one_for_who_asks() {
    let batch = vec![BatchIssue::new("k", NewIssue::titled(""), vec!["gone".to_owned()])];
    let refused = empty().import(batch, &NewIds::counted(), at(1)).unwrap_err();
    let cause = std::error::Error::source(&refused)
        .unwrap()
        .downcast_ref::<BatchProblems>()
        .unwrap();
    assert_eq!(
        cause.0,
        [
            "entry 1 `k`: the title is empty",
            "entry 1 `k`: dependency `gone` is neither a key of the batch nor a task of the store",
        ]
    );
}
