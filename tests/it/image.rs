//! Images: built, imported, looked at; and the Claude image itself, where its base can be had.

use cordwainer::engine::{ContainerSpec, Engine, ImageConfig, UserChoice};
use cordwainer::error::ErrorKind;
use cordwainer::image::{self, BuildOptions};

use crate::support::engines::{IMAGE, TestEngine, absent, build_request, probe, run};

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
        let error = image::check(&engine, IMAGE, &[], UserChoice::SlotOwner)
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
    // A rootless engine maps one user of the image to the slot's owner, and does not look which the image would take.
    let users = [UserChoice::SlotOwner, UserChoice::Image];
    for user in users.into_iter().take(if engine.rootless() { 1 } else { 2 }) {
        let report = image::check(engine, &latest, &toolchain, user).await.unwrap();
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
    let root = image::check(engine, &latest, &[], UserChoice::Given("0:0".into()))
        .await
        .unwrap();
    assert!(
        root.items.iter().any(|item| item.name == "user" && !item.ok),
        "{root:?}"
    );
}
