//! The program dies in the middle of a call: what the call had used by then is in the ledger all the same.

use cordwainer::engine::EngineKind;

use super::live::{ABOUT, Account, ClaudeEngine, Live, counted, tokens};

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
