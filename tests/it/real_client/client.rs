//! What the pinned client itself has of names that change who pays: each is known, so that a new client's are noticed.

use std::process::Command;

use cordwainer::engine::EngineKind;

use super::live::{ClaudeEngine, IMAGE};
use crate::support::command::cordwainer;
use crate::support::engines::TestEngine;
use crate::support::project::Project;
use crate::support::repository::TestRepository;

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

/// Parts of the names of flags that may have to do with who pays.
const PAYING_FLAGS: &str = "api|auth|key|token|url|socket|gateway|profile|settings|managed|organi|environment|pool|advisor|fast|provider|cloud|remote|sdk|credential|billing|account|cost|budget|bare|teleport|background";

/// Flags of the client's help that change nothing of who pays, nor take a session or the stream away.
const HARMLESS_FLAGS: &[&str] = &[
    "--add-dir",
    "--agent",
    "--agents",
    "--allow-dangerously-skip-permissions",
    "--append-system-prompt",
    "--autocompact",
    "--ax-screen-reader",
    "--betas",
    "--brief",
    "--chrome",
    "--dangerously-skip-permissions",
    "--debug",
    "--debug-file",
    "--disable-slash-commands",
    "--exclude-dynamic-system-prompt-sections",
    "--file",
    "--forward-subagent-text",
    "--ide",
    "--include-hook-events",
    "--include-partial-messages",
    "--max-thinking-tokens",
    "--mcp-config",
    "--name",
    "--no-chrome",
    "--output-format",
    "--permission-mode",
    "--permission-prompt-tool",
    "--permission-prompts",
    "--plugin-dir",
    "--print",
    "--prompt-suggestions",
    // Without `--remote-control`, which is refused, it names nothing.
    "--remote-control-session-name-prefix",
    "--restricted",
    "--safe-mode",
    // It can only have fewer of them read.
    "--setting-sources",
    "--strict-mcp-config",
    "--system-prompt",
    "--system-prompt-snapshot",
    "--verbose",
];

/// Flags in the client's program that are none of the client as it is called here: of its other commands (logins, MCP
/// servers, evaluations, the runner), of its sandbox, and of other programs.
const FLAGS_OF_OTHERS: &[&str] = &[
    "--author",
    "--author-email",
    "--enable-auth-status",
    "--host-auth-is-org-sign-in",
    "--id-token",
    "--max-cost",
    "--max-cost-usd",
    "--network-family-autoselection-attempt-timeout",
    "--scm-connector-provider",
    "--tls-keylog",
    "--write-restricted-token",
    "--keep-workers",
];

/// Lines that a command in the client's image prints.
fn lines(engine: TestEngine, script: &str) -> Vec<String> {
    let mut command: Command = engine.client();
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

#[test]
fn every_variable_that_changes_who_pays_is_refused() {
    let Some(ClaudeEngine(engine)) = ClaudeEngine::find(EngineKind::Podman) else {
        return;
    };
    let script = format!(
        "grep -aoE '\\b(CLAUDE|ANTHROPIC)_[A-Z0-9_]*[A-Z0-9]\\b' /usr/local/bin/claude | sort -u | grep -E '{PAYING}'"
    );
    let names = lines(engine, &script);
    assert!(names.len() > 50, "{names:?}");
    let is_meant =
        |name: &&String| !HARMLESS.contains(&name.as_str()) && !ABOUT_OTHERS.iter().any(|part| name.contains(part));
    let names: Vec<&String> = names.iter().filter(is_meant).collect();
    let project = Project::new(engine, "");
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

/// Those of the flags that the configuration lets pass.
fn passing(flags: &[String]) -> Vec<String> {
    let repository = TestRepository::new();
    let listed: Vec<String> = flags.iter().map(|flag| format!(", \"{flag}\"")).collect();
    repository.write(
        "configuration.yaml",
        format!(
            "claude_args: [-p, --verbose, --output-format, stream-json{}]\n",
            listed.concat()
        ),
    );
    let said = cordwainer(&repository, &["config", "check"]).run();
    assert_eq!(said.code, 3, "{said:#?}");
    let refused = |flag: &&String| said.stderr.contains(&format!("`{flag}` is refused"));
    flags.iter().filter(|flag| !refused(flag)).cloned().collect()
}

/// A flag that a new client has fails this until somebody has looked at it.
#[test]
fn every_flag_of_the_help_is_refused_or_known_to_be_harmless() {
    let Some(ClaudeEngine(engine)) = ClaudeEngine::find(EngineKind::Docker) else {
        return;
    };
    let script = "claude --help | grep -E '^ +-' | grep -oE -- '^ +(-[a-zA-Z], )?--[a-zA-Z0-9-]+(, --[a-zA-Z-]+)?' \
        | grep -oE -- '--[a-zA-Z0-9-]+' | sort -u";
    let flags = lines(engine, script);
    assert!(flags.len() > 40, "{flags:?}");
    let passed = passing(&flags);
    let allowed = |flag: &String| HARMLESS_FLAGS.contains(&flag.as_str());
    let unknown: Vec<_> = passed.iter().filter(|flag| !allowed(flag)).collect();
    assert!(
        unknown.is_empty(),
        "nobody has said of these flags whether they change who pays: {unknown:?}"
    );
}

/// Most of the flags that change who pays are in no help.
#[test]
fn every_hidden_flag_that_changes_who_pays_is_refused() {
    let Some(ClaudeEngine(engine)) = ClaudeEngine::find(EngineKind::Podman) else {
        return;
    };
    let script = format!(
        r#"grep -aoE '[A-Za-z_$]{{1,6}}\("(-[a-zA-Z], ?)?--[a-zA-Z0-9-]+[^"]{{0,40}}"' /usr/local/bin/claude \
            | grep -oE -- '"(-[a-zA-Z], ?)?--[a-zA-Z0-9, -]+' | grep -oE -- '--[a-z][a-zA-Z0-9-]+' \
            | sort -u | grep -E '{PAYING_FLAGS}'"#
    );
    let flags = lines(engine, &script);
    assert!(flags.len() > 20, "{flags:?}");
    let known = |flag: &String| HARMLESS_FLAGS.contains(&flag.as_str()) || FLAGS_OF_OTHERS.contains(&flag.as_str());
    let unknown: Vec<_> = passing(&flags).into_iter().filter(|flag| !known(flag)).collect();
    assert!(
        unknown.is_empty(),
        "these flags may change who pays, and pass: {unknown:?}"
    );
}
