//! Several tasks at once (`stitch.parallel`).

use std::collections::BTreeSet;
use std::fs;
use std::process::Child;

use cordwainer::event::EventKind;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::run::budgets::by_the_client;
use crate::run::limits::run_by_the_clock;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::waiting::{signal, wait_until};
use crate::support::project::{Project, Ran};
use crate::support::scripts::{WAIT, proposal, user_prompt};

engine_tests! {
    podman first: a_run_killed_with_several_at_work_is_resumed;
    docker first: tasks_are_at_work_at_the_same_time, nothing_lands_on_newer_work_that_the_gates_have_not_seen,
        one_signal_ends_all, a_measure_is_made_beside_the_last_task_of_a_cycle;
    podman: a_task_waits_for_its_dependencies, an_error_of_one_lets_the_others_end, one_pause_is_made_for_all,
        one_whose_calls_fail_waits_while_others_go_on;
    docker: tasks_of_the_same_files_wait_for_others, a_budget_holds_with_several_at_work,
        a_call_that_met_its_share_goes_on_with_the_rest;
}

/// The slots in which agents wait for this test, by number.
fn waiting(project: &Project) -> BTreeSet<u32> {
    let slots = project.state().join("slots");
    let is_waiting = |slot: &u32| {
        // What an earlier agent has left is in a slot that nobody uses, or that is still being made.
        let marker = fs::read_to_string(slots.join(format!("{slot}.dirty"))).unwrap_or_default();
        let owner: Value = serde_json::from_str(&marker).unwrap_or_default();
        slots.join(format!("{slot}/go")).exists() && owner["base"].is_string() && owner["session"].is_null()
    };
    (1..=9).filter(is_waiting).collect()
}

/// Waits until so many agents wait for this test at the same time; none of them goes on before.
#[track_caller]
pub(crate) fn wait_for_agents(project: &Project, count: usize) -> BTreeSet<u32> {
    wait_until(|| waiting(project).len() == count);
    waiting(project)
}

/// Lets the agent of a slot go on.
pub(crate) fn let_go_on(project: &Project, slot: u32) {
    let pipe = project.state().join(format!("slots/{slot}/go"));
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    // It waits no longer, however long its slot stays as it is.
    fs::remove_file(&pipe).unwrap();
}

pub(crate) fn let_all_go_on(project: &Project, slots: &BTreeSet<u32>) {
    for slot in slots {
        let_go_on(project, *slot);
    }
}

/// Files tasks that wait in their first attempt and write a file each, `src/1.txt` and so on.
pub(crate) fn add_waiting(project: &Project, count: u32) {
    for number in 1..=count {
        let script = format!("on 1 fifo go\non 1 append go x\nwrite src/{number}.txt x");
        project.add(&format!("waits {number}"), &script);
    }
}

pub(crate) fn ended(run: Child) -> Ran {
    run.wait_with_output().unwrap().into()
}

/// Panics unless tasks of these numbers were merged, once each.
#[track_caller]
pub(crate) fn expect_merged(project: &Project, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        let id = format!("cw-{number}");
        assert_eq!(project.merges_of(&id), 1, "{id}");
        assert_eq!(project.issue(&id)["status"], "closed", "{id}");
    }
}

fn tasks_are_at_work_at_the_same_time(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 3}\n");
    add_waiting(&project, 4);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    // None of the three could wait for this test were it not at work beside the others.
    let slots = wait_for_agents(&project, 3);
    assert_eq!(project.containers().len(), 3);
    assert_eq!(project.issue("cw-4")["status"], "open", "there are three places");
    let first = *slots.first().unwrap();
    let_go_on(&project, first);
    // The fourth begins as soon as there is a place, while the other two still wait.
    wait_until(|| project.issue("cw-4")["status"] == "in_progress");
    let_all_go_on(&project, &wait_for_agents(&project, 3));
    ended(run).expect(0);
    expect_merged(&project, 1..=4);
    project.expect_tidy();
}

/// What each of two tasks leaves is green, and red with what the other one has landed.
fn nothing_lands_on_newer_work_that_the_gates_have_not_seen(engine: TestEngine) {
    let gate = "apart=src/1.txt,src/2.txt";
    let project = Project::new(engine, &format!("gates: [\"{gate}\"]\nstitch: {{parallel: 2}}\n"));
    for number in 1..=2 {
        let first = format!("on 1 fifo go\non 1 append go x\non 1 write src/{number}.txt x");
        project.add(
            &format!("is green alone {number}"),
            &format!("{first}\non 2 write src/{number}-again.txt x"),
        );
    }
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let_all_go_on(&project, &wait_for_agents(&project, 2));
    ended(run).expect(0);
    let mut outcomes = ["cw-1", "cw-2"].map(|id| (project.outcomes(id), id));
    outcomes.sort();
    assert_eq!(outcomes[0].0, ["conflict", "merged"]);
    assert_eq!(outcomes[1].0, ["merged"]);
    let later = project.issue(outcomes[0].1);
    let first = &later["attempts"][0];
    assert_eq!(first["red"]["gate"], gate, "{later:#}");
    assert_eq!(
        first["reason"],
        format!("with newer work the gate `{gate}` exited with 97; conflict round 1 changed nothing")
    );
    assert_eq!(first["rounds"].as_array().map_or(0, Vec::len), 1, "{later:#}");
    expect_merged(&project, 1..=2);
    let tip = project.files("generation-one");
    assert!(
        !(tip.contains_key("src/1.txt") && tip.contains_key("src/2.txt")),
        "{tip:?}"
    );
    // On the work of each attempt, then twice on the merged tree, then on the second attempt's.
    let judged = |event: &&EventKind| matches!(event, EventKind::GateEnded { .. });
    assert_eq!(project.events().iter().filter(judged).count(), 5);
    project.expect_tidy();
}

/// Once another task of the cycle is merged, and before the last one is done.
fn a_measure_is_made_beside_the_last_task_of_a_cycle(engine: TestEngine) {
    let proposed = proposal("more", "comes of the measure", &[], &format!("{WAIT}write src/3.txt x"));
    let script = format!("propose {}", json!({"proposals": [proposed]}));
    let project = Project::new(engine, &format!("{}stitch: {{parallel: 2}}\n", user_prompt(&script)));
    project.add("waits", &format!("{WAIT}write src/1.txt x"));
    project.add("is quick", "write src/2.txt x");
    let run = project.spawn(&["generator", "run", "--cycles", "5"]);
    // The task that the measure filed is at work beside the one that was there before it.
    let slots = wait_for_agents(&project, 2);
    assert_eq!(
        ["cw-1", "cw-2", "cw-3"].map(|id| project.issue(id)["status"].clone()),
        ["in_progress", "closed", "in_progress"]
    );
    assert_eq!(project.issue("cw-3")["title"], "comes of the measure");
    let_all_go_on(&project, &slots);
    // What it proposes again is filed already. Where one of the two was merged before the other, a measure is made beside that, and
    // one after it, since the former has not seen its work.
    ended(run)
        .expect(0)
        .says("measure proposes nothing more, and nothing is open");
    let is_measure = |event: &&EventKind| matches!(event, EventKind::MeasureStarted { .. });
    let count = project.events().iter().filter(is_measure).count();
    assert!((2..=3).contains(&count), "{count}");
    expect_merged(&project, 1..=3);
    project.expect_tidy();
}

fn a_task_waits_for_its_dependencies(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 3}\n");
    add_waiting(&project, 2);
    // It fails unless the file is there.
    project.add_after("comes after", "rename src/1.txt src/3.txt", &["cw-1"]);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 2);
    assert_eq!(project.issue("cw-3")["status"], "open");
    let_all_go_on(&project, &slots);
    ended(run).expect(0);
    assert_eq!(project.outcomes("cw-3"), ["merged"]);
    expect_merged(&project, 1..=3);
    assert_eq!(project.content("src/3.txt"), "x");
    project.expect_tidy();
}

fn tasks_of_the_same_files_wait_for_others(engine: TestEngine) {
    let task = |key: &str, file: &str| {
        let mut task = proposal(
            key,
            key,
            &[],
            &format!("on 1 fifo go\non 1 append go x\nwrite {file} {key}"),
        );
        task["files"] = json!([{"path": file, "action": "create"}]);
        task
    };
    // The third one names another file than the first two, which name the same one.
    let proposals = [
        task("first", "src/a.txt"),
        task("second", "src/a.txt"),
        task("third", "src/b.txt"),
    ];
    let script = format!("propose {}", json!({"proposals": proposals}));
    let project = Project::new(engine, &format!("{}stitch: {{parallel: 2}}\n", user_prompt(&script)));
    let run = project.spawn(&["generator", "run"]);
    let slots = wait_for_agents(&project, 2);
    let status = |id: &str| project.issue(id)["status"].clone();
    assert_eq!(
        ["cw-1", "cw-2", "cw-3"].map(status),
        ["in_progress", "open", "in_progress"]
    );
    let first = project.issue("cw-1");
    assert_eq!(first["title"], "first");
    let_all_go_on(&project, &slots);
    let last = wait_for_agents(&project, 1);
    let_all_go_on(&project, &last);
    ended(run).expect(0);
    expect_merged(&project, 1..=3);
    project.expect_tidy();
}

/// An error ends the run, but no work that is in progress.
fn an_error_of_one_lets_the_others_end(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 2}\n");
    add_waiting(&project, 3);
    project.add("comes later", "write src/4.txt x");
    let mut run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots: Vec<u32> = wait_for_agents(&project, 2).into_iter().collect();
    let place = project.repository.outside().join("elsewhere");
    let place = place.to_str().unwrap();
    project.repository.git(&["worktree", "add", place, "generation-one"]);
    let_go_on(&project, slots[0]);
    let has_ended = |event: &EventKind| matches!(event, EventKind::AttemptEnded { .. });
    project.wait_for_event(has_ended);
    // Its agent had ended before it met the error, so that the third task has begun.
    let others = wait_for_agents(&project, 2);
    assert!(run.try_wait().unwrap().is_none(), "the others are still at work");
    project.repository.git(&["worktree", "remove", "--force", place]);
    let_all_go_on(&project, &others);
    ended(run).expect(9).says("was checked out at");
    let merged = ["cw-1", "cw-2", "cw-3", "cw-4"].map(|id| project.merges_of(id));
    assert_eq!(merged.iter().sum::<usize>(), 2, "{merged:?}");
    assert!(project.outcomes("cw-4").is_empty(), "nothing began after the error");
    project.expect_tidy();
    project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    expect_merged(&project, 1..=4);
}

fn a_budget_holds_with_several_at_work(engine: TestEngine) {
    let project = Project::new(engine, &by_the_client("stitch: {parallel: 4}\nbudget: {usd: 1.0}\n"));
    for number in 1..=6 {
        let answer = "tokens 100 10 0.08\n".repeat(4);
        project.add(
            &format!("is dear {number}"),
            &format!("{answer}write src/{number}.txt x"),
        );
    }
    let ran = project.run(&["generator", "run", "--tasks-only"]);
    ran.expect(8).says("the generation's budget is spent");
    let status = project.status();
    let paid = status["usage"]["cost_usd"].as_f64().unwrap();
    assert!(paid <= 1.0, "{paid}: {status:#}");
    assert!(paid > 0.6, "{paid}: what is left goes to those that can still use it");
    project.expect_tidy();
}

/// What others held when its call ended is there afterwards.
fn a_call_that_met_its_share_goes_on_with_the_rest(engine: TestEngine) {
    let project = Project::new(engine, &by_the_client("stitch: {parallel: 2}\nbudget: {usd: 2.0}\n"));
    let answer = "tokens 100 10 0.3\n";
    project.add("is dear", &format!("{answer}{answer}{answer}{answer}write src/1.txt x"));
    project.add("is cheap", &format!("{WAIT}tokens 100 10 0.01\nwrite src/2.txt x"));
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    let has_ended = |event: &EventKind| matches!(event, EventKind::AttemptEnded { .. });
    project.wait_for_event(has_ended);
    let_all_go_on(&project, &slots);
    ended(run).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["budget_spent", "merged"]);
    expect_merged(&project, 1..=2);
    project.expect_tidy();
}

fn one_pause_is_made_for_all(engine: TestEngine) {
    let project = Project::new(engine, "limits: {wait: 1h}\nstitch: {parallel: 3}\n");
    for number in 1..=3 {
        let script = format!("on 1 fifo go\non 1 append go x\non 1 limit 1900000000\nwrite src/{number}.txt x");
        project.add(&format!("meets a limit {number}"), &script);
    }
    // 1900000000 is 2030-03-17T17:46:40Z.
    let (done, events) = std::thread::scope(|scope| {
        let run = scope.spawn(|| run_by_the_clock(&project, "2030-03-17T17:00:00Z"));
        let slots = wait_for_agents(&project, 3);
        let_all_go_on(&project, &slots);
        run.join().unwrap()
    });
    assert_eq!((done.merged, done.exit_code), (3, 0), "{done:?}");
    for number in 1..=3 {
        assert_eq!(project.outcomes(&format!("cw-{number}")), ["limited", "merged"]);
    }
    let paused = |event: &&EventKind| matches!(event, EventKind::Paused { .. });
    assert_eq!(events.iter().filter(paused).count(), 1, "{events:?}");
    project.expect_tidy();
}

fn one_whose_calls_fail_waits_while_others_go_on(engine: TestEngine) {
    let project = Project::new(
        engine,
        "stitch: {parallel: 4}\nretry: {count: 3, initial: 1s, ceiling: 1s}\n",
    );
    project.add("fails once", "on 1 api-error 529 Overloaded\nwrite src/1.txt x");
    project.add("waits", &format!("{WAIT}write src/2.txt x"));
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = wait_for_agents(&project, 1);
    // It is tried again, and merged, while the other one is still at work.
    wait_until(|| project.issue("cw-1")["status"] == "closed");
    assert_eq!(waiting(&project), slots);
    let_all_go_on(&project, &slots);
    ended(run).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["infrastructure_failed", "merged"]);
    expect_merged(&project, 1..=2);
    project.expect_tidy();
}

fn a_run_killed_with_several_at_work_is_resumed(engine: TestEngine) {
    let project = Project::new(engine, "stitch: {parallel: 3}\n");
    add_waiting(&project, 4);
    let mut run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_for_agents(&project, 3);
    run.kill().unwrap();
    run.wait().unwrap();
    project.forget_adoptions();
    assert_eq!(project.containers().len(), 3);
    let resumed = project.spawn(&["generator", "resume", "--tasks-only"]);
    // The fourth one had not begun.
    let last = || project.issue("cw-4")["status"] == "in_progress";
    wait_until(last);
    let_all_go_on(&project, &wait_for_agents(&project, 1));
    let ran = ended(resumed).expect(0);
    ran.says("Recovered: removed the container");
    for number in 1..=3 {
        assert_eq!(project.outcomes(&format!("cw-{number}")), ["cancelled", "merged"]);
    }
    expect_merged(&project, 1..=4);
    project.expect_tidy();
}

fn one_signal_ends_all(engine: TestEngine) {
    let project = Project::new(engine, "stop_grace: 1s\nstitch: {parallel: 3}\n");
    add_waiting(&project, 4);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_for_agents(&project, 3);
    signal(&run, Signal::INT);
    ended(run).expect(130).says("Run ended: interrupted. ");
    for number in 1..=3 {
        let issue = project.issue(&format!("cw-{number}"));
        assert_eq!(
            (&issue["status"], &issue["attempts"][0]["outcome"]),
            (&"open".into(), &"cancelled".into())
        );
    }
    assert!(project.outcomes("cw-4").is_empty(), "nothing begins after the signal");
    project.expect_tidy();
}
