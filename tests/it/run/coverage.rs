//! Gates that measure coverage: what they cover may not fall, and what they leave uncovered is where the mode `test` begins.
//! The image's `sh` is the probe, see its source: its gate copies results that the repository has.

use serde_json::json;

use super::rounds::prompt;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::scripts::{proposal, scripted};

mod recorded;

engine_tests! {
    podman first: tests_are_looked_for_where_none_reach_and_coverage_may_not_fall;
    podman: coverage_that_cannot_be_read_is_one_clear_error;
}

const GATED: &str = "gates: [{name: tests, command: 'copy=src/covered.txt,lcov.info', coverage: lcov.info}]\n";

/// The results of two files, where each letter is a line: `x` is one that tests reach.
fn lcov(a: &str, b: &str) -> String {
    let record = |path: &str, lines: &str| {
        let lines = (1..).zip(lines.chars());
        let lines: Vec<_> = lines
            .map(|(line, hit)| format!("DA:{line},{}\n", u8::from(hit == 'x')))
            .collect();
        let lines = lines.concat();
        format!("SF:/workspace/{path}\n{lines}end_of_record\n")
    };
    format!("{}{}", record("src/a.js", a), record("src/b.js", b))
}

fn leaves(a: &str, b: &str) -> String {
    format!("write src/covered.txt <<END\n{}END\n", lcov(a, b))
}

fn project(engine: TestEngine, covered: &str, more: &str) -> Project {
    let repository = TestRepository::empty();
    repository.write("README.md", "# Numbers\n");
    repository.write("docs/specification.md", "There shall be numbers.\n");
    repository.write("src/a.js", "1\n2\n3\n4\n");
    repository.write("src/b.js", "1\n2\n3\n4\n5\n6\n");
    repository.write("src/covered.txt", covered);
    Project::with_socket(engine, repository, &engine.socket(), &format!("{GATED}{more}"))
}

fn tests_are_looked_for_where_none_reach_and_coverage_may_not_fall(engine: TestEngine) {
    let project = project(engine, &lcov("xx..", "x..x.."), "");
    let tasks = [
        proposal("more", "Test more", &[], &leaves("xxx.", "x..x..")),
        // The first try loses two lines, and the round after it is told which.
        proposal(
            "less",
            "Test better",
            &["more"],
            &format!("{}done\n{}", leaves("xxx.", ".....x"), leaves("xxx.", "x..xx.")),
        ),
    ];
    let script = scripted(&format!("propose {}", json!({ "proposals": tasks })));
    let ran = project.run(&["generator", "test", &format!("Test the numbers\n\n{script}")]);
    let ran = ran.expect(0);
    let ran = ran.says(
        "cw-1: gate `tests` passed: covers more than before the work: 40.00 % (4 of 10) before, 50.00 % (5 of 10) now.",
    );
    let fell = "covers less than before the work: 50.00 % (5 of 10) before, 40.00 % (4 of 10) now, of the files that were \
                measured before; less in `src/b.js`";
    let ran = ran.says(&format!("cw-2: gate `tests` failed: {fell}."));
    let ran = ran.says("cw-2: fix round 1 of 2: gate `tests` covers less");
    let _ = ran.says("50.00 % (5 of 10) before, 60.00 % (6 of 10) now");
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    let measured = prompt(&project, "measure-1-1");
    for part in [
        "You look for what a software project does and no test checks",
        "## What no test reaches",
        "uncovered, by the gate tests",
        "4 of 10 are covered (40.00 %).\n- src/b.js: 4 of 6 uncovered: 2-3, 5-6\n- src/a.js: 2 of 4 uncovered: 3-4\n",
        "- Begin with what matters most of what no test reaches.",
    ] {
        assert!(measured.contains(part), "{part} is not in {measured}");
    }
    let round = prompt(&project, "cw-2-1-fix-1");
    assert!(
        round.contains(fell) && round.contains("- src/b.js: 5 of 6 uncovered: 1-5"),
        "{round}"
    );
    project.expect_tidy();
    project.run(&["generator", "test", "--stop"]).expect(0).says("Merged ");
}

fn coverage_that_cannot_be_read_is_one_clear_error(engine: TestEngine) {
    let bomb = "<!DOCTYPE coverage [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><coverage>&b;</coverage>";
    let cut = "SF:/workspace/src/a.js\nDA:1,1\n";
    let elsewhere = "SF:/usr/lib/other.js\nDA:1,1\nend_of_record\n";
    let project = project(engine, bomb, "");
    for (text, says) in [
        (bomb, "document type"),
        (
            cut,
            "cannot read coverage from `lcov.info`: line 1: its record does not end",
        ),
        (
            elsewhere,
            "none of its files is one of the repository, such as `/usr/lib/other.js`",
        ),
    ] {
        project.repository.write("src/covered.txt", text);
        project.repository.git(&["add", "-A"]);
        project
            .repository
            .git(&["commit", "--quiet", "--allow-empty", "-m", "results"]);
        let ran = project.run(&["generator", "test"]);
        let ran = ran
            .expect(3)
            .says("the gate `tests` exited with 0: its coverage cannot be used: ");
        let _ = ran.says(says).says("or leave `coverage` out");
        project.run(&["generator", "reset"]).expect(0);
    }
    // No call was made, and what is not measured is said.
    assert_eq!(project.records("measure-1-1"), Vec::<std::path::PathBuf>::new());
    let asked = project.run(&["generator", "test", "--prompt"]).expect(0);
    assert!(
        asked
            .stderr
            .contains("does not say what the gate `tests` leaves uncovered"),
        "{}",
        asked.stderr
    );
    assert!(!asked.stdout.contains("What no test reaches"), "{}", asked.stdout);
}
