//! Fix rounds and reviews with the real client: what the same session makes pass, what no review says, and what a limit or a
//! death in the middle of either leaves. The ledger has every call of it, to the token.

use serde_json::{Value, json};

use super::live::{ABOUT, Account, ClaudeEngine, Live, counted, tokens};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::tidiness::forget_adoptions;

engine_tests! {
    podman first: a_red_gate_is_made_to_pass_and_a_review_in_prose_passes_nothing,
        a_death_in_a_round_and_in_a_review_loses_nothing;
    docker first: a_limit_in_a_round_and_in_a_review_loses_nothing;
}

/// A gate that is red until there is a second file, and prints what it lacks; then a review.
const CONFIGURATION: &str = "gates: [{name: has-b, command: cat b.txt, compare: strict}]\n\
                             stages: [stitch, review]\n\
                             limits: {wait: never}\n";
/// By which the script knows a fix round.
const ROUND: &str = "The check `has-b` does not pass on what you left";
/// By which it knows the turn in which a session goes on that died in a round. One that met a limit repeats its request
/// instead.
const GOES_ON: &str = "The check `has-b` did not pass before that";
/// By which it knows a review.
const REVIEW: &str = "## What to judge";
/// How the first call of an attempt ends: what is interrupted comes after it.
const WORKED: &str = "success";

/// The project whose task's first call leaves the gate red, with these conversations after it.
fn project(engine: TestEngine, further: &str) -> Option<Live> {
    let engine = ClaudeEngine::find(engine.kind())?;
    let first = format!("about \"{ABOUT}\"\n  write /workspace/a.txt one\n    tokens 7 1000 0 11\n");
    let script = format!("{further}\n{first}");
    Some(Live::new(engine, Account::Subscription, &script, CONFIGURATION))
}

/// An answer of a reviewer.
fn passes() -> Value {
    json!({"score": 9, "approved": true, "summary": "Fine.", "findings": []})
}

/// Calls the program, which ends with this code and has made these attempts by then; returns the task, and what was printed.
#[track_caller]
fn called(live: &Live, arguments: &[&str], code: i32, attempts: &[(&str, &str)]) -> (Value, String) {
    let called = live.call(arguments);
    let task = live.task();
    let context = || format!("{called:#?}\n{task:#}\n{}", live.transcripts());
    assert_eq!(called.code, code, "{}", context());
    assert_eq!(Live::attempts(&task), attempts, "{}", context());
    (task, called.stdout)
}

/// Asserts that client, gateway, status and API agree on all calls.
#[track_caller]
fn expect_all_counted(live: &Live, task: &Value) {
    let served = counted(live.api.served());
    let status = live.call(&["generator", "status", "--json"]).json();
    let counts = [Live::ledger(task), Live::metered(task), tokens(&status["usage"])];
    assert_eq!(counts, [served; 3], "{task:#}\n{}", live.transcripts());
}

/// Asserts that the task was merged, once, with both files, and that nothing was requested that the script does not have.
#[track_caller]
fn expect_merged(live: &Live) {
    assert_eq!(live.api.surprises(), Vec::<String>::new());
    let log = live.repository.git(&["log", "--format=%B", "main..generation-one"]);
    assert_eq!(log.matches("Cordwainer-Task: cw-1").count(), 1, "{log}");
    assert!(log.contains("Cordwainer-Score: 9"), "{log}");
    let files = ["a.txt", "b.txt"].map(|file| live.repository.git(&["show", &format!("generation-one:{file}")]));
    assert_eq!(files, ["one", "two"]);
}

/// The only round of the task, which went on in the session of the first call.
#[track_caller]
fn round(task: &Value) -> &Value {
    let first = &task["attempts"][0];
    let [round] = first["rounds"].as_array().unwrap().as_slice() else {
        panic!("{task:#}")
    };
    assert_eq!(round["call"]["session_id"], first["call"]["session_id"], "{task:#}");
    assert_eq!(round["red"]["gate"], "has-b", "{task:#}");
    round
}

/// The stages of an attempt.
fn stages(task: &Value, attempt: usize) -> &[Value] {
    let stages = task["attempts"][attempt]["stages"].as_array();
    stages.map_or(&[], Vec::as_slice)
}

fn a_red_gate_is_made_to_pass_and_a_review_in_prose_passes_nothing(engine: TestEngine) {
    let further = format!(
        "about \"Judge it once more.\"
  answer {}
about \"What was wrong with the answer before\"
  say \"As I said: approved, 10 of 10.\"
about \"{REVIEW}\"
  say \"I like it. Approved.\"
later \"{ROUND}\"
  write /workspace/b.txt two
    tokens 5 200 1000 13",
        passes()
    );
    let Some(live) = project(engine, &further) else { return };
    let run = ["generator", "run", "--tasks-only"];
    let refused = ("review_failed", WORKED);
    let (task, printed) = called(&live, &run, 7, &[refused]);
    assert!(
        printed.contains("cw-1: fix round 1 of 2: gate `has-b` exited with 1."),
        "{printed}"
    );
    assert!(printed.contains("cw-1: gate `has-b` passed."), "{printed}");
    assert_eq!(round(&task)["call"]["outcome"], "success", "{task:#}");
    // The session knows what it did, and reads what the gate printed.
    let read = live.api.last_messages(ROUND);
    assert!(
        read.contains(ABOUT) && read.contains("cat: b.txt: No such file or directory"),
        "{read}"
    );
    let reviews = stages(&task, 0);
    assert_eq!(reviews.len(), 2, "{task:#}");
    for review in reviews {
        assert!(review["failed"].is_string() && review["review"].is_null(), "{task:#}");
    }
    assert_eq!(task["status"], "blocked", "{task:#}");
    let log = live.repository.git(&["log", "--format=%B", "main..generation-one"]);
    assert!(!log.contains("Cordwainer-Task"), "{log}");
    // Released, it is judged again, and nobody does the work once more.
    let edit = [
        "issues",
        "edit",
        "cw-1",
        "--description",
        "It says one. Judge it once more.",
    ];
    let _ = live.call(&edit).done();
    let _ = live.call(&["issues", "release", "cw-1"]).done();
    let (task, _) = called(&live, &run, 0, &[refused, ("merged", "none")]);
    assert_eq!(stages(&task, 1)[0]["review"]["passed"], true, "{task:#}");
    assert_eq!(live.api.results_brought(ROUND), [0, 1]);
    expect_all_counted(&live, &task);
    expect_merged(&live);
}

fn a_limit_in_a_round_and_in_a_review_loses_nothing(engine: TestEngine) {
    let further = format!(
        "about \"{REVIEW}\"
  read /workspace/b.txt
    tokens 50 300 0 5
  limit five_hour in 5h
  answer {}
later \"{ROUND}\"
  write /workspace/c.txt x
    tokens 5 200 1000 13
  limit five_hour in 5h
  write /workspace/b.txt two",
        passes()
    );
    let Some(live) = project(engine, &further) else { return };
    let limited = ("limited", WORKED);
    let (task, _) = called(&live, &["generator", "run", "--tasks-only"], 8, &[limited]);
    assert_eq!(round(&task)["call"]["outcome"], "limited", "{task:#}");
    // Before the limit is lifted, as a person may who knows better.
    let resume = ["generator", "resume", "--now", "--tasks-only"];
    let (task, _) = called(&live, &resume, 8, &[limited, limited]);
    assert_eq!(stages(&task, 1)[0]["call"]["outcome"], "limited", "{task:#}");
    let (task, _) = called(&live, &resume, 0, &[limited, limited, ("merged", "none")]);
    let session = |attempt: usize| &task["attempts"][attempt]["call"]["session_id"];
    assert_eq!(session(0), session(1), "{task:#}");
    // The round went on with the result that it had; a review is begun anew, on the same work, and ends with its answer.
    assert_eq!(live.api.results_brought(ABOUT), [0, 1]);
    assert_eq!(live.api.results_brought(ROUND), [0, 1, 1, 2]);
    assert_eq!(live.api.results_brought(REVIEW), [0, 1, 0, 1]);
    expect_all_counted(&live, &task);
    expect_merged(&live);
}

/// What an answer that never ends counts when it begins.
const BEGUN: [u64; 3] = [60, 70, 80];

fn a_death_in_a_round_and_in_a_review_loses_nothing(engine: TestEngine) {
    let further = format!(
        "about \"{REVIEW}\"
  read /workspace/b.txt
    tokens 50 300 0 5
    pause 100ms
  stall
  answer {}
    tokens 60 70 80 9
later \"{ROUND}\"
  write /workspace/c.txt x
    tokens 5 200 1000 13
    pause 100ms
  hang
  write /workspace/d.txt x
later \"{GOES_ON}\"
  write /workspace/b.txt two",
        passes()
    );
    let Some(live) = project(engine, &further) else { return };
    let run = ["generator", "run", "--tasks-only"];
    // Its agents do not go on: what is collected of them is what this is about.
    let state = live.repository.path().join(".git/cordwainer");
    live.killed_when(&run, |api| api.results_brought(ROUND) == [0, 1]);
    forget_adoptions(&state);
    let resume = ["generator", "resume", "--tasks-only"];
    live.killed_when(&resume, |api| api.served_about(REVIEW).input == 50 + BEGUN[0]);
    forget_adoptions(&state);
    let cancelled = ("cancelled", WORKED);
    let (task, _) = called(&live, &resume, 0, &[cancelled, cancelled, ("merged", "none")]);
    let session = |attempt: usize| &task["attempts"][attempt]["call"]["session_id"];
    assert_eq!(session(0), session(1), "{task:#}");
    // The round went on in a turn of its own, after all that the session had; a review is begun anew, on the same work.
    assert_eq!(live.api.results_brought(ABOUT), [0, 1]);
    assert_eq!(live.api.results_brought(ROUND), [0, 1]);
    assert_eq!(live.api.results_brought(GOES_ON), [0, 1]);
    assert_eq!(live.api.results_brought(REVIEW), [0, 1, 0, 1]);
    let read = live.api.last_messages(GOES_ON);
    assert!(read.contains(ROUND) && read.contains("/workspace/c.txt"), "{read}");
    expect_merged(&live);
    let killed = [&round(&task)["call"], &stages(&task, 1)[0]["call"]];
    let read = killed.map(|call| tokens(&call["usage"])[..3].to_vec());
    assert_eq!(read, [[5, 200, 1000], [50, 300, 0]], "{task:#}");
    assert!(killed.iter().all(|call| call["estimated"] == true), "{task:#}");
    // The client of a call that was killed has told what it read, but for an answer that had only begun, and not what was
    // written: that is estimated. The gateway counts at its worst what was not heard to its end, so budgets hold.
    let (told, metered, served) = (Live::ledger(&task), Live::metered(&task), counted(live.api.served()));
    let told_or_begun: Vec<u64> = std::iter::zip(told, BEGUN).map(|(told, begun)| told + begun).collect();
    assert_eq!(told_or_begun, served[..3], "{task:#}");
    let sum = |tokens: [u64; 4]| tokens.iter().sum::<u64>();
    assert!(
        metered[3] >= served[3] && sum(metered) >= sum(served),
        "{metered:?} {served:?}: {task:#}"
    );
    let whole = sum(metered) - killed.map(|call| sum(tokens(&call["metered"]))).iter().sum::<u64>();
    let of_whole = sum(served) - (5 + 200 + 1000 + 13) - (50 + 300 + 5) - BEGUN.iter().sum::<u64>();
    assert_eq!(whole, of_whole, "what no death cut is exact: {task:#}");
}
