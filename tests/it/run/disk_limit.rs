//! `container.disk`: who writes more to the host's disk than allowed is ended, and what was written goes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::support::command::cordwainer;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;

engine_tests! {
    both: who_fills_the_disk_is_ended_and_the_disk_is_free_again;
    podman: what_has_no_name_counts_too, a_gate_may_not_fill_the_disk_either, what_prepares_too_much_is_told_so;
    docker: what_a_session_writes_counts_too;
}

/// What is written, in bytes: more than twice what is allowed.
const TOO_MUCH: &str = "100000000";
const LIMIT: &str = "  disk: 40m\n---\nstitch: {max_attempts: 1}\n";

#[test]
fn what_is_in_force_is_said() {
    let repository = TestRepository::new();
    for (value, said) in [
        (
            "20 MB",
            "an attempt that writes more than 20m is ended (`container.disk`, watched)",
        ),
        ("1000t", "`container.disk` would allow an attempt 1000t, which is more"),
        (
            "off",
            "`container.disk` is off: an agent can fill the disk that has the worktrees",
        ),
    ] {
        repository.write("configuration.yaml", format!("container: {{disk: {value}}}\n"));
        let doctor = cordwainer(&repository, &["doctor"]).run();
        assert!(doctor.stdout.contains(said), "{}", doctor.stdout);
        let checked = cordwainer(&repository, &["config", "check"]).run();
        assert_eq!(
            checked.stderr.contains(&format!("Warning: {said}.")),
            value == "off",
            "{checked:?}"
        );
        assert_eq!(checked.code, 0);
    }
}

/// Returns the bytes that a folder takes up.
fn taken(folder: &Path) -> u64 {
    let below = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = below.map(|entry| {
        let found = entry.metadata().unwrap();
        let bytes = found.blocks() * 512;
        if found.is_dir() {
            bytes + taken(&entry.path())
        } else {
            bytes
        }
    });
    below.sum()
}

/// Has an agent hoard at a path, and panics unless it is ended for that and nothing of it stays.
#[track_caller]
fn expect_ended(engine: TestEngine, attack: &str, path: &str) {
    let project = Project::new(engine, LIMIT);
    project.add(
        "fills the disk",
        &format!("write src/a.txt begun\nattack {attack} {path} {TOO_MUCH}"),
    );
    project
        .run(&["generator", "run"])
        .expect(7)
        .says("agent failed: stopped: it wrote more than `container.disk` (40m) to the disk");
    assert_eq!(project.outcomes("cw-1"), ["agent_failed"]);
    let kept = project.issue("cw-1")["attempts"][0]["snapshot"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(project.repository.git(&["show", &format!("{kept}:src/a.txt")]), "begun");
    let left = taken(&project.state());
    assert!(left < 20 << 20, "{left} bytes are left");
    project.expect_tidy();
}

fn who_fills_the_disk_is_ended_and_the_disk_is_free_again(engine: TestEngine) {
    expect_ended(engine, "hoard", "src/hoard");
}

fn what_has_no_name_counts_too(engine: TestEngine) {
    expect_ended(engine, "hoard-nameless", "src/hoard");
}

fn what_a_session_writes_counts_too(engine: TestEngine) {
    expect_ended(engine, "hoard", "/home/agent/.claude/projects/hoard");
}

fn a_gate_may_not_fill_the_disk_either(engine: TestEngine) {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs/specification.md", "There shall be files.\n");
    repository.write("src/amount", "0\n");
    let project = Project::on(engine, repository, &format!("{LIMIT}gates: [hoard_of=src/amount]\n"));
    project.add("has the gate fill the disk", &format!("write src/amount {TOO_MUCH}"));
    project
        .run(&["generator", "run"])
        .expect(7)
        .says("the gate `hoard_of=src/amount` wrote more than `container.disk` (40m) to the disk");
    assert_eq!(project.outcomes("cw-1"), ["gate_failed"]);
    let left = taken(&project.state());
    assert!(left < 20 << 20, "{left} bytes are left");
    project.expect_tidy();
}

fn what_prepares_too_much_is_told_so(engine: TestEngine) {
    let repository = TestRepository::empty();
    repository.write("README.md", "# A project\n");
    repository.write("docs/specification.md", "There shall be files.\n");
    repository.write("src/amount", format!("{TOO_MUCH}\n"));
    let prepare = "commands: {prepare: {command: hoard_of=src/amount, inputs: [src/amount]}}\n";
    let project = Project::on(engine, repository, &format!("{LIMIT}{prepare}"));
    project.add("a change", "write src/a.txt x");
    project
        .run(&["generator", "run"])
        .expect(9)
        .says("`commands.prepare` wrote more than `container.disk` (40m) to the disk")
        .says("hint: raise `container.disk`, or have the command write less");
    project.expect_tidy();
}
