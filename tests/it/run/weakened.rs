//! `tampering`: a result that weakens tests is held, or told, before any gate runs.

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: what_weakens_tests_is_held_or_told;
}

const TEST: &str = "write tests/a.test.js it('adds', () => { expect(add(1, 2)).toBe(3) })";

fn what_weakens_tests_is_held_or_told(engine: TestEngine) {
    let mut project = Project::new(engine, "gates: [{command: cat=tests/a.test.js, compare: strict}]\n");
    project.add("a test", TEST);
    project.add(
        "it fails",
        "write tests/a.test.js it.skip('adds', () => { expect(add(1, 2)).toBe(3) })",
    );
    project.add(
        "another",
        "write tests/a.test.js it('adds', () => { expect(true).toBe(true) })",
    );
    project.run(&["generator", "stitch", "cw-1"]).expect(0);

    let found = "tests/a.test.js:1 `adds` is skipped, or may fail: `it.skip`";
    let held = project.run(&["generator", "stitch", "cw-2"]).expect(7);
    let held = held.says(&format!("cw-2: weakens tests: {found}"));
    assert!(
        !held.stdout.contains("gate `cat=tests/a.test.js` passed"),
        "{}",
        held.stdout
    );
    assert_eq!(project.outcomes("cw-2"), ["weakened_tests"]);
    assert_eq!(project.issue("cw-2")["status"], "blocked");
    let records = project.records("cw-2-1")[0].join("weakened-tests.json");
    let records = std::fs::read_to_string(records).unwrap();
    assert!(records.contains("\"kind\": \"skipped\""), "{records}");
    project.run(&["issues", "show", "cw-2"]).expect(0).says(found);
    project.run(&["issues", "release", "cw-2", "--accept"]).expect(0);
    assert_eq!(project.merges_of("cw-2"), 1);

    // It is skipped now, so nothing is lost by that; the test is back first.
    project.add("as it was", TEST);
    project.run(&["generator", "stitch", "cw-4"]).expect(0);
    project.reconfigure(
        None,
        "gates: [{command: cat=tests/a.test.js, compare: strict}]\ntampering: tell\n",
    );
    let told = project.run(&["generator", "stitch", "cw-3"]).expect(0);
    let _ = told.says("cw-3 weakens tests: tests/a.test.js:1 `adds` asserts only a constant");
    assert_eq!(project.outcomes("cw-3"), ["merged"]);
    project.expect_tidy();
}
