//! Building from documents: groups are planned, done one after the other, reviewed as a whole, and done for good.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::run::modes::look_without_a_call;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::repository::TestRepository;
use crate::support::scripts::{proposal, scripted};

mod bounds;
mod early;
mod ends;

engine_tests! {
    docker first: a_specification_is_built_group_by_group;
    podman: a_small_specification_is_one_group_and_pays_for_no_plan,
        a_plan_that_cannot_be_is_asked_for_again_and_then_refused,
        what_cannot_be_built_from_is_told_before_a_call,
        documents_that_change_add_groups_and_leave_those_that_are_done,
        a_build_is_looked_at_before_it_is_paid_for,
        a_group_is_not_done_while_a_gate_is_red,
        changes_that_fit_into_no_prompt_are_read_in_batches;
}

/// Where the specification is.
const SPEC: &str = "docs/specification.md";

/// A specification that is too long to be one group by rule, whose plan is this.
pub(super) fn specification(plan: &str) -> String {
    let filler = "There shall be files, and each shall have its number.\n".repeat(90);
    format!("# Files\n\n{filler}\n~~~plan\n{plan}\n~~~\n")
}

/// What an agent answers that plans these groups.
pub(crate) fn planning(groups: &[Value]) -> String {
    format!(
        "tokens 100 10 0.25\npropose {}",
        json!({"groups": groups, "contradictions": []})
    )
}

/// A group whose measure proposes these tasks, and whose closing review finds this.
pub(crate) fn group(key: &str, depends_on: &[&str], proposals: &[Value], findings: &[Value]) -> Value {
    let review = json!({"score": 5, "approved": false, "summary": "Read it.", "findings": findings});
    let measure = scripted(&format!(
        "tokens 100 10 0.25\npropose {}",
        json!({ "proposals": proposals })
    ));
    json!({
        "key": key, "name": format!("The {key}"), "scope": format!("All files of the {key}."), "depends_on": depends_on,
        "briefing": format!("{measure}\n\n~~~review\ntokens 10 1 0.125\npropose {review}\n~~~"),
        "estimated_tasks": 2, "effort": "small",
    })
}

/// A finding whose task is this script.
pub(super) fn finding(severity: &str, path: &str, title: &str, script: &str) -> Value {
    json!({
        "severity": severity, "category": "correctness", "path": path, "line": 1, "title": title,
        "problem": format!("It was asked for.\n\n{}", scripted(script)), "suggestion": "",
    })
}

/// A task that writes a file.
pub(super) fn writes(number: u32) -> Value {
    let (key, title) = (format!("file-{number}"), format!("Write file {number}"));
    proposal(
        &key,
        &title,
        &[],
        &format!("tokens 100 10 0.25\nwrite src/{number}.txt {number}"),
    )
}

fn repository(specification: &str) -> TestRepository {
    let repository = TestRepository::empty();
    repository.write("README.md", "# Files\n");
    repository.write(SPEC, specification);
    repository.write("src/old.txt", "old\n");
    repository
}

fn project(engine: TestEngine, specification: &str, more: &str) -> Project {
    let more = format!("gates: [cat=src/old.txt]\n{more}");
    Project::with_socket(engine, repository(specification), &engine.socket(), &more)
}

/// Two groups; the review of the first finds something that is worth a task.
fn two_groups() -> String {
    let found = [
        finding(
            "high",
            "src/1.txt",
            "There is no file 3",
            "tokens 100 10 0.25\nwrite src/3.txt 3",
        ),
        finding("low", "src/1.txt", "It has no line end", "fail it was not to be a task"),
    ];
    specification(&planning(&[
        group("second", &["first"], &[writes(2)], &[]),
        group("first", &[], &[writes(1)], &found),
    ]))
}

fn groups(project: &Project) -> Vec<Value> {
    let listed = project.run(&["issues", "group", "list", "--json"]).expect(0).stdout;
    serde_json::from_str(&listed).unwrap()
}

fn prompt(project: &Project, call: &str) -> String {
    let records = project.records(call);
    let last = records.iter().max().unwrap_or_else(|| panic!("there is no {call}"));
    fs::read_to_string(last.join("prompt.md")).unwrap()
}

fn a_specification_is_built_group_by_group(engine: TestEngine) {
    let project = project(engine, &two_groups(), "");
    let planned = project.run(&["generator", "plan", SPEC]).expect(0);
    let planned = planned
        .says("Started generation-build-specification from main")
        .says("Plan: asking for groups, from 1 document.")
        .says("  + first: The first (about 2 tasks)\n  + second: The second (about 2 tasks, after first)");
    assert!(planned.stdout.contains("waiting"), "{}", planned.stdout);
    assert!(prompt(&project, "measure-1-1").starts_with("You plan how a software project is built"));
    // Nothing is filed, and the plan can be changed.
    assert_eq!(project.status()["tasks"]["open"], 0);
    let edited = ["issues", "group", "edit", "second", "--name", "What comes after"];
    project.run(&edited).expect(0).says("What comes after");
    project
        .run(&["issues", "group", "edit", "first", "--depends-on", "second"])
        .expect(2)
        .says("form a circle: first → second → first");
    project.run(&["generator", "plan"]).expect(4).says("nothing is new");

    let ran = project.run(&["generator", "build", SPEC, "--stop"]).expect(0);
    let ran = ran
        .says("Continuing generation-build-specification.")
        .says("Measure 1: asking for the tasks of the group `first`.")
        .says("cw-1: merged")
        .says("Group `first`, closing review 1: 1 finding to act on")
        .says("  + cw-2: There is no file 3\n  1 finding of lesser weight, which become no tasks")
        .says("cw-2: merged")
        .says("Group `first`, closing review 2: 1 finding to act on")
        .says("1 finding filed before, and not again")
        .says("Group `first` is done: The first (1 of 2).")
        .says("Measure 2: asking for the tasks of the group `second`.")
        .says("Group `second` is done: What comes after (2 of 2).")
        .says("all groups are done")
        .says("Merged generation-build-specification into main");
    let place = |text: &str| ran.stdout.find(text).unwrap();
    assert!(place("Group `first` is done") < place("Measure 2"), "{}", ran.stdout);
    for number in 1..=3 {
        let file = project.repository.git(&["show", &format!("main:src/{number}.txt")]);
        assert_eq!(file, number.to_string());
    }
}

fn a_small_specification_is_one_group_and_pays_for_no_plan(engine: TestEngine) {
    let measure = scripted(&format!("propose {}", json!({"proposals": [writes(1)]})));
    let project = project(
        engine,
        &format!("Two files.\n\n{measure}\n"),
        "review: {closing_rounds: off}\n",
    );
    let ran = project.run(&["generator", "build", SPEC]).expect(0);
    ran.says("1 group planned without a call.")
        .says("  + all: All of docs/specification.md")
        .says("all groups are done");
    let status = project.status();
    // A measure and a task, and neither a plan nor a review.
    assert_eq!(status["usage"]["calls"], 2, "{status:#}");
    assert_eq!(status["groups"][0]["state"], "done");
    assert_eq!(project.issue("cw-1")["group"], "all");
    let listed = project.run(&["issues", "list", "--group", "all", "--json"]).expect(0);
    assert!(listed.stdout.contains("cw-1"), "{}", listed.stdout);
    project
        .run(&["issues", "list", "--group", "al"])
        .expect(2)
        .says("did you mean `all`?");
    let asked = prompt(&project, "measure-2-1");
    assert!(asked.contains("## The group to plan now: all"), "{asked}");
    // What is done is not done again.
    project
        .run(&["generator", "build"])
        .expect(4)
        .says("all groups are done");
    project.run(&["generator", "status"]).expect(0).says("all: done");
    project.expect_tidy();
}

fn a_plan_that_cannot_be_is_asked_for_again_and_then_refused(engine: TestEngine) {
    let bare = |key: &str, depends_on: &[&str]| group(key, depends_on, &[], &[]);
    let circle = planning(&[bare("a", &["b"]), bare("b", &["a"])]).replace("propose", "on 1 propose");
    let good = planning(&[bare("a", &[])]).replace("propose", "on 2 propose");
    let one = project(engine, &specification(&format!("{circle}\n{good}")), "");
    let ran = one.run(&["generator", "plan", SPEC]).expect(0);
    ran.says("Dependencies of groups form a circle: a → b → a.")
        .says("1 group planned");
    assert_eq!(groups(&one).len(), 1);
    assert!(prompt(&one, "measure-1-2").contains("form a circle: a → b → a"));
    one.run(&["generator", "stop"]).expect(0).says("1 group not done:");

    let many: Vec<Value> = (0..500).map(|number| bare(&format!("g{number}"), &[])).collect();
    for (plan, told) in [
        (planning(&many), "There are 500 groups, and at most 100 are allowed"),
        (planning(&[]), "There are no groups"),
    ] {
        let other = project(engine, &specification(&plan), "");
        let ran = other.run(&["generator", "build", SPEC]).expect(7);
        ran.says("no valid plan in 2 rounds").says(told);
        let status = other.status();
        assert_eq!(
            (&status["usage"]["calls"], &status["groups"]),
            (&json!(2), &Value::Null),
            "{status:#}"
        );
        other.expect_tidy();
    }
}

fn what_cannot_be_built_from_is_told_before_a_call(engine: TestEngine) {
    let repository = repository("Two files.\n");
    repository.write("docs/wide.md", b"\xff\xfeT\0w\0o\0");
    repository.write("docs/zwei.md", "Es soll Dateien geben: größer, schöner.\n");
    let project = Project::with_socket(engine, repository, &engine.socket(), "");
    let refused = |arguments: &[&str], code: i32, says: &str| {
        let ran = project.run(&[&["generator"], arguments].concat()).expect(code);
        ran.says(says)
    };
    let _ = refused(
        &["build", "docs/wide.md"],
        2,
        "cannot read `docs/wide.md`: it is UTF-16LE",
    )
    .says("iconv -f UTF-16LE");
    let _ = refused(&["plan", "docs/none.md"], 2, "there is no document `docs/none.md`");
    let _ = refused(&["build", "../secret.md"], 2, "`../secret.md` is not in the repository");
    let _ = refused(&["build"], 2, "the mode `build` needs a document");
    let _ = refused(
        &["start", "--mode", "fix", "--request", "x", "--spec", SPEC],
        2,
        "is not built from documents",
    );
    project.repository.write("docs/new.md", "New.\n");
    let _ = refused(&["build", "docs/new.md"], 2, "there is no document `docs/new.md`").says("commit it first");
    fs::remove_file(project.repository.path().join("docs/new.md")).unwrap();
    assert_eq!(
        project
            .run(&["generator", "list", "--json"])
            .stdout
            .matches("generation-")
            .count(),
        0
    );
    // Another language is no reason, and a folder names all documents below it.
    let asked = refused(&["build", "docs/zwei.md", "--prompt"], 0, "größer, schöner").stdout;
    assert!(asked.starts_with("You plan one group of the work"), "{asked}");
    let _ = refused(
        &[
            "start",
            "--mode",
            "build",
            "--spec",
            "docs/zwei.md",
            "--name",
            "build-specification",
        ],
        0,
        "Started",
    );
    let _ = refused(
        &["build", SPEC],
        9,
        "is open already, with another mode or other documents",
    );
    let _ = refused(&["reset"], 0, "");
    let _ = refused(&["start", "--mode", "feature", "--request", "x"], 0, "Started");
    let _ = refused(&["plan"], 2, "the mode `build` needs a document");
    assert_eq!(project.containers(), Vec::<String>::new());
}

/// Commits changes on the generation's branch, as a person may between two runs.
fn change_by_hand(project: &Project, change: impl FnOnce(&Path)) {
    let place = project.repository.outside().join("by-hand");
    let folder = place.to_str().unwrap();
    project
        .repository
        .git(&["worktree", "add", folder, "generation-build-specification"]);
    change(&place);
    project.repository.git(&["-C", folder, "add", "--all"]);
    project.repository.git(&["-C", folder, "commit", "-m", "by hand"]);
    project.repository.git(&["worktree", "remove", "--force", folder]);
}

fn documents_that_change_add_groups_and_leave_those_that_are_done(engine: TestEngine) {
    let first = planning(&[group("first", &[], &[writes(1)], &[])]);
    let project = project(engine, &specification(&first), "");
    project
        .run(&["generator", "build", SPEC])
        .expect(0)
        .says("all groups are done");
    let done = groups(&project)[0].clone();
    let second = planning(&[group("second", &["first"], &[writes(2)], &[])]);
    change_by_hand(&project, |folder| {
        fs::write(folder.join(SPEC), specification(&second)).unwrap();
    });
    // `run` does what is planned, and asks for nothing more.
    project.run(&["generator", "run"]).expect(4).says("all groups are done");
    let ran = project.run(&["generator", "build", SPEC]).expect(0);
    ran.says("Plan: asking for groups for what is new, from 1 document; changed: docs/specification.md.")
        .says("  + second: The second (about 2 tasks, after first)")
        .says("Group `second` is done: The second (2 of 2).");
    let groups = groups(&project);
    assert_eq!(groups[0], done);
    assert_eq!(groups.len(), 2);
    let asked = prompt(&project, "measure-1-1");
    for part in [
        "first [done] The first",
        "- docs/specification.md",
        "an empty list is the right answer",
    ] {
        assert!(asked.contains(part), "{part} is not in {asked}");
    }
    project.run(&["generator", "build", SPEC]).expect(4);
    project
        .run(&["issues", "group", "edit", "first", "--name", "x"])
        .expect(9)
        .says("it is done");
}

fn a_build_is_looked_at_before_it_is_paid_for(engine: TestEngine) {
    let project = project(engine, &two_groups(), "review: {closing_rounds: off}\n");
    let build = ["generator", "build", SPEC];
    let look = |more: &[&str]| project.run(&[&build, more].concat());
    let says = ["2 calls of plan, measures and closing reviews"];
    look_without_a_call(&project, &build, "You plan how a software project is built", &says);
    let planned = look(&["--dry-run", "--json"]).expect(0).stdout;
    let planned: Value = serde_json::from_str(planned.lines().last().unwrap()).unwrap();
    assert_eq!(planned["groups"].as_array().unwrap().len(), 2, "{planned:#}");
    assert_eq!(
        (&planned["tasks"][0]["group"], &planned["usage"]["calls"]),
        (&json!("first"), &json!(2))
    );
    // One task is planned, and the other group is reckoned by what the plan says of it.
    assert_eq!(planned["estimate"]["tasks"], 3, "{planned:#}");
    assert_eq!(project.status()["tasks"]["open"], 0);
    let asked = look(&["--prompt"]).expect(0).stdout;
    assert!(asked.contains("## The group to plan now: first"), "{asked}");
    let run = planned["run"].as_str().unwrap();
    project
        .run(&["generator", "run", "--plan", run])
        .expect(0)
        .says("all groups are done");
    assert_eq!(project.issue("cw-1")["group"], "first");
    assert_eq!(project.issue("cw-2")["group"], "second");
    look(&["--prompt"])
        .expect(4)
        .says("no group waits for its tasks to be asked for");
    // A document that changed is planned first.
    change_by_hand(&project, |folder| {
        fs::write(folder.join(SPEC), format!("{}\nFiles have an owner.\n", two_groups())).unwrap();
    });
    let asked = look(&["--prompt"]).expect(0).stdout;
    assert!(asked.starts_with("You plan how a software project is built"), "{asked}");
    look(&["--estimate"])
        .expect(0)
        .says("2 calls of plan, measures and closing reviews")
        .says("1 task of groups that are not planned yet: the median of 2 measures here.");
}

fn a_group_is_not_done_while_a_gate_is_red(engine: TestEngine) {
    let plan = planning(&[group("first", &[], &[writes(1), writes(2)], &[])]);
    let gate = "gates: [{command: cat=src/old.txt, compare: strict}]\n";
    let project = Project::with_socket(engine, repository(&specification(&plan)), &engine.socket(), gate);
    project.run(&["generator", "build", SPEC, "--max-tasks", "1"]).expect(0);
    project.run(&["issues", "close", "cw-2"]).expect(0);
    change_by_hand(&project, |folder| {
        fs::remove_file(folder.join("src/old.txt")).unwrap();
    });
    let ran = project.run(&["generator", "build", "--stop"]).expect(7);
    ran.says("the group `first` is not done: the gate `cat=src/old.txt` is red on")
        .says("Not merged, because not everything is done");
    assert_eq!(project.status()["groups"][0]["state"], "at_work");
    let script = scripted("write src/old.txt old");
    let file = [
        "issues",
        "add",
        "Bring it back",
        "--description",
        &script,
        "--group",
        "first",
    ];
    project.run(&file).expect(0);
    project
        .run(&["generator", "build"])
        .expect(0)
        .says("all groups are done");
}

fn changes_that_fit_into_no_prompt_are_read_in_batches(engine: TestEngine) {
    let plan = planning(&[group("first", &[], &[writes(1)], &[])]);
    let project = project(engine, &specification(&plan), "");
    project.run(&["generator", "build", SPEC, "--max-tasks", "1"]).expect(0);
    let lines = |count: usize| "one line of a long file\n".repeat(count);
    let large = [
        ("src/a.txt", lines(6_000)),
        ("src/b.txt", lines(6_000)),
        ("src/c.txt", lines(12_000)),
        // Not even read.
        ("src/d.txt", lines(50_000)),
    ];
    change_by_hand(&project, |folder| {
        for (path, text) in &large {
            fs::write(folder.join(path), text).unwrap();
        }
    });
    let ran = project.run(&["generator", "build"]).expect(0);
    let ran = ran
        .says("Group `first`, closing review 1, batch 1 of 3: 0 findings to act on")
        .says("Group `first`, closing review 1, batch 3 of 3")
        .says("Too large to be shown, so the reviewer was told to read: src/c.txt")
        .says("Too large to be shown, so the reviewer was told to read: src/d.txt")
        .says("Group `first` is done");
    assert!(!ran.stdout.contains("closing review 2"), "{}", ran.stdout);
    let asked = |number: u32| prompt(&project, &format!("measure-{number}-review-1"));
    let has = |number: u32, path: &str| asked(number).contains(&format!("+++ b/{path}"));
    assert!(has(1, "src/1.txt") && has(1, "src/a.txt") && !has(1, "src/b.txt"));
    assert!(has(2, "src/b.txt") && !has(2, "src/a.txt") && !has(2, "src/c.txt"));
    assert!(asked(3).contains("The changes of these files are too large to be shown"));
}
