//! Best of several: candidates of an attempt (`candidates` of `rules`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use cordwainer::event::EventKind;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::run::budgets::by_the_client;
use crate::run::parallel::{ended, wait_for_agents};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};
use crate::support::scripts::WAIT;

engine_tests! {
    podman first: the_answer_goes_to_the_candidates_that_asked;
    docker first: the_best_of_several_is_merged_and_the_others_stay;
    podman: candidates_share_the_budget_of_their_task, a_run_that_died_with_candidates_comes_to_the_same_end,
        interrupted_candidates_go_on_each_with_its_session, what_candidates_ask_outlives_a_death;
    docker: one_that_passes_ends_the_wait_of_the_others, where_none_passes_the_attempt_is_like_the_nearest;
}

/// A rule by which each attempt has so many candidates.
fn rule(candidates: u32) -> String {
    format!("rules: [{{when: {{attempt: 1}}, candidates: {candidates}}}]\n")
}

/// The slots of the candidates that wait for this test, by the candidate's number.
fn slots(project: &Project, count: usize) -> BTreeMap<u64, u32> {
    let numbered = wait_for_agents(project, count).into_iter().map(|slot| {
        let marker = fs::read_to_string(project.state().join(format!("slots/{slot}.dirty"))).unwrap();
        let owner: Value = serde_json::from_str(&marker).unwrap();
        (owner["candidate"].as_u64().unwrap(), slot)
    });
    numbered.collect()
}

/// Writes a file as an agent that waits would, and lets that go on.
fn let_write(project: &Project, slot: u32, path: &str, content: &str) {
    fs::write(project.state().join(format!("slots/{slot}/{path}")), content).unwrap();
    let pipe = project.state().join(format!("slots/{slot}/go"));
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
}

fn candidates(project: &Project, attempt: usize) -> Vec<Value> {
    let issue = project.issue("cw-1");
    issue["attempts"][attempt]["candidates"].as_array().unwrap().clone()
}

/// Candidates by number, each with its outcome and whether it was taken.
fn outcomes(candidates: &[Value]) -> Vec<(u64, String, bool)> {
    let one = |one: &Value| {
        let outcome = one["outcome"].as_str().unwrap().to_owned();
        (one["number"].as_u64().unwrap(), outcome, one["chosen"] == true)
    };
    candidates.iter().map(one).collect()
}

fn expect(of: &[(u64, &str, bool)]) -> Vec<(u64, String, bool)> {
    of.iter()
        .map(|(number, outcome, chosen)| (*number, (*outcome).to_owned(), *chosen))
        .collect()
}

fn the_best_of_several_is_merged_and_the_others_stay(engine: TestEngine) {
    let gates = "gates: [\"apart=src/base.txt,src/bad.txt\"]\nstitch: {fix_rounds: off}\nstages: [stitch, review]\n";
    let project = Project::new(engine, &format!("{gates}{}", rule(3)));
    project.add("is hard", &format!("tokens 100 10 0.1\n{WAIT}write src/base.txt x"));
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = slots(&project, 3);
    assert_eq!(slots.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    let tips: BTreeSet<_> = slots.values().map(|slot| slot_base(&project, *slot)).collect();
    assert_eq!(tips.len(), 1, "they begin from one commit");
    // The first is larger than the second, and the third, which is smaller than both, does not pass the gate.
    let_write(&project, slots[&2], "src/b.txt", "one\n");
    let_write(&project, slots[&3], "src/bad.txt", "");
    wait_until(|| {
        project
            .events()
            .iter()
            .any(|event| matches!(event, EventKind::ReviewEnded { candidate: 2, .. }))
    });
    assert_eq!(
        project.merges_of("cw-1"),
        0,
        "nobody lands before all have come to their end"
    );
    let_write(&project, slots[&1], "src/a.txt", "one\ntwo\nthree\n");
    let ran = ended(run).expect(0);
    ran.says("cw-1.1: not chosen (score 8, ")
        .says("cw-1.2: taken (score 8, ")
        .says("cw-1.3: gate failed");

    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    assert_eq!(project.merges_of("cw-1"), 1);
    let all = candidates(&project, 0);
    let came_to = [(1, "not_chosen", false), (2, "merged", true), (3, "gate_failed", false)];
    assert_eq!(outcomes(&all), expect(&came_to));
    let judged: BTreeSet<_> = project
        .events()
        .into_iter()
        .filter_map(|event| match event {
            EventKind::GateEnded { candidate, passed, .. } => Some((candidate, passed)),
            _ => None,
        })
        .collect();
    assert_eq!(
        judged,
        [(1, true), (2, true), (3, false)].into(),
        "events name the candidate"
    );
    assert_eq!(
        (&all[0]["score"], &all[1]["score"], &all[2]["score"]),
        (&8.into(), &8.into(), &Value::Null)
    );
    let tip = project.files("generation-one");
    assert!(tip.contains_key("src/b.txt") && !tip.contains_key("src/a.txt") && !tip.contains_key("src/bad.txt"));
    // Three calls and two reviews, each once, wherever they are kept.
    assert_eq!(project.status()["usage"]["calls"], 5);
    assert!(
        (project.cost("stitch") - 0.3).abs() < 0.05,
        "{}",
        project.cost("stitch")
    );
    assert_eq!(all[1]["call"], Value::Null);
    assert_eq!(project.issue("cw-1")["attempts"][0]["call"]["candidate"], 2);
    let of_the_ref = project
        .repository
        .git(&["rev-list", "refs/cordwainer/generation-one/tasks/cw-1"]);
    for one in &all {
        let snapshot = one["snapshot"].as_str().unwrap();
        assert!(of_the_ref.contains(snapshot), "{one:#}");
        let trailer = "--format=%(trailers:key=Cordwainer-Candidate,valueonly)";
        let said = project.repository.git(&["log", "-1", trailer, snapshot]);
        assert_eq!(said.trim(), one["number"].to_string());
        let records = project.state().join(one["records"].as_str().unwrap());
        assert!(records.join("transcript.jsonl").exists(), "{}", records.display());
    }
    let shown = project.run(&["issues", "show", "cw-1"]).expect(0);
    shown
        .says("called with candidates 3 by rule 1")
        .says("candidate 1.2, as above, score 8")
        .says("candidate 1.3 gate failed");
    project.expect_tidy();
}

/// Asks a person this in the first attempt, and goes on with the answer; whoever is interrupted before that begins afresh.
fn asks(question: &str) -> String {
    let word = json!({"summary": null, "question": question});
    format!(
        "on 1 fifo go\non 1 append go x\non 1 answer <<END\n```json\n{word}\n```\nEND\non 1 done\nwrite src/a.txt a"
    )
}

fn the_answer_goes_to_the_candidates_that_asked(engine: TestEngine) {
    let project = Project::new(engine, &format!("stop_grace: 1s\n{}", rule(3)));
    project.add("is unclear", &asks("Which unit?"));
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = slots(&project, 3);
    for number in [1, 3] {
        let pipe = project.state().join(format!("slots/{}/go", slots[&number]));
        assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
        project.wait_for_event(|event| matches!(event, EventKind::StepStarted { call, step } if u64::from(call.candidate) == number && step.name() == "snapshot"));
    }
    // The second one never comes to ask.
    signal(&run, Signal::INT);
    let ran = ended(run).expect(130);
    ran.says("cw-1: held for you: it asks.");
    let came_to = [(1, "asked", true), (2, "cancelled", false), (3, "asked", false)];
    assert_eq!(outcomes(&candidates(&project, 0)), expect(&came_to));
    // It is asked once, and kept with each that asks it.
    assert_eq!(project.issue("cw-1")["question"], "Which unit?");
    let kept = candidates(&project, 0).into_iter().map(|one| one["question"].clone());
    assert_eq!(
        kept.collect::<Vec<_>>(),
        [json!("Which unit?"), Value::Null, json!("Which unit?")]
    );
    let told = project.events().into_iter().filter_map(|event| match event {
        EventKind::QuestionAsked(asked) => Some((asked.candidates, asked.question)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(vec![1, 3], "Which unit?".to_owned())]);
    assert_eq!(project.suspended(), 3);
    project.run(&["issues", "answer", "cw-1", "Metres."]).expect(0);
    project.run(&["generator", "run", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["asked", "merged"]);
    for (one, begins) in candidates(&project, 1).iter().zip([
        "You ended with a question to a person.",
        "You were interrupted from outside",
        "You ended with a question to a person.",
    ]) {
        let records = project.state().join(one["records"].as_str().unwrap());
        let prompt = fs::read_to_string(records.join("prompt.md")).unwrap();
        let begins = format!("Attempt 2\n\n{begins}");
        assert!(
            prompt.starts_with(&begins) && prompt.contains("The answer: Metres."),
            "{prompt}"
        );
    }
    let resumed = |event: &&EventKind| matches!(event, EventKind::SessionResumed { .. });
    assert_eq!(project.events().iter().filter(resumed).count(), 3);
    project.expect_tidy();
}

fn what_candidates_ask_outlives_a_death(engine: TestEngine) {
    let project = Project::new(engine, &rule(3));
    project.add("is unclear", &asks("Which unit?"));
    let mut run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = slots(&project, 3);
    let let_ask = |number| {
        let pipe = project.state().join(format!("slots/{}/go", slots[&number]));
        assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
    };
    let has_asked = |number: u64| {
        let marker = fs::read_to_string(project.state().join(format!("slots/{}.dirty", slots[&number]))).unwrap();
        serde_json::from_str::<Value>(&marker).unwrap()["asks"] == true
    };
    for number in [1, 3] {
        let_ask(number);
        wait_until(|| has_asked(number));
    }
    let before = project.containers();
    assert_eq!(before.len(), 1, "the second one is at work");
    run.kill().unwrap();
    run.wait().unwrap();
    // Its agent is gone on with, and those that asked are not called again.
    let run = project.spawn(&["generator", "resume", "--tasks-only"]);
    project.wait_for_event(|event| matches!(event, EventKind::Adopted(adopted) if adopted.call.candidate == 2));
    let_ask(2);
    ended(run).expect(7).says("cw-1: held for you: it asks.");
    let came_to = [(1, "asked", true), (2, "asked", false), (3, "asked", false)];
    assert_eq!(outcomes(&candidates(&project, 0)), expect(&came_to));
    assert_eq!(project.issue("cw-1")["question"], "Which unit?");
    let begun = |event: &&EventKind| matches!(event, EventKind::AgentStarted { .. });
    assert_eq!(project.events().iter().filter(begun).count(), 3);
    project.expect_tidy();
}

/// The commit that a slot was made from.
fn slot_base(project: &Project, slot: u32) -> String {
    let marker = fs::read_to_string(project.state().join(format!("slots/{slot}.dirty"))).unwrap();
    let owner: Value = serde_json::from_str(&marker).unwrap();
    owner["base"].as_str().unwrap().to_owned()
}

fn candidates_share_the_budget_of_their_task(engine: TestEngine) {
    let more = format!("budget: {{task_usd: 1.0}}\n{}", rule(4));
    let project = Project::new(engine, &by_the_client(&more));
    project.add(
        "is dear",
        &format!("{}write src/a.txt x", "tokens 100 10 0.08\n".repeat(4)),
    );
    project.run(&["generator", "run", "--tasks-only"]);
    let issue = project.issue("cw-1");
    let paid = project.status()["usage"]["cost_usd"].as_f64().unwrap();
    assert!(paid <= 1.0, "{paid}: {issue:#}");
    assert!(
        paid > 0.6,
        "{paid}: what is left goes to those that can still use it: {issue:#}"
    );
    let first = candidates(&project, 0);
    let called = first
        .iter()
        .filter(|one| one["chosen"] == true || one["call"].is_object());
    assert_eq!(called.count(), 4, "all are called side by side: {issue:#}");
    project.expect_tidy();
}

fn one_that_passes_ends_the_wait_of_the_others(engine: TestEngine) {
    let project = Project::new(engine, &format!("limits: {{wait: never}}\n{}", rule(2)));
    project.add("is hard", &format!("{WAIT}write src/a.txt x"));
    let mut run = project.spawn(&["generator", "run", "--tasks-only"]);
    let slots = slots(&project, 2);
    let_write(&project, slots[&1], "src/b.txt", "x");
    project.wait_for_event(|event| matches!(event, EventKind::StepStarted { call, step } if call.candidate == 1 && step.name() == "snapshot"));
    // What ends the other one is no failure of the attempt.
    let name = project
        .containers()
        .into_iter()
        .find(|name| name.contains("cw-1.2-1"))
        .unwrap();
    let killed = project.engine.client().args(["kill", &name]).status().unwrap();
    assert!(killed.success());
    assert!(run.wait().unwrap().success());
    let came_to = [(1, "merged", true), (2, "agent_failed", false)];
    assert_eq!(outcomes(&candidates(&project, 0)), expect(&came_to));
    assert_eq!(project.suspended(), 0);
    project.expect_tidy();
}

fn where_none_passes_the_attempt_is_like_the_nearest(engine: TestEngine) {
    let more = "gates: [\"apart=src/base.txt,src/bad.txt\"]\nstitch: {fix_rounds: off, max_attempts: 1}\n";
    let project = Project::new(engine, &format!("{more}{}", rule(2)));
    project.add(
        "is hard",
        &format!("{WAIT}write src/base.txt x\nfail if nothing is there"),
    );
    project.add("is another", "write src/c.txt x");
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    for (number, slot) in slots(&project, 2) {
        let_write(&project, slot, &format!("src/{number}.txt"), "x");
    }
    ended(run).expect(7);
    assert_eq!(project.outcomes("cw-1"), ["agent_failed"]);
    assert_eq!(project.issue("cw-1")["status"], "blocked");
    let came_to = [(1, "agent_failed", true), (2, "agent_failed", false)];
    assert_eq!(outcomes(&candidates(&project, 0)), expect(&came_to));
    assert_eq!(project.outcomes("cw-2"), ["merged"]);
    project.expect_tidy();
}

fn interrupted_candidates_go_on_each_with_its_session(engine: TestEngine) {
    let project = Project::new(engine, &format!("stop_grace: 1s\n{}", rule(2)));
    let script = "tokens 100 10 0.1\non 1 fifo go\non 1 append go x\nwrite src/a.txt x";
    project.add("is hard", script);
    let run = project.spawn(&["generator", "run", "--tasks-only"]);
    slots(&project, 2);
    signal(&run, Signal::INT);
    ended(run).expect(130);
    assert_eq!(project.suspended(), 2);
    let came_to = [(1, "cancelled", true), (2, "cancelled", false)];
    assert_eq!(outcomes(&candidates(&project, 0)), expect(&came_to));
    project.run(&["generator", "resume", "--tasks-only"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
    assert_eq!(candidates(&project, 1).len(), 2);
    let resumed = |event: &&EventKind| matches!(event, EventKind::SessionResumed { .. });
    assert_eq!(project.events().iter().filter(resumed).count(), 2);
    assert_eq!(project.merges_of("cw-1"), 1);
    assert_eq!(
        (project.status()["usage"]["calls"].clone(), project.suspended()),
        (4.into(), 0)
    );
    project.expect_tidy();
}

fn a_run_that_died_with_candidates_comes_to_the_same_end(engine: TestEngine) {
    for point in [
        "stitch.claimed",
        "stitch.checkout",
        "stitch.called",
        "stitch.kept",
        "stitch.done",
        "stitch.merged",
        "stitch.released",
        "stitch.concluded",
    ] {
        let project = Project::new(engine, &rule(2));
        project.add("is hard", "tokens 100 10 0.1\nwrite src/a.txt one");
        let mut command = project.command(&["generator", "run", "--tasks-only"]);
        let output = command.env("CORDWAINER_CRASH_AT", point).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{point} was never reached");
        let ran = project.run(&["generator", "resume", "--tasks-only"]);
        assert!(
            matches!(ran.code, Some(0 | 4)),
            "{point}: {}\n{}",
            ran.stdout,
            ran.stderr
        );
        let issue = project.issue("cw-1");
        assert_eq!(
            (&issue["status"], project.merges_of("cw-1")),
            (&"closed".into(), 1),
            "{point}: {issue:#}"
        );
        assert_eq!(project.content("src/a.txt"), "one", "{point}");
        let last = issue["attempts"].as_array().unwrap().last().unwrap();
        assert_eq!(last["outcome"], "merged", "{point}: {issue:#}");
        // Every call is in the ledger, once: an agent that was asked is known by its records.
        let asked = fs::read_dir(project.state().join("runs"))
            .unwrap()
            .flat_map(|run| fs::read_dir(run.unwrap().path()).unwrap());
        let asked = asked.filter(|call| {
            let transcript = call.as_ref().unwrap().path().join("transcript.jsonl");
            fs::metadata(transcript).is_ok_and(|found| found.len() > 0)
        });
        assert_eq!(project.status()["usage"]["calls"], asked.count(), "{point}: {issue:#}");
        assert_eq!(project.suspended(), 0, "{point}");
        project.expect_tidy();
    }
}
