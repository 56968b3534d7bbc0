//! The queue of work that waits to land: judged together, halved where it is red, and what depends on chance.

use std::fs;
use std::path::{Path, PathBuf};

use cordwainer::event::{CallName, EventKind, GateFlaked, MergeJudged, Step};
use serde_json::{Value, json};

use crate::run::parallel::{add_waiting, ended, expect_merged, let_go_on, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::wait_until;

engine_tests! {
    podman first: those_that_wait_are_judged_together_and_halved_where_they_are_red;
    podman: another_task_begins_while_gates_run, a_verdict_that_depends_on_chance_is_counted_until_its_gate_is_in_quarantine;
}

/// Waits until a gate runs on a tree that has all of these files, and waits for `answer`; returns its slot.
#[track_caller]
pub(crate) fn wait_for_gate(project: &Project, files: &[&str], answer: &str) -> PathBuf {
    let slots = project.state().join("slots");
    let asked = || {
        (1..=9).map(|slot| slots.join(slot.to_string())).find(|slot| {
            let marker = fs::read_to_string(slot.with_extension("dirty")).unwrap_or_default();
            let has = |file: &str| slot.join(file).exists();
            marker == "gates are tried" && files.iter().all(|file| has(file)) && !has(answer)
        })
    };
    // Its slot is laid out by then.
    let runs = || project.containers().iter().any(|name| name.contains("-gate-"));
    wait_until(|| asked().is_some() && runs());
    asked().unwrap()
}

/// Returns the slot that the agent of a task is at work in.
fn slot_of(project: &Project, task: &str) -> u32 {
    let slots = project.state().join("slots");
    let is_of = |slot: &u32| {
        let marker = fs::read_to_string(slots.join(format!("{slot}.dirty"))).unwrap_or_default();
        let owner: Value = serde_json::from_str(&marker).unwrap_or_default();
        owner["task"] == task
    };
    (1..=9).find(is_of).unwrap()
}

/// Writes an answer that a gate waits for, in one step.
pub(crate) fn answer(slot: &Path, name: &str, text: &str) {
    let new = slot.join("answer.new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, slot.join(name)).unwrap();
}

/// Waits until the work of a task has passed by itself.
#[track_caller]
fn wait_for_merge(project: &Project, task: &str) {
    project.wait_for_event(|event| {
        let EventKind::StepStarted {
            call: CallName { task: Some(id), .. },
            step: Step::Merge,
        } = event
        else {
            return false;
        };
        id.to_string() == task
    });
}

/// Has the agents of tasks go on one after the other, each until its work has passed by itself.
fn let_pass(project: &Project, tasks: &[&str]) {
    for task in tasks {
        let_go_on(project, slot_of(project, task));
        wait_for_merge(project, task);
    }
}

fn those_that_wait_are_judged_together_and_halved_where_they_are_red(engine: TestEngine) {
    // Red where the third and the fifth are together, and on the first and second alone it waits for this test.
    let gate = "apart=src/3.txt,src/5.txt unless=src/3.txt only=src/1.txt only=src/2.txt until=free";
    let project = Project::new(engine, &format!("gates: [\"{gate}\"]\nstitch: {{parallel: 5}}\n"));
    add_waiting(&project, 4);
    project.add(
        "waits 5",
        "on 1 fifo go\non 1 append go x\non 1 write src/5.txt x\non 2 write src/5-again.txt x",
    );
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_for_agents(&project, 5);
    let_pass(&project, &["cw-1"]);
    wait_until(|| project.issue("cw-1")["status"] == "closed");
    let_pass(&project, &["cw-2"]);
    let slot = wait_for_gate(&project, &["src/1.txt", "src/2.txt"], "free");
    let_pass(&project, &["cw-3", "cw-4", "cw-5"]);
    answer(&slot, "free", "");
    ended(run).expect(0);
    expect_merged(&project, 1..=5);
    for number in 1..=4 {
        assert_eq!(project.outcomes(&format!("cw-{number}")), ["merged"]);
    }
    assert_eq!(project.outcomes("cw-5"), ["conflict", "merged"]);
    let tip = project.files("generation-one");
    assert!(
        tip.contains_key("src/5-again.txt") && !tip.contains_key("src/5.txt"),
        "{tip:?}"
    );
    let events = project.events();
    let together: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            EventKind::MergeJudged(MergeJudged { tasks, passed, .. }) => {
                Some((tasks.iter().map(ToString::to_string).collect::<Vec<_>>(), *passed))
            }
            _ => None,
        })
        .collect();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        together,
        [
            (names(&["cw-3", "cw-4", "cw-5"]), false),
            (names(&["cw-3", "cw-4"]), true)
        ]
    );
    // On the work of each by itself; on the first two; twice on all; on the first half. The other half is known to be red.
    // Then on the fifth's second attempt.
    let judged = |event: &&EventKind| matches!(event, EventKind::GateEnded { .. });
    assert_eq!(events.iter().filter(judged).count(), 5 + 1 + 2 + 1 + 1);
    project.expect_tidy();
}

/// Its agent has done its work, and its place is another's while its gates run; but no more tasks wait for gates than
/// there are places.
fn another_task_begins_while_gates_run(engine: TestEngine) {
    // It waits for this test, until the third task has landed.
    let gate = "unless=src/3.txt only=src/slow.txt until=free";
    let project = Project::new(engine, &format!("gates: [\"{gate}\"]\nstitch: {{parallel: 2}}\n"));
    for number in 1..=2 {
        let script = format!("fifo go\nappend go x\nwrite src/slow.txt x\nwrite src/{number}.txt x");
        project.add(&format!("is judged for long {number}"), &script);
    }
    for number in 3..=5 {
        project.add(
            &format!("waits {number}"),
            &format!("fifo go\nappend go x\nwrite src/{number}.txt x"),
        );
    }
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_for_agents(&project, 2);
    let_go_on(&project, slot_of(&project, "cw-1"));
    let first = wait_for_gate(&project, &["src/1.txt"], "free");
    wait_for_agents(&project, 2);
    let_go_on(&project, slot_of(&project, "cw-2"));
    let second = wait_for_gate(&project, &["src/2.txt"], "free");
    wait_for_agents(&project, 2);
    let status_of = |id: &str| project.issue(id)["status"].clone();
    let states = ["cw-1", "cw-2", "cw-3", "cw-4", "cw-5"].map(status_of);
    assert_eq!(states[4], "open", "{states:?}");
    assert!(states[..4].iter().all(|state| state == "in_progress"), "{states:?}");
    // One that passes lands beside those that are judged.
    let_pass(&project, &["cw-3"]);
    wait_until(|| project.issue("cw-3")["status"] == "closed");
    wait_for_agents(&project, 2);
    for slot in [&first, &second] {
        answer(slot, "free", "");
    }
    let_pass(&project, &["cw-4", "cw-5"]);
    ended(run).expect(0);
    expect_merged(&project, 1..=5);
    project.expect_tidy();
}

fn a_verdict_that_depends_on_chance_is_counted_until_its_gate_is_in_quarantine(engine: TestEngine) {
    let gate = json!({"name": "test", "command": "only=src/1.txt only=src/2.txt until=verdict exit_of=verdict", "quarantine": 1});
    let project = Project::new(engine, &format!("gates: [{gate}]\nstitch: {{parallel: 2}}\n"));
    add_waiting(&project, 2);
    // So that it begins from a tip that has both.
    project.add_after("comes later", "write src/3.txt x", &["cw-2"]);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    wait_for_agents(&project, 2);
    let_pass(&project, &["cw-1"]);
    wait_until(|| project.issue("cw-1")["status"] == "closed");
    let_pass(&project, &["cw-2"]);
    let both = ["src/1.txt", "src/2.txt"];
    for verdict in ["1", "0"] {
        answer(&wait_for_gate(&project, &both, "verdict"), "verdict", verdict);
    }
    answer(
        &wait_for_gate(&project, &[&both[..], &["src/3.txt"]].concat(), "verdict"),
        "verdict",
        "1",
    );
    let _ = ended(run)
        .expect(0)
        .says("gate `test` exited with 1 with newer work, and passed when it ran again: its verdict depends on chance")
        .says("it is in quarantine now, and advisory");
    expect_merged(&project, 1..=3);
    let flaked = project.events().into_iter().find_map(|event| match event {
        EventKind::GateFlaked(GateFlaked {
            task, gate, how, trees, ..
        }) => Some((task.to_string(), gate, how, trees)),
        _ => None,
    });
    let expect = ("cw-2".to_owned(), "test".to_owned(), "exited with 1".to_owned(), 1);
    assert_eq!(flaked, Some(expect));
    let reason = |id: &str| project.issue(id)["attempts"][0]["reason"].as_str().unwrap().to_owned();
    assert_eq!(
        reason("cw-2"),
        "the gate `test` exited with 1, and passed when it ran again"
    );
    assert_eq!(reason("cw-3"), "in quarantine: the gate `test` exited with 1");
    project.expect_tidy();
}
