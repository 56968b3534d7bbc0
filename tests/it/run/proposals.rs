//! The review of proposals: another session says what becomes of each before any is filed.

use std::os::unix::process::ExitStatusExt as _;

use serde_json::{Value, json};

use crate::run::budgets::by_the_client;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::{proposal, scripted};

engine_tests! {
    podman: a_review_changes_splits_drops_and_adds_proposals, what_nobody_could_review_is_held, proposals_that_are_asked_for_again_are_reviewed_together;
    docker: a_measure_goes_on_with_a_review_that_was_cut_off;
}

/// The configuration by which measure proposes, and a reviewer follows a script.
fn reviewing(proposals: &[Value], review: &str) -> String {
    let measure = scripted(&format!("tokens 100 10 0.5\n{}", proposing(proposals)));
    let prompt = format!("{measure}\n\n~~~review\ntokens 50 5 0.125\n{review}\n~~~");
    format!(
        "measure: {{review: true}}\nuser_prompt: |\n  {}\n",
        prompt.replace('\n', "\n  ")
    )
}

fn proposing(proposals: &[Value]) -> String {
    format!("propose {}", json!({ "proposals": proposals }))
}

fn decision(key: &str, action: &str, proposals: &[Value]) -> Value {
    json!({"key": key, "action": action, "reason": format!("So it is with {key}."), "proposals": proposals})
}

fn decides(decisions: &[Value], missing: &[Value]) -> String {
    format!("propose {}", json!({"decisions": decisions, "missing": missing}))
}

fn say(key: &str, title: &str, depends_on: &[&str]) -> Value {
    proposal(key, title, depends_on, "say x")
}

fn a_review_changes_splits_drops_and_adds_proposals(engine: TestEngine) {
    let proposed = [
        say("a", "One", &[]),
        say("b", "Two", &["a"]),
        say("c", "Three", &["b"]),
        say("d", "Four", &["c"]),
    ];
    let parts = [say("a-1", "One, first", &[]), say("a-2", "One, then", &["a-1"])];
    let review = decides(
        &[
            decision("a", "split", &parts),
            decision("b", "drop", &[]),
            decision("c", "ok", &[]),
            decision("d", "change", &[say("d", "Four, rightly", &["c"])]),
        ],
        &[say("e", "Five", &["d"])],
    );
    let project = Project::new(engine, &reviewing(&proposed, &review));
    project
        .run(&["generator", "measure"])
        .expect(0)
        .says("Reviewed: 1 task as proposed.\n  ~ split \"One\" into \"One, first\", \"One, then\": So it is with a.\n  - dropped \"Two\": So it is with b.\n  ~ changed \"Four\": So it is with d.\n  + added \"Five\"\n")
        .says("5 tasks filed");
    let titles = ["One, first", "One, then", "Three", "Four, rightly", "Five"];
    let needs = [&[][..], &["cw-1"], &["cw-1", "cw-2"], &["cw-3"], &["cw-4"]];
    for (number, (title, needs)) in titles.into_iter().zip(needs).enumerate() {
        let issue = project.issue(&format!("cw-{}", number + 1));
        assert_eq!(issue["title"], title);
        let on: Vec<_> = issue["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["depends_on_id"].as_str().unwrap())
            .collect();
        assert_eq!(on, needs, "{title}");
        assert_eq!(issue["status"], "open");
    }
    let prompt = std::fs::read_to_string(project.records("measure-1-review-1")[0].join("prompt.md")).unwrap();
    assert!(prompt.contains("\"title\": \"Three\""), "{prompt}");
    assert!((project.cost("review") - 0.125).abs() < 0.01 && (project.cost("measure") - 0.5).abs() < 0.01);
    assert_eq!(project.status()["cycles"], 1);
    project.expect_tidy();
}

fn what_nobody_could_review_is_held(engine: TestEngine) {
    let proposed = [say("a", "One", &[])];
    // The second has a decision, and what it puts in place is no valid proposal.
    let review = format!(
        "on 1 {}\non 2 {}",
        decides(&[], &[]),
        decides(&[decision("a", "change", &[say("a", "One", &["nobody"])])], &[])
    );
    let project = Project::new(engine, &reviewing(&proposed, &review));
    project
        .run(&["generator", "run"])
        .expect(7)
        .says("Their review came to nothing:\n  ! There is no decision on `a`.")
        .says("depends on `nobody`")
        .says("1 task filed")
        .says("they wait for you");
    let issue = project.issue("cw-1");
    assert_eq!(issue["status"], "blocked");
    let hold = issue["hold"].as_str().unwrap();
    assert!(
        hold.starts_with("nobody has reviewed it: the review of its proposals came to nothing"),
        "{hold}"
    );
    let prompt = std::fs::read_to_string(project.records("measure-1-review-2")[0].join("prompt.md")).unwrap();
    assert!(prompt.contains("There is no decision on `a`."), "{prompt}");
    assert_eq!(project.status()["usage"]["calls"], 3);
    project.expect_tidy();
}

fn proposals_that_are_asked_for_again_are_reviewed_together(engine: TestEngine) {
    let first = [say("a", "One", &[]), say("b", "Two", &["nobody"])];
    let second = [say("a", "One", &[]), say("b", "Two", &["a"])];
    let measure = format!("on 1 {}\non 2 {}", proposing(&first), proposing(&second));
    let ok = decides(&[decision("a", "ok", &[]), decision("b", "ok", &[])], &[]);
    let prompt = format!("{}\n\n~~~review\n{ok}\n~~~", scripted(&measure));
    let text = format!(
        "measure: {{review: true}}\nuser_prompt: |\n  {}\n",
        prompt.replace('\n', "\n  ")
    );
    let project = Project::new(engine, &text);
    project
        .run(&["generator", "measure"])
        .expect(0)
        .says("The answer has 1 problem; asking once more:")
        .says("Reviewed: 2 tasks as proposed.")
        .says("2 tasks filed");
    project.expect_tidy();
}

fn a_measure_goes_on_with_a_review_that_was_cut_off(engine: TestEngine) {
    let proposed = [say("a", "One", &[])];
    let ok = decides(&[decision("a", "ok", &[])], &[]);
    // Its own budget has no room: nothing is filed, and the session that proposed goes on when there is.
    let text = by_the_client(&reviewing(&proposed, &format!("tokens 100 10 0.5\n{ok}")));
    let mut project = Project::new(engine, &format!("{text}budget: {{usd: 0.6}}\n"));
    project
        .run(&["generator", "run"])
        .expect(8)
        .says("Measure failed: the review of its proposals: Reached maximum budget");
    assert_eq!(
        (project.suspended(), &project.status()["tasks"]["open"]),
        (1, &json!(0))
    );
    let spent = project.cost("review");
    assert!(spent >= 0.1, "{spent}");
    project.reconfigure(None, &by_the_client(&reviewing(&proposed, &ok)));
    let mut command = project.command(&["generator", "measure"]);
    let output = command.env("CORDWAINER_CRASH_AT", "measure.reviewed").output().unwrap();
    assert_eq!(output.status.signal(), Some(9));
    // A run that died has its calls noted, each as what it was.
    project.run(&["generator", "measure"]).expect(0).says("1 task filed");
    assert!(
        (project.cost("review") - spent - 0.25).abs() < 0.01,
        "{}",
        project.cost("review")
    );
    assert_eq!(project.issue("cw-1")["status"], "open");
    project.expect_tidy();
}
