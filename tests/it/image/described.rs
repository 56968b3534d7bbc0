//! Images of services that a configuration describes, built and started by the program itself: from Debian's packages, and
//! from a devcontainer.json.

use std::path::Path;
use std::time::{Duration, Instant};

use cordwainer::engine::EngineKind;
use cordwainer::image;
use rustix::process::Signal;

use super::with_claude_image;
use crate::support::command::{Called, cordwainer};
use crate::support::engines::{TestEngine, engine_tests, limits_that_hold};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::repository::TestRepository;

engine_tests! {
    both: services_are_built_and_started, an_interrupted_build_ends_as_it_says;
    podman: a_base_that_cannot_be_pulled_is_made_of_packages, what_cannot_be_had_is_told_with_what_to_do;
}

/// A base that no registry has, and that is of Debian.
const NOWHERE: &str = "debian:nowhere-slim";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// A repository whose agents have the Claude image, with these services.
fn repository(engine: TestEngine, services: &str) -> TestRepository {
    let repository = TestRepository::new();
    let text = format!(
        "container:\n  socket: {}\n{}services:\n{services}",
        engine.socket().display(),
        limits_that_hold(&engine.socket()),
    );
    repository.write("configuration.yaml", text);
    repository
}

fn build(repository: &TestRepository) -> Called {
    // The Docker Engine of the tests has no bridge.
    cordwainer(repository, &["image", "build", "--network", "host"]).run()
}

/// One is built of packages, and one as a devcontainer.json says; both can be used, and neither has the client.
fn services_are_built_and_started(engine: TestEngine) {
    let Some((_, options)) = runtime().block_on(with_claude_image(engine)) else {
        return;
    };
    // It has apt, and `socat`, so that the packages alone come over the network.
    let base = image::tag(&options);
    // An image that is unlike those of earlier tests on this engine.
    let mark = std::process::id();
    let is_podman = engine.kind() == EngineKind::Podman;
    let packages = if is_podman { "packages: [redis-server], " } else { "" };
    let queue = if is_podman {
        "redis-server --save \"\" --dir /data --port 6379"
    } else {
        "socat TCP-LISTEN:6379,fork EXEC:cat"
    };
    let services = format!(
        "  queue: {{image: {{build: {{base: '{base}', {packages}run: ['rm /usr/local/bin/claude # {mark}']}}}}, command: '{queue}', ports: [6379]}}\n  \
         greeter:\n    image: {{devcontainer: .devcontainer/devcontainer.json}}\n    \
         command: \"test \\\"$GREETING\\\" = 'hello $you \\\"there\\\"' && grep -q 'dev word' /own && exec socat TCP-LISTEN:7000,fork EXEC:cat\"\n    \
         ports: [7000]\n"
    );
    let repository = repository(engine, &services);
    let dockerfile = format!(
        "FROM {base} AS dev\nUSER root\nARG WORD=none\nRUN rm /usr/local/bin/claude && echo \"$WORD\" {mark} >/own\nFROM dev\nRUN false\n"
    );
    repository.write(".devcontainer/Dockerfile", dockerfile);
    let text = r#"{
        "build": {"dockerfile": "Dockerfile", "target": "dev", "args": {"WORD": "dev word"}}, // the first stage
        "containerEnv": {"GREETING": "hello $you \"there\""},
        "initializeCommand": "touch /tmp/never",
    }"#;
    repository.write(".devcontainer/devcontainer.json", text);
    repository.commit("begin");
    let warning = "Warning: .devcontainer/devcontainer.json: `initializeCommand` is not used: nothing of it runs on this machine.\n";
    let checked = cordwainer(&repository, &["config", "check"]).run();
    assert!(checked.code == 0 && checked.stderr.contains(warning), "{checked:#?}");

    let built = build(&repository);
    assert_eq!(built.code, 0, "{built:#?}");
    assert!(built.stderr.contains(warning), "{built:#?}");
    // Of the output of a build, its steps are shown, and nothing of what its commands print.
    let is_step = |line: &str| line.contains("tep ") || line.starts_with("Warning: ");
    assert!(built.stderr.lines().all(is_step), "{}", built.stderr);
    assert!(
        built
            .stderr
            .contains(": RUN [\"/bin/sh\",\"-c\",\"rm /usr/local/bin/claude # "),
        "{}",
        built.stderr
    );
    assert_eq!(built.stdout.matches(", for a service.").count(), 2, "{}", built.stdout);
    let checked = cordwainer(&repository, &["image", "check"]).run();
    for service in ["queue", "greeter"] {
        let is_ready = |line: &&str| line.starts_with("ok") && line.contains(&format!("service {service}"));
        assert!(
            checked.stdout.lines().any(|line| is_ready(&line)),
            "{service}: {checked:#?}"
        );
    }
    let again = build(&repository);
    assert_eq!(again.stdout.matches("Unchanged: ").count(), 3, "{again:#?}");
}

/// Returns whether a process of this machine, in whichever container, has these words in its command line.
fn runs(words: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    processes.filter_map(Result::ok).any(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").trim_end() == words
    })
}

/// Docker Engine ends the step that it is at; podman finishes it, and begins no other.
fn an_interrupted_build_ends_as_it_says(engine: TestEngine) {
    let Some((_, options)) = runtime().block_on(with_claude_image(engine)) else {
        return;
    };
    let base = image::tag(&options);
    let is_podman = engine.kind() == EngineKind::Podman;
    let mark = std::process::id();
    let first = format!("sleep {}.{mark}", if is_podman { 3 } else { 300 });
    let second = format!("sleep 400.{mark}");
    let services = format!(
        "  queue: {{image: {{build: {{base: '{base}', run: ['{first}', '{second}']}}}}, command: 'true', ports: [6379]}}\n"
    );
    let repository = repository(engine, &services);
    repository.commit("begin");
    let build = cordwainer(&repository, &["image", "build", "--network", "host"]).spawn();
    wait_until(|| runs(&first));
    signal(&build, Signal::INT);
    let ended = build.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let expect = if is_podman {
        "Podman cannot be made to end a step of a build"
    } else {
        "Docker Engine ends the build now"
    };
    assert!(said.contains(expect), "{said}");
    // Docker's step would take far longer than this waits.
    wait_until(|| !runs(&first));
    let later = Instant::now() + Duration::from_secs(1);
    while Instant::now() < later {
        assert!(!runs(&second), "the build goes on");
        std::thread::yield_now();
    }
}

/// Debian's own program makes the base: half a minute, so with `--long` alone.
fn a_base_that_cannot_be_pulled_is_made_of_packages(engine: TestEngine) {
    if cordwainer::testing::size(0, 1) == 0 || runtime().block_on(with_claude_image(engine)).is_none() {
        return;
    }
    let services = "  echo: {image: {build: {base: 'debian:bookworm'}}, command: 'socat TCP-LISTEN:7000,fork EXEC:cat', ports: [7000]}\n";
    let repository = repository(engine, services);
    let built = build(&repository);
    assert_eq!(built.code, 0, "{built:#?}");
    let said = "Making a base of Debian's packages with mmdebstrap, since `debian:bookworm` cannot be pulled.\n";
    assert!(built.stderr.contains(said), "{built:#?}");
    let checked = cordwainer(&repository, &["image", "check"]).run();
    let is_ready = |line: &str| line.starts_with("ok") && line.contains("service echo");
    assert!(checked.stdout.lines().any(is_ready), "{checked:#?}");
}

fn what_cannot_be_had_is_told_with_what_to_do(engine: TestEngine) {
    if runtime().block_on(with_claude_image(engine)).is_none() {
        return;
    }
    let services = format!("  db: {{image: {{build: {{base: '{NOWHERE}'}}}}, ports: [7000]}}\n");
    let repository = repository(engine, &services);
    let folder = tempfile::tempdir().unwrap();
    let called = || {
        cordwainer(&repository, &["image", "build"])
            .env("PATH", folder.path())
            .run()
    };
    let without = called();
    assert_eq!(without.code, 5, "{without:#?}");
    assert!(
        without.stderr.contains("hint: install `mmdebstrap`, with which"),
        "{without:#?}"
    );
    assert!(
        without
            .stderr
            .contains("error: the image of the service `db` could not be built"),
        "{without:#?}"
    );
    // Nothing was built, so that there is no output to keep.
    assert!(!without.stderr.contains("The whole output"), "{without:#?}");

    program(
        folder.path(),
        "mmdebstrap",
        // The suite and the archive come last, after options.
        "#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\necho begun >&2\necho \"E: $1 is unknown\" >&2\nexit 3\n",
    );
    let with = called();
    assert_eq!(with.code, 5, "{with:#?}");
    let message = "`mmdebstrap` cannot make a base of `nowhere`, exit status: 3: E: nowhere is unknown";
    assert!(with.stderr.contains(message), "{with:#?}");
    let log = with
        .stderr
        .split("The whole output of the build is in `")
        .nth(1)
        .unwrap();
    let log = log.split('`').next().unwrap();
    let kept = std::fs::read_to_string(log).unwrap();
    assert!(kept.ends_with("begun\nE: nowhere is unknown\n"), "{kept}");
    std::fs::remove_file(log).unwrap();
}

fn program(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
