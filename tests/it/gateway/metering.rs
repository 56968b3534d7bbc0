//! What is metered is what the API says, and what cannot be metered does not pass.

use std::sync::Mutex;

use cordwainer::gateway::{GatewayEvent, read_back};
use cordwainer::metering::{Window, WindowUse};
use http_body_util::BodyExt as _;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::scene::{END, START, Scene, TOKEN, answer, ask, error, message, most_input, read, request, serve, stream};
use crate::support::messages_api::{Listen, MessagesApi};

const SCRIPT: &str = r#"
about task
  refuse 529 overloaded_error
  cut
  read /a
    tokens 1 20 300 4000
    pause 30ms
  write /b "text"
    tokens 2 0 5000 60
  say "That is all."
"#;

fn turn(results: usize, stream: bool) -> Value {
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]});
    let mut messages = vec![json!({"role": "user", "content": [{"type": "text", "text": "the task"}]})];
    messages.extend(std::iter::repeat_n(result, results));
    let tools = [json!({"name": "Read"}), json!({"name": "Write"})];
    json!({"model": "claude-sonnet-5-5", "max_tokens": 8000, "stream": stream, "tools": tools, "messages": messages})
}

#[tokio::test]
async fn the_meter_agrees_with_the_api() {
    let api = MessagesApi::start(Listen::loopback(), SCRIPT);
    let scene = Scene::new();
    let gateway = scene.open(&api.base_url());
    assert_eq!(scene.ask(&turn(0, true)).await.0, 529);
    assert_eq!(scene.ask(&turn(0, true)).await.0, 200);
    let broken_off = gateway.metered();
    assert!(broken_off.estimated);
    assert_eq!((broken_off.usage.input, broken_off.usage.cache_read), (1, 300));
    for (results, stream) in [(0, true), (0, false), (1, true), (1, false), (2, true)] {
        let (status, text) = scene.ask(&turn(results, stream)).await;
        assert_eq!((status, text.contains("message_stop")), (200, stream));
    }
    let count = request("POST", "/v1/messages/count_tokens", Some(TOKEN), "{}");
    assert_eq!(scene.send(count).await.status(), 200);
    let metered = gateway.close().await.metered;
    let (served, usage) = (api.served(), metered.usage);
    let input = [served.input, served.cache_write, served.cache_read];
    assert_eq!([usage.input, usage.cache_write, usage.cache_read], input);
    // Of the answer that was cut nobody knows the output: it may be all that was allowed.
    assert_eq!(usage.output - served.output, 8000);
    assert_eq!(metered.answers, 8);
    // In millionths of a dollar and tenths of them: 2 dollars, 2.50, 10 cents, 10 dollars.
    let tenths = 20 * input[0] + 25 * input[1] + input[2] + 100 * usage.output;
    let expect = f64::from(u32::try_from(tenths).unwrap()) / 1e7;
    assert!((usage.cost_usd - expect).abs() < 1e-9, "{usage:?}");
    assert_eq!(metered.models.keys().collect::<Vec<_>>(), ["claude-sonnet-5-5"]);
    assert_eq!(read_back(&scene.record()).unwrap(), metered);
    assert_eq!(api.surprises(), Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_metered_does_not_pass_and_counts_as_it_was_reckoned() {
    for (kind, encoding) in [("text/html", None), ("application/json", Some("gzip")), ("", None)] {
        let scene = Scene::new();
        let url = serve(move |_| {
            let mut answer = answer(200, kind, "words");
            if let Some(encoding) = encoding {
                answer
                    .headers_mut()
                    .insert("content-encoding", HeaderValue::from_static(encoding));
            }
            async { answer }
        })
        .await;
        let gateway = scene.open(&url);
        let (status, text) = scene.ask(&ask(10)).await;
        assert_eq!((status, error(&text).0.as_str()), (502, "api_error"));
        let metered = gateway.close().await.metered;
        assert!(
            metered.estimated && metered.usage.output == 10 && metered.usage.input > 10,
            "{metered:?}"
        );
    }
}

#[tokio::test]
async fn garbage_passes_and_is_reckoned() {
    let garbage = [
        (
            "text/event-stream",
            "data: {\"type\":\"message_start\"\n\n\u{0}data: [1,2\ndata:\n".repeat(50),
        ),
        ("text/event-stream", String::new()),
        ("application/json", "{\"usage\":{\"input_tokens\":".to_owned()),
        ("application/json; charset=utf-8", "[]".to_owned()),
        (
            "application/json",
            "{\"usage\":{\"input_tokens\":-1,\"output_tokens\":1e99},\"model\":7}".to_owned(),
        ),
    ];
    for (kind, text) in garbage {
        let scene = Scene::new();
        let sent = text.clone();
        let url = serve(move |_| {
            let answer = answer(200, kind, sent.clone());
            async { answer }
        })
        .await;
        let gateway = scene.open(&url);
        assert_eq!(scene.ask(&ask(10)).await, (200, text.clone()));
        let metered = gateway.close().await.metered;
        assert!(metered.estimated, "{text}: {metered:?}");
        assert_eq!(metered.usage.input, most_input(&ask(10)), "{text}");
        assert_eq!(metered.usage.output, 10, "{text}");
    }
}

/// Thinking need not be shown: who hangs up before the end may have used more than was seen.
#[tokio::test]
async fn an_answer_that_was_hung_up_on_counts_at_its_worst() {
    let (mut sender, body) = stream();
    let body = Mutex::new(Some(body));
    let url = serve(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async { body }
    })
    .await;
    let scene = Scene::new();
    let gateway = scene.open(&url);
    let mut asked = ask(5000);
    asked["stream"] = true.into();
    let mut answered = scene.send(message(&asked)).await.into_body();
    sender.send_data(START.into()).await.unwrap();
    answered.frame().await.unwrap().unwrap();
    drop(answered);
    let metered = gateway.close().await.metered;
    assert_eq!((metered.usage.input, metered.usage.output), (100, 5000));
    assert!(metered.estimated, "{metered:?}");
}

#[tokio::test]
async fn limits_are_told_when_they_change() {
    let utilizations = Mutex::new(vec!["0.92", "0.91", "0.91"]);
    let url = serve(move |_| {
        let mut answer = answer(200, "text/event-stream", format!("{START}{END}"));
        let utilization = utilizations.lock().unwrap().pop().unwrap();
        for (name, value) in [
            ("status", "allowed_warning"),
            ("reset", "1795257035"),
            ("representative-claim", "five_hour"),
            ("5h-utilization", utilization),
        ] {
            let name = hyper::header::HeaderName::try_from(format!("anthropic-ratelimit-unified-{name}")).unwrap();
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        async { answer }
    })
    .await;
    let scene = Scene::new();
    let mut gateway = scene.open(&url);
    for _ in 0..3 {
        let answered = scene.send(message(&ask(10))).await;
        assert_eq!(
            answered.headers()["anthropic-ratelimit-unified-status"],
            "allowed_warning"
        );
        read(answered).await;
    }
    let limit = |utilization: f64| {
        json!({"status": "allowed_warning", "resetsAt": 1_795_257_035, "rateLimitType": "five_hour",
            "utilization": utilization, "isUsingOverage": false})
    };
    let (mut seen, mut windows, mut answered) = (Vec::new(), Vec::new(), 0);
    while answered < 3 {
        match gateway.next_event().await {
            GatewayEvent::LimitSeen(info) => seen.push(info),
            GatewayEvent::WindowsSeen(seen) => windows.push(seen),
            GatewayEvent::Answered(one) => {
                answered += 1;
                assert_eq!(
                    (one.status, one.path.as_str(), one.usage.output),
                    (200, "/v1/messages", 40)
                );
                assert!(one.limit.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [limit(0.91), limit(0.92)]);
    let used = |used: u16| {
        vec![WindowUse {
            window: Window::FiveHour,
            used,
            resets_at: "2026-11-21T10:30:35Z".parse().unwrap(),
        }]
    };
    assert_eq!(windows, [used(910), used(920)]);
    gateway.close().await;
}
