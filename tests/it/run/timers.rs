//! The limits of a call's time, each told apart from the others, and the model that was asked for.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::signal;

engine_tests! {
    podman: silence_ends_a_call_and_a_tool_may_be_silent_for_longer, a_client_that_never_comes_up_is_tried_again,
        a_run_that_was_stopped_for_a_while_finds_its_agent_busy;
    docker: a_result_that_is_there_counts_though_the_client_lingers, another_model_is_a_warning_or_a_failure;
}

/// Configuration, script, outcome, and what is said.
const SILENCES: [(&str, &str, &str, &str); 4] = [
    (
        "stitch: {idle_timeout: 1s, tool_timeout: 20s}\n",
        "write src/a.txt x\nhang",
        "timed_out",
        "no output for longer than `idle_timeout`",
    ),
    (
        "stitch: {idle_timeout: 1s, tool_timeout: 20s}\n",
        "tool-silent 2500\nwrite src/a.txt x",
        "merged",
        "",
    ),
    (
        "stitch: {idle_timeout: 1s, tool_timeout: 2s}\n",
        "tool-silent 60000\nwrite src/a.txt x",
        "timed_out",
        "no output for longer than `tool_timeout`",
    ),
    (
        "stitch: {timeout: 2s}\n",
        "write src/a.txt x\nhang",
        "timed_out",
        "it ran past `timeout`",
    ),
];

/// As a shell stops a job, or a machine sleeps: longer than any silence is allowed to last.
fn a_run_that_was_stopped_for_a_while_finds_its_agent_busy(engine: TestEngine) {
    let limits = "stitch: {idle_timeout: 2s, tool_timeout: 2s, first_event_timeout: 2s}\n";
    let project = Project::new(engine, limits);
    let talk = ["say a line\nsleep 500\n"; 12].concat();
    project.add("talks all the time", &format!("{talk}write src/a.txt x"));
    let child = project.spawn(&["generator", "stitch"]);
    project.wait_for_agent("cw-1", 1);
    signal(&child, Signal::STOP);
    std::thread::sleep(Duration::from_secs(4));
    signal(&child, Signal::CONT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    project.expect_tidy();
}

fn silence_ends_a_call_and_a_tool_may_be_silent_for_longer(engine: TestEngine) {
    for (configuration, script, outcome, says) in SILENCES {
        let project = Project::new(engine, configuration);
        project.add("is silent", script);
        let ran = project.run(&["generator", "stitch"]);
        assert_eq!(
            ran.code,
            Some(if outcome == "merged" { 0 } else { 7 }),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
        ran.says(says);
        assert_eq!(project.outcomes("cw-1"), [outcome], "{script}");
        project.expect_tidy();
    }
}

fn a_client_that_never_comes_up_is_tried_again(engine: TestEngine) {
    let configuration = "stitch: {first_event_timeout: 1s}\nretry: {initial: 1s, count: 1}\n";
    let project = Project::new(engine, configuration);
    project.add("comes late", "late 60000\nwrite src/a.txt x");
    project
        .run(&["generator", "run"])
        .expect(5)
        .says("no event came within `first_event_timeout`");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed"; 2]);
    assert_eq!(project.issue("cw-1")["status"], "open");
    project.expect_tidy();
}

fn a_result_that_is_there_counts_though_the_client_lingers(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {result_grace: 1s}\n");
    project.add("lingers", "write src/a.txt x\nhang-after-result");
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    project.expect_tidy();
}

fn another_model_is_a_warning_or_a_failure(engine: TestEngine) {
    for (strict, code, outcome) in [(false, 0, "merged"), (true, 7, "infrastructure_failed")] {
        let configuration = format!("stitch: {{model: opus, strict_model: {strict}}}\n");
        let project = Project::new(engine, &configuration);
        project.add(
            "is of another model",
            "model claude-haiku-4-5-20251001\nwrite src/a.txt x",
        );
        project
            .run(&["generator", "stitch"])
            .expect(code)
            .says("the model is `claude-haiku-4-5-20251001`, and `opus` was requested");
        assert_eq!(project.outcomes("cw-1"), [outcome]);
        project.expect_tidy();
    }
}
