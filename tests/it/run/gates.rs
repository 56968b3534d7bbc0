//! Gates: what is not run, or does not pass, is not merged. The image's `sh` is the probe, see its source.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cordwainer::event::EventKind;
use serde_json::json;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::weak_engine::WeakEngine;

engine_tests! {
    docker first: a_gate_that_cannot_run_stops_the_run_before_a_call;
    podman: only_what_passes_every_gate_is_merged, all_that_a_gate_prints_is_in_the_records, what_is_far_larger_than_asked_is_held, nothing_lands_that_the_gates_refuse, gates_run_side_by_side_and_see_nothing_of_each_other, what_fails_under_a_gate_is_tried_again_and_never_counted;
    docker: the_toolchain_is_tried_first, a_gate_is_not_yet_while_what_it_needs_is_to_be_written,
        a_gate_that_could_run_and_cannot_on_the_result_is_red, gates_are_tried_once_for_a_tree_and_told_where_red;
}

/// The gates, the outcome, and what is said of it.
const GATES: [(&str, &str, &str); 6] = [
    (
        "[{command: cat=src/a.txt, compare: strict}]",
        "merged",
        "gate `cat=src/a.txt` passed",
    ),
    (
        "[exit=0, {command: exit=3, compare: strict}]",
        "gate_failed",
        "the gate `exit=3` exited with 3",
    ),
    (
        "[{command: out=Running err=3_failed exit=1, compare: strict}]",
        "gate_failed",
        "failed; its last output:\n    | ",
    ),
    (
        "[{command: signal-self=6, compare: strict}]",
        "gate_failed",
        "the gate `signal-self=6` exited with 134",
    ),
    (
        "[{name: slow, command: sleep=600000, timeout: 1s, compare: strict}]",
        "gate_failed",
        "the gate `slow` ran past its time limit",
    ),
    ("[write-file=src/by-the-gate.txt]", "merged", "passed"),
];

fn only_what_passes_every_gate_is_merged(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    for (index, (gates, outcome, says)) in GATES.into_iter().enumerate() {
        project.reconfigure(
            None,
            &format!("gates: {gates}\nstitch: {{max_attempts: 1, fix_rounds: off}}\n"),
        );
        project.add(
            &format!("change number {index}"),
            &format!("write src/a.txt number {index}"),
        );
        let code = if outcome == "merged" { 0 } else { 7 };
        project.run(&["generator", "stitch"]).expect(code).says(says);
        let id = format!("cw-{}", index + 1);
        assert_eq!(project.outcomes(&id), [outcome], "{gates}");
        assert!(project.records(&format!("{id}-1"))[0].join("gate-1.txt").is_file());
        project.expect_tidy();
    }
    assert_eq!(project.content("src/a.txt"), "number 5");
    assert!(!project.files("generation-one").contains_key("src/by-the-gate.txt"));
}

fn all_that_a_gate_prints_is_in_the_records(engine: TestEngine) {
    let flood = ["out-long=4000000"; 6].join(" ");
    let gates = format!(
        "gates: [{{name: long, command: lines=40000}}, {{name: flood, command: {flood} exit=1, advisory: true}}]\n"
    );
    let project = Project::new(engine, &gates);
    project.add("a change", "write src/a.txt x");
    project.run(&["generator", "stitch"]).expect(0);
    let printed = |gate: &str| std::fs::read_to_string(project.records("cw-1-1")[0].join(gate)).unwrap();
    let long = printed("gate-1.txt");
    assert!(long.starts_with("line 0\n") && long.ends_with("line 39999\n"));
    assert_eq!(long.lines().count(), 40_000);
    // Of a flood the beginning and the end, and between them what is not there: more would fill the disk.
    let flood = printed("gate-2.txt");
    assert_eq!(flood.lines().count(), 4 + 1 + 1);
    assert_eq!(
        flood.lines().nth(4),
        Some("[cordwainer: 7737858 bytes are left out here]")
    );
    assert!(flood.len() < 17 << 20, "{}", flood.len());
    project.expect_tidy();
}

/// Two gates that wait for each other. Each looks whether the other one has written into its worktree.
fn gates_run_side_by_side_and_see_nothing_of_each_other(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    let shared = project.repository.outside().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
    let gate = |name: &str, other: &str, then: &str| {
        format!(
            "  - {{name: {name}, timeout: 60s, compare: strict, command: write-file=src/{name}.txt write-file=/shared/{name} \
             until=/shared/{other} absent=src/{other}.txt {then}}}\n"
        )
    };
    let configure = |project: &mut Project, then: &str| {
        project.reconfigure(
            None,
            &format!(
                "  mounts: [\"{}:/shared:rw\"]\n---\ngates_parallel: 2\nstitch: {{max_attempts: 1, fix_rounds: off}}\n\
                 gates:\n{}{}  - {{name: three, command: exit=0}}\n",
                shared.display(),
                gate("one", "two", ""),
                gate("two", "one", then),
            ),
        );
    };
    configure(&mut project, "");
    project.add("a change", "write src/a.txt x");
    project
        .run(&["generator", "stitch"])
        .expect(0)
        .says("gate `three` passed");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    project.expect_tidy();
    configure(&mut project, "exit=3");
    project.add("another change", "write src/b.txt x");
    let ran = project.run(&["generator", "stitch"]).expect(7);
    ran.says("gate `one` passed").says("the gate `two` exited with 3");
    project.expect_tidy();
}

fn the_toolchain_is_tried_first(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    project.add("a change", "write src/a.txt x");
    project.reconfigure(None, "  toolchain: [exit=0, cargo --version]\n---\n");
    let ran = project.run(&["generator", "run"]).expect(5);
    ran.says("`cargo --version` exited with 127").says("hint:");
    assert!(project.outcomes("cw-1").is_empty());
    project.reconfigure(None, "  toolchain: [exit=0]\n---\n");
    project.run(&["generator", "stitch"]).expect(0);
    assert!(project.state().join("cache/toolchain.json").is_file());
    project.expect_tidy();
}

/// How many calls of an agent began.
fn calls_begun(project: &Project) -> usize {
    let events = project.events();
    let begun = events
        .iter()
        .filter(|event| matches!(event, EventKind::AgentStarted { .. }));
    begun.count()
}

fn a_gate_that_cannot_run_stops_the_run_before_a_call(engine: TestEngine) {
    let mut project = Project::new(engine, "");
    project.add("a change", "write src/a.txt x");
    for (gates, code, says) in [
        ("[make test]", 5, "the gate `make test` exited with 127 in the image"),
        ("[./no-such-gate -v]", 3, "the repository has no `no-such-gate`"),
        ("[sh ci/gate.sh]", 3, "the repository has no `ci/gate.sh`"),
        ("[./src/old.txt]", 3, "`src/old.txt` may not be executed"),
        // Both are told; the configuration comes first.
        (
            "[exit=0, make test, ./no-such-gate]",
            3,
            "the gate `make test` exited with 127",
        ),
        ("[exit=126]", 5, "exited with 126"),
    ] {
        project.reconfigure(None, &format!("gates: {gates}\n"));
        // Whatever would make a call.
        let commands = if code == 5 {
            &["run", "measure", "stitch"][..]
        } else {
            &["run"]
        };
        for command in commands {
            let ran = project.run(&["generator", command]).expect(code);
            let _ = ran.says(says).says("hint:");
        }
        project.expect_tidy();
    }
    assert_eq!(calls_begun(&project), 0);
    assert_eq!(project.outcomes("cw-1"), Vec::<String>::new());
    project.reconfigure(None, "gates: [exit=0]\n");
    project.run(&["generator", "stitch"]).expect(0);
    project.expect_tidy();
}

fn a_gate_is_not_yet_while_what_it_needs_is_to_be_written(engine: TestEngine) {
    let gates = "gates: [{name: written, command: cat=src/a.txt}, {name: built, command: ./src/build}]\n";
    let mut project = Project::new(
        engine,
        &format!("preserve_sources: false\nsource_dirs: [src]\nstitch: {{max_attempts: 1}}\n{gates}"),
    );
    project.add("another file", "write src/b.txt x");
    let ran = project.run(&["generator", "stitch"]).expect(0);
    // The folder was cleared on purpose: its name is no mistake.
    assert!(!ran.stdout.contains("there is no folder"), "{}", ran.stdout);
    let ran = ran
        .says("Gate `written` does not pass yet, on ")
        .says("Gate `built` does not pass yet, on ");
    let _ = ran.says("cw-1: gate `built` does not pass yet: exited with 127: the repository has no `src/build`.");
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let said = project.issue("cw-1")["attempts"][0]["reason"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(said.starts_with("not yet: the gate `written` exited with "), "{said}");
    project.add("the file", "write src/a.txt x");
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran
        .says("cw-2: gate `written` passed.")
        .says("cw-2: gate `built` does not pass yet");
    // What was green must stay so, also where it is the sources' absence again that makes it red.
    project.add("without it", "delete src/a.txt");
    let ran = project.run(&["generator", "stitch"]).expect(7);
    let _ = ran.says("the gate `written` exited with 99");
    assert_eq!(project.outcomes("cw-3"), ["gate_failed"]);
    // The image's fault is never a matter of time.
    project.reconfigure(
        None,
        "preserve_sources: false\nsource_dirs: [src]\ngates: [make test]\n",
    );
    project.add("more", "write src/c.txt x");
    let _ = project.run(&["generator", "stitch"]).expect(5).says("`make test`");
    project.reconfigure(None, &format!("preserve_sources: false\nsource_dirs: [src]\n{gates}"));
    project.repository.git(&["checkout", "--quiet", "configuration.yaml"]);
    let stopped = project.run(&["generator", "stop"]).expect(0);
    let _ = stopped.says("The gate `built` never passed in generation-one.");
}

fn what_is_far_larger_than_asked_is_held(engine: TestEngine) {
    let project = Project::new(engine, "max_changed_lines: 3\n");
    project.add(
        "a large one",
        "write src/a.txt 1\nappend src/a.txt 2\nappend src/a.txt 3\nappend src/a.txt 4",
    );
    project.add(
        "a lock file",
        "write Cargo.lock 1\nappend Cargo.lock 2\nappend Cargo.lock 3\nappend Cargo.lock 4",
    );
    let ran = project.run(&["generator", "stitch", "cw-1"]).expect(7);
    let _ = ran.says("cw-1: too large: it changes 1 file, +");
    assert_eq!(project.outcomes("cw-1"), ["too_large"]);
    assert_eq!(project.issue("cw-1")["status"], "blocked");
    project.run(&["generator", "stitch", "cw-2"]).expect(0);
    project.run(&["issues", "release", "cw-1", "--accept"]).expect(0);
    assert_eq!(project.merges_of("cw-1"), 1);
    project.expect_tidy();
}

/// Each side passes by itself, and the merge of both does not.
fn nothing_lands_that_the_gates_refuse(engine: TestEngine) {
    let project = Project::new(engine, "gates: [{command: exit_of=src/code, compare: strict}]\n");
    project.add("a code", "write src/code 0");
    project.add("another file", "write src/other.txt x");
    project.run(&["generator", "stitch", "cw-1"]).expect(0);
    let repository = &project.repository;
    let checkout = repository.outside().join("by-hand");
    let place = checkout.to_str().unwrap();
    repository.git(&["worktree", "add", "--quiet", place, "generation-one"]);
    std::fs::write(checkout.join("src/code"), "3").unwrap();
    repository.git_in(&checkout, &["commit", "--quiet", "--all", "--message", "by hand"]);
    repository.git(&["worktree", "remove", place]);
    let refs = repository.git(&["for-each-ref"]);
    let stopped = project.run(&["generator", "stop"]).expect(9);
    let _ = stopped
        .says("does not pass the gate `exit_of=src/code`: it exited with 3; nothing was changed")
        .says("its output is in `")
        .says("`cordwainer stop --no-gates` merges it as it is");
    assert_eq!(repository.git(&["for-each-ref"]), refs);
    project.expect_tidy();
    let stopped = project.run(&["generator", "stop", "--no-gates"]).expect(0);
    let _ = stopped
        .says("The gates did not run on the merge, as requested.")
        .says("1 task not done:\n  cw-2 (open) another file");
    assert_eq!(repository.git(&["show", "main:src/code"]), "3");
}

fn a_gate_that_could_run_and_cannot_on_the_result_is_red(engine: TestEngine) {
    let project = Project::new(
        engine,
        "gates: [{command: exit_of=src/code, compare: strict}]\nstitch: {max_attempts: 1}\n",
    );
    project.add("a code", "write src/code 0");
    // Red before any work: that is told, and the task that makes it pass is merged.
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran.says("Warning: gate `exit_of=src/code` is red on ");
    project.add("another", "write src/code 127");
    let ran = project.run(&["generator", "stitch"]).expect(7);
    let _ = ran.says("the gate `exit_of=src/code` exited with 127: a program is missing");
    assert_eq!(project.outcomes("cw-2"), ["gate_failed"]);
    assert_eq!(project.issue("cw-2")["status"], "blocked", "it counts");
    project.expect_tidy();
}

fn gates_are_tried_once_for_a_tree_and_told_where_red(engine: TestEngine) {
    let project = Project::new(
        engine,
        "gates: [exit=0, {command: exit=4, compare: strict}]\nstitch: {max_attempts: 9, stuck_after: off}\n",
    );
    project.add("a change", "write src/a.txt x");
    for run in 1..=2 {
        let ran = project.run(&["generator", "stitch"]).expect(7);
        let _ = ran.says("Warning: gate `exit=4` is red on ");
        let events = project.events();
        let tried = |passes: bool| {
            let of = |event: &&EventKind| matches!(event, EventKind::GateTried { passed, .. } if *passed == passes);
            events.iter().filter(of).count()
        };
        assert_eq!((tried(true), tried(false)), (1, run), "what passed once is no news");
    }
    let table = std::fs::read_to_string(project.state().join("cache/gates.json")).unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&table).unwrap();
    let tree = project.repository.git(&["rev-parse", "generation-one^{tree}"]);
    let of_tip = |row: &&serde_json::Value| row["tree"] == tree.trim();
    assert_eq!(rows.iter().filter(of_tip).count(), 2, "{table}");
    assert_eq!(rows.len(), 4, "the attempts left one tree: {table}");
    // In one run that is told once, not before each attempt.
    let ran = project.run(&["run", "--tasks-only", "--set", "stitch.max_attempts=4"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(said.matches("gate failed").count(), 2, "{said}");
    assert_eq!(said.matches("Warning: gate `exit=4` is red on ").count(), 1, "{said}");
    project.expect_tidy();
}

fn what_fails_under_a_gate_is_tried_again_and_never_counted(engine: TestEngine) {
    let real = engine.socket();
    let begun = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&begun);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // The image is gone for the third container of the gate, the fifth and the sixth.
    let weak = runtime.block_on(WeakEngine::before(&real, move |body| {
        if body["Entrypoint"].to_string().contains("exit=0") {
            let number = seen.fetch_add(1, Relaxed) + 1;
            if [3, 5, 6].contains(&number) {
                body["Image"] = json!("localhost/cordwainer-no-such:1");
            }
        }
    }));
    let more = "gates: [{name: check, command: exit=0}]\nstitch: {max_attempts: 1}\n\
                retry: {initial: 1s, ceiling: 1s, count: 1}\n";
    let project = Project::with_socket(engine, TestRepository::new(), weak.socket(), more);
    project.run(&["generator", "start", "--name", "one"]).expect(0);
    project.add("one", "write src/a.txt x");
    // 1: before any work.
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran.says("cw-1: gate `check` passed.");
    assert_eq!((begun.load(Relaxed), project.outcomes("cw-1").len()), (2, 1));
    project.add("two", "write src/b.txt x");
    // 3 fails, 4 is the same gate again, after a pause and without another call.
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran.says("gate `check` could not be run");
    assert_eq!((begun.load(Relaxed), calls_begun(&project)), (4, 2));
    project.add("three", "write src/c.txt x");
    // 5 and 6 fail, which is one try and one more: an infrastructure failure, which is not the task's.
    project.run(&["generator", "stitch"]).expect(5);
    assert_eq!(project.outcomes("cw-3"), ["infrastructure_failed"]);
    assert_eq!(project.issue("cw-3")["status"], "open");
    assert_eq!(project.suspended(), 1, "the work is done, and waits for the gate");
    let ran = project.run(&["generator", "stitch"]).expect(0);
    let _ = ran.says("cw-3: its agent had done its work");
    assert_eq!(calls_begun(&project), 3);
    assert_eq!(project.outcomes("cw-3"), ["infrastructure_failed", "merged"]);
    assert_eq!(project.content("src/c.txt"), "x");
    project.expect_tidy();
}
