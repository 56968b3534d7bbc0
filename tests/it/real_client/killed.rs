//! The program dies in the middle of a call: what the call had used by then is in the ledger all the same.

use cordwainer::engine::EngineKind;

use super::live::{ABOUT, Account, ClaudeEngine, Live, counted, tokens};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::tidiness::forget_adoptions;

engine_tests! {
    both: a_client_whose_run_was_killed_goes_on;
}

const SCRIPT: &str = "about \"The task: cw-1\"
  write /workspace/a.txt one
    pause 100ms
  write /workspace/b.txt two
    pause 100ms
  hang";

#[test]
fn what_a_killed_program_had_used_is_counted_on_docker() {
    let Some(engine) = ClaudeEngine::find(EngineKind::Docker) else {
        return;
    };
    let live = Live::new(engine, Account::Subscription, SCRIPT, "");
    let before = live.killed_when(&["generator", "run"], |api| api.results_brought(ABOUT) == [0, 1, 2]);
    forget_adoptions(&live.repository.path().join(".git/cordwainer"));
    let before = counted(before);
    let called = live.call(&["generator", "resume"]);
    let task = live.task();
    let context = || format!("{called:#?}\n{task:#}\n{}", live.transcripts());
    assert_eq!(called.code, 0, "{}", context());
    assert_eq!(task["status"], "closed", "{}", context());
    let first = tokens(&task["attempts"][0]["call"]["usage"]);
    assert_eq!(first[..3], before[..3], "what the killed call had read: {}", context());
    let all = counted(live.served());
    assert_eq!(Live::ledger(&task)[..3], all[..3], "{}", context());
}

/// Its request is cut off, and repeated when its gateway is there again: nothing else of the session is asked twice.
fn a_client_whose_run_was_killed_goes_on(engine: TestEngine) {
    let Some(engine) = ClaudeEngine::find(engine.kind()) else {
        return;
    };
    let live = Live::new(engine, Account::Subscription, SCRIPT, "");
    let run = ["generator", "run", "--tasks-only"];
    live.killed_when(&run, |api| api.results_brought(ABOUT) == [0, 1, 2]);
    let called = live.call(&["generator", "resume", "--tasks-only"]);
    let task = live.task();
    let context = || format!("{called:#?}\n{task:#}\n{}", live.transcripts());
    assert_eq!(called.code, 0, "{}", context());
    assert!(
        called.stdout.contains("its agent was at work all the while"),
        "{}",
        context()
    );
    assert_eq!(task["status"], "closed", "{}", context());
    assert_eq!(task["attempts"].as_array().map(Vec::len), Some(1), "{}", context());
    assert_eq!(live.api.results_brought(ABOUT), [0, 1, 2, 2], "{}", context());
    // The client tells what it was answered; the gateway counts at its worst what was under way at the death.
    let (told, metered, served) = (Live::ledger(&task), Live::metered(&task), counted(live.served()));
    assert_eq!(told[..3], served[..3], "{}", context());
    let sum = |tokens: [u64; 4]| tokens.iter().sum::<u64>();
    assert!(sum(metered) >= sum(served), "{metered:?} {served:?}: {}", context());
}
