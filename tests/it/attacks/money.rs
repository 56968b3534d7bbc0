//! Attacks on a budget: requests by the hundred from inside containers, to an API that bills by its own rules whatever
//! becomes of its answers, and a client that tells what never was.

use cordwainer::testing::size;
use serde_json::json;

use crate::support::billing::{Bill, Billing, MODES};
use crate::support::engines::{TestEngine, engine_tests};
use crate::support::project::Project;

engine_tests! {
    podman: no_failure_of_an_answer_has_tokens_billed_beyond_the_budget, forged_figures_spend_nobodys_budget;
    docker: no_failure_of_an_answer_has_money_billed_beyond_the_budget;
}

/// Where the gateway is reached in a container.
const RELAY: &str = "127.0.0.1:8080";
/// How many tasks drive a round of all failures each, small and long, and for how many tokens.
const ROUNDS: (usize, usize) = (4, 40);
const TOKENS: (u64, u64) = (400_000, 4_000_000);
/// Of each hundred bytes of a request so many are tokens, one request after the other.
const DENSITIES: [usize; 5] = [0, 25, 49, 80, 100];

fn no_failure_of_an_answer_has_tokens_billed_beyond_the_budget(engine: TestEngine) {
    let most = size(TOKENS.0, TOKENS.1);
    let billed = drive(engine, &format!("tokens: {most}"));
    let tokens = billed.input + billed.output;
    assert!(tokens <= most, "{billed:?}");
    assert!(tokens > most / 4, "hardly anything was billed: {billed:?}");
}

fn no_failure_of_an_answer_has_money_billed_beyond_the_budget(engine: TestEngine) {
    let most = size(TOKENS.0, TOKENS.1) * 5000;
    let dollars = most / 1_000_000_000;
    let billed = drive(engine, &format!("usd: {dollars}"));
    // Nanodollars: 2.50 dollars for a million tokens written to the cache, and 10 for those produced.
    let money = billed.input * 2500 + billed.output * 10_000;
    assert!(money <= dollars * 1_000_000_000, "{billed:?}");
    assert!(money > most / 4, "hardly anything was billed: {billed:?}");
}

/// Has agents ask in all failures until the budget is spent; answers what the API billed.
fn drive(engine: TestEngine, budget: &str) -> Bill {
    let api = Billing::new();
    let more = format!(
        "agent: {{base_url: \"http://127.0.0.1:{}\"}}\nbudget: {{{budget}}}\n",
        api.port
    );
    let project = Project::new(engine, &more);
    let mut number = 0;
    for round in 0..size(ROUNDS.0, ROUNDS.1) {
        project.add(&format!("asks and asks, {round}"), &every_failure(&mut number));
    }
    let rest = ["events", "drop"].map(|mode| step(number, &format!("{mode} 100 7"), 1_000_000, true));
    project.add("asks for all that is left", &rest.concat());
    project.run(&["generator", "run"]).expect(8).says("budget is spent");
    let billed = api.billed();
    let unmet: Vec<_> = MODES.iter().filter(|mode| !billed.modes.contains(**mode)).collect();
    assert!(unmet.is_empty(), "not met: {unmet:?}");
    assert!(billed.requests > size(100, 1000), "{billed:?}");
    project.expect_tidy();
    billed
}

/// Requests in every failure, with ever other lengths, densities and wishes. Which comes when is fixed.
fn every_failure(number: &mut usize) -> String {
    let mut steps = String::new();
    for mode in MODES {
        for density in DENSITIES {
            *number += 7;
            let text = format!("{mode} {density} {}", "7".repeat(*number * 131 % 700));
            let asked = [1, 60, 300, 700, 2000][*number % 5];
            steps += &step(*number, &text, asked, number.is_multiple_of(2));
        }
    }
    steps
}

/// One request.
fn step(number: usize, text: &str, max_tokens: u64, stream: bool) -> String {
    let message = json!({"role": "user", "content": text});
    let body = json!({"model": "claude-sonnet-5-5", "max_tokens": max_tokens, "stream": stream, "messages": [message]});
    let body = body.to_string();
    let head = format!(
        r"POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-api-key: {{token}}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    format!("attack request {RELAY} number-{number} <<END\n{head}{body}\nEND\n")
}

/// What a client tells of usage and of a spent budget is its agent's to write.
fn forged_figures_spend_nobodys_budget(engine: TestEngine) {
    let api = Billing::new();
    let more = format!(
        "agent: {{base_url: \"http://127.0.0.1:{}\"}}\nstitch: {{max_attempts: 1}}\nbudget: {{usd: 20, tokens: 1000000}}\n",
        api.port
    );
    let project = Project::new(engine, &more);
    project.add("tells of tokens", "tokens 1000000000 10 0.01\nwrite src/a.txt x");
    let asks = step(1, "document 25 7", 10, false);
    project.add(
        "asks once, and tells of more",
        &format!("{asks}tokens 1000000000 10 0.01\nwrite src/b.txt x"),
    );
    // The scripted client ends by its own limit then, as the real one would.
    project.add("tells of money", "tokens 10 10 999\nwrite src/c.txt x");
    project.add("is innocent", "write src/d.txt x");
    project.run(&["generator", "run"]).expect(7);
    let outcomes = [1, 2, 3, 4]
        .map(|task| project.outcomes(&format!("cw-{task}")))
        .concat();
    assert_eq!(outcomes, ["merged", "merged", "agent_failed", "merged"]);
    let billed = api.billed();
    let budgets = project.status()["budgets"].clone();
    assert_eq!(budgets[0]["tokens"]["spent"], billed.input + billed.output, "{budgets}");
    project.expect_tidy();
}
