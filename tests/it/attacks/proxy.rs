//! Attacks on the gateway: requests that a proxy may read in two ways. Each would reach a server of the host that only
//! listens on its loopback, or the model's API otherwise than as the call. The control is a proxy that trusts.

use crate::attacks::told::{Told, plain_container};
use crate::attacks::witness::{Witness, naive_proxy};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::{Project, Ran};
use crate::support::scripts::WAIT;

engine_tests! {
    both: nobody_is_reached_who_is_not_allowed, the_api_is_reached_as_the_call_alone;
}

/// Requests for the server of the host, whose port is `{port}`.
const TARGETS: [(&str, &str); 21] = [
    ("plain", r"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("name", r"CONNECT localhost:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("trailing-dot", r"CONNECT localhost.:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("capitals", r"CONNECT LOCALHOST:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "lower-case-method",
        r"connect 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "userinfo",
        r"CONNECT allowed.example.org@127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "userinfo-with-port",
        r"CONNECT allowed.example.org:443@127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "null-byte",
        r"CONNECT 127.0.0.1\0.allowed.example.org:{port} HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "fragment",
        r"CONNECT 127.0.0.1#.allowed.example.org:{port} HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "query",
        r"CONNECT 127.0.0.1?.allowed.example.org:{port} HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    ("decimal", r"CONNECT 2130706433:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("hexadecimal", r"CONNECT 0x7f000001:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("octal", r"CONNECT 0177.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("short", r"CONNECT 127.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("zero", r"CONNECT 0:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "mapped",
        r"CONNECT [::ffff:127.0.0.1]:{port} HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "host-of-an-allowed-one",
        r"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: allowed.example.org\r\n\r\n",
    ),
    (
        "absolute-form",
        r"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "absolute-form-as-an-allowed-one",
        r"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: allowed.example.org\r\n\r\n",
    ),
    (
        "absolute-form-with-userinfo",
        r"GET http://allowed.example.org@127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    (
        "pipelined",
        r"HEAD /v1/ HTTP/1.1\r\nHost: x\r\n\r\nGET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
];

/// Requests for the model's API that are not the call's, or not for what it may have. `{other}` is another call's token.
const PATHS: [(&str, &str); 11] = [
    ("no-token", r"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"),
    (
        "wrong-token",
        r"GET /v1/models HTTP/1.1\r\nHost: x\r\nx-api-key: wrong\r\n\r\n",
    ),
    (
        "another-calls-token",
        r"GET /v1/models HTTP/1.1\r\nHost: x\r\nx-api-key: {other}\r\n\r\n",
    ),
    (
        "begun-token",
        r"GET /v1/models HTTP/1.1\r\nHost: x\r\nx-api-key: sk-ant-oat01-cordwainer-\r\n\r\n",
    ),
    (
        "longer-token",
        r"GET /v1/models HTTP/1.1\r\nHost: x\r\nx-api-key: {token}x\r\n\r\n",
    ),
    (
        "another-path",
        r"GET /api/oauth/profile HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n\r\n",
    ),
    (
        "above",
        r"GET /v1/../api/oauth/profile HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n\r\n",
    ),
    (
        "above-encoded",
        r"GET /v1/%2e%2e/api/oauth/profile HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n\r\n",
    ),
    (
        "two-slashes",
        r"GET //v1/models HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n\r\n",
    ),
    (
        "encoded",
        r"GET /%76%31/models HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n\r\n",
    ),
    (
        "capitals",
        r"GET /V1/models HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n\r\n",
    ),
];

/// What the call itself may ask.
const ALLOWED: (&str, &str) = (
    "allowed",
    r"GET /v1/models HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n\r\n",
);

/// Where the relay of a sealed container listens.
const RELAY: &str = "127.0.0.1:8080";

fn nobody_is_reached_who_is_not_allowed(engine: TestEngine) {
    let host = Witness::new();
    let allow = "network: {allow: [allowed.example.org, \"*.allowed.example.org\"]}\n";
    let project = Project::new(engine, allow);
    let fill = |text: &str| text.replace("{port}", &host.port.to_string());
    project.add(
        "asks the proxy",
        &(requests(RELAY, &TARGETS, fill) + "write src/a.txt done"),
    );
    project.run(&["generator", "stitch"]).expect(0);
    let told = Told::by_task(&project, "cw-1");
    let answered = TARGETS
        .iter()
        .filter(|(name, _)| told.came(&tried(RELAY, name)).contains("HTTP/1.1 2"));
    assert_eq!(answered.map(|(name, _)| *name).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(host.take(), [""; 0], "the host was reached");
    project.expect_tidy();
    let rule = format!("    - {{host: \"127.0.0.1:{}\", roles: [stitch]}}  # ", host.port);
    let suggested = project.run(&["network", "suggest"]).expect(0);
    suggested
        .says(&rule)
        .says("a loopback address: whatever listens there can be reached by agents");

    let proxy = format!("127.0.0.1:{}", naive_proxy(host.port));
    plain_container(engine, &["--network", "host"], &requests(&proxy, &TARGETS, fill));
    let seen = host.take();
    let silent = TARGETS
        .iter()
        .filter(|(_, text)| !seen.iter().any(|seen| seen.starts_with(&last_line(&fill(text)))));
    let silent: Vec<&str> = silent.map(|(name, _)| *name).collect();
    assert_eq!(silent, [""; 0], "the controls of these do not fire");
}

/// How the last request of a text begins.
fn last_line(text: &str) -> String {
    let last = text.trim_end_matches(r"\r\n").rsplit(r"\r\n\r\n").next();
    let line = last.and_then(|request| request.split(r"\r\n").next());
    line.unwrap_or_default().replace(r"\0", "\0")
}

fn the_api_is_reached_as_the_call_alone(engine: TestEngine) {
    let api = Witness::new();
    let base_url = format!("agent: {{base_url: \"http://127.0.0.1:{}\"}}\n", api.port);
    let project = Project::new(engine, &base_url);
    let other = token_of_a_call(engine, &project);
    // In pieces, or it would be taken for what it looks like, and out of the task.
    let other = other.replace('-', "{-}");
    let fill = |text: &str| text.replace("{other}", &other);
    project.add(
        "asks the API",
        &(requests(RELAY, &PATHS, fill) + "write src/b.txt done"),
    );
    project.run(&["generator", "stitch"]).expect(0);
    let told = Told::by_task(&project, "cw-2");
    let refused = |name: &str| {
        let came = told.came(&tried(RELAY, name));
        came.contains("HTTP/1.1 4")
    };
    let answered: Vec<&str> = PATHS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !refused(name))
        .collect();
    assert_eq!(answered, [""; 0]);
    assert_eq!(api.take(), [""; 0], "the API was reached");
    project.add(
        "asks what it may",
        &(requests(RELAY, &[ALLOWED], fill) + "write src/c.txt done"),
    );
    project.run(&["generator", "stitch"]).expect(0);
    let seen = api.take().concat();
    assert!(
        seen.starts_with("GET /v1/models ") && !seen.contains("cordwainer-"),
        "{seen}"
    );
    project.expect_tidy();

    let proxy = format!("127.0.0.1:{}", naive_proxy(api.port));
    plain_container(engine, &["--network", "host"], &requests(&proxy, &PATHS, fill));
    assert_eq!(api.take().len(), PATHS.len(), "the controls of some do not fire");
}

/// What a call is known by at its gateway, as `inspect` shows it while the call lasts.
fn token_of_a_call(engine: TestEngine, project: &Project) -> String {
    project.add("waits", &format!("{WAIT}write src/a.txt done"));
    let run = project.spawn(&["generator", "stitch"]);
    let mut token = String::new();
    project.while_the_agent_waits(|| {
        let name = project.containers().concat();
        let output = engine.client().args(["inspect", &name]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, rest) = text.split_once("CLAUDE_CODE_OAUTH_TOKEN=").unwrap();
        rest.split('"').next().unwrap().clone_into(&mut token);
    });
    Ran::from(run.wait_with_output().unwrap()).expect(0);
    assert!(token.starts_with("sk-ant-oat01-cordwainer-"), "{token}");
    token
}

/// The script of these requests.
fn requests(to: &str, all: &[(&str, &str)], fill: impl Fn(&str) -> String) -> String {
    let request = |(name, text): &(&str, &str)| format!("attack {} <<END\n{}\nEND\n", tried(to, name), fill(text));
    all.iter().map(request).collect()
}

fn tried(to: &str, name: &str) -> String {
    format!("request {to} {name}")
}
