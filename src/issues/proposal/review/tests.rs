use super::*;
use crate::issues::issue::{FileAction, TaskFile};
use crate::issues::proposal::{BatchLimits, validate};

fn proposal(key: &str, depends_on: &[&str]) -> Proposal {
    Proposal {
        key: key.into(),
        title: format!("Build {key}"),
        description: "Build it.".into(),
        required_reading: Vec::new(),
        files: vec![TaskFile {
            path: format!("src/{key}.txt"),
            action: FileAction::Create,
        }],
        requirements: vec!["It works.".into()],
        acceptance_criteria: vec!["One sees it.".into()],
        estimated_lines: 300,
        priority: 2,
        depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
        proof: None,
    }
}

fn decision(key: &str, action: &str, proposals: &[Proposal]) -> Value {
    json!({"key": key, "action": action, "reason": format!("About {key}."), "proposals": proposals})
}

fn review(decisions: &[Value], missing: &[Proposal]) -> ProposalsReview {
    serde_json::from_value(json!({"decisions": decisions, "missing": missing})).unwrap()
}

/// Returns the proposals as `key needs keys`.
fn shown(proposals: &[Proposal]) -> Vec<String> {
    let line = |one: &Proposal| format!("{} needs {}", one.key, one.depends_on.join(" "));
    proposals.iter().map(|one| line(one).trim_end().to_owned()).collect()
}

#[test]
fn what_is_split_or_dropped_is_followed_in_dependencies() {
    let proposed = [
        proposal("a", &["cw-1"]),
        proposal("b", &["a"]),
        proposal("c", &["b", "a"]),
        proposal("d", &["c"]),
    ];
    let parts = [proposal("a-1", &["cw-1"]), proposal("a-2", &["a-1"])];
    let (result, changes) = review(
        &[
            decision("a", "split", &parts),
            decision("b", "drop", &[]),
            decision("c", "ok", &[]),
            decision("d", "change", &[proposal("d", &["c", "e"])]),
        ],
        &[proposal("e", &["b"])],
    )
    .apply(&proposed)
    .unwrap();
    assert_eq!(
        shown(&result),
        [
            "a-1 needs cw-1",
            "a-2 needs a-1",
            "c needs a-1 a-2",
            "d needs c e",
            "e needs a-1 a-2"
        ]
    );
    let actions: Vec<_> = changes
        .iter()
        .map(|change| (change.action, change.into.len()))
        .collect();
    assert_eq!(
        actions,
        [
            (Action::Split, 2),
            (Action::Drop, 0),
            (Action::Change, 1),
            (Action::Add, 0)
        ]
    );
    assert_eq!(
        (changes[1].title.as_str(), changes[1].reason.as_str()),
        ("Build b", "About b.")
    );
}

#[test]
fn a_review_that_approves_changes_nothing() {
    let proposed = [proposal("a", &[]), proposal("b", &["a"])];
    let ok = review(&[decision("b", "ok", &[]), decision("a", "ok", &[])], &[]);
    assert_eq!(ok.apply(&proposed).unwrap(), (proposed.to_vec(), Vec::new()));
}

#[test]
fn drops_that_wait_for_each_other_end() {
    let proposed = [proposal("a", &["b"]), proposal("b", &["a"]), proposal("c", &["a"])];
    let decisions = [
        decision("a", "drop", &[]),
        decision("b", "drop", &[]),
        decision("c", "ok", &[]),
    ];
    let (result, _) = review(&decisions, &[]).apply(&proposed).unwrap();
    assert_eq!(shown(&result), ["c needs"]);
}

fn check(decisions: &[Value], problems: &[&str]) {
    let proposed = [proposal("a", &[])];
    assert_eq!(review(decisions, &[]).apply(&proposed).unwrap_err(), problems);
}

#[test]
fn what_does_not_fit_is_said() {
    let (a, b) = (proposal("a", &[]), proposal("b", &[]));
    check(&[], &["There is no decision on `a`."]);
    check(
        &[decision("a", "ok", &[]), decision("x", "ok", &[])],
        &["There is a decision on `x`, which is the key of no proposal."],
    );
    check(
        &[decision("a", "ok", &[]), decision("a", "drop", &[])],
        &["There are two decisions on `a`."],
    );
    check(
        &[decision("a", "drop", std::slice::from_ref(&a))],
        &["The decision on `a` has proposals, which only `change` and `split` have."],
    );
    check(
        &[decision("a", "change", &[])],
        &["The decision on `a` is `change`, which takes one proposal, and has 0."],
    );
    check(
        &[decision("a", "change", std::slice::from_ref(&b))],
        &["The proposal in place of `a` has another key: one that is changed keeps its key."],
    );
    check(
        &[decision("a", "split", std::slice::from_ref(&b))],
        &["The decision on `a` is `split`, which takes two proposals or more, and has 1."],
    );
    check(
        &[decision("a", "split", &[a, b])],
        &["A part of `a` has its key: each part has a key of its own."],
    );
    check(
        &[decision("a", "add", &[])],
        &["The decision on `a` is `add`: what is missing stands in `missing`."],
    );
}

#[test]
fn the_example_is_an_answer_about_valid_proposals() {
    let limits = BatchLimits {
        max_issues: 3,
        lines_min: 250,
        lines_max: 350,
        most_lines: None,
        needs_proof: false,
    };
    let answer: ProposalsReview = serde_json::from_str(&example(300, false).unwrap()).unwrap();
    let proposed = ["ledger-parser", "ledger-totals", "ledger-colours"].map(|key| proposal(key, &[]));
    let (result, _) = answer.apply(&proposed).unwrap();
    assert_eq!(
        shown(&result),
        ["ledger-parser needs", "ledger-totals needs ledger-parser"]
    );
    assert_eq!(validate(result.into(), &[], &limits).problems, Vec::<String>::new());
}
