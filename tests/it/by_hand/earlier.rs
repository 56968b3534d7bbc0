//! `issues release --from`: the next attempt goes on from what an earlier one left.

use crate::run::people::move_on;
use crate::run::rounds::prompt;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman first: an_attempt_goes_on_from_what_was_there;
    podman: where_it_conflicts_with_newer_work_the_agent_is_told, a_death_before_the_attempt_loses_nothing;
}

/// A gate that wants a file which the first attempt does not write.
const WANTS_B: &str =
    "gates: [{command: cat=src/b.txt, compare: strict}]\nstitch: {max_attempts: 1, fix_rounds: off}\n";

fn held(engine: TestEngine, second: &str) -> Project {
    let project = Project::new(engine, WANTS_B);
    project.add(
        "writes two files",
        &format!("on 1 write src/a.txt one\non 1 write src/shared.txt mine\n{second}"),
    );
    project.run(&["run", "--tasks-only"]).expect(7);
    assert_eq!(project.outcomes("cw-1"), ["gate_failed"]);
    project
}

fn an_attempt_goes_on_from_what_was_there(engine: TestEngine) {
    let project = held(engine, "on 2 write src/b.txt two\non 2 delete src/shared.txt");
    let several = project.run(&["issues", "release", "1", "--from", "4"]).expect(9);
    assert!(
        several.stderr.starts_with("error: cw-1: there is no attempt 4\n"),
        "{}",
        several.stderr
    );
    assert_eq!(project.issue("cw-1")["status"], "blocked");
    let released = project.run(&[
        "issues",
        "retry",
        "1",
        "--from",
        "1",
        "--with",
        "Keep a, drop the shared file",
    ]);
    assert_eq!(
        released.expect(0).stderr,
        "Released to go on from attempt 1: cw-1 writes two files.\n"
    );
    assert_eq!(project.issue("cw-1")["begins_from"], "1");
    let shown = project.run(&["issues", "show", "1"]).expect(0).stdout;
    assert!(shown.contains("  begins     from what attempt 1 left\n"), "{shown}");
    project
        .run(&["run", "--tasks-only"])
        .expect(0)
        .says("cw-1: it begins with what attempt 1 left");
    assert_eq!(project.outcomes("cw-1"), ["gate_failed", "merged"]);
    assert_eq!(
        (project.content("src/a.txt"), project.content("src/b.txt")),
        ("one".to_owned(), "two".to_owned())
    );
    let files = project
        .repository
        .git(&["ls-tree", "-r", "--name-only", "generation-one"]);
    assert!(!files.contains("shared.txt"), "{files}");
    let asked = prompt(&project, "cw-1-2");
    assert!(
        asked.contains("go on from what attempt 1 left") && asked.contains("Keep a, drop the shared file"),
        "{asked}"
    );
    assert!(!asked.contains("conflicts"), "{asked}");
    assert!(
        asked.contains("What attempt 1 changed is in your folder") && !asked.contains("Their changes are gone"),
        "{asked}"
    );
    assert_eq!(project.issue("cw-1").get("begins_from"), None);
    project.expect_tidy();
}

fn where_it_conflicts_with_newer_work_the_agent_is_told(engine: TestEngine) {
    let project = held(engine, "on 2 write src/b.txt two");
    move_on(&project, "theirs");
    project.run(&["issues", "release", "1", "--from", "1"]).expect(0);
    project.run(&["run", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["gate_failed", "merged"]);
    let content = |path: &str| project.content(path);
    // What conflicts is as the others left it, and all else is there.
    assert_eq!(
        ["src/a.txt", "src/b.txt", "src/shared.txt"].map(content),
        ["one", "two", "theirs"]
    );
    let asked = prompt(&project, "cw-1-2");
    for expected in [
        "conflicts with newer work in `src/shared.txt`",
        "+theirs\n",
        "+mine\n",
        "What that attempt changed in them:",
    ] {
        assert!(asked.contains(expected), "{expected} is not in {asked}");
    }
    project.expect_tidy();
}

fn a_death_before_the_attempt_loses_nothing(engine: TestEngine) {
    let project = held(engine, "on 2 exit 1\non 3 write src/b.txt two");
    project.run(&["issues", "release", "1", "--from", "1"]).expect(0);
    for point in ["stitch.claimed", "stitch.checkout"] {
        let died = project
            .command(&["run", "--tasks-only"])
            .env("CORDWAINER_CRASH_AT", point)
            .output()
            .unwrap();
        assert_eq!(died.status.code(), None, "{point}: {died:?}");
        assert_eq!(project.issue("cw-1")["begins_from"], "1", "{point}");
    }
    project.run(&["run", "--tasks-only"]);
    let attempts = project.outcomes("cw-1");
    assert_eq!(attempts.first().map(String::as_str), Some("gate_failed"));
    let begun = prompt(&project, &format!("cw-1-{}", attempts.len()));
    assert!(
        begun.contains("go on from what attempt 1 left"),
        "{attempts:?}: {begun}"
    );
    assert_eq!(
        project.issue("cw-1").get("begins_from"),
        None,
        "the agent has been called"
    );
}
