//! `commands.prepare` for real projects: Rust and Node, with the tools of Debian's packages, without any network.

use std::fs;

use cordwainer::event::EventKind;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::tools_image::{self, TOOLS};

engine_tests! {
    podman first: what_the_first_task_fetched_and_compiled_the_second_does_not;
}

/// A program in Rust that depends on a package in another folder, and a site of Node that does.
const FILES: [(&str, &str); 13] = [
    (".gitignore", "target/\nnode_modules/\n.secrets/\n"),
    (
        "Cargo.toml",
        "[package]\nname = \"tool\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\ngreeting = { path = \"greeting\" }\n",
    ),
    (
        "Cargo.lock",
        "version = 3\n\n[[package]]\nname = \"greeting\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"tool\"\nversion = \"0.1.0\"\ndependencies = [\n \"greeting\",\n]\n",
    ),
    ("src/lib.rs", "pub fn value() -> u32 { greeting::greeting() }\n"),
    (
        "tests/value.rs",
        "#[test]\nfn value() { assert_eq!(tool::value(), 1); }\n",
    ),
    (
        "greeting/Cargo.toml",
        "[package]\nname = \"greeting\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    ),
    ("greeting/src/lib.rs", "pub fn greeting() -> u32 { 1 }\n"),
    (
        "site/package.json",
        "{\"name\": \"site\", \"version\": \"1.0.0\", \"dependencies\": {\"local\": \"file:local\"}}\n",
    ),
    (
        "site/package-lock.json",
        "{\"name\": \"site\", \"version\": \"1.0.0\", \"lockfileVersion\": 2, \"requires\": true, \"packages\": {\"\": {\"name\": \"site\", \"version\": \"1.0.0\", \"dependencies\": {\"local\": \"file:local\"}}, \"local\": {\"version\": \"1.0.0\"}, \"node_modules/local\": {\"resolved\": \"local\", \"link\": true}}, \"dependencies\": {\"local\": {\"version\": \"file:local\"}}}\n",
    ),
    (
        "site/local/package.json",
        "{\"name\": \"local\", \"version\": \"1.0.0\", \"main\": \"index.js\"}\n",
    ),
    ("site/local/index.js", "module.exports = 1;\n"),
    (
        "site/test.js",
        "require('assert').strictEqual(require('local'), 1); console.log('site passed');\n",
    ),
    ("docs/specification.md", "There shall be a value.\n"),
];

/// The default inputs find the lock files and manifests.
const CONFIGURATION: &str = "commands:\n  prepare: cargo test --offline --no-run && cd site && npm ci --offline --no-audit --no-fund\n\
     \x20 test: cargo test --offline --verbose\n\
     gates:\n  - {name: test, results: cargo}\n  - cd site && node test.js\n\
     \x20 - {name: tap, command: node --test --test-reporter=tap site/test.js, results: tap, advisory: true}\n\
     agent: {command: scripted-agent}\n";

fn what_the_first_task_fetched_and_compiled_the_second_does_not(engine: TestEngine) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if !runtime.block_on(tools_image::provide(engine)) {
        return;
    }
    let repository = TestRepository::empty();
    for (path, text) in FILES {
        repository.write(path, text);
    }
    let mut project = Project::on(engine, repository, "");
    project.use_image(TOOLS, CONFIGURATION);
    project.add("raises the value", "write src/lib.rs pub fn value() -> u32 { greeting::greeting() + 1 }\nwrite tests/value.rs #[test] fn value() { assert_eq!(tool::value(), 2); }");
    project.add("writes a document", "write docs/more.md It is two.");
    let ran = project.run(&["run", "--tasks-only"]).expect(0);
    let _ = ran
        .says("cw-1: gate `test` passed (1 passed).")
        .says("cw-1: gate `tap` passed (1 passed).");
    let said = |call: &str, gate: u32| {
        let folder = project.records(call).pop().unwrap();
        fs::read_to_string(folder.join(format!("gate-{gate}.txt"))).unwrap()
    };
    for call in ["cw-1-1", "cw-2-1"] {
        let cargo = said(call, 1);
        assert!(cargo.contains("Fresh greeting"), "{call}: {cargo}");
        assert!(!cargo.contains("Compiling greeting"), "{call}: {cargo}");
        // What has changed since it was prepared is compiled, and nothing old is taken for it.
        assert!(cargo.contains("Compiling tool"), "{call}: {cargo}");
        assert!(cargo.contains("test value ... ok"), "{call}: {cargo}");
        assert!(said(call, 2).contains("site passed"));
        assert_eq!(project.outcomes(&call[..4]), ["merged"]);
    }
    // On the commit that was prepared, nothing is compiled at all.
    let tried = format!(
        "gates-{}",
        &project.repository.git(&["rev-parse", "generation-one~2"])[..10]
    );
    let cargo = said(&tried, 1);
    assert!(
        cargo.contains("Fresh greeting") && cargo.contains("Fresh tool"),
        "{cargo}"
    );
    let events = project.events();
    let prepared = events.iter().filter_map(|event| match event {
        EventKind::PreparationEnded { folders, failed, .. } => Some((folders.clone(), failed.clone())),
        _ => None,
    });
    let folders = ["site/node_modules", "target"].map(str::to_owned).to_vec();
    assert_eq!(prepared.collect::<Vec<_>>(), [(folders, None)]);
    project.expect_tidy();
}
