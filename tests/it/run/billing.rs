//! Nobody pays but who is to: what the image and the settings files in the repository say of it.

use std::fs;

use cordwainer::event::EventKind;

use crate::support::engines::{self, TestEngine, engine_tests};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;

engine_tests! {
    both: an_image_that_brings_a_key_is_refused_unless_it_is_configured;
    podman: settings_that_say_who_pays_are_refused;
    docker: settings_that_are_harmless_or_meant_are_not;
}

/// An image like that of the scripted agent, with more in its environment.
const WITH_KEY: &str = "localhost/cordwainer-billing-test:latest";

/// Builds [`WITH_KEY`].
fn build(engine: TestEngine) {
    let containerfile = format!("FROM {}\nENV ANTHROPIC_API_KEY=hush AWS_PROFILE=team\n", engines::IMAGE);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = engine.connect().await;
        let request = engines::build_request(&containerfile, WITH_KEY);
        engine.build_image(request, &mut |_| {}).await.unwrap();
    });
}

/// Runs with [`WITH_KEY`] and an environment.
fn run_with(project: &mut Project, environment: &str) -> Ran {
    project.reconfigure(None, &format!("  env: {environment}\n---\n"));
    let path = project.repository.path().join("configuration.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(engines::IMAGE, WITH_KEY)).unwrap();
    project.run(&["generator", "run"])
}

fn an_image_that_brings_a_key_is_refused_unless_it_is_configured(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    build(engine);
    project.add("a change", "write src/a.txt x");
    let ran = run_with(&mut project, "{}").expect(5);
    assert!(!ran.stderr.contains("hush"), "{}", ran.stderr);
    ran.says(&format!(
        "the image `{WITH_KEY}` sets `ANTHROPIC_API_KEY`, which may bill somebody other"
    ))
    .says("hint: give it a value in `container.env`");
    let half = "{ANTHROPIC_API_KEY: ''}";
    run_with(&mut project, half)
        .expect(5)
        .says("sets `AWS_PROFILE`, which is an account of a cloud provider");
    assert!(project.outcomes("cw-1").is_empty());

    // An empty value takes the image's away: the agent, which would report the key, sees none.
    let whole = "{ANTHROPIC_API_KEY: '', AWS_PROFILE: mine}";
    run_with(&mut project, whole).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
}

/// A project whose first commit has a settings file of the client.
fn with_settings(engine: TestEngine, path: &str, text: &str, configuration: &str) -> Project {
    let repository = TestRepository::new();
    repository.write(path, text);
    let project = Project::on(engine, repository, configuration);
    project.add("a change", "write src/a.txt x");
    project
}

/// Checks that a run on these settings is refused before any call, in these words.
fn check_refused(engine: TestEngine, path: &str, text: &str, configuration: &str, says: &str) {
    let project = with_settings(engine, path, text, configuration);
    for command in ["run", "stitch", "measure"] {
        project.run(&["generator", command]).expect(9).says(path).says(says);
    }
    assert!(project.outcomes("cw-1").is_empty());
    project.expect_tidy();
}

fn settings_that_say_who_pays_are_refused(engine: TestEngine) {
    const PROJECT: &str = ".claude/settings.json";
    const LOCAL: &str = ".claude/settings.local.json";
    check_refused(engine, PROJECT, r#"{"apiKeyHelper": "cat /key"}"#, "", "`apiKeyHelper`");
    let cloud = r#"{"env": {"CLAUDE_CODE_USE_BEDROCK": "1"}}"#;
    check_refused(
        engine,
        LOCAL,
        cloud,
        "agent: {credentials: api_key}\n",
        "`env.CLAUDE_CODE_USE_BEDROCK`",
    );
    let ran = with_link(engine).run(&["generator", "run"]).expect(9);
    ran.says("`.claude/settings.json`").says("is a link");
}

/// A project whose settings are behind a link.
fn with_link(engine: TestEngine) -> Project {
    let repository = TestRepository::new();
    repository.write("settings.json", r#"{"apiKeyHelper": "cat /key"}"#);
    let folder = repository.path().join(".claude");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("../settings.json", folder.join("settings.json")).unwrap();
    Project::on(engine, repository, "")
}

fn settings_that_are_harmless_or_meant_are_not(engine: TestEngine) {
    const HELPER: &str = r#"{"apiKeyHelper": "cat /key"}"#;
    for (text, configuration, warns) in [
        (r#"{"model": "opus", "env": {"A": "b"}}"#, "", false),
        (HELPER, "agent: {credentials: api_key}\n", false),
        (HELPER, "agent: {credentials: none}\n", false),
        ("{ // not JSON\n", "", true),
    ] {
        let project = with_settings(engine, ".claude/settings.json", text, configuration);
        project.run(&["generator", "run"]).expect(0);
        let warned = |event: &EventKind| matches!(event, EventKind::Warned { what } if what.contains("is not JSON"));
        assert_eq!(project.events().iter().any(warned), warns, "{text}");
        assert_eq!(project.outcomes("cw-1"), ["merged"], "{text}");
        project.expect_tidy();
    }
}
