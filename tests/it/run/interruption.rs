//! Runs that are interrupted, killed, or not alone.

use std::fs;

use cordwainer::engine::EngineKind;
use rustix::process::Signal;

use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::project::{Project, Ran};
use crate::support::repository::TestRepository;

engine_tests! {
    both: a_run_killed_while_the_agent_works_is_resumed, one_signal_ends_a_run_safely;
    podman: a_slot_that_another_engine_works_in_is_left_alone,
        work_of_a_generation_that_is_gone_is_kept_and_blocks_nobody,
        what_ignore_rules_leave_out_of_what_a_killed_run_left_is_told,
        what_a_killed_run_left_and_git_does_not_record_is_told, gc_frees_nothing_that_a_run_or_a_held_task_needs;
    docker: only_one_run_at_a_time, a_measure_that_was_killed_is_paid_for, an_ending_ends_the_measure_of_a_dead_run;
}

const WORKS_AND_HANGS: &str = "on 1 tokens 500 20 0.25\nwrite src/a.txt begun\non 1 hang\nwrite src/b.txt done";

/// A project whose run was killed while its agent works, and goes on working.
fn killed_at_work(engine: TestEngine) -> Project {
    let project = Project::new(engine, "");
    kill_at_work(&project, WORKS_AND_HANGS);
    project
}

/// Kills a run while an agent works that does this, and with which no other one can go on.
fn kill_at_work(project: &Project, script: &str) {
    project.add("is interrupted", script);
    let mut run = project.spawn(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    run.kill().unwrap();
    run.wait().unwrap();
    project.forget_adoptions();
}

fn a_run_killed_while_the_agent_works_is_resumed(engine: TestEngine) {
    let project = killed_at_work(engine);
    assert_eq!(
        project.containers().len(),
        1,
        "the container lives on without its orchestrator"
    );
    assert_eq!(project.issue("cw-1")["status"], "in_progress");

    let ran = project.run(&["generator", "resume"]).expect(0);
    ran.says("Recovered: removed the container")
        .says("Recovered: kept what attempt 1 at cw-1 had left");
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    let attempt = project.issue("cw-1")["attempts"][0].clone();
    let kept = attempt["snapshot"].as_str().unwrap();
    assert_eq!(project.repository.git(&["show", &format!("{kept}:src/a.txt")]), "begun");
    assert!(
        attempt["call"]["usage"]["input"].as_u64().unwrap() >= 500,
        "{attempt:#}"
    );
    assert_eq!(project.merges_of("cw-1"), 1);
    project.expect_tidy();
}

fn what_ignore_rules_leave_out_of_what_a_killed_run_left_is_told(engine: TestEngine) {
    for (kept, says) in [
        ("on 1 write .gitignore *.log\n", "had left, as commit "),
        ("", "had left only files that ignore rules leave out: 2 (a.log, b.log)"),
    ] {
        let script = format!("{kept}on 1 write a.log x\non 1 write b.log x\non 1 hang\nwrite src/b.txt done");
        let repository = TestRepository::new();
        if kept.is_empty() {
            fs::write(repository.path().join(".git/info/exclude"), "*.log\n").unwrap();
        }
        let project = Project::on(engine, repository, "");
        kill_at_work(&project, &script);
        // Its container lives on, and gets as far as it can.
        wait_until(|| project.state().join("slots/1/b.log").exists());
        let ran = project.run(&["generator", "resume"]).expect(0);
        ran.says(says).says("ignore rules leave out");
        let shown = project.run(&["issues", "show", "cw-1"]).expect(0);
        shown.says("left out by ignore rules 2 (a.log, b.log)");
        let attempts = project.issue("cw-1")["attempts"].clone();
        assert_eq!(attempts[0]["ignored"]["count"], 2, "{attempts:#}");
        assert_eq!(attempts[0]["snapshot"].is_string(), !kept.is_empty(), "{attempts:#}");
        project.expect_tidy();
    }
}

/// The commit has neither, and nobody would miss them without a word.
fn what_a_killed_run_left_and_git_does_not_record_is_told(engine: TestEngine) {
    let project = Project::new(engine, "");
    kill_at_work(
        &project,
        "on 1 fifo src/pipe\non 1 write src/.git/HEAD x\non 1 write src/a.txt begun\non 1 hang\nwrite src/b.txt done",
    );
    wait_until(|| project.state().join("slots/1/src/a.txt").exists());
    let ran = project.run(&["generator", "resume"]).expect(0);
    ran.says("attempt 1 at cw-1: left out `src/pipe`: ")
        .says("attempt 1 at cw-1: left out `src/.git`: ")
        .says("had left, as commit ");
    project.expect_tidy();
}

/// A sweep reaches the containers of the engine it is on. Those of another one go on working, in their own slot alone.
fn a_slot_that_another_engine_works_in_is_left_alone(engine: TestEngine) {
    let Some(other) = TestEngine::find(EngineKind::Docker) else {
        return;
    };
    let project = killed_at_work(engine);
    project.move_to(other);
    let ran = project.run(&["generator", "resume"]).expect(0);
    ran.says("slot 1 is not touched: a container of another engine still uses it");
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    assert_eq!(
        project.containers().len(),
        1,
        "the other engine's container was not to be reached"
    );

    project.move_to(engine);
    let ran = project.run(&["generator", "resume"]).expect(4);
    ran.says("removed the container")
        .says("kept what attempt 1 at cw-1 had left");
    assert_eq!(project.merges_of("cw-1"), 1);
    assert_eq!(project.containers().len(), 0);
}

fn work_of_a_generation_that_is_gone_is_kept_and_blocks_nobody(engine: TestEngine) {
    let project = killed_at_work(engine);
    for reference in project
        .repository
        .git(&[
            "for-each-ref",
            "--format=%(refname)",
            "refs/cordwainer",
            "refs/heads/generation-one",
        ])
        .lines()
    {
        project.repository.git(&["update-ref", "-d", reference]);
    }
    project.run(&["generator", "start", "--name", "two"]).expect(0);
    let ran = project.run(&["generator", "run"]).expect(4);
    ran.says("kept what attempt 1 at cw-1 of generation-one had left");
    let orphans = project.repository.git(&[
        "for-each-ref",
        "--format=%(objectname)",
        "refs/cordwainer/archive/generation-one/orphans/",
    ]);
    assert_eq!(
        project.repository.git(&["show", &format!("{orphans}:src/a.txt")]),
        "begun"
    );
    project.run(&["generator", "list"]).expect(0);
    project.run(&["generator", "stop"]).expect(0);
}

/// A running run, the slot and the record of one that was killed, and a held task with its result and record.
fn gc_frees_nothing_that_a_run_or_a_held_task_needs(engine: TestEngine) {
    let project = Project::new(engine, "keep: {runs: 1, archives: 1}\nstitch: {max_attempts: 1}\n");
    project.add("is held", "write src/held.txt x\nfail no");
    project.run(&["generator", "run"]).expect(7);
    let held = project.issue("cw-1")["attempts"][0].clone();
    project.add("is interrupted", WORKS_AND_HANGS);
    let mut run = project.spawn(&["generator", "run"]);
    project.wait_for_agent("cw-2", 1);
    project
        .run(&["generator", "gc"])
        .expect(6)
        .says(&format!("process {}", run.id()));
    run.kill().unwrap();
    run.wait().unwrap();
    wait_until(|| project.state().join("slots/1/src/a.txt").exists());

    // An agent with which `resume` can go on is at work still.
    let keeps =
        "Keeps 1 container: agents are at work there although their run has died, and `resume` goes on with them.";
    project.run(&["generator", "gc"]).expect(0).says(keeps);
    assert_eq!(project.containers().len(), 1);
    project.forget_adoptions();
    let would = project.run(&["generator", "gc", "--dry-run"]).expect(0);
    assert_eq!(project.containers().len(), 1, "{}", would.stdout);
    let freed = project.run(&["generator", "gc"]).expect(0);
    assert!(freed.stdout.contains("Freed container `"), "{}", freed.stdout);
    assert!(freed.stdout.contains("Keeps slot 1: "), "{}", freed.stdout);
    assert!(freed.stdout.contains("Keeps record of run "), "{}", freed.stdout);
    assert_eq!(project.containers().len(), 0);

    let ran = project.run(&["generator", "resume"]).expect(7);
    ran.says("Recovered: kept what attempt 1 at cw-2 had left");
    assert_eq!(project.outcomes("cw-2"), ["cancelled", "merged"]);
    assert_eq!(project.issue("cw-1")["attempts"][0], held);
    let records = project.state().join(held["records"].as_str().unwrap());
    assert!(records.join("transcript.jsonl").exists());
    project
        .repository
        .git(&["cat-file", "-e", held["snapshot"].as_str().unwrap()]);
}

fn one_signal_ends_a_run_safely(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\n");
    project.add("is interrupted", WORKS_AND_HANGS);
    let run = project.spawn(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    signal(&run, Signal::INT);
    let ran = Ran::from(run.wait_with_output().unwrap()).expect(130);
    assert!(!ran.stderr.contains("error:"), "it is told once: {}", ran.stderr);
    ran.says("Run ended: interrupted. ")
        .says("Next: `cordwainer resume` continues.");
    let issue = project.issue("cw-1");
    assert_eq!(
        (&issue["status"], &issue["attempts"][0]["outcome"]),
        (&"open".into(), &"cancelled".into())
    );
    assert!(issue["attempts"][0]["snapshot"].is_string());
    project.expect_tidy();
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.content("src/b.txt"), "done");
}

fn only_one_run_at_a_time(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\n");
    project.add("takes long", "write src/a.txt begun\non 1 hang");
    let run = project.spawn(&["generator", "run"]);
    project.wait_for_agent("cw-1", 1);
    for command in [
        ["generator", "run"],
        ["generator", "resume"],
        ["generator", "stitch"],
        ["generator", "stop"],
    ] {
        project.run(&command).expect(6).says(&format!("process {}", run.id()));
    }
    assert_eq!(project.status()["run"]["pid"], run.id());
    signal(&run, Signal::TERM);
    Ran::from(run.wait_with_output().unwrap()).expect(130);
    project.expect_tidy();
}

/// A project whose run was killed in a measure whose agent goes on.
fn killed_in_measure(engine: TestEngine) -> Project {
    let script = crate::support::scripts::user_prompt("tokens 500 20 0.25\nhang");
    let project = Project::new(engine, &script);
    let mut run = project.spawn(&["generator", "run"]);
    let spoke = || {
        let records = project
            .state()
            .join("runs")
            .exists()
            .then(|| project.records("measure-1-1"));
        let folder = records.into_iter().flatten().next();
        folder.is_some_and(|folder| {
            std::fs::read_to_string(folder.join("transcript.jsonl")).is_ok_and(|text| text.contains("Thinking"))
        })
    };
    wait_until(spoke);
    run.kill().unwrap();
    run.wait().unwrap();
    // Nobody goes on with it.
    project.forget_adoptions();
    project
}

/// No task is claimed then: the slot alone tells that something may still run, and spend.
fn an_ending_ends_the_measure_of_a_dead_run(engine: TestEngine) {
    let project = killed_in_measure(engine);
    assert_eq!(project.containers().len(), 1);
    let ran = project.run(&["generator", "reset"]).expect(0);
    ran.says("Recovered: removed the container");
    assert_eq!(project.containers(), Vec::<String>::new());
    project.expect_untouched();
}

fn a_measure_that_was_killed_is_paid_for(engine: TestEngine) {
    let mut project = killed_in_measure(engine);
    project.reconfigure(None, "");
    // The scripted agent proposes nothing without a script.
    project
        .run(&["generator", "resume"])
        .expect(4)
        .says("recorded the usage of a measure");
    let status = project.status();
    assert_eq!(
        status["cycles"], 1,
        "a measure that filed nothing for want of an answer begins no cycle"
    );
    assert_eq!(status["usage"]["calls"], 2);
    assert!(status["usage"]["input"].as_u64().unwrap() >= 500, "{status:#}");
    project.expect_tidy();
}
