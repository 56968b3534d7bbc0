//! Streams put together from the client's own words by the choices of the fuzzer.

use cordwainer::agent::{Ending, StopCause};
use jiff::Timestamp;
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use serde_json::{Map, Value};

/// The most lines of a stream.
const LINES: usize = 12;
/// The most fields of an object, and items of a list.
const FIELDS: usize = 8;
/// How deep a value goes at most.
const DEPTH: usize = 4;

const TYPES: [&str; 7] = [
    "system",
    "assistant",
    "user",
    "rate_limit_event",
    "result",
    "stream_event",
    "new",
];

const NAMES: &[&str] = &[
    "subtype",
    "session_id",
    "model",
    "claude_code_version",
    "apiKeySource",
    "message",
    "id",
    "content",
    "usage",
    "modelUsage",
    "model_usage_since_last_result",
    "total_cost_usd",
    "costUSD",
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "inputTokens",
    "outputTokens",
    "parent_tool_use_id",
    "rate_limit_info",
    "status",
    "resetsAt",
    "rateLimitType",
    "overageStatus",
    "isUsingOverage",
    "error",
    "error_status",
    "retry_delay_ms",
    "attempt",
    "api_error",
    "api_error_status",
    "api_error_params",
    "terminal_reason",
    "is_error",
    "num_turns",
    "result",
    "errors",
    "structured_output",
    "duration_ms",
    "duration_api_ms",
    "timestamp",
    "type",
    "name",
    "input",
    "text",
    "file_path",
    "command",
];

const WORDS: &[&str] = &[
    "init",
    "api_retry",
    "success",
    "error_max_turns",
    "error_max_budget_usd",
    "error_during_execution",
    "allowed",
    "allowed_warning",
    "rejected",
    "overage",
    "five_hour",
    "seven_day",
    "usage_limit_reached",
    "rate_limit",
    "authentication_failed",
    "server_error",
    "overloaded",
    "completed",
    "aborted_streaming",
    "max_turns",
    "none",
    "ANTHROPIC_API_KEY",
    "<synthetic>",
    "claude-opus-5-5",
    "text",
    "tool_use",
    "tool_result",
    "Bash",
    "msg_1",
    "2026-11-21T09:30:35Z",
    "No conversation found with session ID: 1",
    "You've hit your 5-hour limit · resets 10:30am (UTC)",
    "Claude AI usage limit reached|1795257035",
];

const NUMBERS: &[f64] = &[
    0.0,
    1.0,
    -1.0,
    0.5,
    429.0,
    529.0,
    401.0,
    1e9,
    1_795_257_035.0,
    1e18,
    1.9e19,
    1e300,
    -1e300,
];

const CUTS: [Option<StopCause>; 5] = [
    None,
    Some(StopCause::Idle),
    Some(StopCause::AfterResult),
    Some(StopCause::Budget),
    Some(StopCause::Overage),
];

/// A stream, and how its process ended.
pub(crate) fn stream(choices: &[u8]) -> (Vec<u8>, Ending<'static>) {
    let mut choices = Unstructured::new(choices);
    let ending = ending(&mut choices).unwrap_or_default();
    let mut stream = Vec::new();
    for _ in 0..LINES {
        if choices.is_empty() {
            break;
        }
        // What runs out of choices is a shorter stream, and no failure.
        let Ok(line) = line(&mut choices) else { break };
        stream.extend_from_slice(line.to_string().as_bytes());
        stream.push(b'\n');
    }
    (stream, ending)
}

fn ending(choices: &mut Unstructured<'_>) -> Result<Ending<'static>> {
    Ok(Ending {
        exit_code: *choices.choose(&[Some(0), Some(1), Some(137), Some(143), None])?,
        oom: choices.ratio(1, 8)?,
        stderr_tail: choices.choose(WORDS)?,
        cut: *choices.choose(&CUTS)?,
        allow_overage: choices.arbitrary()?,
        recorded: choices.arbitrary()?,
        now: choices
            .arbitrary::<Option<u32>>()?
            .and_then(|second| Timestamp::from_second(second.into()).ok()),
    })
}

fn line(choices: &mut Unstructured<'_>) -> Result<Value> {
    let mut fields = object(choices, DEPTH)?;
    fields.insert("type".to_owned(), (*choices.choose(&TYPES)?).into());
    Ok(Value::Object(fields))
}

fn object(choices: &mut Unstructured<'_>, depth: usize) -> Result<Map<String, Value>> {
    let count = choices.int_in_range(0..=FIELDS)?;
    let field = |_| Ok(((*choices.choose(NAMES)?).to_owned(), value(choices, depth - 1)?));
    (0..count).map(field).collect()
}

fn value(choices: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    Ok(match choices.int_in_range(0..=if depth > 1 { 7 } else { 5 })? {
        0 => Value::Null,
        1 => choices.arbitrary::<bool>()?.into(),
        2 => (*choices.choose(NUMBERS)?).into(),
        3 => choices.arbitrary::<i64>()?.into(),
        4 => choices.arbitrary::<&str>()?.into(),
        5 => (*choices.choose(WORDS)?).into(),
        6 => Value::Object(object(choices, depth)?),
        _ => list(choices, depth)?,
    })
}

fn list(choices: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let count = choices.int_in_range(0..=FIELDS)?;
    (0..count).map(|_| value(choices, depth - 1)).collect()
}
