//! Tasks, and runs, that make no progress: held at once with the reason, unless a rule has a later attempt called otherwise.

use serde_json::{Value, json};

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::{proposal, scripted, user_prompt};

engine_tests! {
    podman first: what_fails_in_the_same_way_is_held_at_once_and_says_what_would_help,
        a_stronger_model_is_tried_once_where_a_rule_says_so;
    docker first: cycles_that_merge_nothing_end_the_run, findings_that_stay_end_the_rounds;
}

/// Wants a second file, which the agents below do not write.
const WANTS_B: &str = "gates: [{command: cat=src/b.txt, name: wants-b, compare: strict}]\n";

fn what_fails_in_the_same_way_is_held_at_once_and_says_what_would_help(engine: TestEngine) {
    let mut project = Project::new(
        engine,
        &format!("{WANTS_B}stitch: {{fix_rounds: off, max_attempts: 5}}\n"),
    );
    project.add(
        "fails",
        "on 1 write src/a.txt one\non 2 write src/a.txt two\nwrite src/c.txt x",
    );
    project.add("changes nothing", "say It is done already.");
    let ran = project.run(&["generator", "run", "--tasks-only"]).expect(7);
    let ran =
        ran.says("cw-1: held for you: stuck: the gate `wants-b` failed in 2 attempts with the same first failure, `");
    let ran = ran.says("; no rule gives the next attempt another model, effort or tools");
    let ran = ran.says("Next: `cordwainer issues list --status held` shows where each is stuck.");
    let ran = ran.says("Next: `cordwainer issues comment cw-1 TEXT` tells it what it lacks");
    ran.says("then `cordwainer issues release cw-2` has it tried again");
    assert_eq!(project.outcomes("cw-1"), ["gate_failed", "gate_failed"]);
    assert_eq!(project.outcomes("cw-2"), ["no_change"]);
    for task in ["cw-1", "cw-2"] {
        let issue = project.issue(task);
        assert_eq!(
            (&issue["status"], &issue["hold_kind"]),
            (&json!("blocked"), &json!("stuck")),
            "{issue:#}"
        );
    }
    let stuck = &project.status()["stuck"];
    assert!(
        stuck[0]["task"] == "cw-1" && stuck[1]["reason"] == "no change: the agent changed nothing",
        "{stuck}"
    );
    project
        .run(&["status"])
        .expect(0)
        .says("cw-1: stuck: the gate `wants-b` failed");
    let shown = project.run(&["issues", "show", "cw-1"]).expect(0);
    let shown = shown.says("stuck: the gate `wants-b` failed in 2 attempts");
    shown.says("`rules: [{when: {attempt: 3}, model: …}]` in the configuration gives the next attempt another model");
    // Nothing more is paid for it, until a person lets it go on: then it is as any other.
    project.run(&["generator", "run", "--tasks-only"]).expect(7);
    project.run(&["issues", "release", "cw-1"]).expect(0);
    let issue = project.issue("cw-1");
    assert_eq!(
        (issue.get("hold_kind"), &issue["status"]),
        (None, &json!("open")),
        "{issue:#}"
    );
    project.run(&["generator", "stitch", "cw-1"]).expect(7);
    assert_eq!(project.issue("cw-1")["status"], "open");
    // `off` attempts it as often as before.
    project.reconfigure(
        None,
        &format!("{WANTS_B}stitch: {{fix_rounds: off, max_attempts: 3, stuck_after: off}}\n"),
    );
    project.run(&["generator", "run", "--tasks-only"]).expect(7);
    assert_eq!(project.outcomes("cw-1").len(), 5);
    let issue = project.issue("cw-1");
    assert!(
        issue["hold"].as_str().unwrap().starts_with("3 attempts failed; "),
        "{issue:#}"
    );
    project.expect_tidy();
}

fn a_stronger_model_is_tried_once_where_a_rule_says_so(engine: TestEngine) {
    let text = "stitch: {model: sonnet, fix_rounds: off, max_attempts: 5}\n\
                rules:\n- {when: {attempt: 3}, model: opus, effort: high}\n- {when: {attempt: 2, types: [bug]}, model: haiku}\n";
    let project = Project::new(engine, &format!("{WANTS_B}{text}"));
    project.add("is hard", "write src/a.txt a\non 3 write src/b.txt b");
    let script = scripted("on 2 write src/d.txt d\non 2 write src/b.txt b");
    let arguments = [
        "issues",
        "add",
        "is there",
        "--type",
        "bug",
        "--depends-on",
        "cw-1",
        "--description",
        &script,
    ];
    project.run(&arguments).expect(0);
    project.add("is too hard", "write src/c.txt c\ntry delete src/b.txt");
    let ran = project.run(&["generator", "run", "--tasks-only"]).expect(7);
    let ran = ran.says("Warning: cw-1 is stuck: the gate `wants-b` failed in 2 attempts with the same first failure");
    let ran = ran.says("; attempt 3 is called with model opus by rule 1, effort high by rule 1.");
    ran.says("Warning: cw-2 is stuck: the agent changed nothing; attempt 2 is called with model haiku by rule 2.");
    let same = "gate_failed";
    assert_eq!(project.outcomes("cw-1"), [same, same, "merged"]);
    assert_eq!(project.outcomes("cw-2"), ["no_change", "merged"]);
    // The stronger one fails in the same way, and no later one is stronger still.
    assert_eq!(project.outcomes("cw-3"), [same, same, same]);
    let issue = project.issue("cw-3");
    let hold = issue["hold"].as_str().unwrap();
    assert!(
        hold.starts_with("stuck: the gate `wants-b` failed in 2 attempts"),
        "{issue:#}"
    );
    let models: Vec<Value> = project.calls("cw-3").iter().map(|call| call["model"].clone()).collect();
    assert_eq!(models, ["sonnet", "sonnet", "opus"]);
    project.expect_tidy();
}

fn cycles_that_merge_nothing_end_the_run(engine: TestEngine) {
    let tasks = ["One", "Two", "Three"].map(|title| proposal(&title.to_lowercase(), title, &[], "say Nothing to do."));
    let measure = user_prompt(&format!("propose {}", json!({ "proposals": tasks })));
    let project = Project::new(engine, &format!("cycles: off\nstitch: {{max_per_cycle: 1}}\n{measure}"));
    let ran = project.run(&["generator", "run"]).expect(7);
    ran.says("2 cycles in a row have merged nothing").says("3 held");
    // What was ready was attempted all the same, and no third measure was paid for.
    assert_eq!(project.status()["cycles"], 2);
    for task in ["cw-1", "cw-2", "cw-3"] {
        assert_eq!(project.outcomes(task), ["no_change"]);
    }
    // Whoever resumes pays for no further measure, until something has changed.
    for _ in 0..2 {
        project
            .run(&["generator", "resume"])
            .expect(7)
            .says("2 cycles in a row have merged nothing");
    }
    assert_eq!(project.status()["cycles"], 2);
    project
        .run(&["issues", "comment", "cw-1", "Look at the second part."])
        .expect(0);
    let _ = project.run(&["generator", "resume"]);
    assert!(project.status()["cycles"].as_u64().unwrap() > 2);
    project.expect_tidy();
}

fn findings_that_stay_end_the_rounds(engine: TestEngine) {
    let rules = "stitch: {fix_rounds: 5}\nrules: [{when: {attempt: 2}, effort: max}]\n";
    let project = Project::new(engine, &format!("stages: [stitch, review]\n{rules}"));
    let finding = |path: &str| {
        json!({"severity": "high", "category": "correctness", "path": path, "line": 1, "title": "It is not two",
            "problem": "Two were asked for.", "suggestion": ""})
    };
    let answers = |score: u32, found: &[Value]| {
        format!(
            "propose {}",
            json!({"score": score, "approved": score > 7, "summary": "", "findings": found})
        )
    };
    let (one, both) = (finding("src/a.txt"), [finding("src/a.txt"), finding("src/b.txt")]);
    let work = "write src/a.txt one\nwrite src/b.txt x\ndone\nwrite src/b.txt y\ndone\nwrite src/b.txt z";
    let review = format!(
        "on 1 {}\non 2 {}\non 3 {}",
        answers(5, &[one]),
        answers(5, &both),
        answers(9, &[])
    );
    let description = format!("{}\n\n~~~review\n{review}\n~~~", scripted(work));
    project
        .run(&["issues", "add", "writes files", "--description", &description])
        .expect(0);
    let ran = project.run(&["generator", "run", "--tasks-only"]);
    let reason = project.issue("cw-1")["attempts"][0]["reason"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        reason.ends_with("; after fix round 1 all findings of the review before are there again"),
        "{reason}\n{}",
        ran.stdout
    );
    let ran = ran.expect(7);
    ran.says("cw-1 is stuck: its review found again what the one before had found; attempt 2 is called with effort max by rule 1")
        .says("Next: `cordwainer issues release cw-1 --accept` merges its result as it is");
    assert_eq!(project.outcomes("cw-1"), ["review_refused", "review_refused"]);
    let issue = project.issue("cw-1");
    assert_eq!(
        (&issue["status"], &issue["hold_kind"]),
        (&json!("blocked"), &json!("stuck")),
        "{issue:#}"
    );
    project.expect_tidy();
}
