//! The review of proposals: another session says what becomes of each before any is filed.

use std::os::unix::process::ExitStatusExt as _;

use serde_json::{Value, json};

use crate::run::budgets::by_the_client;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::{proposal, scripted};

engine_tests! {
    podman first: what_has_no_room_in_a_prompt_is_named_to_agent_and_person;
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

fn what_has_no_room_in_a_prompt_is_named_to_agent_and_person(engine: TestEngine) {
    let proposed = [proposal("a", "One", &[], "write src/a.txt a")];
    let text = reviewing(&proposed, &decides(&[decision("a", "ok", &[])], &[]));
    let more = |bytes: u32| {
        let text = text.replace("review: true", &format!("review: true, context_bytes: {bytes}"));
        format!("{text}context_files: [docs/*.md]\nreview: {{context_bytes: 10}}\nstitch: {{context_bytes: 10}}\n")
    };
    let mut project = Project::new(engine, &more(30));
    let said = |key: &str| {
        format!(
            "the prompt names these documents instead of giving them, since `{key}` has room for 10 bytes: `docs/specification.md` (22 bytes).\n"
        )
    };
    let ran = project.run(&["generator", "run"]).expect(0);
    let ran = ran.says("Reviewed: 1 task as proposed.");
    let ran = ran.says(&format!("Warning: {}", said("review.context_bytes")));
    ran.says(&format!("Warning: cw-1: {}", said("stitch.context_bytes")));
    let read = |call: &str| std::fs::read_to_string(project.records(call).pop().unwrap().join("prompt.md")).unwrap();
    let (measure, review, stitch) = (read("measure-1-1"), read("measure-1-review-1"), read("cw-1-1"));
    assert!(measure.contains("There shall be files."), "{measure}");
    for (prompt, named) in [
        (review, "- docs/specification.md (22 bytes)\n"),
        (
            stitch,
            "- docs/specification.md (not given here, since it has 22 bytes or is not text: look for it in the repository)\n",
        ),
    ] {
        assert!(
            !prompt.contains("There shall be files.") && prompt.contains(named),
            "{prompt}"
        );
    }
    // Whoever looks before a call is told, too.
    project.reconfigure(None, &more(10));
    let looked = project.run(&["generator", "generate", "--prompt"]).expect(0);
    assert!(
        looked.stdout.contains("- docs/specification.md (22 bytes)\n"),
        "{}",
        looked.stdout
    );
    looked.says(&format!("Note: {}", said("measure.context_bytes")));
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
