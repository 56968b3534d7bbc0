//! `doctor`: what it finds on engines that are as they should be, and on ones that are not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::command::{Called, cordwainer};
use crate::support::engines::{IMAGE, TestEngine, engine_tests, limits_that_hold};
use crate::support::repository::TestRepository;
use crate::support::weak_engine::WeakEngine;

engine_tests! {
    both: a_credential_in_a_variable_never_reaches_the_engine;
}

/// A repository that is ready for work, on the engine at this socket.
fn repository(socket: &Path, container: &str) -> TestRepository {
    let repository = TestRepository::new();
    let (socket, limits) = (socket.display().to_string(), limits_that_hold(socket));
    let text =
        format!("image: {IMAGE}\nagent: {{credentials: none}}\ncontainer:\n  socket: {socket}\n{limits}{container}");
    repository.write("configuration.yaml", &text);
    repository.write(".gitignore", "/.secrets/\n");
    repository.commit("configured");
    repository
}

fn doctor(repository: &TestRepository) -> (Called, Value) {
    let called = cordwainer(repository, &["doctor", "--json"]).run();
    let document = serde_json::from_str(&called.stdout).unwrap_or_else(|error| panic!("{error}: {called:?}"));
    (called, document)
}

/// What of a document does not hold, by name, engines first.
fn broken(document: &Value) -> Vec<String> {
    let engines = document["engines"].as_array().unwrap().iter();
    let of_engines = engines.flat_map(|engine| {
        let items = engine["report"]["items"].as_array().cloned().unwrap_or_default();
        engine["checks"]
            .as_array()
            .unwrap()
            .iter()
            .cloned()
            .chain(items)
            .collect::<Vec<_>>()
    });
    let all = of_engines.chain(document["checks"].as_array().unwrap().iter().cloned());
    let broken = all.filter(|one| one["held"] == false);
    broken
        .map(|one| {
            one["name"]
                .as_str()
                .or_else(|| one["item"].as_str())
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[test]
fn where_all_is_well_everything_holds() {
    for engine in TestEngine::each() {
        let socket = engine.socket();
        let repository = repository(&socket, "");
        let before = repository.git(&["status", "--porcelain", "--ignored"]);
        let (called, document) = doctor(&repository);
        assert_eq!((broken(&document), called.code), (vec![], 0), "{}", called.stdout);
        assert_eq!(document["engines"][0]["report"]["items"].as_array().unwrap().len(), 20);
        assert_eq!(repository.git(&["status", "--porcelain", "--ignored"]), before);
        let shown = cordwainer(&repository, &["doctor"]).run();
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        for line in [
            "  ✓ seccomp            a filter",
            "  ✓ gateway            can be reached from inside",
        ] {
            assert!(shown.stdout.contains(line), "{line} in {}", shown.stdout);
        }
        assert!(!shown.stdout.contains('✗'), "{}", shown.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weaker_engine_is_told_item_by_item_with_the_mend() {
    for engine in TestEngine::each() {
        let real = engine.socket();
        let weaken = |body: &mut Value| {
            body["HostConfig"]["SecurityOpt"] = json!(["no-new-privileges", "seccomp=unconfined"]);
            body["HostConfig"]["ShmSize"] = json!(128 << 20);
        };
        let weak = WeakEngine::before(&real, weaken).await;
        let here = weak.engine.socket().to_owned();
        tokio::task::block_in_place(|| tell_apart(&here));
    }
}

fn tell_apart(socket: &Path) {
    let strict = repository(socket, "");
    let (called, document) = doctor(&strict);
    assert_eq!(
        (broken(&document), called.code),
        (vec!["seccomp".to_owned(), "tmpfs".to_owned()], 9)
    );
    let shown = cordwainer(&strict, &["doctor"]).run();
    let expect = "  ✗ seccomp            none\n      → restore the engine's default seccomp profile";
    assert!(shown.stdout.contains(expect), "{}", shown.stdout);
    let lenient = repository(socket, "  relax: [seccomp, tmpfs]\n");
    let (called, document) = doctor(&lenient);
    assert_eq!((broken(&document).len(), called.code), (2, 0), "told, and let be");
    let shown = cordwainer(&lenient, &["doctor"]).run();
    assert!(
        shown.stdout.contains("  ~ seccomp            none\n"),
        "{}",
        shown.stdout
    );
}

#[test]
fn what_is_wrong_with_the_repository_is_told() {
    let Some(engine) = TestEngine::any() else { return };
    let socket = engine.socket();
    let repository = repository(&socket, "");
    repository.write(".gitattributes", "*.psd filter=lfs\n");
    repository.write(".gitignore", "/target/\n");
    repository.commit("large files");
    let (called, document) = doctor(&repository);
    assert_eq!(
        (broken(&document), called.code),
        (vec!["repository".to_owned(), "secrets_dir".to_owned()], 9)
    );
    repository.write(".gitignore", "/.secrets/\n");
    repository.write(".secrets/claude.json", "{}\n");
    let secrets: PathBuf = repository.path().join(".secrets");
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(secrets.join("claude.json"), fs::Permissions::from_mode(0o644)).unwrap();
    let (_, document) = doctor(&repository);
    assert_eq!(
        broken(&document),
        ["repository", "secrets_dir"],
        "everybody can read it"
    );
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o700)).unwrap();
    let (_, document) = doctor(&repository);
    assert_eq!(broken(&document), ["repository"]);
    // A credential that is asked for, and is not there.
    let text = fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
    repository.write(
        "configuration.yaml",
        text.replace("credentials: none", "credentials: api_key"),
    );
    let (_, document) = doctor(&repository);
    assert_eq!(broken(&document), ["repository", "credential"]);
}

#[test]
fn a_state_dir_that_is_not_where_the_state_is_is_told() {
    let Some(engine) = TestEngine::any() else { return };
    let socket = engine.socket();
    let repository = repository(&socket, "");
    let configuration = fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
    cordwainer(&repository, &["generator", "start", "--name", "a"])
        .run()
        .done();
    assert_eq!(broken(&doctor(&repository).1), [""; 0]);
    repository.write("configuration.yaml", format!("{configuration}state_dir: .state\n"));
    let (called, document) = doctor(&repository);
    assert_eq!((broken(&document), called.code), (vec!["state_dir".to_owned()], 9));
    let shown = cordwainer(&repository, &["doctor"]).run().stdout;
    let found = "`[T]/project/.git/cordwainer`, and `state_dir` names `[T]/project/.state`";
    let fix = "move `[T]/project/.git/cordwainer` to `[T]/project/.state` while nothing runs";
    assert!(shown.contains(found) && shown.contains(fix), "{shown}");
    assert!(!repository.path().join(".state").exists(), "nothing is changed");
    // The fix works.
    let [used, named] = [".git/cordwainer", ".state"].map(|folder| repository.path().join(folder));
    fs::rename(used, named).unwrap();
    assert_eq!(broken(&doctor(&repository).1), [""; 0]);
}

#[test]
fn an_image_that_is_not_there_or_has_no_entrypoint_is_told() {
    for engine in TestEngine::each() {
        let socket = engine.socket();
        let repository = repository(&socket, "");
        let configuration = fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
        repository.write(
            "configuration.yaml",
            configuration.replace(IMAGE, "localhost/cordwainer-no-such:1"),
        );
        let (called, document) = doctor(&repository);
        assert_eq!((broken(&document), called.code), (vec!["image".to_owned()], 9));
        let bare = image_without_entrypoint(engine);
        repository.write("configuration.yaml", configuration.replace(IMAGE, &bare));
        let (called, document) = doctor(&repository);
        assert_eq!(
            (broken(&document), called.code),
            (vec!["entrypoint".to_owned()], 9),
            "{}",
            called.stdout
        );
    }
}

#[tokio::main(flavor = "current_thread")]
async fn image_without_entrypoint(engine: TestEngine) -> String {
    let engine = engine.connect().await;
    let mut root = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o755);
    root.append_data(&mut header, "claude", &b""[..]).unwrap();
    let reference = "localhost/cordwainer-test-bare:1";
    let config = cordwainer::engine::ImageConfig::default();
    engine
        .import_image(root.into_inner().unwrap(), reference, &config)
        .await
        .unwrap();
    reference.to_owned()
}

fn a_credential_in_a_variable_never_reaches_the_engine(engine: TestEngine) {
    const TOKEN: &str = "a-token-of-no-known-form-31415926";
    let repository = repository(&engine.socket(), &format!("  env: {{TOOL_TOKEN: {TOKEN}}}\n"));
    let called = cordwainer(&repository, &["doctor", "--json"]);
    let called = called.env("CLAUDE_CODE_OAUTH_TOKEN", TOKEN).run();
    assert_ne!(called.code, 0, "{called:?}");
    let problem = "the variable `TOOL_TOKEN` of a container contains the credential";
    assert!(called.stdout.contains(problem), "{called:?}");
    assert!(!called.stdout.contains(TOKEN), "{called:?}");
}

#[test]
fn without_any_engine_the_code_says_so() {
    let repository = repository(Path::new("/no/such/engine.sock"), "");
    let (called, document) = doctor(&repository);
    assert_eq!((called.code, document["engines"].as_array().unwrap().len()), (5, 0));
    assert!(called.stderr.contains("/no/such/engine.sock"), "{}", called.stderr);
}

#[test]
fn allowed_hosts_that_a_proxy_does_not_reach_are_told() {
    for engine in TestEngine::each() {
        let socket = engine.socket();
        let repository = repository(&socket, "network: {allow: [docs.example.org]}\n");
        let called = cordwainer(&repository, &["doctor", "--json"]);
        let called = called.env("HTTPS_PROXY", "http://127.0.0.1:9").run();
        let document = serde_json::from_str(&called.stdout).unwrap();
        assert_eq!(broken(&document), ["proxy"], "{called:?}");
    }
}

#[test]
fn without_a_repository_or_a_configuration_the_machine_is_looked_at() {
    let Some(engine) = TestEngine::any() else { return };
    let socket = engine.socket();
    let repository = TestRepository::new();
    let host = format!("unix://{}", socket.display());
    let elsewhere = repository.outside().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let examine = |folder: &Path| {
        let called = cordwainer(&repository, &["doctor", "--json", "-C", folder.to_str().unwrap()]);
        let called = called.env("DOCKER_HOST", &host).run();
        let document: Value =
            serde_json::from_str(&called.stdout).unwrap_or_else(|error| panic!("{error}: {called:?}"));
        (called, document)
    };
    for (folder, name, says) in [
        (
            elsewhere.as_path(),
            "repository",
            "is not in a git repository, so the defaults are used",
        ),
        (&repository.path(), "configuration", "so the defaults are used"),
    ] {
        let (called, document) = examine(folder);
        let first = &document["checks"][0];
        assert_eq!(
            (first["name"].as_str(), first["held"].as_bool()),
            (Some(name), Some(true)),
            "{first}"
        );
        assert!(first["found"].as_str().unwrap().contains(says), "{first}");
        assert!(first["mend"].is_string(), "{first}");
        // The default image may be here, or not; with an older entrypoint, or not.
        assert_eq!(
            called.code,
            if broken(&document).is_empty() { 0 } else { 9 },
            "{called:?}"
        );
        assert_eq!(document["engines"].as_array().unwrap().len(), 1);
    }
    repository.write("configuration.yaml", "gatse: []\n");
    let (called, document) = examine(&repository.path());
    assert!(broken(&document).contains(&"configuration".to_owned()), "{document}");
    assert_eq!(called.code, 9);
    // What only looks needs no configuration either.
    fs::remove_file(repository.path().join("configuration.yaml")).unwrap();
    let listed = cordwainer(&repository, &["generator", "list"]).run();
    assert_eq!(listed.code, 0, "{listed:?}");
    let shown = cordwainer(&repository, &["issues", "list"]).run();
    assert!(shown.stderr.contains("no generation is open"), "{shown:?}");
}

#[test]
fn gates_are_run_on_request_and_looked_up_else() {
    let Some(engine) = TestEngine::any() else { return };
    let socket = engine.socket();
    let repository = repository(&socket, "");
    let text = fs::read_to_string(repository.path().join("configuration.yaml")).unwrap();
    let gates = "gates: [{name: good, command: exit=0}, {name: red, command: exit=3}, {name: strict, command: exit=4, compare: strict}, {name: told, command: exit=5, advisory: true}, {name: gone, command: ./gone}]\n";
    repository.write("configuration.yaml", format!("{text}{gates}"));
    repository.commit("gates");
    let examine = |arguments: &[&str]| {
        let called = cordwainer(&repository, arguments).run();
        let document: Value =
            serde_json::from_str(&called.stdout).unwrap_or_else(|error| panic!("{error}: {called:?}"));
        let checks = document["engines"][0]["checks"].as_array().unwrap();
        let of_gates = checks
            .iter()
            .filter(|check| check["name"].as_str().unwrap().starts_with("gate "));
        let texts = of_gates.map(|check| format!("{} {} {}", check["name"], check["held"], check["found"]));
        (called.code, texts.collect::<Vec<_>>())
    };
    let (code, checks) = examine(&["doctor", "--json"]);
    assert_eq!((code, checks.len()), (0, 5), "{checks:?}");
    assert!(checks[0].contains("not run yet"), "{checks:?}");
    for arguments in [&["doctor", "--json", "--gates"][..], &["doctor", "--json"]] {
        let (code, checks) = examine(arguments);
        assert_eq!(code, 9, "{checks:?}");
        for (check, says) in checks.iter().zip([
            "\"gate good\" true \"passes, on main\"",
            "has no names of failing tests by which work could be compared",
            "\"gate strict\" false \"red before any work: it exited with 4\"",
            "\"gate told\" true \"advisory, and red before any work: it exited with 5, on main\"",
            "the repository has no `gone`",
        ]) {
            assert!(check.contains(says), "{check}");
        }
    }
}
