//! A usage limit in the middle of a task: the session is suspended, and goes on where it was.

use cordwainer::engine::EngineKind;
use serde_json::Value;
use walkdir::WalkDir;

use super::live::{ABOUT, Account, ClaudeEngine, Live, counted};
use crate::support::engines::{TestEngine, engine_tests};

engine_tests! {
    docker first: a_limited_session_goes_on_where_it_was;
}

const SCRIPT: &str = "about \"The task: cw-1\"
  write /workspace/a.txt one
    tokens 7 1000 0 11
  limit five_hour in 5h
  write /workspace/b.txt two
    tokens 5 200 1000 13";

fn a_limited_session_goes_on_where_it_was(engine: TestEngine) {
    let Some(engine) = ClaudeEngine::find(engine.kind()) else {
        return;
    };
    let live = limited(engine);
    let task = resumed(&live);
    assert_eq!(session(&task, 0), session(&task, 1), "{task:#}");
    // The limit was met with one result, and so was the request that went on.
    assert_eq!(live.api.results_brought(ABOUT), [0, 1, 1, 2]);
    let own = |attempt: usize| task["attempts"][attempt]["call"]["usage"]["output"].as_u64().unwrap();
    assert_eq!((own(0), own(1)), (11, 13 + 40), "each call has its own");
}

#[test]
fn a_lost_session_begins_anew() {
    let Some(engine) = ClaudeEngine::find(EngineKind::Podman) else {
        return;
    };
    let live = limited(engine);
    let file = session(&live.task(), 0) + ".jsonl";
    let kept = WalkDir::new(live.repository.path().join(".git/cordwainer"))
        .into_iter()
        .flatten();
    let mut lost = kept.filter(|entry| entry.file_name() == file.as_str()).peekable();
    assert!(lost.peek().is_some(), "the session is kept nowhere");
    lost.for_each(|entry| std::fs::remove_file(entry.path()).unwrap());
    let called = live.call(&["generator", "resume", "--now"]);
    let task = live.task();
    assert_eq!(called.code, 0, "{called:#?}\n{task:#}\n{}", live.transcripts());
    let attempts = Live::attempts(&task);
    assert_eq!(
        (attempts[0], attempts[attempts.len() - 1]),
        (("limited", "limited"), ("merged", "success"))
    );
    assert_ne!(session(&task, 0), session(&task, attempts.len() - 1));
    assert_eq!(live.api.results_brought(ABOUT), [0, 1, 0, 1, 2]);
    assert_eq!(Live::ledger(&task), counted(live.served()), "{task:#}");
}

/// A project whose only task met a limit.
fn limited(engine: ClaudeEngine) -> Live {
    let live = Live::new(engine, Account::Subscription, SCRIPT, "limits: {wait: never}\n");
    let called = live.call(&["generator", "run"]);
    assert_eq!(called.code, 8, "{called:#?}\n{}", live.transcripts());
    live
}

/// Goes on before the limit is lifted, as a person may who knows better; answers the task.
fn resumed(live: &Live) -> Value {
    let called = live.call(&["generator", "resume", "--now"]);
    let task = live.task();
    let context = || format!("{called:#?}\n{task:#}\n{}", live.transcripts());
    assert_eq!(called.code, 0, "{}", context());
    assert_eq!(
        Live::attempts(&task),
        [("limited", "limited"), ("merged", "success")],
        "{}",
        context()
    );
    assert_eq!(Live::ledger(&task), counted(live.served()), "{}", context());
    assert_eq!(live.api.surprises(), Vec::<String>::new());
    task
}

fn session(task: &Value, attempt: usize) -> String {
    task["attempts"][attempt]["call"]["session_id"]
        .as_str()
        .unwrap()
        .to_owned()
}
