//! An agent that is told before its turns or its budget end, with the real client: it reads so in time, and nothing else of
//! the call is otherwise. The control is the same call without.

use cordwainer::engine::EngineKind;

use super::live::{ABOUT, Account, ClaudeEngine, Live, counted};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::messages_api::Served;

engine_tests! {
    docker first: an_agent_is_told_that_its_turns_end;
}

/// What the agent reads.
const TOLD: &str = "This session ends by itself soon: ";

/// So many files are written, and each answer has so many tokens: input, written to the cache, read from it, output. No answer
/// comes at once, as none of a model does: what the agent is told needs a moment to reach it.
fn script(files: usize, tokens: &str) -> String {
    let writes =
        (0..files).map(|number| format!("  write /workspace/{number}.txt x\n    tokens {tokens}\n    pause 50ms\n"));
    let writes = writes.collect::<String>();
    format!("about \"The task: cw-1\"\n{writes}  say Done.\n    tokens {tokens}\n")
}

/// Runs the task, which succeeds; returns what the API served, what the agent read last, and what a person did.
fn run(engine: ClaudeEngine, script: &str, more: &str) -> (Served, String, String) {
    let live = Live::new(engine, Account::Subscription, script, more);
    let called = live.call(&["generator", "run"]);
    let task = live.task();
    let context = || format!("{called:#?}\n{task:#}\n{}", live.transcripts());
    assert_eq!(Live::attempts(&task), [("merged", "success")], "{}", context());
    // Client, gateway and API agree to the token, and each request begins with all of the one before it.
    assert_eq!(Live::metered(&task), counted(live.served()), "{}", context());
    assert_eq!(Live::ledger(&task), counted(live.served()), "{}", context());
    assert_eq!(live.api.rewritten(ABOUT), 0, "{}", context());
    assert_eq!(live.api.surprises(), Vec::<String>::new());
    (
        live.served(),
        live.api.last_messages(ABOUT),
        called.stdout + &called.stderr,
    )
}

fn an_agent_is_told_that_its_turns_end(engine: TestEngine) {
    let Some(engine) = ClaudeEngine::find(engine.kind()) else {
        return;
    };
    let script = script(9, "100 10 500 20");
    let (served, read, said) = run(engine, &script, "stitch: {max_turns: 10}\n");
    assert_eq!((served.requests, served.cache_read), (10, 5000));
    // At the latest with the last tool; where the first time is late, the second one is all that there is to say.
    assert!(
        read.contains(TOLD) && read.contains(" of its 10 turns are used"),
        "{read}"
    );
    assert!(
        said.contains("8 of its 10 turns are used, which the agent is told"),
        "{said}"
    );
    let off = "stitch: {max_turns: 10}\nbudget: {warn: off}\n";
    let (without, read, said) = run(engine, &script, off);
    assert!(
        !read.contains(TOLD) && !said.contains("the agent is told"),
        "{read}\n{said}"
    );
    assert_eq!(counted(served), counted(without), "being told costs nothing");
}

#[test]
fn an_agent_is_told_that_its_budget_ends() {
    let Some(engine) = ClaudeEngine::find(EngineKind::Podman) else {
        return;
    };
    let (_, read, said) = run(engine, &script(8, "500 0 0 100"), "stitch: {budget_tokens: 6000}\n");
    let told = "with the next answer 80 % of its budget may be used";
    assert!(said.contains(&format!("{told}, which the agent is told")), "{said}");
    assert_eq!(read.matches(&format!("{TOLD}{told}")).count(), 1, "{read}");
}

#[test]
fn an_agent_that_has_no_end_is_told_nothing() {
    let Some(engine) = ClaudeEngine::find(EngineKind::Docker) else {
        return;
    };
    let (_, read, said) = run(engine, &script(3, "500 0 0 100"), "");
    assert!(
        !read.contains(TOLD) && !said.contains("the agent is told"),
        "{read}\n{said}"
    );
}
