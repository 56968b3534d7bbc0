//! Runs on an engine that gives containers less than it is asked for.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cordwainer::event::EventKind;
use cordwainer::guarantee::Item;
use serde_json::{Value, json};

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::weak_engine::WeakEngine;

engine_tests! {
    both: no_agent_begins_in_a_container_that_is_weaker_than_asked, no_call_is_made_where_no_work_is_possible;
    docker: no_gate_passes_in_a_container_that_is_weaker_than_asked, no_call_is_made_where_gates_would_be_refused;
}

/// A started generation on an engine that gives a capability too much, where `is_weak` says so of the container's name;
/// with the runtime that the engine needs.
fn scene(
    engine: TestEngine,
    is_weak: impl Fn(&str) -> bool + Send + Sync + 'static,
    more: &str,
) -> (tokio::runtime::Runtime, WeakEngine, Project) {
    let weaken = move |body: &mut Value| {
        let command = body["Entrypoint"].to_string();
        if is_weak(&command) {
            body["HostConfig"]["CapDrop"] = json!([]);
        }
    };
    changed(engine, weaken, more)
}

/// Runs with an engine that lets `change` at what it is asked for.
fn changed(
    engine: TestEngine,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
    more: &str,
) -> (tokio::runtime::Runtime, WeakEngine, Project) {
    let real = engine.socket();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let weak = runtime.block_on(WeakEngine::before(&real, change));
    let project = Project::with_socket(engine, TestRepository::new(), weak.socket(), more);
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    project.add("Write a file", "write src/a.txt x");
    (runtime, weak, project)
}

/// What the events say of capabilities, container by container: whether they were held.
fn capabilities(project: &Project) -> Vec<bool> {
    let events = project.events();
    let reports = events.iter().filter_map(|event| match event {
        EventKind::Sealed { report, .. } => Some(report),
        _ => None,
    });
    let capabilities = reports.flat_map(|report| &report.items);
    capabilities
        .filter(|guarantee| guarantee.item == Item::Capabilities)
        .map(|guarantee| guarantee.held)
        .collect()
}

fn no_agent_begins_in_a_container_that_is_weaker_than_asked(engine: TestEngine) {
    let (_runtime, weak, mut project) = scene(engine, |_| true, "");
    let _ = project
        .run(&["generator", "run"])
        .expect(9)
        .says("`capabilities`")
        .says("cordwainer doctor");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed"]);
    assert_eq!(capabilities(&project), [false]);
    assert!(
        project.issue("cw-1")["attempts"][0]["snapshot"].is_null(),
        "the agent began"
    );
    project.reconfigure(Some(weak.socket()), "  relax: [capabilities]\n---\n");
    let _ = project.run(&["generator", "run"]).expect(0).says("`capabilities`");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed", "merged"]);
    project.expect_tidy();
}

/// What an engine lets only be read although work needs to write it.
const USELESS: [(&str, &str); 3] = [
    ("worktree", "/workspace"),
    ("home", "/home/agent"),
    ("temporary", "/var/tmp"),
];

fn no_call_is_made_where_no_work_is_possible(engine: TestEngine) {
    for (item, place) in USELESS {
        let spoil = move |body: &mut Value| {
            let host = &mut body["HostConfig"];
            let mounts = host["Mounts"].as_array_mut().unwrap();
            if let Some(mount) = mounts.iter_mut().find(|mount| mount["Target"] == place) {
                mount["ReadOnly"] = json!(true);
            }
            if host["Tmpfs"][place].is_string() {
                host["Tmpfs"][place] = json!("mode=1777,size=1048576,ro,nosuid,nodev,exec");
            }
        };
        let (_runtime, weak, mut project) = changed(engine, spoil, "");
        let ran = project.run(&["generator", "run"]).expect(9);
        let _ = ran
            .says(&format!("`{item}` (requested: can be written"))
            .says(&format!("cannot write `{place}`"));
        let begun = |event: &EventKind| matches!(event, EventKind::AgentStarted { .. });
        assert!(!project.events().iter().any(begun), "{item}");
        assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed"], "it does not count");
        assert_eq!(project.issue("cw-1")["status"], "open");
        let doctor = project.run(&["doctor"]).expect(9);
        let _ = doctor
            .says(&format!("✗ {item}"))
            .says(&format!("cannot write `{place}`"));
        project.expect_tidy();
        project.reconfigure(Some(weak.socket()), &format!("  relax: [{item}]\n---\n"));
        let _ = project.run(&["generator", "measure"]).says("Run ");
        if item != "worktree" {
            project.run(&["generator", "stitch"]).expect(0);
        }
    }
}

fn no_gate_passes_in_a_container_that_is_weaker_than_asked(engine: TestEngine) {
    let gates = "gates: [{name: check, command: exit=0}]\n";
    // The first one is tried before any work.
    let begun = AtomicU32::new(0);
    let of_gate = move |command: &str| command.contains("exit=0") && begun.fetch_add(1, Relaxed) > 0;
    let (_runtime, _weak, project) = scene(engine, of_gate, gates);
    let _ = project.run(&["generator", "run"]).expect(9).says("`capabilities`");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed"]);
    assert_eq!(capabilities(&project), [true, true, false]);
    assert_eq!(project.issue("cw-1")["status"], "open");
    project.expect_tidy();
}

fn no_call_is_made_where_gates_would_be_refused(engine: TestEngine) {
    let gates = "gates: [{name: check, command: exit=0}]\n";
    let of_gate = |command: &str| command.contains("exit=0");
    let (_runtime, _weak, project) = scene(engine, of_gate, gates);
    let _ = project.run(&["generator", "run"]).expect(9).says("`capabilities`");
    assert_eq!(project.outcomes("cw-1"), Vec::<String>::new());
    assert_eq!(capabilities(&project), [false]);
}
