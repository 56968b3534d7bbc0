//! A hostile model context server, with the real client: what its words, its amounts, its silence and its own requests do.

use cordwainer::engine::EngineKind;

use super::live::{ABOUT, Account, ClaudeEngine, Live, counted};
use super::servers::{SERVER, docs};

const SCRIPT: &str = r#"about "The task: cw-1"
  tool mcp__docs__find {}
  tool mcp__docs__wait {}
  tool mcp__docs__flood {}
  tool mcp__docs__reach {}
  write /workspace/a.txt one
about "The question of a server"
  say nothing"#;

fn a_hostile_server_gains_nothing(kind: EngineKind) {
    let Some(engine) = ClaudeEngine::find(kind) else { return };
    let live = Live::with(
        engine,
        Account::Subscription,
        SCRIPT,
        &docs("[find, wait, flood, reach]"),
        |repository| {
            repository.write("server.sh", SERVER);
        },
    );
    let called = live.call(&["generator", "run"]);
    let (task, said) = (live.task(), live.transcripts());
    let context = || {
        format!(
            "{called:#?}\n{task:#}\n{}",
            said.chars().take(40_000).collect::<String>()
        )
    };
    assert_eq!(Live::attempts(&task), [("merged", "success")], "{}", context());
    let messages = live.api.last_messages(ABOUT);
    // Its words arrive as words, and steer no terminal.
    assert!(messages.contains("what find found"), "{}", context());
    for shown in [&called.stdout, &called.stderr] {
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown:?}");
        assert!(!shown.contains("forged"), "{shown}");
    }
    let reason = task["attempts"][0]["reason"].as_str().unwrap_or_default();
    assert!(!reason.contains("forged"), "{}", context());
    // It never answers, and the task goes on.
    assert!(messages.contains("timed out after 3s"), "{}", context());
    // Of a flood only a part comes near the model.
    assert!(messages.len() < 1_000_000, "{} bytes reached the model", messages.len());
    // With the token of the call it reaches the API, which counts; without it, nobody.
    assert!(messages.contains("own: HTTP/1.1 200"), "{messages}");
    assert!(
        messages.contains("bad: HTTP/1.1 4") && messages.contains("far: HTTP/1.1 403"),
        "{messages}"
    );
    let mut served = live.served();
    served += live.api.served_about("The question of a server");
    assert_eq!(
        live.api.served_about("The question of a server").requests,
        1,
        "{}",
        context()
    );
    assert_eq!(Live::metered(&task), counted(served), "{}", context());
    // The client's own figures do not have what the server used; the gateway's do, and that is told.
    assert!(live.has_differed(), "{}", context());
}

#[test]
fn a_hostile_server_gains_nothing_on_podman() {
    a_hostile_server_gains_nothing(EngineKind::Podman);
}

#[test]
fn a_hostile_server_gains_nothing_on_docker() {
    a_hostile_server_gains_nothing(EngineKind::Docker);
}
