//! A container that podman was killed in removing: its files are gone, and podman still lists it. Here its files are taken
//! away by hand, in a storage of the test's own.

use std::fs;
use std::path::Path;

use cordwainer::engine::EngineKind;
use serde_json::Value;

use crate::support::engines::{TestEngine, engine_tests, labels};
use crate::support::own_engine::OwnEngine;

engine_tests! {
    podman: it_is_found_and_removed_and_hides_no_other;
}

fn done(own: &OwnEngine, arguments: &[&str]) -> String {
    let output = own.podman(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Takes the files of a container out of podman's storage.
fn take_away(storage: &Path, id: &str) {
    let list = storage.join("containers.json");
    let mut listed: Vec<Value> = serde_json::from_slice(&fs::read(&list).unwrap()).unwrap();
    listed.retain(|container| container["id"] != id);
    fs::write(list, serde_json::to_vec(&listed).unwrap()).unwrap();
}

fn it_is_found_and_removed_and_hides_no_other(_: TestEngine) {
    let mut own = OwnEngine::new(EngineKind::Podman);
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    archive.append_data(&mut header, "file", std::io::empty()).unwrap();
    fs::write(own.path("root.tar"), archive.into_inner().unwrap()).unwrap();
    done(
        &own,
        &["import", own.path("root.tar").to_str().unwrap(), "localhost/x:latest"],
    );
    let all = labels("half-removed");
    let label = all
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .next()
        .unwrap();
    let create = ["create", "--label", &label, "localhost/x:latest", "/file"];
    let [half, whole] = [done(&own, &create), done(&own, &create)];
    take_away(&own.storage().join("vfs-containers"), &half);
    let served = own.serve();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = served.connect().await;
        let mut found: Vec<String> = engine.list(&all).await.unwrap().into_iter().map(|one| one.id).collect();
        let mut expected = vec![half, whole];
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(engine.sweep(&all).await.unwrap().len(), 2);
        assert_eq!(engine.list(&all).await.unwrap(), []);
    });
}
