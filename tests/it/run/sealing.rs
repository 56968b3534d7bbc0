//! Runs on an engine that gives containers less than it is asked for.

use cordwainer::engine::EngineKind;
use cordwainer::event::Happening;
use cordwainer::guarantee::Item;
use serde_json::json;

use crate::run::engine_tests;
use crate::run::project::Project;
use crate::support::engines::socket;
use crate::support::repository::TestRepository;
use crate::support::weak_engine::WeakEngine;

engine_tests! {
    both: no_agent_begins_in_a_container_that_is_weaker_than_asked;
    docker: no_gate_passes_in_a_container_that_is_weaker_than_asked;
}

/// A started generation on an engine that gives a capability too much, where `is_weak` says so of the container's name;
/// with the runtime that the engine needs.
fn scene(
    kind: EngineKind,
    is_weak: impl Fn(&str) -> bool + Send + Sync + 'static,
    more: &str,
) -> Option<(tokio::runtime::Runtime, WeakEngine, Project)> {
    let real = socket(kind)?;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let weak = runtime.block_on(WeakEngine::before(&real, move |body| {
        let command = body["Entrypoint"].to_string();
        if is_weak(&command) {
            body["HostConfig"]["CapDrop"] = json!([]);
        }
    }));
    let project = Project::with_socket(kind, TestRepository::new(), weak.socket(), more);
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    project.add("Write a file", "write src/a.txt x");
    Some((runtime, weak, project))
}

/// What the events say of capabilities, container by container: whether they were held.
fn capabilities(project: &Project) -> Vec<bool> {
    let events = project.events();
    let reports = events.iter().filter_map(|event| match event {
        Happening::Sealed { report, .. } => Some(report),
        _ => None,
    });
    let capabilities = reports.flat_map(|report| &report.items);
    capabilities
        .filter(|guarantee| guarantee.item == Item::Capabilities)
        .map(|guarantee| guarantee.held)
        .collect()
}

fn no_agent_begins_in_a_container_that_is_weaker_than_asked(kind: EngineKind) {
    let Some((_runtime, weak, mut project)) = scene(kind, |_| true, "") else {
        return;
    };
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

fn no_gate_passes_in_a_container_that_is_weaker_than_asked(kind: EngineKind) {
    let gates = "gates: [{name: check, command: exit=0}]\n";
    let of_gate = |command: &str| command.contains("exit=0");
    let Some((_runtime, _weak, project)) = scene(kind, of_gate, gates) else {
        return;
    };
    let _ = project.run(&["generator", "run"]).expect(9).says("`capabilities`");
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed"]);
    assert_eq!(capabilities(&project), [true, false]);
    assert_eq!(project.issue("cw-1")["status"], "open");
    project.expect_tidy();
}
