//! Every token is counted once: sub-agents, resumed sessions, clients that sum up and clients that do not, calls that
//! were killed.

use serde_json::{Value, json};

use super::{ended, report, success};
use crate::agent::{CallReport, Ending, Rates, Transcript};
use crate::model::Usage;

fn usage(input: u64, cache_read: u64, output: u64, cost_usd: f64) -> Usage {
    Usage {
        input,
        cache_read,
        output,
        cost_usd,
        ..Usage::default()
    }
}

fn said(id: &str, input: u64, cache_read: u64, text: &str) -> Value {
    json!({"type": "assistant", "parent_tool_use_id": null, "message": {
        "id": id, "model": "claude-opus-5-5", "content": [{"type": "text", "text": text}],
        "usage": {"input_tokens": input, "cache_read_input_tokens": cache_read, "output_tokens": 1}}})
}

fn by_sub_agent(mut line: Value) -> Value {
    line["parent_tool_use_id"] = json!("toolu_1");
    line
}

fn models(usage: &Usage) -> Value {
    json!({"claude-opus-5-5": {"inputTokens": usage.input, "cacheReadInputTokens": usage.cache_read,
        "outputTokens": usage.output, "costUSD": usage.cost_usd}})
}

/// Builds a result line with these figures.
fn result(model_usage: Option<&Usage>, total_cost: Option<f64>) -> Value {
    let mut line = success();
    if let Some(usage) = model_usage {
        line["modelUsage"] = models(usage);
    }
    if let Some(cost) = total_cost {
        line["total_cost_usd"] = json!(cost);
    }
    line
}

fn finished(prior: Usage, lines: &[Value]) -> CallReport {
    let mut transcript = Transcript::resuming(prior);
    for line in lines {
        transcript.push_line(line.to_string().as_bytes());
    }
    transcript.finish(&ended(0))
}

fn check(prior: Usage, lines: &[Value], expect: Usage, estimated: bool) {
    let report = finished(prior, lines);
    let cost = report.usage.cost_usd;
    assert!((cost - expect.cost_usd).abs() < 1e-9, "{cost}: {lines:?}");
    let tokens = Usage {
        cost_usd: expect.cost_usd,
        ..report.usage
    };
    assert_eq!(tokens, Usage { calls: 1, ..expect }, "{lines:?}");
    assert_eq!(report.estimated, estimated, "{lines:?}");
}

const PRIOR: Usage = Usage {
    input: 200,
    cache_write: 0,
    cache_read: 3000,
    output: 90,
    cost_usd: 0.4,
    calls: 1,
};

#[test]
fn a_session_that_goes_on_is_counted_once_whatever_the_client_sums_up() {
    let own = usage(50, 1000, 30, 0.1);
    let whole = usage(250, 4000, 120, 0.5);
    let message = said("m1", 50, 1000, "Done.");
    check(PRIOR, &[message.clone(), result(Some(&whole), Some(0.5))], own, false);
    check(PRIOR, &[message.clone(), result(Some(&own), Some(0.1))], own, false);
    check(PRIOR, &[message.clone(), result(Some(&own), None)], own, false);
    // As large as both calls together, and the stream shows that it is this one's.
    let large = said("m1", 250, 4000, "Done.");
    check(PRIOR, &[large, result(Some(&whole), Some(0.5))], whole, false);
    // Nothing tells what came before.
    let none = Usage::default();
    check(none, &[message, result(Some(&whole), Some(0.5))], whole, false);
}

#[test]
fn where_both_readings_fit_the_larger_counts() {
    let all = usage(300, 3000, 100, 1.0);
    let prior = usage(100, 1000, 50, 0.4);
    let between = said("m1", 250, 2500, "x");
    check(prior, &[between, result(Some(&all), Some(1.0))], all, false);
}

#[test]
fn what_is_new_since_the_last_result_wins_and_adds_up() {
    let own = usage(50, 1000, 30, 0.1);
    let mut line = result(Some(&usage(250, 4000, 120, 0.5)), Some(0.5));
    line["model_usage_since_last_result"] = models(&own);
    check(Usage::default(), std::slice::from_ref(&line), own, false);
    let twice = usage(100, 2000, 60, 0.2);
    check(PRIOR, &[line.clone(), line], twice, false);
    // Refused at once: nothing is new.
    let mut refused = result(Some(&PRIOR), Some(0.4));
    refused["model_usage_since_last_result"] = json!({});
    check(PRIOR, &[refused], Usage::default(), false);
}

#[test]
fn a_result_is_not_believed_below_what_the_stream_has_shown() {
    let none = Usage::default();
    let message = said("m1", 500_000, 2000, "x");
    // Half a million at 15 and 2000 at 1.5 dollars a million.
    let reckoned = 7.5 + 0.003;
    let mut line = result(None, Some(0.5));
    line["model_usage_since_last_result"] = models(&usage(1, 0, 0, 0.000_015));
    check(none, &[message.clone(), line], usage(500_000, 2000, 0, reckoned), true);
    let low = usage(500_000, 1000, 9, 9.0);
    let lines = [message.clone(), result(Some(&low), Some(9.0))];
    check(none, &lines, usage(500_000, 2000, 9, 9.0), true);
    let mut write = message.clone();
    write["message"]["usage"]["cache_creation_input_tokens"] = json!(1000);
    let expect = Usage {
        cache_write: 1000,
        ..usage(500_000, 2000, 9, 9.0)
    };
    let told = usage(500_000, 2000, 9, 9.0);
    check(none, &[write, result(Some(&told), Some(9.0))], expect, true);
    // Less output than was estimated is the truth, and what the client made up cost nothing.
    let mut made_up = said("m2", 9999, 9999, "refused");
    made_up["message"]["model"] = json!("<synthetic>");
    let long = said("m1", 500_000, 2000, &"x".repeat(4000));
    let lines = [long, made_up, result(Some(&told), Some(9.0))];
    check(none, &lines, told, false);
    // Of a session that goes on, what is new is held against the stream.
    let whole = usage(PRIOR.input + 10, PRIOR.cache_read + 100, 120, 0.5);
    let lines = [said("m1", 50, 100, "x"), result(Some(&whole), Some(0.5))];
    check(PRIOR, &lines, usage(50, 100, 30, 0.1), true);
    // Every result line is held against what came since the one before.
    let one = usage(10, 100, 5, 0.1);
    let lines = [said("m1", 10, 100, "x"), result(Some(&one), Some(0.1))];
    let again = [said("m2", 10, 100, "x"), result(Some(&one), Some(0.1))];
    check(none, &[lines, again].concat(), usage(20, 200, 10, 0.2), false);
}

#[test]
fn a_session_that_comes_to_less_than_was_reckoned_is_estimated() {
    // The first call was killed: its output, and so its money, is estimated, and too high.
    let prior = usage(100, 1000, 50, 0.0089);
    let whole = usage(150, 2000, 70, 0.0064);
    let message = said("m1", 50, 1000, "x");
    check(
        prior,
        &[message.clone(), result(Some(&whole), Some(0.0064))],
        usage(50, 1000, 20, 0.0),
        true,
    );
    let whole = usage(150, 2000, 40, 0.0096);
    check(
        prior,
        &[message.clone(), result(Some(&whole), Some(0.0096))],
        usage(50, 1000, 0, 0.0007),
        true,
    );
    // The client reports what is new.
    let own = usage(50, 1000, 20, 0.0032);
    let mut told = result(Some(&usage(150, 2000, 40, 0.0064)), Some(0.0064));
    told["model_usage_since_last_result"] = models(&own);
    check(prior, &[message.clone(), told], own, false);
    // Sums of the same amounts differ by a rounding.
    let prior = usage(100, 1000, 50, 0.1 + 0.2);
    check(
        prior,
        &[result(Some(&usage(100, 1000, 50, 0.3)), Some(0.3))],
        usage(0, 0, 0, 0.0),
        false,
    );
}

#[test]
fn sub_agents_count_with_and_without_sums_by_model() {
    let lines = [
        said("m1", 10, 100, "Ask."),
        by_sub_agent(said("s1", 20, 200, "Look.")),
        by_sub_agent(said("s1", 20, 200, "Look on.")),
        said("m2", 30, 300, "Done."),
    ];
    let mut own = result(None, Some(0.3));
    own["usage"] = json!({"input_tokens": 40, "cache_read_input_tokens": 400, "output_tokens": 77});
    let all = [lines.as_slice(), std::slice::from_ref(&own)].concat();
    check(Usage::default(), &all, usage(60, 600, 77, 0.3), false);
    let sums = usage(60, 600, 95, 0.3);
    let all = [lines.as_slice(), &[result(Some(&sums), Some(0.3))]].concat();
    check(Usage::default(), &all, sums, false);
    let report = report(&lines, &ended(137));
    assert_eq!(report.turns, 2);
    assert_eq!(report.result.as_deref(), Some("Done."));
}

#[test]
fn a_killed_call_is_reckoned() {
    let lines = [
        said("m1", 1000, 0, &"x".repeat(400)),
        said("m1", 1000, 0, &"y".repeat(400)),
        said("m2", 0, 1_000_000, ""),
        json!({"type": "assistant", "message": {"id": "m3", "model": "<synthetic>", "content": [{"type": "text",
            "text": "refused"}], "usage": {"input_tokens": 9999, "output_tokens": 9999}}}),
    ];
    // 1000 at 15, a million at 1.5, and 201 at 75 dollars a million.
    let expect = usage(1000, 1_000_000, 201, 0.015 + 1.5 + 0.015_075);
    check(Usage::default(), &lines, expect, true);
    check(PRIOR, &lines, expect, true);
    let rates = Rates {
        input: 1000.0,
        cache_read: 0.0,
        output: 0.0,
        ..Rates::default()
    };
    let mut transcript = Transcript::new();
    transcript.set_rates(rates);
    transcript.push_line(lines[0].to_string().as_bytes());
    assert!((transcript.usage().cost_usd - 1.0).abs() < 1e-9);
}

#[test]
fn nonsense_is_no_figure() {
    let message = said("m1", 1000, 0, "x");
    let reckoned = usage(1000, 0, 1, 0.015_075);
    let mut odd = result(None, None);
    odd["total_cost_usd"] = json!(-3);
    odd["usage"] = json!({"input_tokens": -5, "output_tokens": "many"});
    odd["modelUsage"] = json!({"a": 7, "b": {"inputTokens": 1e300, "outputTokens": -1, "costUSD": 1e300}});
    check(Usage::default(), &[message.clone(), odd], reckoned, true);
    let none = result(None, None);
    check(Usage::default(), &[message, none], reckoned, true);
    check(Usage::default(), &[result(None, None)], Usage::default(), false);
}

#[test]
fn a_result_with_zeros_takes_the_sums_by_model() {
    let sums = usage(120, 900, 40, 0.00161);
    let mut line = result(Some(&sums), Some(0.00161));
    line["usage"] = json!({"input_tokens": 0, "output_tokens": 0});
    check(Usage::default(), &[said("m1", 120, 900, "x"), line], sums, false);
}

#[test]
fn times_and_words_are_kept() {
    let mut line = success();
    line["duration_ms"] = json!(331.4);
    line["duration_api_ms"] = json!(52);
    line["result"] = json!(" ");
    let retry = json!({"type": "system", "subtype": "api_retry", "retry_delay_ms": 563.5});
    let other = json!({"type": "system", "subtype": "init", "model": "claude-haiku-9"});
    let report = report(
        &[other, retry.clone(), retry, said("m1", 1, 1, "Last words."), line],
        &ended(0),
    );
    assert_eq!((report.duration_ms, report.api_ms, report.wait_ms), (331, 52, 1128));
    assert_eq!(report.result.as_deref(), Some("Last words."));
    assert_eq!(report.model.as_deref(), Some("claude-opus-5-5"));
    assert!(!report.session_lost);
}

#[test]
fn a_client_that_sums_up_sums_up_the_time_of_the_api_too() {
    let mut line = result(Some(&usage(250, 4000, 120, 0.5)), Some(0.5));
    line["duration_api_ms"] = json!(84);
    let mut transcript = Transcript::resuming(PRIOR).after_api_ms(52);
    for line in [said("m1", 50, 1000, "Done."), line] {
        transcript.push_line(line.to_string().as_bytes());
    }
    assert_eq!(transcript.finish(&ended(0)).api_ms, 32);
}

#[test]
fn a_lost_session_is_told() {
    let lost = "No conversation found with session ID: 0";
    let line = json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "errors": [lost]});
    assert!(report(&[line], &ended(1)).session_lost);
    let on_stderr = Ending {
        stderr_tail: lost,
        ..ended(1)
    };
    assert!(report(&[], &on_stderr).session_lost);
    assert!(!report(&[said("m1", 1, 1, lost), success()], &ended(0)).session_lost);
}
