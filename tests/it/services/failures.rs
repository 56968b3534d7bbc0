//! Services that are not there: none of it is the work's fault.

use cordwainer::event::EventKind;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::services::{QUEUE, configuration, odd};

engine_tests! {
    podman: what_is_wrong_with_a_service_is_said_once_and_costs_no_attempt;
    docker: a_service_that_dies_makes_a_gate_one_that_was_not_run, an_agent_goes_on_without_a_service_and_that_is_told;
}

/// What a service does, and what is said of it.
const WRONG: [(&str, &str); 8] = [
    (
        "sleep 1000",
        "was not ready within 6 s (`services.odd.within`); its last answer: 1 nobody listens at 127.0.0.1:7000",
    ),
    (
        "echo no such folder >&2; exit 3",
        "ended with 3; its last output: no such folder",
    ),
    ("exit 0", "ended with 0"),
    ("redis-server --port 7001 --save ''", "nobody listens at 127.0.0.1:7000"),
    // Until it may have no more processes; what the shell says of that is its own.
    ("f() { f | f & }; f; sleep 1000", "the service `odd` "),
    ("head -c 200m /dev/zero >/tmp/full", "the service `odd` "),
    ("tail /dev/zero", "the service `odd` "),
    ("kill -9 -1", "the service `odd` "),
];

fn what_is_wrong_with_a_service_is_said_once_and_costs_no_attempt(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    project.add("a change", "write src/a.txt x");
    for (command, says) in WRONG {
        let text = configuration(&odd(command, ""), "retry: {count: 1, initial: 1s}\n");
        // The key is there once.
        let text = text.replacen("retry: {initial: 1s, ceiling: 1s, count: 1}\n", "", 1);
        project.reconfigure(None, &text);
        let ran = project.run(&["generator", "stitch"]);
        assert_ne!(ran.code, Some(0), "{command}");
        let _ = ran.says(says);
        let outcomes = project.outcomes("cw-1");
        assert!(
            outcomes.iter().all(|outcome| outcome == "infrastructure_failed"),
            "{command}: {outcomes:?}"
        );
        assert_eq!(project.issue("cw-1")["status"], "open", "{command}");
        project.expect_tidy();
    }
    let begun = |event: &EventKind| matches!(event, EventKind::AgentStarted { .. });
    assert!(!project.events().iter().any(begun), "an agent began");
    project.reconfigure(None, &configuration(QUEUE, ""));
    project.run(&["generator", "stitch"]).expect(0);
    assert_eq!(project.outcomes("cw-1").last().map(String::as_str), Some("merged"));
}

fn a_service_that_dies_makes_a_gate_one_that_was_not_run(engine: TestEngine) {
    let services = format!("{QUEUE}    for: [gates]\n");
    let gate = "gates: ['test ! -e src/a.txt || { redis-cli -h queue shutdown nosave; sleep 60; }']\n";
    let project = Project::new(engine, &configuration(&services, gate));
    project.add("ends the service", "write src/a.txt x");
    let ran = project.run(&["generator", "stitch"]);
    let _ = ran.says("the service `queue` ended with 0").says("could not be run");
    let outcomes = project.outcomes("cw-1");
    assert!(
        !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome == "infrastructure_failed"),
        "{outcomes:?}"
    );
    project.expect_tidy();
}

fn an_agent_goes_on_without_a_service_and_that_is_told(engine: TestEngine) {
    let project = Project::new(engine, &configuration(QUEUE, ""));
    let script = "attack shell ends <<END\nredis-cli -h queue shutdown nosave\nsleep 1\nredis-cli -h queue ping\nEND\n\
                  write src/a.txt x\n";
    project.add("ends the service", script);
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran.says("cw-1: service `queue` ended with 0");
    let failed = project
        .events()
        .iter()
        .filter(|event| matches!(event, EventKind::ServiceFailed { .. }))
        .count();
    assert_eq!(failed, 1, "it is told once");
    project.expect_tidy();
}
