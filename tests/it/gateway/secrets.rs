//! The credential is on the API's side alone, and the token on the container's.

use std::fs;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordwainer::budget::Allowance;
use cordwainer::credential::CredentialSource;
use cordwainer::gateway::Gateway;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use serde_json::json;

use super::scene::{REAL, Scene, TOKEN, answer, ask, error, message, read, secret, serve, used};

/// An API that keeps the headers it got.
async fn keeping() -> (String, Arc<Mutex<HeaderMap>>) {
    let kept = Arc::new(Mutex::new(HeaderMap::new()));
    let noted = Arc::clone(&kept);
    let url = serve(move |request| {
        noted.lock().unwrap().clone_from(request.headers());
        async { used(1, 1) }
    })
    .await;
    (url, kept)
}

#[tokio::test]
async fn the_api_sees_the_credential_and_never_the_token() {
    let key = CredentialSource::api_key(secret(REAL));
    let oauth = CredentialSource::oauth_token(secret(REAL));
    let (bearer, beta) = (format!("Bearer {REAL}"), "claude-code-20250219,oauth-2025-04-20");
    for (credential, expect) in [
        (Some(key), [Some(REAL), None, Some("claude-code-20250219")]),
        (Some(oauth), [None, Some(bearer.as_str()), Some(beta)]),
        (None, [None, None, Some("claude-code-20250219")]),
    ] {
        let scene = Scene::new();
        let (url, kept) = keeping().await;
        let mut options = scene.options(&url, Allowance::default());
        options.api.as_mut().unwrap().credential = credential;
        let gateway = Gateway::open(options).unwrap();
        let mut request = message(&ask(1));
        for (name, value) in [
            ("x-api-key", TOKEN),
            ("cookie", TOKEN),
            ("proxy-authorization", TOKEN),
            ("anthropic-beta", "claude-code-20250219"),
            ("accept-encoding", "gzip"),
            ("connection", "x-secretive"),
            ("x-secretive", TOKEN),
        ] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        assert_eq!(scene.send(request).await.status(), 200);
        let headers = kept.lock().unwrap().clone();
        let got = ["x-api-key", "authorization", "anthropic-beta"].map(|name| headers.get(name)?.to_str().ok());
        assert_eq!(got, expect);
        assert_eq!(headers["accept-encoding"], "identity");
        assert_eq!(headers["host"], url.strip_prefix("http://").unwrap());
        assert!(!format!("{headers:?}").contains(TOKEN), "{headers:?}");
        gateway.close().await;
    }
}

#[tokio::test]
async fn the_container_never_sees_the_credential() {
    for status in [200, 401, 529] {
        let scene = Scene::new();
        let url = serve(move |request| {
            let told = format!("{:?}", request.headers().get("x-api-key"));
            let body = if status == 200 { "{}" } else { told.as_str() };
            let mut answer = answer(status, "application/json", body.to_owned());
            for (name, value) in [
                ("x-echo", REAL),
                ("set-cookie", "a=b"),
                ("connection", "x-hop"),
                ("x-hop", "1"),
            ] {
                answer.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            answer
                .headers_mut()
                .insert("request-id", HeaderValue::from_static("req_1"));
            async { answer }
        })
        .await;
        let gateway = scene.open(&url);
        let answered = scene.send(message(&ask(1))).await;
        let headers = answered.headers().clone();
        assert_eq!(headers["request-id"], "req_1");
        for name in ["x-echo", "set-cookie", "connection", "x-hop"] {
            assert!(!headers.contains_key(name), "{headers:?}");
        }
        let (got, text) = read(answered).await;
        assert_eq!(got, status);
        assert!(!text.contains(REAL), "{text}");
        assert_eq!(status == 200, !text.contains("[removed]"), "{text}");
        let closed = gateway.close().await;
        assert!(!format!("{closed:?}").contains(REAL), "{closed:?}");
    }
}

#[tokio::test]
async fn an_api_that_is_out_of_reach_is_told_without_a_word_of_it() {
    let scene = Scene::new();
    let unused = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = unused.local_addr().unwrap().to_string();
    drop(unused);
    let gateway = scene.open(&format!("http://{address}/secret-path"));
    let (status, text) = scene.ask(&ask(1)).await;
    let expect = (
        "api_error".to_owned(),
        "cordwainer: the API cannot be reached".to_owned(),
    );
    assert_eq!((status, error(&text)), (502, expect));
    assert!(!text.contains(&address) && !text.contains("secret-path"), "{text}");
    assert_eq!(gateway.close().await.metered.answers, 0);
}

#[tokio::test]
async fn redirections_are_not_followed() {
    let scene = Scene::new();
    let elsewhere = serve(|_| async { used(1, 1) }).await;
    let url = serve(move |_| {
        let mut answer = answer(307, "text/plain", "");
        answer.headers_mut().insert("location", elsewhere.parse().unwrap());
        async { answer }
    })
    .await;
    let gateway = scene.open(&url);
    let answered = scene.send(message(&ask(1))).await;
    assert!(!answered.headers().contains_key("location"));
    let (status, text) = read(answered).await;
    assert_eq!((status, error(&text).0.as_str()), (502, "api_error"));
    gateway.close().await;
}

/// How an API may write the credential that it was shown.
fn written() -> [String; 4] {
    let hexadecimal = REAL
        .bytes()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    [
        REAL.to_owned(),
        STANDARD.encode(format!("Bearer {REAL}")),
        hexadecimal,
        REAL.replace('-', "%2D"),
    ]
}

#[tokio::test]
async fn no_body_has_the_credential_in_any_form_and_no_record_either() {
    for (path, kind) in [
        ("/v1/messages", "application/json"),
        ("/v1/messages", "text/event-stream"),
        ("/v1/messages/count_tokens", "application/json"),
        ("/v1/models", "application/json"),
    ] {
        for form in written() {
            let scene = Scene::new();
            let told = form.clone();
            let url = serve(move |_| {
                let usage = json!({"input_tokens": 1, "output_tokens": 1});
                let event = json!({"type": "message_start", "message": {"model": told, "usage": usage}});
                let body = match kind {
                    "application/json" => json!({"model": told, "usage": usage, "input_tokens": 1}).to_string(),
                    _ => format!("event: message_start\ndata: {event}\n\ndata: {{\"type\":\"message_stop\"}}\n\n"),
                };
                let mut answer = answer(200, kind, body);
                answer
                    .headers_mut()
                    .insert("x-echo", HeaderValue::from_str(&told).unwrap());
                async { answer }
            })
            .await;
            let gateway = scene.open(&url);
            let mut request = message(&ask(1));
            *request.uri_mut() = path.parse().unwrap();
            if path == "/v1/models" {
                *request.method_mut() = hyper::Method::GET;
                *request.body_mut() = Full::default();
            }
            let response = scene.send(request).await;
            assert!(!response.headers().contains_key("x-echo"), "{path} {form}");
            let (status, body) = read(response).await;
            assert!(status == 200 && body.contains("[removed]"), "{path} {kind}: {body}");
            let record = fs::read_to_string(scene.record()).unwrap_or_default();
            gateway.close().await;
            for text in [body, record] {
                assert!(
                    written().iter().all(|form| !text.contains(form)),
                    "{path} {kind}: {text}"
                );
            }
        }
    }
}
