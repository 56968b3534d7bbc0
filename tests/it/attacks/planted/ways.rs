//! Every way to become a protected path, or to stand in for one.

use jiff::Timestamp;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;

engine_tests! {
    podman: every_way_to_become_a_protected_path_is_held, what_a_person_accepted_meanwhile_protects_more;
    docker: what_the_configuration_names_is_held_whatever_the_list_says;
}

/// What an agent does, and the path that the task is held for.
type Way = (&'static str, &'static str);

/// In the repository of [`repository`], with the defaults.
const HELD: [Way; 27] = [
    // Links and files in the place of a folder or of a file, and of a folder above.
    ("delete .cargo\nsymlink .cargo src", ".cargo"),
    ("symlink deep/.claude ../src", "deep/.claude"),
    ("write .github x", ".github"),
    ("delete gradle\nsymlink gradle src", "gradle"),
    ("delete gradlew\nsymlink gradlew src/main.rs", "gradlew"),
    ("mkrepo .husky\nwrite .husky/f x", ".husky/.git"),
    // Other letters.
    ("write .CARGO/config.toml x", ".CARGO/config.toml"),
    ("write .Mcp.json {}", ".Mcp.json"),
    // Renamed to one, and away from one; gone; with another mode.
    ("rename src/notes.rs build.rs", "build.rs"),
    ("rename src .idea", ".idea/main.rs"),
    ("rename .cargo elsewhere", ".cargo/config.toml"),
    ("delete .envrc", ".envrc"),
    ("mode gradlew 755", "gradlew"),
    // Where a link of the person's own leads to, also through a second one.
    ("write editor/tasks.json {\"version\": 3}", "editor/tasks.json"),
    ("delete editor\nsymlink editor src", "editor"),
    ("write shared/launch.json {}", "shared/launch.json"),
    // What manifests and hooks name, and the folders above it.
    ("write tools/script.rs fn main() { loop {} }", "tools/script.rs"),
    ("delete tools\nsymlink tools src", "tools"),
    ("write macros/src/lib.rs // x", "macros/src/lib.rs"),
    ("write tools/prepare.js x", "tools/prepare.js"),
    ("write tools/check.sh x", "tools/check.sh"),
    ("write tools/env.sh x", "tools/env.sh"),
    // Manifests that begin to name what was there before, or that nobody here can read.
    (
        "write Cargo.toml <<END\n[package]\nname = \"victim\"\nversion = \"0.0.0\"\nbuild = \"src/notes.rs\"\nEND",
        "Cargo.toml",
    ),
    (
        "write src/Cargo.toml <<END\n[lib]\nproc-macro = true\nEND",
        "src/Cargo.toml",
    ),
    (
        "write web/package.json {\"scripts\": {\"postinstall\": \"touch x\"}}",
        "web/package.json",
    ),
    ("write web/package.json {} // {\"scripts\"", "web/package.json"),
    ("symlink crate/Cargo.toml manifest", "crate/Cargo.toml"),
];

/// What is a task's ordinary work, in the same repository.
const MERGED: [&str; 6] = [
    "write src/main.rs fn main() { println!(); }",
    "write tools/other.sh x",
    "write package.json {\"scripts\": {\"prepare\": \"node tools/prepare\", \"test\": \"x\"}}",
    "append Cargo.toml [dependencies]",
    "write Makefile all:",
    "symlink src/link notes.rs",
];

fn repository() -> TestRepository {
    let repository = TestRepository::empty();
    for (path, text) in [
        (
            "Cargo.toml",
            "[package]\nname = \"victim\"\nversion = \"0.0.0\"\nbuild = \"tools/script.rs\"\n",
        ),
        ("tools/script.rs", "fn main() {}\n"),
        (
            "macros/Cargo.toml",
            "[package]\nname = \"macros\"\n[lib]\nproc-macro = true\n",
        ),
        ("macros/src/lib.rs", ""),
        ("package.json", "{\"scripts\": {\"prepare\": \"node tools/prepare\"}}"),
        ("tools/prepare.js", ""),
        (
            ".pre-commit-config.yaml",
            "repos:\n- hooks:\n  - entry: tools/check.sh\n",
        ),
        ("tools/check.sh", ""),
        (".envrc", ". tools/env.sh\n"),
        ("tools/env.sh", ""),
        (".cargo/config.toml", ""),
        ("gradle/wrapper/gradle-wrapper.properties", ""),
        ("gradlew", ""),
        ("editor/tasks.json", "{}"),
        ("shared/launch.json", "{\"x\": 1}"),
        ("src/main.rs", "fn main() {}\n"),
        ("src/notes.rs", "// notes\n"),
    ] {
        repository.write(path, text);
    }
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, repository.path().join(at)).unwrap();
    link("editor", ".vscode");
    link("../shared/launch.json", "editor/launch.json");
    repository.commit("a project");
    repository
}

/// Runs every way as a task of its own, and sees each held for its path and nothing merged but `merged`.
fn check(project: &Project, held: &[Way], merged: &[&str]) {
    for (script, path) in held {
        project.add(path, script);
    }
    for script in merged {
        project.add("work", script);
    }
    project.run(&["generator", "run"]).expect(7);
    for (index, (script, path)) in held.iter().enumerate() {
        let issue = project.issue(&format!("cw-{}", index + 1));
        let outcome = &issue["attempts"][0]["outcome"];
        assert_eq!(outcome, "protected_path", "{script}: {issue:#}");
        let reason = issue["attempts"][0]["reason"].as_str().unwrap();
        assert!(
            reason.contains(&format!("`{path}`")),
            "{script}: {path} is not in `{reason}`"
        );
    }
    for (index, script) in merged.iter().enumerate() {
        let issue = project.issue(&format!("cw-{}", held.len() + index + 1));
        assert_eq!(issue["status"], "closed", "{script}: {issue:#}");
    }
    let log = project
        .repository
        .git(&["log", "--format=%s", "--grep=Cordwainer-Task", "main..generation-one"]);
    assert_eq!(log.lines().count(), merged.len(), "{log}");
    project.expect_tidy();
}

fn every_way_to_become_a_protected_path_is_held(engine: TestEngine) {
    let project = Project::on(engine, repository(), "stitch: {max_attempts: 1}\n");
    check(&project, &HELD, &MERGED);
    let done = project.run(&["generator", "stop", "--json"]).expect(0);
    let done: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let shown: Vec<_> = done["new_to_run"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["path"].as_str().unwrap(),
                file["tool"].as_str().unwrap(),
                file["change"].as_str().unwrap(),
            )
        })
        .collect();
    let expect = [
        ("Cargo.toml", "cargo", "modified"),
        ("Makefile", "make", "added"),
        ("package.json", "npm", "modified"),
    ];
    assert_eq!(shown, expect);
}

/// Names of every kind of key, and a list of the person's own in which none of them is.
const NAMED: &str = "stitch: {max_attempts: 1}\nprotected_paths: [\"**/Makefile\"]\nxtask_dir: tasks\nsecrets_dir: keys\n\
                     measure_prompt: prompts/measure.md\nseed_files: {VERSION: templates/version}\n\
                     beads_dir: old\n";

fn what_the_configuration_names_is_held_whatever_the_list_says(engine: TestEngine) {
    const WAYS: [Way; 15] = [
        ("write configuration.yaml protected_paths: []", "configuration.yaml"),
        (
            "delete configuration.yaml\nsymlink configuration.yaml src/a.txt",
            "configuration.yaml",
        ),
        ("write Configuration.YAML x", "Configuration.YAML"),
        ("write prompts/measure.md x", "texts/measure.md"),
        ("write texts/measure.md x", "texts/measure.md"),
        ("delete texts\nsymlink texts src", "texts"),
        ("delete prompts\nwrite prompts/measure.md x", "prompts/measure.md"),
        ("write templates/version x", "templates/version"),
        ("delete templates\nsymlink templates src", "templates"),
        ("write tasks/main.rs x", "tasks/main.rs"),
        ("write keys/claude.json x", "keys/claude.json"),
        ("write old/issues.jsonl {}", "old/issues.jsonl"),
        ("write hooks/pre-commit x", "hooks/pre-commit"),
        ("write Makefile x", "Makefile"),
        ("write rules.mk x", "rules.mk"),
    ];
    let repository = TestRepository::empty();
    for (path, text) in [
        ("texts/measure.md", "{% extends \"measure.md.j2\" %}"),
        ("templates/version", "1"),
        ("src/a.txt", "a"),
        ("Makefile", "include rules.mk\n"),
    ] {
        repository.write(path, text);
    }
    std::os::unix::fs::symlink("texts", repository.path().join("prompts")).unwrap();
    repository.commit("a project");
    repository.git(&["config", "core.hooksPath", "hooks"]);
    let project = Project::on(engine, repository, NAMED);
    // Nothing of the default list is protected here.
    check(
        &project,
        &WAYS,
        &["write build.rs x", "write .github/workflows/ci.yml x"],
    );
    let done = project.run(&["generator", "stop"]).expect(0);
    let told = "Read these files before your next command: tools obey or run them automatically.\n\
                \x20 .github/workflows/ci.yml (new; CI)\n  build.rs (new; cargo)\n";
    assert!(done.stdout.ends_with(told), "{}", done.stdout);
}

/// A session that goes on works on an older commit than the one it is merged onto.
fn what_a_person_accepted_meanwhile_protects_more(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {max_attempts: 1}\nlimits: {wait: never}\n");
    project.add(
        "names it",
        "write Cargo.toml <<END\n[package]\nbuild = \"src/x.rs\"\nEND",
    );
    let reset = Timestamp::now().as_second() + 3 * 3600;
    project.add(
        "writes it",
        &format!("write src/x.rs one\nlimit {reset}\nwrite src/b.txt two"),
    );
    project.run(&["generator", "run"]).expect(8);
    project.run(&["issues", "release", "cw-1", "--accept"]).expect(0);
    project.run(&["generator", "resume", "--now"]).expect(7);
    assert_eq!(project.outcomes("cw-2"), ["limited", "protected_path"]);
    let issue = project.issue("cw-2");
    let reason = issue["attempts"][1]["reason"].as_str().unwrap();
    assert_eq!(reason, "it touches `src/x.rs` (cargo runs it by `Cargo.toml`)");
    project.expect_tidy();
}
