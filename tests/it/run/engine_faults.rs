//! Answers of the engine that are cut, truncated, slow or doubled, at every call. Each call is a connection of its own.
//!
//! By default one call of a run for each fault on each engine, eight that are spread over a run; under `cargo xtask test --long` all
//! of them.

use std::sync::atomic::Ordering;

use cordwainer::engine::EngineKind;
use cordwainer::testing::size;
use tokio::runtime::Runtime;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::sockets::{Fault, Socket};

engine_tests! {
    both: a_fault_in_any_answer_of_the_engine_costs_nothing_but_time;
}

/// A run may end for a fault, and is begun again.
const MOST_RUNS: usize = 4;

fn a_fault_in_any_answer_of_the_engine_costs_nothing_but_time(engine: TestEngine) {
    let runtime = Runtime::new().unwrap();
    // Its number is that of no connection.
    let calls = survives(engine, &runtime, Fault::Cut, usize::MAX);
    assert!(calls > 10, "{calls}");
    let tried = 2 * Fault::ALL.len();
    for (turn, fault) in Fault::ALL.into_iter().enumerate() {
        let turn = 2 * turn + usize::from(engine.kind() == EngineKind::Docker);
        let one = 1 + turn * calls / tried;
        for at in size(one..=one, 1..=calls) {
            survives(engine, &runtime, fault, at);
        }
    }
}

/// Has a task done with a fault in the answer to the call of a number, and returns how many calls the first run made.
fn survives(engine: TestEngine, runtime: &Runtime, fault: Fault, at: usize) -> usize {
    let (proxy, made) = runtime.block_on(async { Socket::faulty(&engine.socket(), fault, at) });
    let more = "retry: {initial: 1s, ceiling: 1s}\ngates: [{command: cat=src/a.txt, compare: strict}]\n";
    let project = Project::with_socket(engine, TestRepository::new(), &proxy.path(), more);
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    project.add("a change", "write src/a.txt x");
    let mut calls = 0;
    for _ in 0..MOST_RUNS {
        let ran = project.run(&["generator", "run", "--tasks-only"]);
        if calls == 0 {
            calls = made.load(Ordering::SeqCst);
        }
        match ran.code {
            Some(0 | 4) => break,
            Some(5) => {}
            _ => {
                let _ = ran.says(&format!(
                    "nothing else than an engine that failed: {fault:?} at call {at}"
                ));
            }
        }
    }
    let place = format!("{fault:?} at call {at}");
    let issue = project.issue("cw-1");
    assert_eq!(issue["status"], "closed", "{place}: {issue:#}");
    assert_eq!(project.merges_of("cw-1"), 1, "{place}");
    let mut outcomes = project.outcomes("cw-1");
    assert_eq!(outcomes.pop().as_deref(), Some("merged"), "{place}");
    outcomes.retain(|outcome| outcome != "infrastructure_failed" && outcome != "cancelled");
    assert_eq!(outcomes, [] as [String; 0], "{place}");
    project.expect_tidy();
    calls
}
