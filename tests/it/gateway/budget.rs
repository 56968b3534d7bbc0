//! Budgets hold at the gateway, whatever the client asks for.

use std::sync::{Arc, Mutex};

use cordwainer::budget::Allowance;
use cordwainer::gateway::{Gateway, GatewayEvent};
use cordwainer::testing::size;
use http_body_util::BodyExt as _;
use hyper::Response;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::billing::{Billing, MODES};

use super::scene::{Body, Scene, TOKEN, answer, ask, error, request, serve, used};

fn tokens(tokens: u64) -> Allowance {
    Allowance {
        usd: None,
        tokens: Some(tokens),
    }
}

/// An API of which each answer has all the tokens that it may have, and a token of input for four bytes, which it counts
/// beforehand, too; it notes what was asked for.
async fn greedy() -> (String, Arc<Mutex<Vec<u64>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let url = serve(move |request| {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let input = request.body().len() as u64 / 4;
        let most = body["max_tokens"].as_u64().unwrap_or(0);
        let counts = request.uri().path().ends_with("/count_tokens");
        if !counts {
            noted.lock().unwrap().push(most);
        }
        async move { if counts { counted(input) } else { used(input, most) } }
    })
    .await;
    (url, asked)
}

/// A count of the API.
fn counted(input: u64) -> Response<Body> {
    answer(200, "application/json", json!({"input_tokens": input}).to_string())
}

/// What a count of a request is taken for, where a token has four bytes.
fn with_margin(body: &Value) -> u64 {
    let mut countable = body.clone();
    countable.as_object_mut().unwrap().remove("max_tokens");
    let count = countable.to_string().len() as u64 / 4;
    count + count / 20 + 100
}

#[tokio::test]
async fn answers_are_lowered_to_what_is_left_and_then_refused() {
    let scene = Scene::new();
    let (url, asked) = greedy().await;
    let mut gateway = Gateway::open(scene.options(&url, tokens(2000))).unwrap();
    let bytes = ask(900).to_string().len() as u64;
    for _ in 0..3 {
        assert_eq!(scene.ask(&ask(900)).await.0, 200);
    }
    // The second gets what is left beside its input as the API counts it, and a margin.
    let left = 2000 - 2 * (bytes / 4 + 900) - with_margin(&ask(900));
    assert_eq!(*asked.lock().unwrap(), [900, 900, left]);
    let (status, text) = scene.ask(&ask(900)).await;
    let (kind, message) = error(&text);
    assert_eq!((status, kind.as_str()), (400, "invalid_request_error"));
    assert!(
        message.starts_with("cordwainer: this call's budget is spent ("),
        "{message}"
    );
    assert!(message.contains(" of 2000 tokens;"), "{message}");
    assert_eq!(scene.ask(&ask(900)).await.0, 400);
    let count = request("POST", "/v1/messages/count_tokens", Some(TOKEN), "{}");
    assert_eq!(scene.send(count).await.status(), 200);
    assert_eq!(asked.lock().unwrap().len(), 3);
    let mut spent = Vec::new();
    for _ in 0..4 {
        if let GatewayEvent::BudgetSpent { reason } = gateway.next_event().await {
            spent.push(reason);
        }
    }
    assert_eq!(spent, [message.strip_prefix("cordwainer: ").unwrap()]);
    let closed = gateway.close().await;
    assert!(closed.metered.usage.tokens() <= 2000, "{closed:?}");
    assert_eq!((closed.refused, closed.events.len()), (2, 1), "{closed:?}");
}

#[tokio::test]
async fn thinking_that_does_not_fit_is_refused_and_nothing_else_is_changed() {
    let scene = Scene::new();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&sent);
    let url = serve(move |request| {
        if request.uri().path() == "/v1/messages" {
            noted.lock().unwrap().push(request.body().clone());
        }
        async { used(1, 1) }
    })
    .await;
    let gateway = Gateway::open(scene.options(&url, tokens(5000))).unwrap();
    let body = |thinking: u64| {
        format!(
            "{{\"zeta\": 1.0,\n \"max_tokens\": 5000, \"model\":\"m\",\"messages\":[],\"thinking\":{{\"type\":\"enabled\",\
             \"budget_tokens\":{thinking}}}}}"
        )
    };
    let post = |text: String| scene.send(request("POST", "/v1/messages", Some(TOKEN), &text));
    assert_eq!(post(body(4000)).await.status(), 400);
    assert_eq!(post(body(1024)).await.status(), 200);
    // The count that this API gives is none.
    let expect = 5000 - (body(1024).len() as u64 + 1000);
    assert_eq!(*sent.lock().unwrap(), [body(1024).replace("5000", &expect.to_string())]);
    // What bounds nothing, or can be read in two ways, is not sent where there is a budget.
    for odd in [
        r#"{"model":"m"}"#,
        r#"{"model":"m","max_tokens":1,"max_tokens":9}"#,
        "{",
    ] {
        assert_eq!(post(odd.to_owned()).await.status(), 400, "{odd}");
    }
    assert_eq!(sent.lock().unwrap().len(), 1);
    gateway.close().await;
}

#[tokio::test]
async fn money_bounds_answers_too() {
    let scene = Scene::new();
    let (url, asked) = greedy().await;
    let money = Allowance {
        usd: Some(0.02),
        tokens: None,
    };
    let gateway = Gateway::open(scene.options(&url, money)).unwrap();
    assert_eq!(scene.ask(&ask(30_000)).await.0, 200);
    // Twenty dollars for a million tokens; the input is taken as written to the cache.
    let input = with_margin(&ask(30_000));
    assert_eq!(*asked.lock().unwrap(), [(20_000 - input * 5) / 20]);
    while scene.ask(&ask(30_000)).await.0 == 200 {}
    let metered = gateway.close().await.metered;
    assert!((0.019..=0.02).contains(&metered.usage.cost_usd), "{metered:?}");
}

#[tokio::test]
async fn requests_at_once_never_sum_up_to_more() {
    let scene = Scene::new();
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let (under_way, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let url = serve(move |request| {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let (gate, under_way) = (Arc::clone(&gate), under_way.clone());
        let counts = request.uri().path().ends_with("/count_tokens");
        async move {
            if counts {
                return counted(request.body().len() as u64 / 4);
            }
            under_way.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            used(request.body().len() as u64 / 4, body["max_tokens"].as_u64().unwrap())
        }
    })
    .await;
    let gateway = Gateway::open(scene.options(&url, tokens(1000))).unwrap();
    let socket = scene.socket();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let socket = socket.clone();
        asking.spawn(async move {
            let answer = super::scene::send(&socket, super::scene::message(&ask(300))).await;
            super::scene::read(answer.unwrap()).await.0
        });
    }
    // Two fit beside one another; the others wait for what those leave.
    begun.recv().await.unwrap();
    begun.recv().await.unwrap();
    assert!(begun.try_recv().is_err());
    opened.add_permits(100);
    let statuses = asking.join_all().await;
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert!((3..=5).contains(&answered), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [200, 400].contains(status)),
        "{statuses:?}"
    );
    let used = gateway.close().await.metered.usage.tokens();
    assert!((900..=1000).contains(&used), "{used}");
}

#[tokio::test]
async fn what_the_api_refuses_costs_nothing() {
    let scene = Scene::new();
    let url = serve(|_| async {
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
        answer(529, "application/json", error.to_string())
    })
    .await;
    let gateway = Gateway::open(scene.options(&url, tokens(500))).unwrap();
    for _ in 0..10 {
        let (status, text) = scene.ask(&ask(400)).await;
        assert_eq!((status, error(&text).0.as_str()), (529, "overloaded_error"));
    }
    let metered = gateway.close().await.metered;
    assert_eq!(
        (metered.usage.tokens(), metered.answers, metered.estimated),
        (0, 10, false)
    );
}

/// Three hundred requests, as many of them at once as the gateway serves, each of which becomes something else.
#[tokio::test]
async fn no_failure_of_answers_at_once_has_more_billed_than_is_allowed() {
    const ALLOWED: u64 = 200_000;
    let api = Billing::new();
    let scene = Scene::new();
    let base_url = format!("http://127.0.0.1:{}", api.port);
    let gateway = Gateway::open(scene.options(&base_url, tokens(ALLOWED))).unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..size(300, 3000) {
        let mode = MODES[number % MODES.len()];
        let text = format!("{mode} {} {}", number % 101, "7".repeat(number * 131 % 3000));
        let mut body = ask([1, 60, 300, 700, 2000][number % 5]);
        body["stream"] = number.is_multiple_of(2).into();
        body["messages"][0]["content"] = text.into();
        let socket = scene.socket();
        asking.spawn(async move {
            let answer = super::scene::send(&socket, super::scene::message(&body)).await;
            let mut answer = answer.unwrap().into_body();
            // Every third is hung up on.
            while !number.is_multiple_of(3) && answer.frame().await.is_some_and(|frame| frame.is_ok()) {}
        });
    }
    asking.join_all().await;
    let metered = gateway.close().await.metered.usage.tokens();
    let billed = api.billed();
    assert!(
        billed.input + billed.output <= metered && metered <= ALLOWED,
        "{billed:?} {metered}"
    );
    assert!(
        billed.requests > 50 && billed.input + billed.output > ALLOWED / 4,
        "{billed:?}"
    );
}
