//! Findings that become tasks, and are fixed.

use super::*;

engine_tests! {
    podman: what_an_audit_finds_is_fixed_and_merged,
        what_is_to_be_fixed_is_held_where_a_person_confirms_it,
        a_report_alone_does_no_task_of_an_interrupted_fix,
        what_was_filed_and_never_done_can_be_fixed;
}

fn what_an_audit_finds_is_fixed_and_merged(engine: TestEngine) {
    let fix = |what: &str| scripted(&format!("tokens 100 10 0.125\n{what}"));
    let script = finds(&[
        finding("high", "src/a.txt", 2, "Has two", &fix("write src/a.txt one")),
        finding("low", "src/b.txt", 1, "Has three", &fix("write src/b.txt four")),
    ]);
    let project = project(engine, repository(), &script);
    let ran = project.run(&["audit", "--fix", "--stop"]).expect(0);
    let _ = ran
        .says("cw-1: merged")
        .says("cw-2: merged")
        .says("all that was asked for is done")
        .says("into main");
    assert_eq!(project.repository.git(&["show", "main:src/a.txt"]), "one");
    assert_eq!(project.repository.git(&["show", "main:src/b.txt"]), "four");
    assert_eq!(generations(&project)["open"], json!([]));
    assert_eq!(project.containers(), Vec::<String>::new());
}

fn what_is_to_be_fixed_is_held_where_a_person_confirms_it(engine: TestEngine) {
    let script = finds(&[finding("high", "src/a.txt", 2, "Has two", "It has.")]);
    let project = project(engine, repository(), &script);
    let mut died = project.command(&["audit", "--fix"]);
    let died = died.env("CORDWAINER_CRASH_AT", "audit.noted:1").output().unwrap();
    assert!(!died.status.success());
    let _ = project
        .run(&["run", "--confirm"])
        .expect(0)
        .says("1 proposal waits for you");
    assert_eq!(project.issue("cw-1")["status"], "blocked");
}

fn a_report_alone_does_no_task_of_an_interrupted_fix(engine: TestEngine) {
    let fix = scripted("write src/a.txt one");
    let script = finds(&[finding("high", "src/a.txt", 2, "Has two", &fix)]);
    let project = project(engine, repository(), &script);
    let mut died = project.command(&["audit", "--fix", "--name", "fixes"]);
    let died = died.env("CORDWAINER_CRASH_AT", "audit.filed:1").output().unwrap();
    assert!(!died.status.success());
    assert_eq!(project.issue("cw-1")["status"], "open");
    // Beside it, in a generation that ends.
    let _ = project.run(&["audit"]).expect(0).says("Found 1 finding (1 high)");
    assert_eq!(project.issue("cw-1")["status"], "open");
    let _ = project
        .run(&["audit", "--name", "fixes"])
        .expect(9)
        .says("`generation-fixes` is open already, with tasks")
        .says("resume --generation generation-fixes");
    let _ = project
        .run(&["audit", "--prompt", "--name", "fixes"])
        .expect(9)
        .says("is open already, with tasks");
    let _ = project
        .run(&["audit", "--file-issues"])
        .expect(9)
        .says("`generation-fixes` files nothing now: 1 task is left to do");
    assert_eq!(project.issue("cw-1")["status"], "open");
    let _ = project.run(&["audit", "--fix"]).expect(0).says("cw-1: merged");
}

fn what_was_filed_and_never_done_can_be_fixed(engine: TestEngine) {
    let fix = scripted("write src/a.txt one");
    let script = finds(&[finding("high", "src/a.txt", 2, "Has two", &fix)]);
    let project = project(engine, repository(), &script);
    let _ = project.run(&["audit", "--file-issues"]).expect(0).says("+ cw-1");
    project.run(&["reset"]).expect(0);
    // Filed again it is not, and that is said.
    let _ = project
        .run(&["audit", "--file-issues"])
        .expect(0)
        .says("1 finding was filed as a task before");
    let _ = project
        .run(&["audit", "--fix", "--stop"])
        .expect(0)
        .says(": Has two")
        .says("into main");
    assert_eq!(project.repository.git(&["show", "main:src/a.txt"]), "one");
}
