//! Fix rounds: the session of an attempt is told which gate is red, and goes on. The image's `sh` is the probe, see its
//! source.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use cordwainer::event::EventKind;
use rustix::process::Signal;
use serde_json::Value;

use crate::run::budgets::by_the_client;
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;
use crate::support::project::waiting::{signal, wait_until};

engine_tests! {
    docker first: a_red_gate_is_made_to_pass_by_the_same_session;
    podman: rounds_end_when_they_lead_nowhere, a_run_that_died_in_a_round_goes_on_there;
    docker: a_round_keeps_to_the_budgets, gates_see_the_commit_alone_and_write_nothing_of_it;
}

/// Passes once there is a second file, and says where it is missing until then.
const WANTS_B: &str = "gates: [{command: cat=src/b.txt, compare: strict}]\n";

/// The prompt of a call.
pub(crate) fn prompt(project: &Project, call: &str) -> String {
    fs::read_to_string(project.records(call).pop().unwrap().join("prompt.md")).unwrap()
}

fn rounds(attempt: &Value) -> &[Value] {
    attempt["rounds"].as_array().map_or(&[], Vec::as_slice)
}

fn a_red_gate_is_made_to_pass_by_the_same_session(engine: TestEngine) {
    let project = Project::new(engine, WANTS_B);
    project.add(
        "writes two files",
        "tokens 100 10 0.25\nwrite src/a.txt one\ndone\ntokens 200 20 0.5\nwrite src/b.txt two",
    );
    let _ = project
        .run(&["generator", "run", "--tasks-only"])
        .expect(0)
        .says("cw-1: fix round 1 of 2: gate `cat=src/b.txt` exited with 99.")
        .says("cw-1: gate `cat=src/b.txt` passed.")
        .says(" 1 task needed 1 fix round (");
    let fixing = project.events().into_iter().find_map(|event| match event {
        EventKind::RunEnded { fixing, .. } => fixing,
        _ => None,
    });
    let fixing = fixing.unwrap();
    assert_eq!((fixing.tasks, fixing.rounds, fixing.usage.calls), (1, 1, 1));
    assert_eq!(project.outcomes("cw-1"), ["merged"]);
    let attempt = &project.issue("cw-1")["attempts"][0];
    let [round] = rounds(attempt) else {
        panic!("{attempt:#}")
    };
    assert_eq!(round["red"]["gate"], "cat=src/b.txt");
    assert_eq!(round["call"]["session_id"], attempt["call"]["session_id"]);
    assert_eq!((&round["number"], &round["call"]["round"]), (&1.into(), &1.into()));
    assert_eq!(attempt["red"], Value::Null);
    // What the gate printed is in the prompt, between marks.
    let printed = round["red"]["output"].as_str().unwrap();
    assert!(printed.contains("src/b.txt"), "{printed}");
    let asked = prompt(&project, "cw-1-1-fix-1");
    assert!(asked.contains(&format!("printed\n{printed}")), "{asked}");
    assert!(!asked.contains("writes two files"), "{asked}");
    // Both calls are in the ledger, to the token, and in the commit's trailers.
    let usage = &project.status()["usage"];
    assert_eq!(usage["calls"], 2);
    assert!((usage["cost_usd"].as_f64().unwrap() - 0.75).abs() < 0.01, "{usage}");
    let trailers = project
        .repository
        .git(&["log", "-1", "--format=%(trailers:only)", "generation-one"]);
    let end = "\nCordwainer-Rounds: 1\nCordwainer-Gates: cat=src/b.txt passed\nCordwainer-Lines: +2 -0\nCordwainer-Duration: ";
    assert!(trailers.contains(end), "{trailers}");
    let told = project.run(&["issues", "show", "cw-1"]).expect(0);
    let _ = told.says("fix round 1: the gate `cat=src/b.txt` exited with 99");
    project.expect_tidy();
}

/// What the first attempt's calls do, how it ends, how many rounds it had, and what the second attempt is told.
const NOWHERE: [(&str, &str, usize); 3] = [
    ("done", "exited with 1; fix round 1 changed nothing", 1),
    (
        "done\nwrite src/c.txt x",
        "exited with 1; fix round 1 did not change that",
        1,
    ),
    (
        "done\nwrite src/a.txt two\ndone\nwrite src/a.txt three",
        "exited with 1; after 2 fix rounds",
        2,
    ),
];

fn rounds_end_when_they_lead_nowhere(engine: TestEngine) {
    // It prints what was written, and is red.
    let text = "gates: [{command: cat=src/a.txt exit=1, compare: strict}]\nstitch: {max_attempts: 2}\n";
    let mut project = Project::new(engine, text);
    for (index, (steps, reason, count)) in NOWHERE.into_iter().enumerate() {
        project.add("a change", &format!("write src/a.txt one\n{steps}\n"));
        let id = format!("cw-{}", index + 1);
        project.run(&["generator", "stitch", &id]).expect(7).says(reason);
        let attempt = &project.issue(&id)["attempts"][0];
        assert_eq!(attempt["outcome"], "gate_failed", "{steps}");
        assert_eq!(rounds(attempt).len(), count, "{steps}: {attempt:#}");
        let printed = attempt["red"]["output"].as_str().unwrap();
        let shown = project.run(&["issues", "show", &id]).expect(0).stdout;
        assert!(shown.contains(&format!("    {}", printed.trim_end())), "{shown}");
        project.run(&["generator", "stitch", &id]).expect(7);
        // The next attempt begins afresh, and is told what the last one's gate printed.
        let asked = prompt(&project, &format!("{id}-2"));
        assert!(asked.contains(&format!("output of the check\n{printed}")), "{asked}");
    }
    // Without rounds, an attempt is one call.
    project.reconfigure(None, &text.replace("{max", "{fix_rounds: off, max"));
    project.add("a change", "write src/a.txt one\ndone\nwrite src/a.txt two");
    project.run(&["generator", "stitch", "cw-4"]).expect(7);
    let attempt = &project.issue("cw-4")["attempts"][0];
    assert_eq!(rounds(attempt), [] as [Value; 0]);
    assert_eq!(attempt["reason"], "the gate `cat=src/a.txt exit=1` exited with 1");
    project.expect_tidy();
}

/// Calls whose second one waits until it is let go, and then makes the gate pass.
const WAITS_IN_A_ROUND: &str =
    "tokens 100 10 0.25\nwrite src/a.txt one\ndone\nwrite src/c.txt x\nfifo go\nappend go x\nwrite src/b.txt two";

fn a_run_that_died_in_a_round_goes_on_there(engine: TestEngine) {
    for in_the_call in [false, true] {
        let project = Project::new(engine, WANTS_B);
        project.add("writes two files", WAITS_IN_A_ROUND);
        let mut command = project.command(&["generator", "stitch", "cw-1"]);
        if in_the_call {
            let mut run = command.spawn().unwrap();
            wait_until(|| project.state().join("slots/1/go").exists());
            signal(&run, Signal::KILL);
            run.wait().unwrap();
        } else {
            let output = command.env("CORDWAINER_CRASH_AT", "round.begun").output().unwrap();
            assert_eq!(output.status.signal(), Some(9));
        }
        let resumed = project.spawn(&["generator", "stitch", "cw-1"]);
        let pipe = project.state().join("slots/1/go");
        if in_the_call {
            // The step before the wait was done: it is the wait that goes on.
            assert_eq!(fs::read_to_string(&pipe).unwrap(), "x\n");
        } else {
            project.while_the_agent_waits(|| {});
        }
        let ran = resumed.wait_with_output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
        assert_eq!(project.outcomes("cw-1"), ["cancelled", "merged"]);
        let attempts = project.issue("cw-1")["attempts"].clone();
        assert_eq!(attempts[0]["red"]["gate"], "cat=src/b.txt");
        assert_eq!(attempts[0]["call"]["session_id"], attempts[1]["call"]["session_id"]);
        let first = &attempts[0]["call"]["usage"];
        assert!((first["cost_usd"].as_f64().unwrap() - 0.25).abs() < 0.01, "{first}");
        let asked = prompt(&project, "cw-1-2");
        assert!(asked.contains("You were interrupted"), "{asked}");
        assert!(asked.contains("The check `cat=src/b.txt` did not pass"), "{asked}");
        assert_eq!(project.content("src/a.txt"), "one");
        assert_eq!(project.merges_of("cw-1"), 1);
        project.expect_tidy();
    }
}

fn a_round_keeps_to_the_budgets(engine: TestEngine) {
    let text = by_the_client(WANTS_B);
    let mut project = Project::new(engine, &format!("{text}budget: {{usd: 0.4}}\n"));
    project.add(
        "writes two files",
        "tokens 100 10 0.35\nwrite src/a.txt one\ndone\ntokens 100 10 0.3\nwrite src/b.txt two",
    );
    project
        .run(&["generator", "run"])
        .expect(8)
        .says("the generation's budget is spent");
    assert_eq!(project.outcomes("cw-1"), ["budget_spent"]);
    let paid = project.status()["usage"]["cost_usd"].as_f64().unwrap();
    assert!(paid <= 0.4, "{paid}");
    assert_eq!(project.suspended(), 1);
    project.reconfigure(None, &format!("{text}budget: {{usd: 2}}\n"));
    project.run(&["generator", "resume"]).expect(0);
    assert_eq!(project.outcomes("cw-1"), ["budget_spent", "merged"]);
    let asked = prompt(&project, "cw-1-2");
    assert!(asked.contains("The check `cat=src/b.txt` did not pass"), "{asked}");
    assert_eq!(project.content("src/b.txt"), "two");
    project.expect_tidy();
}

fn gates_see_the_commit_alone_and_write_nothing_of_it(engine: TestEngine) {
    let gates = "gates:\n\
                 - {command: write-file=src/old.txt cat=src/b.txt, compare: strict}\n\
                 - {command: cat=src/ignored.txt, compare: strict}\n\
                 stitch: {max_attempts: 1}\n";
    let project = Project::new(engine, gates);
    project.add(
        "leaves an ignored file",
        "write .gitignore /src/ignored.txt\nwrite src/ignored.txt x\ndone\nwrite src/b.txt two\n",
    );
    project.run(&["generator", "stitch"]).expect(7);
    let attempt = &project.issue("cw-1")["attempts"][0];
    assert_eq!(attempt["red"]["gate"], "cat=src/ignored.txt", "{attempt:#}");
    let left = attempt["snapshot"].as_str().unwrap();
    // The first gate wrote to a file that is committed; the round's work does not have that.
    assert_eq!(project.repository.git(&["show", &format!("{left}:src/old.txt")]), "old");
    let begun = project
        .events()
        .into_iter()
        .filter(|event| matches!(event, EventKind::RoundStarted { .. }));
    assert_eq!(begun.count(), rounds(attempt).len());
    project.expect_tidy();
}
