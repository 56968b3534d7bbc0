//! Images: built, imported, looked at; and the Claude image itself, where its base can be had.

use std::collections::BTreeMap;

use cordwainer::config::{Config, Image};
use cordwainer::engine::{ContainerSpec, Engine, ImageConfig, UserChoice};
use cordwainer::error::ErrorKind;
use cordwainer::image::{self, BuildOptions, ProjectNeeds};
use cordwainer::testing::size;

mod clean;
mod described;

use crate::support::command::cordwainer;
use crate::support::engines::{IMAGE, TestEngine, absent, build_request, probe, run};
use crate::support::repository::TestRepository;
use crate::support::tools_image::{self, TOOLS};

#[tokio::test]
async fn an_image_without_a_registry_is_found_or_told() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let id = engine.ensure_image(IMAGE).await.unwrap();
        assert_eq!(engine.image_id(&id).await.unwrap(), Some(id.clone()));
        let absent = "localhost/cordwainer-no-such-image:1";
        assert_eq!(engine.image_id(absent).await.unwrap(), None);
        let error = engine.ensure_image(absent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Engine);
        assert!(error.to_string().starts_with("there is no image"), "{error}");
    }
}

#[tokio::test]
async fn an_import_carries_files_environment_and_command() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let mut root = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(6);
        header.set_mode(0o644);
        root.append_data(&mut header, "greeting", &b"hello\n"[..]).unwrap();
        let tag = "localhost/cordwainer-test-import:1";
        let config = ImageConfig {
            env: vec![("WORDS".into(), "two \"words\"".into())],
            command: vec!["/greeting".into()],
            labels: [("cordwainer.test".into(), "import".into())].into(),
        };
        let id = engine
            .import_image(root.into_inner().unwrap(), tag, &config)
            .await
            .unwrap();
        assert_eq!(engine.image_id(tag).await.unwrap(), Some(id));
        let over =
            format!("FROM {IMAGE}\nCOPY --from={tag} /greeting /greeting\nENTRYPOINT [\"/probe\", \"exit=9\"]\n");
        let derived = "localhost/cordwainer-test-derived:1";
        engine
            .build_image(build_request(&over, derived), &mut |_| {})
            .await
            .unwrap();
        let spec = ContainerSpec {
            image: derived.into(),
            ..probe("import", &["cat=/greeting"])
        };
        // The command stands alone: the image's entry point does not get it as arguments.
        assert_eq!(run(&engine, &spec, b"").await.stdout, "hello\n");
        let own = ContainerSpec {
            command: vec![],
            ..spec
        };
        assert_eq!(run(&engine, &own, b"").await.exit.code, Some(9));
    }
}

#[tokio::test]
async fn a_failed_build_says_why_and_makes_no_image() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let tag = "localhost/cordwainer-test-failed:1";
        let text = format!("FROM {IMAGE}\nRUN [\"/probe\", \"out=about to fail\\\\n\", \"exit=3\"]\n");
        let mut lines = Vec::new();
        let built = engine
            .build_image(build_request(&text, tag), &mut |line| lines.push(line.to_owned()))
            .await;
        let error = built.unwrap_err();
        assert!(lines.iter().any(|line| line == "about to fail"), "{lines:?}");
        assert!(error.to_string().contains("about to fail"), "{error}");
        assert_eq!(engine.image_id(tag).await.unwrap(), None);
        let nonsense = engine.build_image(build_request("NONSENSE\n", tag), &mut |_| {}).await;
        assert_eq!(nonsense.unwrap_err().kind(), ErrorKind::Engine);
    }
}

#[tokio::test]
async fn an_image_without_a_shell_fails_its_check_with_a_reason() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let error = image::check(
            &engine,
            IMAGE,
            &ProjectNeeds::default(),
            UserChoice::SlotOwner,
            &BTreeMap::new(),
        )
        .await
        .unwrap_err();
        assert!(error.to_string().contains("cannot run `sh`"), "{error}");
    }
}

/// The real image, which `cargo xtask test` gives each engine: building it takes minutes, and a network.
#[tokio::test]
async fn the_claude_image_is_built_once_and_passes_its_check() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let options = BuildOptions::default();
        if engine.image_id(&image::tag(&options)).await.unwrap().is_none() {
            absent("Claude image");
            continue;
        }
        let built = image::build(&engine, &options, &mut |line| panic!("built again: {line}"))
            .await
            .unwrap();
        assert!(!built.rebuilt);
        assert_eq!(built.tag, image::tag(&options));
        check_claude_image(&engine, &options).await;
    }
}

async fn check_claude_image(engine: &Engine, options: &BuildOptions) {
    let latest = format!("{}:latest", image::NAME);
    let toolchain = ["true".to_owned(), "echo 'no such\ttool' >&2; exit 4".to_owned()];
    let needs = ProjectNeeds {
        toolchain: toolchain.to_vec(),
        ..ProjectNeeds::default()
    };
    // A rootless engine maps one user of the image to the slot's owner, and does not look which the image would take.
    let users = [UserChoice::SlotOwner, UserChoice::Image];
    for user in users.into_iter().take(if engine.rootless() { 1 } else { 2 }) {
        let report = image::check(engine, &latest, &needs, user, &BTreeMap::new())
            .await
            .unwrap();
        let failed: Vec<_> = report.items.iter().filter(|item| !item.ok).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(
            (failed[0].name.as_str(), failed[0].detail.as_str()),
            (toolchain[1].as_str(), "no such tool")
        );
        assert!(
            report.items[0].detail.starts_with(&options.client_version),
            "{report:?}"
        );
    }
    let root = image::check(
        engine,
        &latest,
        &ProjectNeeds::default(),
        UserChoice::Given("0:0".into()),
        &BTreeMap::new(),
    )
    .await
    .unwrap();
    assert!(
        root.items.iter().any(|item| item.name == "user" && !item.ok),
        "{root:?}"
    );
}

/// The image of a configuration that adds a package of Debian and a command.
fn described(command: &str) -> Image {
    let text = format!("image: {{build: {{packages: [tree], run: [\"{command}\"]}}}}\n");
    Config::parse(&text, "test").unwrap().image
}

/// An engine that has the Claude image, and the options that it was built with.
async fn with_claude_image(engine: TestEngine) -> Option<(Engine, BuildOptions)> {
    let engine = engine.connect().await;
    // The Docker Engine of the tests has no bridge.
    let options = BuildOptions {
        network: Some("host".to_owned()),
        ..BuildOptions::default()
    };
    if engine.image_id(&image::tag(&options)).await.unwrap().is_none() {
        absent("Claude image");
        return None;
    }
    Some((engine, options))
}

/// Debian's packages come over the network, as in a build of the Claude image: on one engine, with `--long` on both.
#[tokio::test]
async fn an_image_for_a_project_is_built_in_layers_and_once() {
    for engine in TestEngine::each().take(size(1, 2)) {
        let Some((engine, options)) = with_claude_image(engine).await else {
            continue;
        };
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (
            described("echo $(id -u) 'one' >/made"),
            described("echo \\\"a b\\\" >/made"),
        );
        let mut lines = Vec::new();
        let mut on_line = |line: &str| lines.push(line.to_owned());
        let built = image::build_for(&engine, folder.path(), &first, &options, &mut on_line)
            .await
            .unwrap();
        assert!(built.rebuilt && built.name == first.name, "{built:?}");
        assert_eq!(built.client_version, options.client_version);
        assert!(lines.iter().any(|line| line.contains("Setting up tree")), "{lines:?}");
        check_project_image(&engine, &first.name, "0 one").await;

        let mut on_line = |line: &str| panic!("built again: {line}");
        let again = image::build_for(&engine, folder.path(), &first, &options, &mut on_line)
            .await
            .unwrap();
        assert_eq!((again.id, again.rebuilt), (built.id.clone(), false));

        lines.clear();
        let mut on_line = |line: &str| lines.push(line.to_owned());
        let changed = image::build_for(&engine, folder.path(), &second, &options, &mut on_line)
            .await
            .unwrap();
        assert!(changed.rebuilt && changed.id != built.id);
        assert!(lines.iter().any(|line| line.contains("Using cache")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("Setting up")), "{lines:?}");
        check_project_image(&engine, &second.name, "a b").await;
    }
}

/// Checks that an image has the package, what the command made, and the client, and not what nobody asked for.
async fn check_project_image(engine: &Engine, name: &str, made: &str) {
    let gates =
        "gates: [tree /workspace | cat, {name: site, command: npm test && ./gradlew}, {command: no-such-program}]\n";
    let needs = ProjectNeeds {
        toolchain: vec![format!("grep --line-regexp '{made}' /made")],
        ..ProjectNeeds::of(&Config::parse(gates, "test").unwrap())
    };
    let report = image::check(engine, name, &needs, UserChoice::SlotOwner, &BTreeMap::new())
        .await
        .unwrap();
    let failed: Vec<_> = report.items.iter().filter(|item| !item.ok).collect();
    let failed: Vec<_> = failed
        .iter()
        .map(|item| (item.name.as_str(), item.detail.as_str()))
        .collect();
    let expect = [
        ("gate site: npm", "not there: `npm` in `image.build.tools` brings it"),
        (
            "gate no-such-program: no-such-program",
            "not there: add the package that has it to `image.build.packages`",
        ),
    ];
    assert_eq!(failed, expect);
}

/// A Containerfile of a person's own, without any network: its image is what the client would be added to.
#[tokio::test]
async fn a_containerfile_that_fails_says_which_and_makes_no_image() {
    for engine in TestEngine::each() {
        let engine = engine.connect().await;
        let folder = tempfile::tempdir().unwrap();
        let text = format!("FROM {IMAGE}\nCOPY secret.txt /secret.txt\n");
        std::fs::write(folder.path().join("Dev"), text).unwrap();
        // It is there, and the build does not see it.
        std::fs::write(folder.path().join("secret.txt"), "hush").unwrap();
        let image = Config::parse("image: {build: {containerfile: Dev}}\n", "test")
            .unwrap()
            .image;
        let options = BuildOptions::default();
        let error = image::build_for(&engine, folder.path(), &image, &options, &mut |_| {})
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Engine);
        assert!(error.hint_text().unwrap().starts_with("correct `Dev`"), "{error}");
        assert_eq!(engine.image_id(&image.name).await.unwrap(), None);
    }
}

/// Tools with a version come from the registries of their languages: one of Python's, and in the long test two of npm's and one
/// of cargo's.
#[tokio::test]
async fn tools_of_a_version_are_in_the_image() {
    let Some(test_engine) = TestEngine::any() else { return };
    let Some((engine, options)) = with_claude_image(test_engine).await else {
        return;
    };
    let tools = [
        ("meson", "1.4.0"),
        ("node", "20.11.1"),
        ("pnpm", "9.15.0"),
        ("just", "1.59.0"),
    ];
    let tools = &tools[..size(1, tools.len())];
    let described: Vec<String> = tools
        .iter()
        .map(|(name, version)| format!("{name}: {version}"))
        .collect();
    let text = format!("image: {{build: {{tools: {{{}}}}}}}\n", described.join(", "));
    let config = Config::parse(&text, "test").unwrap();
    let folder = tempfile::tempdir().unwrap();
    image::build_for(&engine, folder.path(), &config.image, &options, &mut |_| {})
        .await
        .unwrap();
    let version =
        |(name, version): &(&str, &str)| format!("{name} --version | grep --line-regexp '\\(v\\|just \\)\\?{version}'");
    let needs = ProjectNeeds {
        toolchain: tools.iter().map(version).collect(),
        programs: Vec::new(),
    };
    passes_check(&engine, &config.image.name, &needs).await;
}

/// Checks that an image has what it needs.
async fn passes_check(engine: &Engine, image: &str, needs: &ProjectNeeds) {
    let report = image::check(engine, image, needs, UserChoice::SlotOwner, &BTreeMap::new()).await;
    let report = report.unwrap();
    assert!(report.ok(), "{report:?}");
}

#[tokio::test]
async fn the_client_is_added_to_a_containerfile_of_ones_own() {
    let Some(test_engine) = TestEngine::any() else { return };
    let Some((engine, options)) = with_claude_image(test_engine).await else {
        return;
    };
    if !tools_image::provide(test_engine).await {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // It has apt, and the packages that are added for the client: npm alone would take minutes. Without them, the Claude image of all
    // tests is built.
    let text = format!("FROM {TOOLS}\nUSER root\nRUN rm /usr/local/bin/claude && echo own >/own\n");
    std::fs::write(
        folder.path().join("configuration.yaml"),
        "image: {build: {containerfile: Dev}}\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("Dev"), text).unwrap();
    let config = Config::load(folder.path()).unwrap();
    let built = image::build_for(&engine, folder.path(), &config.image, &options, &mut |_| {})
        .await
        .unwrap();
    assert!(built.rebuilt && built.name == config.image.name, "{built:?}");
    let needs = ProjectNeeds {
        toolchain: vec!["grep own /own".to_owned()],
        ..ProjectNeeds::default()
    };
    passes_check(&engine, &config.image.name, &needs).await;
    let mut on_line = |line: &str| panic!("built again: {line}");
    let again = image::build_for(&engine, folder.path(), &config.image, &options, &mut on_line);
    assert!(!again.await.unwrap().rebuilt);
}

#[test]
fn a_description_is_built_on_a_branch_of_the_persons_own_and_names_its_base() {
    let repository = TestRepository::new();
    let describe = |build: &str| repository.write("configuration.yaml", format!("image: {{build: {{{build}}}}}\n"));
    let refused = |arguments: &[&str]| {
        let called = cordwainer(&repository, arguments).run();
        (called.code, called.stderr)
    };
    describe("packages: [jq]");
    let (code, stderr) = refused(&["image", "build", "--base", "localhost/own"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("`--base` contradicts `image.build`") && stderr.contains("{base: localhost/own}"),
        "{stderr}"
    );
    repository.write("Dev", "FROM debian\n");
    describe("containerfile: Dev");
    let (_, stderr) = refused(&["image", "build", "--base", "localhost/own"]);
    assert!(stderr.contains("write `FROM localhost/own`"), "{stderr}");
    repository.commit("begin");
    repository.git(&["switch", "--quiet", "--create", "generation-x"]);
    let (code, stderr) = refused(&["image", "build"]);
    assert_eq!(code, 9, "{stderr}");
    assert!(stderr.contains("`generation-x` is checked out"), "{stderr}");
}
