//! The program dies in the middle of a call: what the call had used by then is in the ledger all the same.

use std::time::{Duration, Instant};

use cordwainer::engine::EngineKind;

use super::live::{ABOUT, Account, ClaudeEngine, Live, counted};

/// Until the client must have come to its third request.
const PATIENCE: Duration = Duration::from_secs(60);

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
    let mut run = live.command(&["generator", "run"]).spawn();
    let begun = Instant::now();
    while live.api.results_brought(ABOUT) != [0, 1, 2] {
        assert!(begun.elapsed() < PATIENCE, "{}", live.transcripts());
        std::thread::sleep(Duration::from_millis(10));
    }
    let before = counted(live.served());
    run.kill().unwrap();
    run.wait().unwrap();
    let called = live.call(&["generator", "resume"]);
    let task = live.task();
    let context = || format!("{called:#?}\n{task:#}\n{}", live.transcripts());
    assert_eq!(called.code, 0, "{}", context());
    assert_eq!(task["status"], "closed", "{}", context());
    let first = &task["attempts"][0]["call"]["usage"];
    let read = ["input", "cache_write", "cache_read"].map(|name| first[name].as_u64().unwrap_or_default());
    assert_eq!(read, before[..3], "what the killed call had read: {}", context());
    let all = counted(live.served());
    assert_eq!(Live::ledger(&task)[..3], all[..3], "{}", context());
}
