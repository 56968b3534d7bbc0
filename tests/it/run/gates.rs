//! Gates: what is not run, or does not pass, is not merged. The image's `sh` is the probe, see its source.

use cordwainer::engine::EngineKind;

use crate::run::engine_tests;
use crate::run::project::Project;

engine_tests! {
    podman: only_what_passes_every_gate_is_merged;
    docker: the_toolchain_is_tried_first;
}

/// The gates, the outcome, and what is said of it.
const GATES: [(&str, &str, &str); 6] = [
    ("[cat=src/a.txt]", "merged", "gate `cat=src/a.txt` passed"),
    ("[exit=0, exit=3]", "gate_failed", "the gate `exit=3` exited with 3"),
    ("[make test]", "gate_failed", "the gate `make test` exited with 127"),
    (
        "[signal-self=6]",
        "gate_failed",
        "the gate `signal-self=6` exited with 134",
    ),
    (
        "[{name: slow, command: sleep=600000, timeout: 1s}]",
        "gate_failed",
        "the gate `slow` ran past its time limit",
    ),
    ("[write-file=src/by-the-gate.txt]", "merged", "passed"),
];

fn only_what_passes_every_gate_is_merged(kind: EngineKind) {
    let Some(mut project) = Project::new(kind, "") else {
        return;
    };
    for (index, (gates, outcome, says)) in GATES.into_iter().enumerate() {
        project.reconfigure(None, &format!("gates: {gates}\nstitch: {{max_attempts: 1}}\n"));
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

fn the_toolchain_is_tried_first(kind: EngineKind) {
    let Some(mut project) = Project::new(kind, "") else {
        return;
    };
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
