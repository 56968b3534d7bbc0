//! What the scripted agent says of models, sub-agents, limits and time.

use std::time::{Duration, Instant};

use cordwainer::agent::{AgentEvent, CallOutcome, Transcript};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{call, prompt};
use crate::support::client::read;

/// Every line of the call.
fn lines(script: &str) -> Vec<Value> {
    let folder = TempDir::new().unwrap();
    let output = call(folder.path(), &["--model", "opus"], &prompt(script));
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn events(script: &str) -> Vec<AgentEvent> {
    let mut transcript = Transcript::new();
    let lines = lines(script).into_iter();
    lines
        .filter_map(|line| transcript.push_line(line.to_string().as_bytes()))
        .collect()
}

#[test]
fn settings_hold_wherever_they_stand() {
    let all = lines("say a\nmodel haiku\non 2 model sonnet\napi-key");
    assert_eq!(
        (&all[0]["model"], &all[0]["apiKeySource"]),
        (&json!("haiku"), &json!("ANTHROPIC_API_KEY"))
    );
    assert_eq!(all[1]["message"]["model"], "haiku");
    assert_eq!(lines("say a")[0]["model"], "opus");
}

#[test]
fn subagents_count_in_money_and_by_model_alone() {
    let all = lines("tokens 100 10 0.5\nsubagent 1000 20 0.25");
    let told = all.last().unwrap();
    assert_eq!(
        (&told["usage"]["input_tokens"], &told["num_turns"]),
        (&json!(100), &json!(1))
    );
    assert_eq!(told["modelUsage"]["scripted-subagent-model"]["inputTokens"], 1000);
    assert_eq!(told["total_cost_usd"], 0.75);
    assert!(all[2]["parent_tool_use_id"].is_string());
}

/// What an event of the account's limits says: its status, and whether overage is in use.
fn limit(script: &str) -> (Option<String>, bool) {
    let found = events(script).into_iter().find_map(|event| match event {
        AgentEvent::RateLimit { status, overage, .. } => Some((status, overage)),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn limits_are_told_in_events() {
    assert_eq!(limit("warning"), (Some("allowed_warning".into()), false));
    assert_eq!(limit("overage-available"), (Some("allowed".into()), false));
    assert_eq!(limit("overage"), (Some("rejected".into()), true));
}

#[test]
fn an_old_client_tells_its_limit_in_words_alone() {
    let folder = TempDir::new().unwrap();
    let text = "Session limit reached ∙ resets 10:42am";
    let output = call(folder.path(), &[], &prompt(&format!("limit-text {text}")));
    assert_eq!(output.status.code(), Some(1));
    let stream = String::from_utf8_lossy(&output.stdout);
    assert!(
        !stream.contains("rate_limit") && !stream.contains("api_error"),
        "{stream}"
    );
    let report = read(&output);
    assert_eq!(
        (report.result.as_deref(), report.outcome == CallOutcome::Success),
        (Some(text), false)
    );
}

#[test]
fn a_retry_is_told() {
    let retry = |script| {
        events(script)
            .into_iter()
            .find(|event| matches!(event, AgentEvent::Retry { .. }))
    };
    let told = |attempt, status, error: &str| AgentEvent::Retry {
        attempt,
        delay_ms: 500,
        status,
        error: Some(error.to_owned()),
    };
    assert_eq!(
        retry("retry 500 529 overloaded"),
        Some(told(1, Some(529), "overloaded"))
    );
    assert_eq!(retry("retry 500 none unknown"), Some(told(1, None, "unknown")));
}

#[test]
fn silence_takes_its_time() {
    let began = Instant::now();
    let all = lines("late 150\ntool-silent 150\nsay a");
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(all[1]["message"]["content"][0]["type"], "tool_use");
    assert_eq!(all[2]["message"]["content"][0]["type"], "tool_result");
}
