//! `issues say` with the real client: what a person says while it works comes with the next result of a tool; while it makes its last
//! answer, it is answered after that. Either way it is one call, of which gateway, client and API agree to the token.

use std::process::Child;
use std::time::{Duration, Instant};

use super::live::{ABOUT, Account, ClaudeEngine, Live, TASK, counted};
use crate::support::engines::{TestEngine, engine_tests};

engine_tests! {
    podman first: what_is_said_comes_with_the_next_result;
    docker first: what_is_said_during_the_last_answer_is_answered;
}

/// Until the client must have come to what a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says something, as soon as the session listens.
#[track_caller]
fn say(live: &Live, text: &str) {
    let begun = Instant::now();
    loop {
        let called = live.call(&["issues", "say", TASK, text]);
        if called.code == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{called:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the API has got so many requests of the task's conversation.
#[track_caller]
fn wait_for_requests(live: &Live, requests: u64) {
    let begun = Instant::now();
    while live.served().requests < requests {
        assert!(begun.elapsed() < PATIENCE, "{:?}", live.served());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Panics unless the run came to a merged task by one call that all agree on.
#[track_caller]
fn expect_one_call(live: &Live, mut run: Child) {
    let status = run.wait().unwrap();
    let task = live.task();
    let context = || format!("{task:#}\n{}", live.transcripts());
    assert!(status.success(), "{status}: {}", context());
    assert_eq!(Live::attempts(&task), [("merged", "success")], "{}", context());
    assert_eq!(Live::calls(&task).count(), 1, "{}", context());
    assert_eq!(Live::metered(&task), counted(live.api.served()), "{}", context());
    assert_eq!(Live::ledger(&task), counted(live.api.served()), "{}", context());
    assert_eq!(live.api.rewritten(ABOUT), 0, "{}", context());
    assert_eq!(live.api.surprises(), Vec::<String>::new());
}

fn what_is_said_comes_with_the_next_result(engine: TestEngine) {
    let Some(engine) = ClaudeEngine::find(engine.kind()) else {
        return;
    };
    let script = "about \"The task: cw-1\"\n  bash \"while [ ! -e go ]; do sleep 0.1; done; rm go\"\n    tokens 100 0 0 10\n  \
                  write /workspace/a.txt one\n    tokens 100 0 0 10\n  say Done.\n    tokens 100 0 0 10\n";
    let live = Live::new(engine, Account::Subscription, script, "");
    let run = live.command(&["generator", "run", "--tasks-only"]).spawn();
    wait_for_requests(&live, 1);
    say(&live, "The sizes are in inches.");
    let slot = live.repository.path().join(".git/cordwainer/slots/1");
    std::fs::write(slot.join("go"), "").unwrap();
    expect_one_call(&live, run);
    let read = live.api.last_messages(ABOUT);
    assert_eq!(read.matches("The sizes are in inches.").count(), 1, "{read}");
    assert_eq!(live.served().requests, 3, "it takes no request of its own");
}

fn what_is_said_during_the_last_answer_is_answered(engine: TestEngine) {
    let Some(engine) = ClaudeEngine::find(engine.kind()) else {
        return;
    };
    let script = "later \"The sizes are in inches.\"\n  write /workspace/b.txt two\n    tokens 100 0 0 10\n  say Noted.\n    tokens 100 0 0 10\n\
                  about \"The task: cw-1\"\n  write /workspace/a.txt one\n    tokens 100 0 0 10\n  say Done.\n    tokens 100 0 0 10\n    pause 1s\n";
    let live = Live::new(engine, Account::Subscription, script, "");
    let run = live.command(&["generator", "run", "--tasks-only"]).spawn();
    wait_for_requests(&live, 2);
    say(&live, "The sizes are in inches.");
    expect_one_call(&live, run);
    assert_eq!(live.api.served().requests, 4);
    assert_eq!(live.repository.git(&["show", "generation-one:b.txt"]).trim(), "two");
}
