//! The engines that `cargo xtask test` started for the tests, and containers on them.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cordwainer::engine::{BuildRequest, ConnectOptions, Container, ContainerSpec, Engine, EngineKind, Exit, Stream};

/// The image of the scripted agent and the probe.
pub(crate) const IMAGE: &str = "localhost/cordwainer-scripted-agent:latest";

/// The socket of an engine of this kind. On a machine without one it says so and returns `None`; where engines are
/// required, that is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "how the test command tells the tests which engines it started"
)]
pub(crate) fn socket(kind: EngineKind) -> Option<PathBuf> {
    let (variable, name) = match kind {
        EngineKind::Podman => ("CORDWAINER_TEST_PODMAN", "podman"),
        EngineKind::Docker => ("CORDWAINER_TEST_DOCKER", "Docker Engine"),
    };
    if let Some(socket) = std::env::var_os(variable).filter(|socket| !socket.is_empty()) {
        return Some(socket.into());
    }
    absent(&format!("container engine ({name})"));
    None
}

/// Settings of the section `container` without which an engine is asked for limits that it cannot enforce: an ordinary
/// user's podman on a machine with control groups of version 1.
pub(crate) fn limits_that_hold(socket: &Path) -> &'static str {
    let rootful = std::fs::metadata(socket).is_ok_and(|socket| socket.uid() == 0);
    if rootful || Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return "";
    }
    "  memory: off\n  pids: off\n"
}

/// Says that a test is skipped for want of something; where engines are required, that is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "how a person or CI says that nothing may be skipped"
)]
pub(crate) fn absent(what: &str) {
    let required = std::env::var_os("CORDWAINER_REQUIRE_ENGINE").is_some_and(|value| value == "1");
    assert!(!required, "there is no {what}, and none may be skipped");
    skip(&format!("no {what}"));
}

/// Says why a test does nothing here, and tells it to the test command, which counts such tests.
#[expect(clippy::print_stderr, reason = "a test that does nothing must not look as if it did")]
#[expect(clippy::disallowed_methods, reason = "how the test command says where it counts")]
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
    if let Some(path) = std::env::var_os("CORDWAINER_TEST_SKIPS") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        // In one write, since tests run side by side.
        file.unwrap().write_all(format!("{why}\n").as_bytes()).unwrap();
    }
}

/// Connects to the engine of this kind, if there is one.
pub(crate) async fn connect(kind: EngineKind) -> Option<Engine> {
    let socket = socket(kind)?;
    let options = ConnectOptions {
        socket: Some(socket.to_str().unwrap().to_owned()),
        ..ConnectOptions::default()
    };
    Some(Engine::connect(&options).await.unwrap())
}

/// A container of the probe with these steps, labelled so that only its own test sweeps it.
pub(crate) fn probe(test: &str, steps: &[&str]) -> ContainerSpec {
    let mut command = vec!["/probe".to_owned()];
    command.extend(steps.iter().map(|step| (*step).to_owned()));
    ContainerSpec {
        image: IMAGE.into(),
        command,
        network: Some("none".into()),
        labels: labels(test),
        ..ContainerSpec::default()
    }
}

/// The labels of a test's containers.
pub(crate) fn labels(test: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("cordwainer.test".to_owned(), format!("{test}-{}", std::process::id()))])
}

/// What a container said and how it ended.
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: Exit,
}

/// Runs a container to its end and removes it.
pub(crate) async fn run(engine: &Engine, spec: &ContainerSpec, stdin: &[u8]) -> Ran {
    let mut container = engine.start(spec, stdin).await.unwrap();
    let (stdout, stderr) = read(&mut container).await;
    let exit = container.exit().await.unwrap();
    container.remove().await.unwrap();
    Ran { stdout, stderr, exit }
}

/// Reads both outputs to their ends.
pub(crate) async fn read(container: &mut Container) -> (String, String) {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    while let Some(output) = container.next_output().await {
        let text = String::from_utf8_lossy(&output.line.bytes).into_owned() + "\n";
        match output.stream {
            Stream::Stdout => stdout.push_str(&text),
            Stream::Stderr => stderr.push_str(&text),
        }
    }
    (stdout, stderr)
}

/// A build of one Containerfile.
pub(crate) fn build_request(containerfile: &str, tag: &str) -> BuildRequest {
    BuildRequest {
        context: context(containerfile),
        containerfile: "Containerfile".into(),
        tag: tag.into(),
        ..BuildRequest::default()
    }
}

/// A build context of one Containerfile.
fn context(containerfile: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(containerfile.len() as u64);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, "Containerfile", containerfile.as_bytes())
        .unwrap();
    archive.into_inner().unwrap()
}
