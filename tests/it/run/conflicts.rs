//! Work that does not fit on newer work: the same session goes on there.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use serde_json::Value;

use crate::run::parallel::{ended, let_all_go_on, wait_for_agents};
use crate::run::people::move_on;
use crate::run::rounds::prompt;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::scripts::WAIT;

engine_tests! {
    podman first: a_conflict_is_settled_by_the_same_session;
    podman: what_is_red_with_newer_work_is_made_to_pass_there;
    docker: a_run_that_died_where_it_fitted_work_on_newer_work_comes_to_its_end;
}

/// Writes two files, of which one conflicts with what others write meanwhile; then what both want.
fn conflicts_first(waits: &str) -> String {
    format!(
        "tokens 100 10 0.25\nwrite src/own.txt mine\nwrite src/shared.txt mine\n{waits}done\n\
         append src/shared.txt both"
    )
}

/// Returns the one attempt at a task, which was merged after one round that fitted its work on newer work.
#[track_caller]
fn expect_one_round(project: &Project, id: &str) -> Value {
    assert_eq!(project.outcomes(id), ["merged"]);
    let attempt = project.issue(id)["attempts"][0].clone();
    let rounds = attempt["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 1, "{attempt:#}");
    assert!(rounds[0]["red"]["onto"].is_string(), "{attempt:#}");
    assert_eq!(rounds[0]["call"]["session_id"], attempt["call"]["session_id"]);
    assert_eq!(project.merges_of(id), 1);
    attempt
}

fn a_conflict_is_settled_by_the_same_session(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {fix_rounds: off}\n");
    project.add("shares a file", &conflicts_first(WAIT));
    let run = project.spawn(&["generator", "stitch"]);
    project.while_the_agent_waits(|| move_on(&project, "theirs"));
    let newer = project.repository.git(&["rev-parse", "generation-one"]);
    let ran = ended(run)
        .expect(0)
        .says("cw-1: conflict round 1 of 2: the work conflicts with newer work in `src/shared.txt`.");
    assert!(!ran.stdout.contains("fix round"), "{}", ran.stdout);
    let attempt = expect_one_round(&project, "cw-1");
    let red = &attempt["rounds"][0]["red"];
    assert_eq!((&red["by"], &red["onto"]), (&"merge".into(), &newer.trim().into()));
    let asked = prompt(&project, "cw-1-1-fix-1");
    for side in ["+theirs\n", "+mine\n"] {
        assert!(asked.contains(side), "{asked}");
    }
    let content = |path: &str| project.content(path);
    assert_eq!(["src/own.txt", "src/shared.txt"].map(content), ["mine", "theirs\nboth"]);
    // Git in the container knew the newer commit as what it had checked out.
    let head = project.state().join("private/1/git/refs/heads/generation-one");
    assert_eq!(fs::read_to_string(head).unwrap().trim(), newer.trim());
    let shown = project.run(&["issues", "show", "cw-1"]).expect(0).stdout;
    assert!(
        shown.contains("  conflict round 1: the work conflicts with newer work in `src/shared.txt`"),
        "{shown}"
    );
    project.expect_tidy();
}

fn what_is_red_with_newer_work_is_made_to_pass_there(engine: TestEngine) {
    let gate = "apart=src/1.txt,src/2.txt";
    let project = Project::new(engine, &format!("gates: [\"{gate}\"]\nstitch: {{parallel: 2}}\n"));
    for number in 1..=2 {
        let script =
            format!("fifo go\nappend go x\nwrite src/{number}.txt x\ndone\nrename src/{number}.txt src/{number}-b.txt");
        project.add(&format!("is green alone {number}"), &script);
    }
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let_all_go_on(&project, &wait_for_agents(&project, 2));
    ended(run).expect(0);
    let has_rounds = |id: &&str| project.issue(id)["attempts"][0]["rounds"].is_array();
    let later = ["cw-1", "cw-2"].into_iter().find(has_rounds).unwrap();
    let attempt = expect_one_round(&project, later);
    assert_eq!(attempt["rounds"][0]["red"]["gate"], gate);
    let asked = prompt(&project, &format!("{later}-1-fix-1"));
    assert!(
        asked.contains("passes on what you left, and does not with what others have done"),
        "{asked}"
    );
    let tip = project.files("generation-one");
    let both = [1, 2].map(|number| tip.contains_key(&format!("src/{number}.txt")));
    assert_ne!(both, [true, true], "{tip:?}");
    project.expect_tidy();
}

fn a_run_that_died_where_it_fitted_work_on_newer_work_comes_to_its_end(engine: TestEngine) {
    // No session waits in a slot that is being made: its work is on its ref, and the next attempt begins with the newer work.
    for (crash, shared) in [
        ("slot.moving", "mine"),
        ("slot.moved", "mine"),
        ("round.begun", "theirs\nboth"),
    ] {
        let project = Project::new(engine, "");
        project.add("shares a file", &conflicts_first("on 1 fifo go\non 1 append go x\n"));
        let mut command = project.command(&["generator", "stitch", "cw-1"]);
        let run = command.env("CORDWAINER_CRASH_AT", crash).spawn().unwrap();
        project.while_the_agent_waits(|| move_on(&project, "theirs"));
        assert_eq!(run.wait_with_output().unwrap().status.signal(), Some(9), "{crash}");
        let kept = "refs/cordwainer/generation-one/tasks/cw-1";
        let first = project.oid(kept);
        project.run(&["generator", "stitch", "cw-1"]).expect(0);
        assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"], "{crash}");
        assert_eq!(project.merges_of("cw-1"), 1, "{crash}");
        assert_eq!(project.content("src/shared.txt"), shared, "{crash}");
        project
            .repository
            .git(&["merge-base", "--is-ancestor", &first.to_string(), kept]);
        project.expect_tidy();
    }
}
