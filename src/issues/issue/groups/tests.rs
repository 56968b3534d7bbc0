//! What is done next with groups, and how they are changed.

use jiff::Timestamp;

use super::*;
use crate::issues::issue::tests::issues_with;
use crate::issues::issue::{BatchIssue, IssueEdit, NewIssue};

fn group(key: &str, depends_on: &[&str]) -> Group {
    Group {
        depends_on: depends_on.iter().map(|on| (*on).to_owned()).collect(),
        ..Group::new(key, key, "All of it.")
    }
}

fn tip() -> CommitId {
    "c0ffee".parse().unwrap()
}

fn review(filed: Option<&[u32]>) -> ClosingReview {
    ClosingReview {
        tip: tip(),
        batches: 2,
        read: 1,
        findings: Vec::new(),
        lesser: 0,
        too_large: Vec::new(),
        filed: filed.map(|ids| ids.iter().map(|id| crate::model::IssueId::new(*id)).collect()),
    }
}

/// Groups `a` and `b`, which waits for it.
fn two() -> Issues {
    let mut issues = issues_with(&["cw-1"]);
    issues.add_groups(vec![group("b", &["a"]), group("a", &[])]).unwrap();
    issues
}

#[test]
fn a_build_goes_from_the_plan_group_by_group_to_the_end() {
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(issues_with(&[]).next_in_build(2, None), BuildStep::Plan);
    let mut issues = two();
    let step = |issues: &Issues| issues.next_in_build(2, Some(&tip()));
    assert_eq!(step(&issues), BuildStep::Measure("a".into()));
    issues.begin_group("a", &tip(), false);
    assert_eq!(step(&issues), BuildStep::Measure("a".into()));
    issues.begin_group("a", &tip(), true);
    let task = NewIssue {
        group: Some("a".to_owned()),
        ..NewIssue::titled("T")
    };
    issues.insert("cw-2".parse().unwrap(), task, now);
    assert_eq!(step(&issues), BuildStep::Tasks("a".into()));
    issues.close(&"cw-2".parse().unwrap(), "done", None, now).unwrap();
    assert_eq!(step(&issues), BuildStep::Review("a".into()));
    issues.note_review("a", &review(None));
    assert_eq!(step(&issues), BuildStep::Review("a".into()));
    // What it found is done, and it is read once more.
    issues.note_review("a", &review(Some(&[2])));
    assert_eq!(step(&issues), BuildStep::Review("a".into()));
    issues.note_review("a", &review(Some(&[2])));
    assert_eq!(step(&issues), BuildStep::Finish("a".into()));
    assert_eq!(issues.group("a").unwrap().reviews.len(), 2);
    assert_eq!(issues.next_in_build(3, None), BuildStep::Review("a".into()));
    let done = GroupDone {
        tip: tip(),
        at: now,
        run: "20261121-1".parse().unwrap(),
    };
    issues.finish_group("a", &done);
    assert_eq!(step(&issues), BuildStep::Measure("b".into()));
    // One that found nothing to do, and whose review finds nothing.
    issues.begin_group("b", &tip(), true);
    issues.note_review("b", &review(Some(&[])));
    assert_eq!(step(&issues), BuildStep::Finish("b".into()));
    // What comes after that is read, too.
    let later: CommitId = "decade".parse().unwrap();
    assert_eq!(issues.next_in_build(2, Some(&later)), BuildStep::Review("b".into()));
    assert_eq!(issues.next_in_build(1, Some(&later)), BuildStep::Finish("b".into()));
    issues.finish_group("b", &done);
    assert_eq!(step(&issues), BuildStep::Done);
    assert!(issues.group_counts().is_complete());
    // What was built is a store as any other.
    assert!(Issues::from_stored(issues.meta().clone(), issues.iter().cloned()).is_ok());
}

#[test]
fn where_a_plan_has_found_no_group_nothing_is_planned_until_all_are_removed_or_asked_for() {
    let mut issues = issues_with(&[]);
    issues.note_planned(&[("a.md".to_owned(), "1".to_owned())], &[]);
    assert_eq!(issues.next_in_build(2, None), BuildStep::Done);
    assert!(!issues.group_counts().is_complete());
    issues.add_groups(vec![group("a", &[])]).unwrap();
    assert_eq!(issues.next_in_build(2, None), BuildStep::Measure("a".into()));
    issues.remove_group("a").unwrap();
    assert_eq!(issues.next_in_build(2, None), BuildStep::Plan);
}

#[test]
fn a_task_of_a_group_that_waits_waits_too() {
    let (mut issues, now) = (two(), Timestamp::UNIX_EPOCH);
    for (id, key) in [("cw-2", "b"), ("cw-3", "a")] {
        let task = NewIssue {
            group: Some(key.to_owned()),
            ..NewIssue::titled("T")
        };
        issues.insert(id.parse().unwrap(), task, now);
    }
    let ready = |issues: &Issues| issues.ready().iter().map(|one| one.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ready(&issues), ["cw-1", "cw-3"]);
    let waiting = "cw-2".parse().unwrap();
    let refused = issues.claim(&waiting, &"20261121-1".parse().unwrap(), now).unwrap_err();
    assert!(refused.to_string().contains("its group waits for a"), "{refused}");
    let done = GroupDone {
        tip: tip(),
        at: now,
        run: "20261121-1".parse().unwrap(),
    };
    issues.finish_group("a", &done);
    assert_eq!(ready(&issues), ["cw-1", "cw-2", "cw-3"]);
}

#[test]
fn a_task_of_an_unknown_group_is_not_imported() {
    let task = NewIssue {
        group: Some("c".to_owned()),
        ..NewIssue::titled("T")
    };
    let batch = vec![BatchIssue::new("one", task, Vec::new())];
    let found = two().batch_problems(&batch);
    assert_eq!(found, ["entry 1 `one`: unknown group `c`"]);
    assert_eq!(issues_with(&[]).batch_problems(&batch), found);
}

#[test]
fn what_a_further_plan_says_comes_to_what_is_known_and_each_is_told_once() {
    let mut issues = two();
    let documents = |id: &str| vec![("a.md".to_owned(), id.to_owned())];
    let said = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let first = said(&["§1 and §2 differ", "§1 and §2 differ", "§3 is empty"]);
    assert_eq!(
        issues.note_planned(&documents("1"), &first),
        ["§1 and §2 differ", "§3 is empty"]
    );
    assert_eq!(
        issues.note_planned(&documents("2"), &said(&["§4 names nobody", "§3 is empty"])),
        ["§4 names nobody"]
    );
    assert_eq!(issues.note_planned(&documents("3"), &[]), [""; 0]);
    let build = issues.build();
    assert_eq!(build.planned["a.md"], "3");
    assert_eq!(
        build.contradictions,
        ["§1 and §2 differ", "§3 is empty", "§4 names nobody"]
    );
}

#[test]
fn a_group_that_cannot_be_removed_can_be_after_what_the_hint_says() {
    let (mut issues, now) = (two(), Timestamp::UNIX_EPOCH);
    issues.add_groups(vec![group("c", &["b", "a"])]).unwrap();
    issues
        .edit_group(
            "b",
            &GroupEdit {
                depends_on: Some(Vec::new()),
                ..GroupEdit::default()
            },
        )
        .unwrap();
    let hint = |issues: &mut Issues, key: &str| {
        let refused = issues.remove_group(key).unwrap_err();
        refused.hint_text().unwrap().to_owned()
    };
    let told = hint(&mut issues, "a");
    assert!(
        told.contains("`cordwainer issues group edit c --depends-on b`"),
        "{told}"
    );
    let edit = GroupEdit {
        depends_on: Some(vec!["b".to_owned()]),
        ..GroupEdit::default()
    };
    issues.edit_group("c", &edit).unwrap();
    for id in ["cw-2", "cw-3"] {
        let task = NewIssue {
            group: Some("a".to_owned()),
            ..NewIssue::titled("T")
        };
        issues.insert(id.parse().unwrap(), task, now);
    }
    let told = hint(&mut issues, "a");
    assert!(told.contains("`cordwainer issues edit cw-2 cw-3 --group ''`"), "{told}");
    for id in ["cw-2", "cw-3"] {
        let edit = IssueEdit {
            group: Some(String::new()),
            ..IssueEdit::default()
        };
        issues.edit(&id.parse().unwrap(), &edit, now).unwrap();
    }
    issues.remove_group("a").unwrap();
    let edit = IssueEdit {
        group: Some("a".to_owned()),
        ..IssueEdit::default()
    };
    let refused = issues.edit(&"cw-2".parse().unwrap(), &edit, now).unwrap_err();
    assert!(refused.to_string().contains("unknown group `a`"), "{refused}");
    let edit = IssueEdit {
        group: Some("b".to_owned()),
        ..IssueEdit::default()
    };
    issues.edit(&"cw-2".parse().unwrap(), &edit, now).unwrap();
    assert_eq!(issues.tasks_of_group("b").count(), 1);
}

#[test]
fn without_closing_rounds_nothing_is_read() {
    let mut issues = two();
    issues.begin_group("a", &tip(), true);
    assert_eq!(issues.next_in_build(0, None), BuildStep::Finish("a".into()));
}

#[test]
fn a_plan_is_changed_until_a_group_begins() {
    let mut issues = two();
    let keys = |issues: &Issues| {
        let groups = &issues.build().groups;
        groups
            .iter()
            .map(|group| group.key.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(keys(&issues), "a b");
    let edit = GroupEdit {
        depends_on: Some(Vec::new()),
        name: Some("Better".to_owned()),
        ..GroupEdit::default()
    };
    let refused = issues.remove_group("a").unwrap_err();
    assert!(refused.in_a_line().contains("`b` waits for it"), "{refused}");
    let hint = "`cordwainer issues group edit b --depends-on ''` has it wait no more";
    assert_eq!(refused.hint_text(), Some(hint));
    issues.edit_group("b", &edit).unwrap();
    assert_eq!(issues.group("b").unwrap().name, "Better");
    issues.move_group("b", &GroupPlace::Before("a".to_owned())).unwrap();
    assert_eq!(keys(&issues), "b a");
    issues.move_group("b", &GroupPlace::Last).unwrap();
    assert_eq!(keys(&issues), "a b");
    let circle = GroupEdit {
        depends_on: Some(vec!["b".to_owned()]),
        ..GroupEdit::default()
    };
    issues.edit_group("a", &circle).unwrap();
    let back = GroupEdit {
        depends_on: Some(vec!["a".to_owned()]),
        ..GroupEdit::default()
    };
    let refused = issues.edit_group("b", &back).unwrap_err();
    assert!(refused.in_a_line().contains("form a circle"), "{}", refused.in_a_line());
    issues.begin_group("b", &tip(), true);
    for refused in [issues.edit_group("b", &edit), issues.remove_group("b")] {
        assert!(refused.unwrap_err().to_string().contains("its tasks are filed"));
    }
    issues.remove_group("a").unwrap();
    assert_eq!(issues.group("bb").unwrap_err().hint_text(), Some("did you mean `b`?"));
}
