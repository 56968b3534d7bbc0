//! Answers pass as they come, and end with whoever ends first.

use cordwainer::gateway::GatewayEvent;
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use tokio::sync::mpsc;

use super::scene::{END, START, Scene, ask, message, most_input, serve, stream};

type Sender = http_body_util::channel::Sender<Bytes, std::io::Error>;

/// An API whose streams are written by the test: their senders come through the channel, in order.
async fn written_by_hand() -> (String, mpsc::UnboundedReceiver<Sender>) {
    let (to_test, senders) = mpsc::unbounded_channel();
    let url = serve(move |_| {
        let (sender, answer) = stream();
        to_test.send(sender).unwrap();
        async move { answer }
    })
    .await;
    (url, senders)
}

/// Asks for an answer, of which the first event has come.
async fn begin(scene: &Scene, senders: &mut mpsc::UnboundedReceiver<Sender>) -> (Incoming, Sender) {
    let mut answer = scene.send(message(&ask(100))).await.into_body();
    let mut sender = senders.recv().await.unwrap();
    sender.send_data(START.into()).await.unwrap();
    answer.frame().await.unwrap().unwrap();
    (answer, sender)
}

#[tokio::test]
async fn each_part_arrives_before_the_next_is_sent() {
    let scene = Scene::new();
    let (url, mut senders) = written_by_hand().await;
    let gateway = scene.open(&url);
    let mut answer = scene.send(message(&ask(100))).await.into_body();
    let mut sender = senders.recv().await.unwrap();
    for part in [START, "event: ping\ndata: {}\n\n", END] {
        sender.send_data(part.into()).await.unwrap();
        // The server sends no more until this has come: a gateway that kept it back would wait here for ever.
        let frame = answer.frame().await.unwrap().unwrap();
        assert_eq!(frame.data_ref().unwrap(), part);
    }
    drop(sender);
    assert!(answer.frame().await.is_none());
    let closed = gateway.close().await;
    assert_eq!((closed.metered.usage.tokens(), closed.metered.estimated), (140, false));
}

#[tokio::test]
async fn an_answer_that_the_api_cuts_is_cut_and_counted_at_its_worst() {
    let scene = Scene::new();
    let (url, mut senders) = written_by_hand().await;
    let gateway = scene.open(&url);
    let (mut answer, sender) = begin(&scene, &mut senders).await;
    sender.abort(std::io::Error::other("cut"));
    // The client must not take it for a whole one.
    assert!(answer.frame().await.unwrap().is_err());
    let metered = gateway.close().await.metered;
    assert_eq!(
        (metered.usage.tokens(), metered.estimated, metered.answers),
        (200, true, 1)
    );
}

#[tokio::test]
async fn an_answer_that_nobody_reads_any_more_ends_at_the_api_and_is_counted() {
    let scene = Scene::new();
    let (url, mut senders) = written_by_hand().await;
    let mut gateway = scene.open(&url);
    let (answer, mut sender) = begin(&scene, &mut senders).await;
    drop(answer);
    // The gateway sees it when it has something to write.
    while sender.send_data("event: ping\ndata: {}\n\n".into()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    while !matches!(gateway.next_event().await, GatewayEvent::Answered(_)) {}
    assert_eq!(gateway.metered().usage.tokens(), 200);
    assert!(gateway.close().await.metered.estimated);
}

#[tokio::test]
async fn closing_ends_what_is_under_way() {
    let scene = Scene::new();
    let (url, mut senders) = written_by_hand().await;
    let gateway = scene.open(&url);
    let (mut begun, mut sender) = begin(&scene, &mut senders).await;
    let closed = gateway.close().await;
    assert_eq!((closed.metered.usage.tokens(), closed.metered.estimated), (200, true));
    assert!(begun.frame().await.unwrap().is_err());
    assert!(!scene.socket().exists());
    // The connection to the API is gone, too.
    while sender.send_data("event: ping\n\n".into()).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_gateway_that_is_dropped_ends() {
    let scene = Scene::new();
    let (url, mut senders) = written_by_hand().await;
    let gateway = scene.open(&url);
    let (mut answer, _sender) = begin(&scene, &mut senders).await;
    drop(gateway);
    assert!(answer.frame().await.unwrap().is_err());
    assert!(!scene.socket().exists());
}

#[tokio::test]
async fn a_request_that_is_given_up_before_its_answer_counts_at_its_worst() {
    let scene = Scene::new();
    let (asked, mut heard) = mpsc::unbounded_channel();
    let url = serve(move |_| {
        asked.send(()).unwrap();
        std::future::pending()
    })
    .await;
    let gateway = scene.open(&url);
    let socket = scene.socket();
    let waiting = tokio::spawn(async move { super::scene::send(&socket, message(&ask(500))).await.is_ok() });
    heard.recv().await.unwrap();
    let metered = gateway.close().await.metered;
    assert_eq!(metered.usage.tokens(), most_input(&ask(500)) + 500);
    assert!(metered.estimated);
    assert!(!waiting.await.unwrap());
}
