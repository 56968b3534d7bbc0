//! The engines that `cargo xtask test` started for the tests, and containers on them.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cordwainer::engine::{BuildRequest, ConnectOptions, Container, ContainerSpec, Engine, EngineKind, Exit, Stream};
use cordwainer::testing::size;

/// The image of the scripted agent and the probe.
pub(crate) const IMAGE: &str = "localhost/cordwainer-scripted-agent:latest";

/// Makes a test of each function for each engine that it is listed under, in the modules `podman` and `docker`. Where there
/// is no such engine, the test reports that it is skipped; else the function gets the [`TestEngine`]. After `async`, the
/// functions are async, and get a connected [`Engine`].
///
/// A test of how an engine behaves, or of what depends on that, is listed under `both`; one of what is the same on each under one
/// engine alone. What runs on either, but has parts that an engine might do in another way, is listed under `podman first` or
/// `docker first`: its test tries it on that engine, or on the other one where that is all there is, and under
/// `cargo xtask test --long` on each.
macro_rules! engine_tests {
    (@sync $kind:ident $find:ident: $($test:ident)*) => {
        $(#[test]
        fn $test() {
            let found = $crate::support::engines::TestEngine::$find(cordwainer::engine::EngineKind::$kind);
            found.into_iter().for_each(super::$test);
        })*
    };
    (@async $kind:ident $find:ident: $($test:ident)*) => {
        $(#[tokio::test]
        async fn $test() {
            let found = $crate::support::engines::TestEngine::$find(cordwainer::engine::EngineKind::$kind);
            for engine in found.into_iter().collect::<Vec<_>>() {
                super::$test(engine.connect().await).await;
            }
        })*
    };
    (@modules $how:ident
        $(both: $($both:ident),+;)?
        $(podman first: $($podman_first:ident),+;)? $(docker first: $($docker_first:ident),+;)?
        $(podman: $($podman:ident),+;)? $(docker: $($docker:ident),+;)?) => {
        mod podman {
            $crate::support::engines::engine_tests! { @$how Podman find: $($($both)+)? $($($podman)+)? }
            $crate::support::engines::engine_tests! { @$how Podman first: $($($podman_first)+)? }
        }
        mod docker {
            $crate::support::engines::engine_tests! { @$how Docker find: $($($both)+)? $($($docker)+)? }
            $crate::support::engines::engine_tests! { @$how Docker first: $($($docker_first)+)? }
        }
    };
    (async $($lists:tt)+) => {
        $crate::support::engines::engine_tests! { @modules async $($lists)+ }
    };
    ($($lists:tt)+) => {
        $crate::support::engines::engine_tests! { @modules sync $($lists)+ }
    };
}
pub(crate) use engine_tests;

/// A container engine that exists here: a function that gets one need not check for it.
#[derive(Clone, Copy)]
pub(crate) struct TestEngine {
    kind: EngineKind,
    /// Where it listens, if a test has started it for itself.
    own: Option<&'static Path>,
}

impl TestEngine {
    /// Returns the engine of this kind. On a machine without one it reports that the calling test is skipped, and returns
    /// `None`; where engines are required, that is a failure.
    ///
    /// A test outside of [`engine_tests!`] calls this itself; for all others the macro does.
    pub(crate) fn find(kind: EngineKind) -> Option<Self> {
        if variable_of(kind).is_some() {
            return Some(Self { kind, own: None });
        }
        let name = match kind {
            EngineKind::Podman => "podman",
            EngineKind::Docker => "Docker Engine",
        };
        absent(&format!("container engine ({name})"));
        None
    }

    /// Returns the engine of this kind, or the other one where that is all there is, and under `cargo xtask test --long` both. On a
    /// machine without any it reports that the calling test is skipped.
    pub(crate) fn first(kind: EngineKind) -> Vec<Self> {
        let mut kinds = [EngineKind::Podman, EngineKind::Docker];
        kinds.sort_by_key(|one| *one != kind);
        let are_there = kinds.into_iter().filter(|kind| variable_of(*kind).is_some());
        let mut found: Vec<Self> = are_there
            .take(size(1, 2))
            .map(|kind| Self { kind, own: None })
            .collect();
        if found.is_empty() {
            found.extend(Self::find(kind));
        }
        found
    }

    /// Returns the engines that exist here, for a test that tries each; reports the others as skipped.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        [EngineKind::Podman, EngineKind::Docker]
            .into_iter()
            .filter_map(Self::find)
    }

    /// Returns the first engine that exists here, for a test to which all are the same.
    pub(crate) fn any() -> Option<Self> {
        Self::each().next()
    }

    /// The one of this kind that a test has started for itself, where it listens.
    pub(crate) fn own(kind: EngineKind, socket: PathBuf) -> Self {
        let own = Some(&*Box::leak(socket.into_boxed_path()));
        Self { kind, own }
    }

    pub(crate) fn kind(self) -> EngineKind {
        self.kind
    }

    /// Returns the path of its socket.
    pub(crate) fn socket(self) -> PathBuf {
        let named = || variable_of(self.kind).expect("the engine was found by it");
        self.own.map_or_else(named, Path::to_owned)
    }

    /// Returns the command line of its own client.
    pub(crate) fn client(self) -> Command {
        let (program, option) = match self.kind {
            EngineKind::Podman => ("podman", "--url"),
            EngineKind::Docker => ("docker", "--host"),
        };
        let mut command = Command::new(program);
        command.arg(option).arg(format!("unix://{}", self.socket().display()));
        command
    }

    /// Connects to it.
    pub(crate) async fn connect(self) -> Engine {
        let options = ConnectOptions {
            socket: Some(self.socket().to_str().unwrap().to_owned()),
            ..ConnectOptions::default()
        };
        Engine::connect(&options).await.unwrap()
    }
}

/// The socket that the test command names for engines of this kind.
#[expect(
    clippy::disallowed_methods,
    reason = "how the test command tells the tests which engines it started"
)]
fn variable_of(kind: EngineKind) -> Option<PathBuf> {
    let variable = match kind {
        EngineKind::Podman => "CORDWAINER_TEST_PODMAN",
        EngineKind::Docker => "CORDWAINER_TEST_DOCKER",
    };
    let socket = std::env::var_os(variable).filter(|socket| !socket.is_empty())?;
    Some(socket.into())
}

/// Returns where the podman of an ordinary user listens. On a machine without one it reports that the calling test is
/// skipped, and returns `None`; where engines are required, that is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "how the test command tells the tests which engines it started"
)]
pub(crate) fn rootless_socket() -> Option<PathBuf> {
    let socket = std::env::var_os("CORDWAINER_TEST_ROOTLESS").map(PathBuf::from);
    if socket.is_none() {
        absent("podman of an ordinary user");
    }
    socket
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
    build_request_with(containerfile, tag, &[])
}

/// A build of one Containerfile, with these programs beside it in the context.
pub(crate) fn build_request_with(containerfile: &str, tag: &str, programs: &[(&str, &[u8])]) -> BuildRequest {
    BuildRequest {
        context: context(containerfile, programs),
        containerfile: "Containerfile".into(),
        tag: tag.into(),
        ..BuildRequest::default()
    }
}

/// A build context of one Containerfile and these programs.
fn context(containerfile: &str, programs: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut add = |name: &str, mode: u32, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, name, bytes).unwrap();
    };
    add("Containerfile", 0o644, containerfile.as_bytes());
    for (name, bytes) in programs {
        add(name, 0o755, bytes);
    }
    archive.into_inner().unwrap()
}
