//! The same with what real tools wrote: `tests/data/coverage` has the recordings, and `record.sh` beside them makes them.

use serde_json::json;

use crate::run::rounds::prompt;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::scripts::{proposal, scripted};

engine_tests! {
    podman first: what_coverage_py_writes_may_not_fall;
    docker first: what_jacoco_writes_may_not_fall, what_go_writes_may_not_fall;
}

/// A tool, one source that it measured, and what it wrote of that for fewer and for more tests.
struct Recording {
    /// What the gate calls its result.
    result: &'static str,
    source: (&'static str, &'static str),
    fewer: &'static str,
    more: &'static str,
    /// How much each of the two covers.
    covers: [&'static str; 2],
    /// What the first one leaves uncovered.
    uncovered: &'static str,
}

macro_rules! recorded {
    ($path:literal) => {
        include_str!(concat!("../../../data/coverage/", $path))
    };
}

fn what_coverage_py_writes_may_not_fall(engine: TestEngine) {
    may_not_fall(
        engine,
        &Recording {
            result: "coverage.xml",
            source: ("shop/prices.py", recorded!("python/prices.py")),
            fewer: recorded!("python/before.xml"),
            more: recorded!("python/more.xml"),
            covers: ["62.50 % (5 of 8)", "87.50 % (7 of 8)"],
            uncovered: "- shop/prices.py: 3 of 8 uncovered: 3, 5, 7\n",
        },
    );
}

fn what_jacoco_writes_may_not_fall(engine: TestEngine) {
    may_not_fall(
        engine,
        &Recording {
            result: "target/site/jacoco/jacoco.xml",
            source: ("src/main/java/shop/Prices.java", recorded!("java/Prices.java")),
            fewer: recorded!("java/before.xml"),
            more: recorded!("java/more.xml"),
            covers: ["50.00 % (4 of 8)", "75.00 % (6 of 8)"],
            uncovered: "- src/main/java/shop/Prices.java: 4 of 8 uncovered: 3, 6, 9, 12\n",
        },
    );
}

fn what_go_writes_may_not_fall(engine: TestEngine) {
    may_not_fall(
        engine,
        &Recording {
            result: "cover.out",
            source: ("prices/prices.go", recorded!("go/prices.go")),
            fewer: recorded!("go/before.out"),
            more: recorded!("go/more.out"),
            covers: ["57.14 % (4 of 7)", "85.71 % (6 of 7)"],
            uncovered: "- prices/prices.go: 3 of 7 uncovered: 7, 10-11, 13-14\n",
        },
    );
}

/// The gate writes what the tool wrote. A task adds tests; the next one takes them away, is refused, and puts them back.
fn may_not_fall(engine: TestEngine, recording: &Recording) {
    let repository = TestRepository::empty();
    repository.write("README.md", "# Prices\n");
    repository.write("docs/specification.md", "There shall be prices.\n");
    repository.write(recording.source.0, recording.source.1);
    repository.write("recorded.txt", recording.fewer);
    let result = recording.result;
    let folder = result
        .rsplit_once('/')
        .map_or(String::new(), |(folder, _)| format!("make-folder={folder} "));
    let gate = format!("gates: [{{name: tests, command: '{folder}copy=recorded.txt,{result}', coverage: {result}}}]\n");
    let project = Project::with_socket(engine, repository, &engine.socket(), &gate);
    let writes = |text: &str| format!("write recorded.txt <<END\n{text}\nEND\n");
    let (fewer, more) = (writes(recording.fewer), writes(recording.more));
    let better = format!("{fewer}done\n{more}write docs/tests.md They are better.");
    let tasks = [
        proposal("more", "Test more", &[], &more),
        proposal("better", "Test better", &["more"], &better),
    ];
    let script = scripted(&format!("propose {}", json!({ "proposals": tasks })));
    let ran = project
        .run(&["generator", "test", &format!("Test prices\n\n{script}")])
        .expect(0);
    let [low, high] = recording.covers;
    let ran = ran.says(&format!(
        "cw-1: gate `tests` passed: covers more than before the work: {low} before, {high} now."
    ));
    let fell = format!(
        "covers less than before the work: {high} before, {low} now, of the files that were measured before; less in `{}`",
        recording.source.0
    );
    ran.says(&format!("cw-2: gate `tests` failed: {fell}."))
        .says("cw-2: fix round 1 of 2: gate `tests` covers less");
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    let measured = prompt(&project, "measure-1-1");
    assert!(measured.contains(recording.uncovered), "{measured}");
    let round = prompt(&project, "cw-2-1-fix-1");
    assert!(round.contains(&fell) && round.contains(recording.uncovered), "{round}");
    project.expect_tidy();
}
