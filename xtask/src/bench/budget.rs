//! `bench budget`: what share of a run's budget stays unusable, because the worst of each request is set aside before it
//! leaves.
//!
//! A run is played again, request by request, through the gateway and against an API that counts and bills, with a budget
//! of exactly what the run used. The requests that no longer fit are what stays unused.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use cordwainer::agent::{Rates, Usage};
use cordwainer::budget::Allowance;
use serde::Deserialize;
use serde_json::{Value, json};

use super::scripted_api::{Reply, Scene, serve};

/// The requests of a run; `docs/benches.md` says where they come from.
const RUN: &str = include_str!("budget/run.json");
/// The largest share that may stay unused.
const MOST: f64 = 0.1;

/// What to measure.
#[derive(Args)]
pub(crate) struct BudgetBenchArgs {}

/// One call of a run.
#[derive(Deserialize)]
struct Call {
    model: String,
    /// Bytes of a body for each token in it.
    bytes_a_token: u64,
    /// The most tokens of output that each request asks for.
    max_tokens: u64,
    /// The tokens of each request: new, written to the cache, read from it, and produced.
    requests: Vec<[u64; 4]>,
}

/// Plays the run again, and prints a table; fails where more stays unused than may.
pub(crate) fn run(_: &BudgetBenchArgs) -> Result<ExitCode> {
    let calls: Vec<Call> = serde_json::from_str(RUN).context("the run cannot be read")?;
    let mut whole = Usage::default();
    for call in &calls {
        for tokens in &call.requests {
            whole += usage(&call.model, *tokens);
        }
    }
    let requests: usize = calls.iter().map(|call| call.requests.len()).sum();
    println!(
        "A run of {} calls with {requests} requests used {} tokens, ${:.2}. The same with less:\n",
        calls.len(),
        whole.tokens(),
        whole.cost_usd
    );
    println!("{:<28} {:>14} {:>14} {:>9}", "budget", "allowed", "used", "unusable");
    let port = serve(|path, body| answer(path, body).unwrap_or_else(|error| error_reply(&error)))?;
    let mut share = 0_f64;
    for part in [1_u32, 2, 4] {
        let usd = Allowance {
            usd: Some(whole.cost_usd / f64::from(part)),
            tokens: None,
        };
        let tokens = Allowance {
            usd: None,
            tokens: Some(whole.tokens() / u64::from(part)),
        };
        let name = if part == 1 {
            "all of it".to_owned()
        } else {
            format!("one part of {part}")
        };
        let unused = [
            show(&format!("{name}, in money"), usd, &calls, port)?,
            show(&format!("{name}, in tokens"), tokens, &calls, port)?,
        ];
        if part == 1 {
            share = unused[0].max(unused[1]);
        }
    }
    println!(
        "\nOf the whole budget at most {:.0} % is to stay unusable.",
        MOST * 100.0
    );
    Ok(if share <= MOST {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn usage(model: &str, [input, cache_write, cache_read, output]: [u64; 4]) -> Usage {
    let usage = Usage {
        input,
        cache_write,
        cache_read,
        output,
        ..Usage::default()
    };
    let rates = Rates::listed(model).unwrap_or_default();
    Usage {
        cost_usd: rates.cost(&usage),
        ..usage
    }
}

/// Plays the run with an allowance, prints a line, and answers the share that stayed unused.
fn show(name: &str, allowance: Allowance, calls: &[Call], port: u16) -> Result<f64> {
    let spent = play(allowance, calls, port)?;
    let (allowed, used) = match (allowance.usd, allowance.tokens) {
        (Some(usd), _) => (usd, spent.cost_usd),
        (None, tokens) => (number(tokens.unwrap_or_default()), number(spent.tokens())),
    };
    ensure!(used <= allowed * (1.0 + 1e-9), "{name}: the budget was passed");
    let share = 1.0 - used / allowed;
    println!("{name:<28} {allowed:>14.2} {used:>14.2} {:>7.1} %", share * 100.0);
    Ok(share)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 tokens")]
fn number(tokens: u64) -> f64 {
    tokens as f64
}

/// Plays the calls one after the other; the first request that is refused ends the run. What was billed until then.
fn play(allowance: Allowance, calls: &[Call], port: u16) -> Result<Usage> {
    let mut spent = Usage::default();
    for call in calls {
        let left = Allowance {
            usd: allowance.usd.map(|usd| usd - spent.cost_usd),
            tokens: allowance.tokens.map(|tokens| tokens.saturating_sub(spent.tokens())),
        };
        let scene = Scene::open(port, left)?;
        for tokens in &call.requests {
            let (status, answer) = scene.ask(&body(call, *tokens))?;
            if status != 200 {
                return Ok(spent);
            }
            let told = answer
                .split_once("\r\n\r\n")
                .map(|(_, body)| serde_json::from_str::<Value>(body));
            let told = told.context("no body")?.context("the answer is no JSON")?;
            let output = told["usage"]["output_tokens"].as_u64().context("no output is told")?;
            let [input, cache_write, cache_read, _] = *tokens;
            spent += usage(&call.model, [input, cache_write, cache_read, output]);
        }
    }
    Ok(spent)
}

/// The body of a request, as long as its tokens make it; what they are stands in a field that the API reads back.
fn body(call: &Call, tokens: [u64; 4]) -> String {
    let length = tokens[..3].iter().sum::<u64>() * call.bytes_a_token;
    let text = "x".repeat(usize::try_from(length).unwrap_or(usize::MAX));
    let messages = json!([{"role": "user", "content": [{"type": "text", "text": json!(tokens).to_string()}, {"type": "text", "text": text}]}]);
    json!({"model": call.model, "max_tokens": call.max_tokens, "messages": messages}).to_string()
}

/// What the API counts, or answers.
fn answer(path: &str, body: &[u8]) -> Result<Reply> {
    let asked: Value = serde_json::from_slice(body).context("the request is no JSON")?;
    let tokens = asked["messages"][0]["content"][0]["text"]
        .as_str()
        .context("no figures")?;
    let [input, cache_write, cache_read, output]: [u64; 4] = serde_json::from_str(tokens)?;
    let said = if path.ends_with("/count_tokens") {
        json!({"input_tokens": input + cache_write + cache_read})
    } else {
        let most = asked["max_tokens"].as_u64().context("no max_tokens")?;
        let usage = json!({"input_tokens": input, "cache_creation_input_tokens": cache_write,
            "cache_read_input_tokens": cache_read, "output_tokens": output.min(most)});
        json!({"type": "message", "model": asked["model"], "content": [], "usage": usage})
    };
    Ok(Reply {
        content_type: "application/json",
        body: said.to_string(),
    })
}

fn error_reply(error: &anyhow::Error) -> Reply {
    Reply {
        content_type: "application/json",
        body: json!({"type": "error", "error": {"type": "invalid_request_error", "message": error.to_string()}})
            .to_string(),
    }
}
