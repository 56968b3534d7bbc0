//! Containers that get less: an engine that does not do what it is asked, one thing at a time.

use std::path::Path;

use cordwainer::engine::EngineKind;
use cordwainer::guarantee::Item;
use serde_json::{Value, json};

use super::{judge, specification, with_limits_that_hold, workspace};
use crate::support::engines::{TestEngine, run};
use crate::support::seal::SealListener;
use crate::support::weak_engine::WeakEngine;

/// Starts a container whose `HostConfig`, or `User`, was changed on its way to the engine. It must be refused for the
/// item, in words that name it and the engine, and its command must not have run.
async fn check(item: Item, change: impl Fn(&mut Value, TestEngine) + Copy + Send + Sync + 'static) {
    for engine in TestEngine::each() {
        let real = engine.socket();
        let weak = WeakEngine::before(&real, move |body| change(body, engine)).await;
        let engine = &weak.engine;
        let slot = workspace(engine);
        let spec = specification(slot.path(), &["write-file=/workspace/marker", "write-file=/tmp/marker"]);
        let (ran, report) = judge(engine, spec, &[]).await;
        let refused: Vec<Item> = report.refused().map(|guarantee| guarantee.item).collect();
        assert!(refused.contains(&item), "{item} on {engine}: refused are {refused:?}");
        assert_eq!(ran.exit.code, Some(125), "{item} on {engine}");
        for word in [format!("`{item}`"), engine.describe()] {
            assert!(ran.stderr.contains(&word), "{word} in {}", ran.stderr);
        }
        assert!(
            !slot.path().join("marker").exists(),
            "{item} on {engine}: the command ran"
        );
    }
}

fn host(body: &mut Value, key: &str, value: Value) {
    body["HostConfig"][key] = value;
}

fn add_mount(body: &mut Value, source: &Path, target: &str, read_only: bool) {
    let mount = json!({"Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only});
    body["HostConfig"]["Mounts"].as_array_mut().unwrap().push(mount);
}

#[tokio::test]
async fn user() {
    check(Item::User, |body, _| body["User"] = json!("0:0")).await;
    check(Item::User, |body, _| body["User"] = json!("1000:0")).await;
    check(Item::User, |body, _| host(body, "GroupAdd", json!(["0"]))).await;
}

#[tokio::test]
async fn capabilities() {
    check(Item::Capabilities, |body, _| host(body, "CapAdd", json!(["CHOWN"]))).await;
    check(Item::Capabilities, |body, _| host(body, "CapDrop", json!([]))).await;
    check(Item::Capabilities, |body, _| host(body, "Privileged", json!(true))).await;
}

#[tokio::test]
async fn no_new_privileges() {
    check(Item::NoNewPrivileges, |body, _| host(body, "SecurityOpt", json!([]))).await;
}

#[tokio::test]
async fn seccomp() {
    check(Item::Seccomp, |body, _| {
        host(body, "SecurityOpt", json!(["no-new-privileges", "seccomp=unconfined"]));
    })
    .await;
}

#[tokio::test]
async fn read_only_root() {
    check(Item::ReadOnlyRoot, |body, _| host(body, "ReadonlyRootfs", json!(false))).await;
}

#[tokio::test]
async fn tmpfs() {
    check(Item::Tmpfs, |body, _| {
        body["HostConfig"]["Tmpfs"]["/home/agent"] = json!("mode=1777,size=65m");
    })
    .await;
    check(Item::Tmpfs, |body, _| host(body, "ShmSize", json!(128 << 20))).await;
}

#[tokio::test]
async fn mounts() {
    check(Item::Mounts, |body, _| {
        add_mount(body, Path::new("/usr"), "/extra", true);
    })
    .await;
    check(Item::Mounts, |body, _| {
        add_mount(body, Path::new("/tmp"), "/extra", false);
    })
    .await;
    check(Item::Mounts, |body, _| {
        // The gateway's folder is the last.
        let mounts = body["HostConfig"]["Mounts"].as_array_mut().unwrap();
        mounts.last_mut().unwrap()["ReadOnly"] = json!(false);
    })
    .await;
}

#[tokio::test]
async fn engine_socket() {
    check(Item::EngineSocket, |body, engine| {
        add_mount(body, &engine.socket(), "/innocent", true);
    })
    .await;
}

#[tokio::test]
async fn kernel_files() {
    check(Item::KernelFiles, |body, engine| match engine.kind() {
        EngineKind::Docker => {
            host(body, "MaskedPaths", json!([]));
            host(body, "ReadonlyPaths", json!([]));
        }
        EngineKind::Podman => host(body, "SecurityOpt", json!(["no-new-privileges", "unmask=ALL"])),
    })
    .await;
}

#[tokio::test]
async fn network() {
    check(Item::Network, |body, _| host(body, "NetworkMode", json!("host"))).await;
}

#[tokio::test]
async fn init() {
    check(Item::Init, |body, _| host(body, "Init", json!(false))).await;
    check(Item::Init, |body, _| {
        host(body, "PidMode", json!("host"));
        // Podman makes no such container with an init.
        host(body, "Init", json!(false));
    })
    .await;
}

/// What cannot be limited cannot be weakened either: such an engine refuses earlier.
async fn limits_hold_on_all() -> bool {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        if engine.check_limits(&specification(Path::new("/"), &[])).is_err() {
            crate::support::engines::skip("an engine cannot enforce limits");
            return false;
        }
    }
    true
}

#[tokio::test]
async fn memory_cpus_and_pids() {
    if !limits_hold_on_all().await {
        return;
    }
    check(Item::Memory, |body, _| {
        host(body, "Memory", json!(0));
        host(body, "MemorySwap", json!(0));
    })
    .await;
    check(Item::Memory, |body, _| host(body, "MemorySwap", json!(512 << 20))).await;
    check(Item::Cpus, |body, _| host(body, "NanoCpus", json!(0))).await;
    check(Item::Pids, |body, _| host(body, "PidsLimit", json!(-1))).await;
    check(Item::Pids, |body, _| host(body, "PidsLimit", json!(257))).await;
}

/// Not every machine lets a container have more than this process may have, so less is asked for here.
#[tokio::test]
async fn open_files() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let slot = workspace(&engine);
        let spec = with_limits_that_hold(&engine, specification(slot.path(), &["write-file=/workspace/marker"]));
        let mut asked = engine.asked(&spec.clone().sealed(Path::new("/")), &[].into());
        asked.open_files /= 2;
        let listener = SealListener::new(asked, &engine.describe());
        let ran = run(&engine, &spec.sealed(listener.folder()), b"").await;
        let refused: Vec<Item> = listener.report().refused().map(|guarantee| guarantee.item).collect();
        assert_eq!(refused, [Item::OpenFiles], "{engine}");
        assert!(ran.stderr.contains("`open_files`"), "{}", ran.stderr);
        assert!(!slot.path().join("marker").exists());
    }
}

/// A weakness that is relaxed by name: the command runs, and the report says so.
#[tokio::test]
async fn what_is_relaxed_runs() {
    for engine in TestEngine::each() {
        let real = engine.socket();
        let change = |body: &mut Value| host(body, "SecurityOpt", json!(["no-new-privileges", "seccomp=unconfined"]));
        let weak = WeakEngine::before(&real, change).await;
        let slot = workspace(&weak.engine);
        let spec = specification(slot.path(), &["write-file=/workspace/marker"]);
        let (ran, report) = judge(&weak.engine, spec.clone(), &[Item::Seccomp]).await;
        assert!(ran.exit.success(), "{}", ran.stderr);
        assert!(slot.path().join("marker").exists());
        let relaxed: Vec<Item> = report.relaxed().map(|guarantee| guarantee.item).collect();
        assert_eq!(relaxed, [Item::Seccomp]);
        // Another item's name is no leave.
        let (ran, _) = judge(&weak.engine, spec, &[Item::Capabilities]).await;
        assert_eq!(ran.exit.code, Some(125));
    }
}

/// Without a gateway nothing runs.
#[tokio::test]
async fn nobody_who_judges() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let (slot, empty) = (workspace(&engine), tempfile::tempdir().unwrap());
        let spec = with_limits_that_hold(&engine, specification(slot.path(), &["write-file=/workspace/marker"]));
        let ran = run(&engine, &spec.sealed(empty.path()), b"").await;
        assert_eq!(ran.exit.code, Some(125));
        assert!(
            ran.stderr.contains("/run/cordwainer/gateway/gateway.sock"),
            "{}",
            ran.stderr
        );
        assert!(!slot.path().join("marker").exists());
    }
}
