//! What the pinned client itself has of names that change who pays: each is known, so that a new client's are noticed.

use std::process::Command;

use cordwainer::engine::EngineKind;

use super::live::IMAGE;
use crate::attacks::told::client;
use crate::run::project::Project;
use crate::support::engines::{absent, socket};

/// Parts of the names of variables that may have to do with who pays.
const PAYING: &str = "API_KEY|TOKEN|AUTH|CREDENTIAL|CREDS|OAUTH|BASE_URL|SDK_URL|SOCKET|_USE_|PROVIDER|BEARER|DELEGATED|CLIENT_DATA|CATALOG";

/// Variables of such names that change nothing of it: counts of tokens, other services than the model's, timers, and what
/// is given to what the client starts. The gateway lets none of those services be reached.
const HARMLESS: &[&str] = &[
    "CLAUDE_CODE_HOST_AUTH_ASK_AT_START",
    "CLAUDE_CODE_HOST_SKILL_CATALOG",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_SDK_CAN_USE_TOOL_SHADOWED",
];

/// Parts of names that are about something else.
const ABOUT_OTHERS: &[&str] = &[
    "TOKENS",
    "_ARTIFACT",
    "_MEMORY_API_",
    "_MESSAGING_",
    "_MCP_",
    "_DISABLE_",
    "_TTL_MS",
    "_WAIT_MS",
    "_TIMEOUT_MS",
    "_EXIT_MS",
    "TOKEN_THRESHOLD",
    "TOKEN_USAGE",
    "_DESIGN_",
    "_SLACK_",
    "_GB_BASE_URL",
    "_SDK_HAS_",
    "_PLUGIN_USE_",
    "_TOOL_USE_",
    "_USE_CASE_",
    "_USE_CCR_",
    "_USE_GIT_PROXY",
    "_USE_COWORK_",
    "_USE_NATIVE_",
    "_USE_POWERSHELL_",
    "_PROXY_AUTH",
    "_OAUTH_CLIENT_ID",
    "_OAUTH_SCOPES",
    "_CCR_WORKER_SOCKET",
    "_CLIENT_KEY",
    "_AUTHORIZE_URL",
    "_REMOTE_TOOLS_",
    "CLAUDE_GATEWAY_",
];

/// Lines that a command in the client's image prints.
fn lines(kind: EngineKind, script: &str) -> Vec<String> {
    let mut command: Command = client(kind);
    command.args([
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "sh",
        IMAGE,
        "-c",
        script,
    ]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn is_there(kind: EngineKind) -> bool {
    let found = socket(kind).is_some()
        && client(kind)
            .args(["image", "inspect", IMAGE])
            .output()
            .is_ok_and(|output| output.status.success());
    if !found {
        absent("Claude image");
    }
    found
}

#[test]
fn every_variable_that_changes_who_pays_is_refused() {
    let kind = EngineKind::Podman;
    if !is_there(kind) {
        return;
    }
    let script = format!(
        "grep -aoE '\\b(CLAUDE|ANTHROPIC)_[A-Z0-9_]*[A-Z0-9]\\b' /usr/local/bin/claude | sort -u | grep -E '{PAYING}'"
    );
    let names = lines(kind, &script);
    assert!(names.len() > 50, "{names:?}");
    let is_meant =
        |name: &&String| !HARMLESS.contains(&name.as_str()) && !ABOUT_OTHERS.iter().any(|part| name.contains(part));
    let names: Vec<&String> = names.iter().filter(is_meant).collect();
    let Some(project) = Project::new(kind, "") else { return };
    let variables: Vec<_> = names.iter().map(|name| format!("    {name}: x\n")).collect();
    let variables = variables.concat();
    let text = std::fs::read_to_string(project.repository.path().join("configuration.yaml")).unwrap();
    let text = text.replacen("container:\n", &format!("container:\n  env:\n{variables}"), 1);
    project.repository.write("configuration.yaml", &text);
    let said = project.run(&["config", "check"]).expect(3).stderr;
    let passed: Vec<_> = names
        .iter()
        .filter(|name| !said.contains(&format!("`{name}`")))
        .collect();
    assert!(
        passed.is_empty(),
        "these may change who pays, and pass: {passed:?}\n{said}"
    );
}
