//! What keeps a build from going on: a budget, proposals that wait for a person, a closing review without an answer.

use serde_json::json;

use super::{SPEC, group, planning, project, prompt, specification, writes};
use crate::run::budgets::by_the_client;
use crate::support::engines::{TestEngine, engine_tests};

engine_tests! {
    podman: a_build_keeps_to_its_budget_and_goes_on_with_more,
        what_is_proposed_for_a_group_waits_where_that_is_asked_for,
        a_closing_review_that_cannot_be_read_passes_nothing;
}

fn a_build_keeps_to_its_budget_and_goes_on_with_more(engine: TestEngine) {
    let plan = json!({
        "groups": [group("first", &[], &[writes(1)], &[])],
        "contradictions": ["§1 says 41 files, and §2 says 42; planned with 42"],
    });
    let specification = specification(&format!("tokens 100 10 0.25\npropose {plan}"));
    let mut project = project(engine, &specification, &by_the_client("budget: {usd: 0.3}\n"));
    // The plan is paid for, and there is too little left for the tasks.
    let ran = project.run(&["generator", "build", SPEC]).expect(8);
    ran.says("  ! the documents contradict each other: §1 says 41 files, and §2 says 42; planned with 42");
    let status = project.run(&["generator", "status"]).expect(0);
    status.says("§1 says 41 files").says("first: open (The first)");
    assert!(project.status()["usage"]["cost_usd"].as_f64().unwrap() <= 0.301);
    project.reconfigure(None, &by_the_client("gates: [cat=src/old.txt]\nbudget: {usd: 5}\n"));
    project.run(&["resume"]).expect(0).says("Group `first` is done");
    assert!((project.cost("review") - 0.125).abs() < 0.01);
    project.expect_tidy();
}

fn what_is_proposed_for_a_group_waits_where_that_is_asked_for(engine: TestEngine) {
    let plan = planning(&[
        group("first", &[], &[writes(1)], &[]),
        group("second", &[], &[writes(2)], &[]),
    ]);
    let project = project(engine, &specification(&plan), "");
    project
        .run(&["generator", "build", SPEC, "--confirm"])
        .expect(0)
        .says("1 proposal waits for you, as requested");
    assert_eq!(project.issue("cw-1")["status"], "blocked");
    // A task that is held holds its group, and another one does not begin meanwhile.
    project
        .run(&["generator", "build", SPEC, "--stop"])
        .expect(7)
        .says("Not merged");
    assert_eq!(
        project
            .run(&["issues", "list", "--json"])
            .stdout
            .matches("\"id\"")
            .count(),
        1
    );
    project.run(&["issues", "release", "--proposed"]).expect(0);
    project
        .run(&["generator", "build", SPEC])
        .expect(0)
        .says("all groups are done");
    assert_eq!(project.issue("cw-2")["group"], "second");
}

fn a_closing_review_that_cannot_be_read_passes_nothing(engine: TestEngine) {
    let mut one = group("first", &[], &[writes(1)], &[]);
    let briefing = one["briefing"]
        .as_str()
        .unwrap()
        .split_once("~~~review")
        .unwrap()
        .0
        .to_owned();
    one["briefing"] = format!("{briefing}~~~review\ntokens 10 1 0.125\nanswer It is fine.\n~~~").into();
    let project = project(engine, &specification(&planning(&[one])), "");
    let ran = project.run(&["generator", "build", SPEC]).expect(7);
    ran.says("the closing review of the group `first` came to nothing: 2 answers cannot be used");
    let status = project.status();
    assert_eq!(
        (&status["groups"][0]["state"], &status["groups"][0]["closing_reviews"]),
        (&json!("at_work"), &json!(0))
    );
    assert!(prompt(&project, "measure-3-review-2").contains("## What was wrong with the answer before"));
    assert!((project.cost("review") - 0.25).abs() < 0.01, "{status:#}");
    project.expect_tidy();
}
