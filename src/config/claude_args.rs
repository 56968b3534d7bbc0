//! `claude_args`, how the client is always called, and `args` of a role. Flags that have a key of their own, that
//! cordwainer sets, or that bill somebody else are refused here.

use super::field::Field;
use super::node::Kind;
use super::podman_args::split_words;

/// The flag that makes the client ignore subscriptions.
pub(crate) const BARE: &str = "--bare";

const OUTPUT_FORMAT: &str = "--output-format";

/// Flags that do not belong here, and why. All are flags of the clients 2.1.329 and 2.1.332, shown by their help or
/// not.
const REFUSED: &[(&[&str], &str)] = &[
    (&[BARE], "it skips the subscription and bills an API key"),
    (&["--model"], "write `model` in the section of a role"),
    (&["--fallback-model"], "write `fallback_model` in the section of a role"),
    (&["--effort"], "write `effort` in the section of a role"),
    (&["--max-turns"], "write `max_turns` in the section of a role"),
    (&["--max-budget-usd"], "write `budget_usd` in the section of a role"),
    (&["--task-budget"], "write `budget_tokens` in the section of a role"),
    (&["--tools"], "write `tools` in the section of a role"),
    (
        &["--allowed-tools", "--allowedTools"],
        "write `allowed_tools` in the section of a role",
    ),
    (
        &["--disallowed-tools", "--disallowedTools"],
        "write `denied_tools` in the section of a role",
    ),
    (&["--json-schema"], "measure sets it by itself"),
    (&["--restricted"], "write `restricted` in the section of a role"),
    (
        &["--mcp-config"],
        "write `mcp`, which lists the servers and the tools of each role",
    ),
    (
        &[
            "--settings",
            "--managed-settings",
            "--project-config-root",
            "--profile",
            "--gateway-json",
            "--client-data-url",
            "--environment",
            "--pool",
            "--plugin-url",
            "--organization-gateway",
            "--managed-settings-in-initialize",
            "--initialize-fields",
            "--agent-proxy-url",
            "--api-url",
            "--key-file",
        ],
        "it can change who pays",
    ),
    (&["--fast-mode"], "it is billed beyond the subscription"),
    (&["--advisor"], "it calls a second model, which is billed, too"),
    (
        &[
            "--resume",
            "-r",
            "--continue",
            "-c",
            "--session-id",
            "--fork-session",
            "--resume-session-at",
            "--resume-drops-turn",
            "--rewind-files",
            "--no-session-persistence",
            "--from-pr",
        ],
        "cordwainer begins and resumes sessions by itself",
    ),
    (
        &["--input-format", "--replay-user-messages", "--prefill", "--prefill-b64"],
        "cordwainer sets how the client gets its prompt",
    ),
    (
        &[
            "--bg",
            "--background",
            "--cloud",
            "--remote",
            "--remote-control",
            "--rc",
            "--sdk-url",
            "--await-initialize",
            "--messaging-socket-path",
            "--lead-verify-key",
            "--attach-serve",
            "--forward-home-settings",
            "--session-mirror",
            "--teleport",
            "--desktop",
            "--tmux",
            "--worktree",
            "-w",
        ],
        "with it the client works elsewhere, where nobody reads its stream",
    ),
    (
        &["--help", "-h", "--version", "-v", "--init-only"],
        "with it the client only prints something and does no work",
    ),
    (&["--"], "what follows it would no longer be flags"),
];

/// Flags of the same client that take no value: a word after one is its prompt.
const SWITCHES: &[&str] = &[
    "-p",
    "--print",
    "--verbose",
    "--dangerously-skip-permissions",
    "--allow-dangerously-skip-permissions",
    "--include-partial-messages",
    "--include-hook-events",
    "--forward-subagent-text",
    "--strict-mcp-config",
    "--disable-slash-commands",
    "--exclude-dynamic-system-prompt-sections",
    "--safe-mode",
    "--brief",
    "--ax-screen-reader",
    "--chrome",
    "--no-chrome",
    "--ide",
];

/// Reads `claude_args`: a list of arguments, or a line that is split as a shell does.
pub(super) fn read(field: &Field<'_>) -> Option<Vec<String>> {
    let arguments = read_list(field)?;
    check_essentials(field, &arguments);
    Some(arguments)
}

/// Reads `args` of a role, which follow `claude_args`.
pub(super) fn read_more(field: &Field<'_>) -> Option<Vec<String>> {
    let arguments = read_list(field)?;
    if !output_formats(&arguments).is_empty() {
        field.refuse::<()>("`--output-format` belongs to `claude_args`");
    }
    Some(arguments)
}

fn read_list(field: &Field<'_>) -> Option<Vec<String>> {
    let arguments = match &field.node.kind {
        Kind::List(_) => field.list("a list of arguments", read_argument)?,
        _ => split_words(&field.text()?).or_else(|| field.refuse("expected every quote to be closed"))?,
    };
    if !matches!(field.node.kind, Kind::List(_)) {
        for argument in &arguments {
            check_argument(field, argument);
        }
    }
    if arguments.first().is_some_and(|first| !first.starts_with('-')) {
        field.refuse::<()>("expected a flag first: another word would be a command of the client, or its prompt");
    }
    check_prompt(field, &arguments);
    Some(arguments)
}

/// Refuses a word that no flag takes: the prompt goes to the client on stdin, and such a word would be put before it.
fn check_prompt(field: &Field<'_>, arguments: &[String]) {
    let items = match &field.node.kind {
        Kind::List(_) => field.items("a list of arguments").unwrap_or_default(),
        _ => Vec::new(),
    };
    for (index, word) in arguments.iter().enumerate() {
        let Some(flag) = complete(&arguments[..index]).filter(|_| !word.starts_with('-')) else {
            continue;
        };
        let word = crate::base::text::one_line(word, 60);
        // Items that are not arguments were left out, and noted.
        let place = items.get(index).filter(|_| items.len() == arguments.len());
        place.unwrap_or(field).refuse_with::<()>(
            format!("`{word}` would become the client's prompt: it is not a value of `{flag}`"),
            "leave it out; your own words belong in `user_prompt` or a template",
        );
    }
}

/// Returns the flag that arguments end with, if it has no value or has all of it.
fn complete(arguments: &[String]) -> Option<&str> {
    match arguments {
        [.., flag, _] if flag == OUTPUT_FORMAT => Some(flag),
        [.., last] if SWITCHES.contains(&last.as_str()) => Some(last),
        [.., last] if last.starts_with("--") => last.split_once('=').map(|(flag, _)| flag),
        _ => None,
    }
}

fn read_argument(field: &Field<'_>) -> Option<String> {
    // A number is also an argument.
    let Some(text) = field.scalar() else {
        return field.expected("an argument");
    };
    if text.contains('\0') {
        return field.refuse("expected text without NUL characters");
    }
    if text.starts_with('-') && text.contains(char::is_whitespace) {
        return field.expected("one argument per item, with a flag and its value apart");
    }
    check_argument(field, text);
    Some(text.to_owned())
}

fn check_argument(field: &Field<'_>, argument: &str) {
    let flag = argument.split('=').next().unwrap_or(argument);
    if let Some((_, why)) = REFUSED.iter().find(|(flags, _)| flags.contains(&flag)) {
        field.refuse::<()>(format!("`{flag}` is refused: {why}"));
    } else if is_cluster(flag) {
        field.refuse::<()>(format!(
            "`{}` is several flags in one, or one with its value: write each apart",
            crate::base::text::one_line(flag, 60)
        ));
    }
}

/// Returns whether a word is `-pc` or `-rID`, which the client takes apart; `-1.5` is a number.
fn is_cluster(word: &str) -> bool {
    let letters = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    letters.is_some_and(|letters| letters.chars().count() > 1 && word.parse::<f64>().is_err())
}

/// Checks the flags without which nothing that the client writes could be read.
fn check_essentials(field: &Field<'_>, arguments: &[String]) {
    let has = |names: &[&str]| arguments.iter().any(|argument| names.contains(&argument.as_str()));
    if !has(&["-p", "--print"]) {
        field.refuse::<()>("expected `-p`: without it the client waits for a person");
    }
    if !has(&["--verbose"]) {
        field.refuse::<()>("expected `--verbose`: without it there is no stream of events");
    }
    let formats = output_formats(arguments);
    if formats.is_empty() || formats.iter().any(|format| *format != "stream-json") {
        field.refuse::<()>("expected `--output-format stream-json`, once and no other: it is what cordwainer reads");
    }
}

fn output_formats(arguments: &[String]) -> Vec<&str> {
    let mut formats = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        if argument == OUTPUT_FORMAT {
            formats.push(arguments.get(index + 1).map_or("", String::as_str));
        } else if let Some(format) = argument.strip_prefix("--output-format=") {
            formats.push(format);
        }
    }
    formats
}
