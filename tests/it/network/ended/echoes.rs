//! What a host repeats of the credential does not arrive in the container.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cordwainer::network::Authentication;

use super::{SECRET, Scene, Setting};

#[tokio::test]
async fn echoes_in_heads_and_bodies_are_removed() {
    for authentication in [
        Authentication::Bearer,
        Authentication::Basic("agent".to_owned()),
        Authentication::Header("authorization".to_owned()),
    ] {
        let setting = Setting {
            authentication,
            ..Setting::default()
        };
        let scene = Scene::with(setting).await;
        let answer = scene.ask("GET", "/echo", "").await;
        assert!(
            answer.contains("x-own: 1\r\n") && answer.contains("[removed]"),
            "{answer}"
        );
        for part in [
            SECRET,
            "x-echo",
            "set-cookie",
            &BASE64_STANDARD.encode(format!("agent:{SECRET}")),
        ] {
            assert!(!answer.contains(part), "{part}: {answer}");
        }
        // The control: the host did get it, and did repeat it.
        assert!(scene.asked()[0].contains("authorization: "), "{:?}", scene.asked());
    }
}

#[tokio::test]
async fn what_cannot_be_searched_is_not_passed_on() {
    let scene = Scene::new().await;
    let answer = scene.ask("GET", "/compressed", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.contains("compresses its answer"),
        "{answer}"
    );
    assert!(!answer.contains("zip"), "{answer}");
}
