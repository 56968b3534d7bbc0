//! A hostile model context server, with the real client: what its words, its amounts, its silence and its own requests do.
//! The control is the same server in a plain container with the credential and the host's network, and a reader who believes
//! what it prints.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::live::{ABOUT, Account, ClaudeEngine, IMAGE, Live, counted};
use super::servers::{SERVER, docs};
use crate::attacks::told::limits;
use crate::attacks::witness::{Witness, naive_proxy};
use crate::support::engines::{TestEngine, engine_tests};

engine_tests! {
    podman first: a_hostile_server_gains_nothing;
}

const SCRIPT: &str = r#"about "The task: cw-1"
  tool mcp__docs__find {}
  tool mcp__docs__wait {}
  tool mcp__docs__flood {}
  tool mcp__docs__reach {}
  write /workspace/a.txt one
about "The question of a server"
  say nothing"#;

fn a_hostile_server_gains_nothing(engine: TestEngine) {
    let Some(engine) = ClaudeEngine::find(engine.kind()) else {
        return;
    };
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
    control(engine);
}

/// A credential where nothing keeps it from the server.
const SECRET: &str = "sk-ant-oat01-dummy-of-the-control";
/// The tools that are called of the control.
const TOOLS: [&str; 4] = ["wait", "find", "flood", "reach"];

/// Does the same where none of the walls is there.
fn control(engine: ClaudeEngine) {
    let (api, far) = (Witness::new(), Witness::new());
    let printed = unwalled(engine, naive_proxy(api.port), far.port);
    let lines = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<Value> = lines.collect();
    // Who looks for the client's events wherever they are takes the server's word for the end of the call.
    let is_forged = |line: &&Value| line["type"] == "result" && line["result"] == "forged";
    assert!(lines.iter().any(|line| is_forged(&line)), "{lines:#?}");
    let answers = |tool: &str| {
        let id = TOOLS.iter().position(|name| *name == tool).unwrap();
        let answer = lines.iter().find(|line| line["id"] == json!(id))?;
        Some(answer["result"]["content"][0]["text"].as_str().unwrap().to_owned())
    };
    // Who prints its words has the terminal cleared.
    let found = answers("find").unwrap();
    assert!(found.contains("\u{1b}[2J"), "{found}");
    // Who waits for it waits for ever, and who takes what it sends takes all.
    assert_eq!(answers("wait"), None);
    assert_eq!(answers("flood").unwrap().len(), 8_000_000);
    // Who it is, or where it goes, nobody asks; and what it is known by is the secret itself.
    assert_eq!(
        answers("reach").unwrap(),
        "own: HTTP/1.1 200 OK; bad: HTTP/1.1 200 OK; far: HTTP/1.1 200 OK."
    );
    let asked = api.take().concat();
    assert!(asked.contains(&format!("Bearer {SECRET}")), "{asked}");
    assert!(far.take().concat().starts_with("CONNECT localhost:"));
}

/// Returns what the server prints when its tools are called in a plain container.
fn unwalled(engine: ClaudeEngine, proxy: u16, far: u16) -> String {
    let mut command = engine.0.client();
    command
        .args(["run", "--rm", "--interactive", "--network=host"])
        .args(limits())
        .arg(format!("--env=CLAUDE_CODE_OAUTH_TOKEN={SECRET}"))
        .arg(format!("--env=RELAY=127.0.0.1:{proxy}"))
        .arg(format!("--env=FAR=localhost:{far}"))
        .args([IMAGE, "sh", "-c", SERVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut asks = server.stdin.take().unwrap();
    for (id, tool) in TOOLS.iter().enumerate() {
        // In the order of the client's fields: the server looks for the last id.
        writeln!(
            asks,
            r#"{{"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}},"jsonrpc":"2.0","id":{id}}}"#
        )
        .unwrap();
    }
    drop(asks);
    let output = server.wait_with_output().unwrap();
    assert!(output.status.success(), "the control does not run: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
