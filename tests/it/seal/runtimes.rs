//! Runtimes by name: what they give is read back, and what the engine does not have is told.

use cordwainer::engine::{ContainerSpec, EngineKind, Runtime};
use cordwainer::guarantee::Item;

use super::{judge, judge_with_input, specification, workspace};
use crate::support::engines::{TestEngine, run, skip};
use crate::support::weak_engine::WeakEngine;

/// What cannot be read back in gVisor; its flags in the tests leave control groups alone.
const HIDDEN: [Item; 7] = [
    Item::NoNewPrivileges,
    Item::Seccomp,
    Item::KernelFiles,
    Item::Memory,
    Item::Cpus,
    Item::Pids,
    Item::OpenFiles,
];

#[tokio::test]
async fn runsc_has_its_own_kernel_and_hides_what_must_be_relaxed() {
    let Some(engine) = TestEngine::find(EngineKind::Docker) else {
        return;
    };
    let engine = engine.connect().await;
    let offered = engine.runtimes().await.unwrap();
    if engine.check_runtime(Runtime::Runsc, &offered).is_err() {
        skip("no runtime `runsc`");
        return;
    }
    let slot = workspace(&engine);
    let spec = |steps: &[&str]| ContainerSpec {
        runtime: Some(Runtime::Runsc),
        ..specification(slot.path(), steps)
    };
    let (ran, report) = judge(&engine, spec(&["out=began"]), &[]).await;
    let refused: Vec<Item> = report.refused().map(|guarantee| guarantee.item).collect();
    assert_eq!(refused, HIDDEN, "{:#?}", report.refused().collect::<Vec<_>>());
    assert_eq!((ran.exit.code, ran.stdout.as_str()), (Some(125), ""), "nothing runs");

    let steps = ["write-file=/workspace/done", "write-file=/home/agent/x", "echo-stdin"];
    let (ran, report) = judge_with_input(&engine, spec(&steps), &HIDDEN, b"to the command").await;
    assert_eq!(report.refusal("it"), None);
    assert_eq!((ran.stdout.as_str(), ran.exit.code), ("to the command\n", Some(0)));
    assert!(slot.path().join("done").exists());
    let kernel = report.items.iter().find(|guarantee| guarantee.item == Item::Runtime);
    assert!(kernel.unwrap().found.contains("of gVisor"), "{kernel:?}");
}

#[tokio::test]
async fn the_engines_own_runtime_can_be_named() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let offered = engine.runtimes().await.unwrap();
        if offered.default != "runc" {
            skip("runc is not the engine's own runtime");
            continue;
        }
        let slot = workspace(&engine);
        let spec = ContainerSpec {
            runtime: Some(Runtime::Runc),
            ..specification(slot.path(), &["exit=0"])
        };
        let (ran, report) = judge(&engine, spec, &[]).await;
        assert!(report.holds(), "{engine}: {:#?}", report.refused().collect::<Vec<_>>());
        assert!(ran.exit.success());
    }
}

#[tokio::test]
async fn a_runtime_that_the_engine_does_not_have_is_told_and_starts_nothing() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let offered = engine.runtimes().await.unwrap();
        let error = engine.check_runtime(Runtime::Kata, &offered).unwrap_err();
        assert!(error.to_string().contains("has no runtime `kata`"), "{error}");
        assert!(error.to_string().contains("the engine offers runc"), "{error}");
        assert!(error.hint_text().unwrap().contains("docs/engines.md"), "{error}");
        let slot = workspace(&engine);
        let spec = ContainerSpec {
            runtime: Some(Runtime::Kata),
            ..specification(slot.path(), &["write-file=/workspace/done"])
        };
        let refused = engine.start(&spec, b"").await.unwrap_err();
        let cause = std::error::Error::source(&refused).map(ToString::to_string);
        let said = format!("{refused}: {}", cause.unwrap_or_default());
        assert!(said.contains("kata"), "{said}");
        assert!(!slot.path().join("done").exists());
        // The engine has nothing left of it, and goes on.
        let plain = specification(slot.path(), &["exit=0"]);
        assert!(run(&engine, &plain, b"").await.exit.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_takes_another_runtime_starts_nothing() {
    for engine in TestEngine::each() {
        let leave_out = |body: &mut serde_json::Value| {
            body["HostConfig"].as_object_mut().unwrap().remove("Runtime");
        };
        let weak = WeakEngine::before(&engine.socket(), leave_out).await;
        let slot = workspace(&weak.engine);
        let spec = ContainerSpec {
            runtime: Some(Runtime::Runsc),
            ..specification(slot.path(), &["write-file=/workspace/done"])
        };
        let refused = weak.engine.start(&spec, b"").await.unwrap_err().to_string();
        assert!(refused.contains("the runtime `runc` instead of `runsc`"), "{refused}");
        assert!(!slot.path().join("done").exists());
    }
}
