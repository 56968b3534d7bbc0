//! `claude_args`: how the client is always called. What a key of its own says, or cordwainer itself, is refused here.

use super::field::Field;
use super::node::Kind;
use super::podman_args::split_words;

/// Flags that do not belong here, and why.
const REFUSED: &[(&[&str], &str)] = &[
    (&["--bare"], "it skips the subscription and bills an API key"),
    (&["--model"], "write `measure.model` and `stitch.model`"),
    (&["--effort"], "write `measure.effort` and `stitch.effort`"),
    (&["--max-turns"], "write `measure.max_turns` and `stitch.max_turns`"),
    (
        &["--max-budget-usd"],
        "write `measure.budget_usd` and `stitch.budget_usd`",
    ),
    (&["--tools"], "write `measure.tools` and `stitch.tools`"),
    (&["--json-schema"], "measure sets it by itself"),
    (
        &["--resume", "-r", "--continue", "-c", "--session-id", "--fork-session"],
        "sessions are cordwainer's to begin and to resume",
    ),
    (&["--input-format"], "the prompt goes to the client as text"),
    (
        &["--help", "-h", "--version", "-v"],
        "with it the client does not work, it only prints",
    ),
];

/// Reads `claude_args`: a list of arguments, or a line that is split as a shell does.
pub(super) fn read(field: &Field<'_>) -> Option<Vec<String>> {
    let arguments = match &field.node.kind {
        Kind::List(_) => field.list("a list of arguments", read_argument)?,
        _ => split_words(&field.text()?).or_else(|| field.refuse("expected every quote to be closed"))?,
    };
    if !matches!(field.node.kind, Kind::List(_)) {
        for argument in &arguments {
            check_argument(field, argument);
        }
    }
    check_essentials(field, &arguments);
    Some(arguments)
}

fn read_argument(field: &Field<'_>) -> Option<String> {
    // A number is as good an argument as any.
    let Some(text) = field.scalar() else {
        return field.expected("an argument");
    };
    if text.contains('\0') {
        return field.refuse("expected text without NUL characters");
    }
    if text.starts_with('-') && text.contains(char::is_whitespace) {
        return field.expected("one argument an item, a flag and its value apart");
    }
    check_argument(field, text);
    Some(text.to_owned())
}

fn check_argument(field: &Field<'_>, argument: &str) {
    let flag = argument.split('=').next().unwrap_or(argument);
    if let Some((_, why)) = REFUSED.iter().find(|(flags, _)| flags.contains(&flag)) {
        field.refuse::<()>(format!("`{flag}` is refused: {why}"));
    }
}

/// Without these nothing that the client says could be read.
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
    const FLAG: &str = "--output-format";
    let mut formats = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        if argument == FLAG {
            formats.push(arguments.get(index + 1).map_or("", String::as_str));
        } else if let Some(format) = argument.strip_prefix("--output-format=") {
            formats.push(format);
        }
    }
    formats
}
