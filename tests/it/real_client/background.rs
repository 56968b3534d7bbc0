//! Work in the background: off unless it is turned on by name, and then waited for.

use cordwainer::engine::EngineKind;

use super::live::{Account, ClaudeEngine, Live};

/// A command that is at work for longer than `result_grace`, beside what follows it.
const SCRIPT: &str = r#"about "The task: cw-1"
  background "sleep 4; echo late > /workspace/late.txt"
  write /workspace/a.txt one"#;

/// The task, and its last transcript, after a run in which the client's grace after its result is short.
fn run(engine: ClaudeEngine, account: Account) -> (Live, String) {
    let live = Live::new(engine, account, SCRIPT, "stitch: {result_grace: 1s, max_attempts: 1}\n");
    let called = live.call(&["generator", "run"]);
    let transcripts = live.transcripts();
    (live, format!("{called:#?}\n{transcripts}"))
}

#[test]
fn by_default_nothing_works_in_the_background() {
    let Some(engine) = ClaudeEngine::find(EngineKind::Podman) else {
        return;
    };
    let (live, transcripts) = run(engine, Account::Subscription);
    assert_eq!(Live::attempts(&live.task()), [("merged", "success")]);
    assert!(
        transcripts.contains("An unexpected parameter `run_in_background` was provided"),
        "{transcripts}"
    );
    for tool in ["CronCreate", "Monitor", "RemoteTrigger", "ScheduleWakeup", "Workflow"] {
        let first = transcripts.lines().find(|line| line.contains("\"subtype\":\"init\""));
        let (_, tools) = first.unwrap().split_once("\"tools\":[").unwrap();
        let (tools, _) = tools.split_once(']').unwrap();
        assert!(!tools.contains(tool), "{tools}");
    }
}

#[test]
fn turned_on_by_name_it_is_waited_for_beyond_the_grace() {
    let Some(engine) = ClaudeEngine::find(EngineKind::Docker) else {
        return;
    };
    let (live, transcripts) = run(engine, Account::InBackground);
    assert_eq!(Live::attempts(&live.task()), [("merged", "success")], "{transcripts}");
    assert_eq!(
        live.repository.git(&["show", "generation-one:late.txt"]),
        "late",
        "{transcripts}"
    );
}

/// The client has told a success by then, waits for a command that works on, and, told to end, kills it.
#[test]
fn a_call_that_is_cut_with_work_under_way_is_no_success() {
    const ENDLESS: &str = r#"about "The task: cw-1"
  background "sleep 600"
  write /workspace/a.txt one"#;
    let more = "stitch: {result_grace: 1s, timeout: 10s, max_attempts: 2}\n";
    let Some(engine) = ClaudeEngine::find(EngineKind::Podman) else {
        return;
    };
    let live = Live::new(engine, Account::InBackground, ENDLESS, more);
    let called = live.call(&["generator", "stitch"]);
    let (task, transcripts) = (live.task(), live.transcripts());
    assert_eq!(called.code, 7, "{called:#?}\n{transcripts}");
    assert_eq!(Live::attempts(&task), [("timed_out", "failed")], "{task:#}");
    assert_eq!(task["status"], "open", "{task:#}");
    assert!(
        transcripts.contains("\"is_error\":false"),
        "no success was claimed: {transcripts}"
    );
    let log = live.repository.git(&["log", "generation-one"]);
    assert!(!log.contains("Cordwainer-Task"), "{log}");
}
