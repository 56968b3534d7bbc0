//! A login that expires, and comes back.

use std::fs;

use cordwainer::budget::Allowance;
use cordwainer::credential::{CredentialProblem, CredentialSource};
use cordwainer::gateway::{Gateway, GatewayEvent};
use jiff::Timestamp;

use super::scene::{Scene, ask, error, serve, used};

#[tokio::test]
async fn an_expired_login_is_told_and_a_renewed_one_works_at_once() {
    let scene = Scene::new();
    let url = serve(|request| async move {
        let bearer = request.headers()["authorization"].to_str().unwrap();
        assert!(
            bearer.starts_with("Bearer sk-ant-oat01-real-"),
            "another credential arrived"
        );
        used(1, 1)
    })
    .await;
    let path = scene.path().join("claude.json");
    let write = |name: &str, expires_in: i64| {
        let at = Timestamp::now().as_millisecond() + expires_in;
        let token = format!("sk-ant-oat01-real-{name}");
        let text = format!(r#"{{"claudeAiOauth":{{"accessToken":"{token}","expiresAt":{at}}}}}"#);
        fs::write(&path, text).unwrap();
    };
    let mut options = scene.options(&url, Allowance::default());
    options.api.as_mut().unwrap().credential = Some(CredentialSource::token_file(path.clone()));
    let mut gateway = Gateway::open(options).unwrap();

    let refused = async || {
        let (status, text) = scene.ask(&ask(1)).await;
        let (kind, message) = error(&text);
        assert_eq!((status, kind.as_str()), (401, "authentication_error"));
        assert!(message.contains("has expired, or there is none"), "{message}");
        assert!(!text.contains("claude.json") && !text.contains("real"), "{text}");
    };
    let missing = CredentialProblem::Missing { path: path.clone() };
    refused().await;
    refused().await;
    assert_eq!(gateway.next_event().await, GatewayEvent::LoginExpired(missing.clone()));
    write("one", 1_000_000);
    assert_eq!(scene.ask(&ask(1)).await.0, 200);
    assert!(matches!(gateway.next_event().await, GatewayEvent::Answered(_)));
    write("late", -1);
    refused().await;
    let GatewayEvent::LoginExpired(CredentialProblem::Expired { path: said, .. }) = gateway.next_event().await else {
        panic!("no word of the expired login");
    };
    assert_eq!(said, path);
    write("another", 1_000_000);
    assert_eq!(scene.ask(&ask(1)).await.0, 200);
    fs::remove_file(&path).unwrap();
    refused().await;
    let closed = gateway.close().await;
    // Told again, since it had worked in between.
    assert_eq!(
        closed.events.last(),
        Some(&GatewayEvent::LoginExpired(missing)),
        "{closed:?}"
    );
    assert_eq!(closed.refused, 4);
}
