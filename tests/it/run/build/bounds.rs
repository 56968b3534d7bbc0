//! What keeps a build from going on: a budget, proposals that wait for a person, a closing review without an answer.

use serde_json::json;

use super::{SPEC, group, planning, project, prompt, specification, writes};
use crate::run::budgets::by_the_client;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::scripts::scripted;

engine_tests! {
    podman: a_build_keeps_to_its_budget_and_goes_on_with_more,
        what_is_proposed_for_a_group_waits_where_that_is_asked_for,
        a_closing_review_that_cannot_be_read_passes_nothing,
        a_measure_that_waits_is_begun_afresh_where_its_group_has_changed;
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

fn a_measure_that_waits_is_begun_afresh_where_its_group_has_changed(engine: TestEngine) {
    let mut first = group("first", &[], &[], &[]);
    let propose = json!({"proposals": [writes(1)]});
    let measure = format!("tokens 100 10 0.25\nlimit 1900000000\ntokens 100 10 0.25\npropose {propose}");
    first["briefing"] = scripted(&measure).into();
    let more = "limits: {wait: never}\nreview: {closing_rounds: off}\n";
    let project = project(engine, &specification(&planning(&[first])), more);
    project.run(&["generator", "build", SPEC]).expect(8);
    let edit = ["issues", "group", "edit", "first", "--name", "All that is left"];
    project.run(&edit).expect(0);
    let changed = "what is asked for has changed since its session began, so it is started again";
    let ran = project.run(&["resume", "--now"]).expect(8).says(changed);
    assert!(!ran.stdout.contains("has moved on"), "{}", ran.stdout);
    assert!(prompt(&project, "measure-1-1").contains("All that is left"));
    // It is the same from there on.
    let ran = project
        .run(&["resume", "--now"])
        .expect(0)
        .says("Group `first` is done");
    assert!(!ran.stdout.contains("it is started again"), "{}", ran.stdout);
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
