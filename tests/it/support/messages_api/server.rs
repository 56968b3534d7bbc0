//! The HTTP side: requests in, replies of the scripted model out.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Channel, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue as Value};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::connection::TornDown;
use super::model::{Broken, Model, Played};
use super::reply::Reply;
use super::script::{Header, HeaderValue, Refusal, Settings};

type Answer = Response<UnsyncBoxBody<Bytes, TornDown>>;

/// Answers a request.
pub(super) async fn answer(request: Request<Incoming>, model: Arc<Mutex<Model>>) -> Result<Answer, TornDown> {
    let place = (request.method().clone(), request.uri().path().to_owned());
    let shown = [AUTHORIZATION, HeaderName::from_static("x-api-key")];
    let shown = shown
        .iter()
        .filter_map(|name| request.headers().get(name)?.to_str().ok());
    model.lock().unwrap().credentials.extend(shown.map(str::to_owned));
    let Ok(body) = request.into_body().collect().await else {
        return Ok(refusal(400, "invalid_request_error", "the body is cut off"));
    };
    let body = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    match (place.0, place.1.as_str()) {
        (Method::HEAD, "/") => Ok(document(&json!({}))),
        (Method::POST, "/v1/messages/count_tokens") => Ok(document(&json!({"input_tokens": 1000}))),
        (Method::POST, "/v1/messages") => message(&body, &model).await,
        (method, path) => Ok(surprised(
            &model,
            404,
            format!("{method} {path} is not part of the script"),
        )),
    }
}

async fn message(request: &serde_json::Value, model: &Arc<Mutex<Model>>) -> Result<Answer, TornDown> {
    let played = model.lock().unwrap().play(request);
    match played {
        Err(surprise) => Ok(surprised(model, 400, surprise)),
        Ok(Played::Reset) => Err(TornDown),
        Ok(Played::Hang) => std::future::pending().await,
        Ok(Played::Refusal(Refusal {
            status,
            kind,
            message,
            headers,
        })) => Ok(with(&headers, refusal(status, &kind, &message))),
        Ok(Played::Answer {
            conversation,
            reply,
            settings,
            broken,
        }) => {
            let headers = settings.headers.clone();
            let answer = if request["stream"] == true {
                streamed(conversation, &reply, &settings, broken, Arc::clone(model))
            } else if broken.is_some() {
                return Err(TornDown);
            } else {
                let (text, counts) = reply.document();
                model.lock().unwrap().count(conversation, counts);
                document(&text)
            };
            Ok(with(&headers, answer))
        }
    }
}

/// An answer as events, which are sent one by one.
fn streamed(
    conversation: usize,
    reply: &Reply,
    settings: &Settings,
    broken: Option<Broken>,
    model: Arc<Mutex<Model>>,
) -> Answer {
    let events = if broken.is_some() {
        reply.beginning()
    } else {
        reply.events()
    };
    let pause = settings.pause.unwrap_or_default();
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        for event in events {
            // A client that does not wait for the rest did not get it.
            if sender.send(Frame::data(event.text.into())).await.is_err() {
                return;
            }
            model.lock().unwrap().count(conversation, event.counts);
            tokio::time::sleep(pause).await;
        }
        match broken {
            None => {}
            Some(Broken::StopCause) => sender.abort(TornDown),
            Some(Broken::Stalled) => std::future::pending().await,
        }
    });
    typed("text/event-stream", body.boxed_unsync())
}

/// An error for what no script foresees, which is kept.
fn surprised(model: &Mutex<Model>, status: u16, surprise: String) -> Answer {
    let answer = refusal(status, "invalid_request_error", &surprise);
    model.lock().unwrap().surprises.push(surprise);
    answer
}

fn refusal(status: u16, kind: &str, message: &str) -> Answer {
    let error = json!({"type": "error", "error": {"type": kind, "message": message}});
    let mut answer = document(&error);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

fn with(headers: &[Header], mut answer: Answer) -> Answer {
    for header in headers {
        let value = match &header.value {
            HeaderValue::Text(text) => text.clone(),
            HeaderValue::In(time) => moment(*time).to_string(),
        };
        answer.headers_mut().insert(
            HeaderName::from_bytes(header.name.as_bytes()).unwrap(),
            Value::from_str(&value).unwrap(),
        );
    }
    answer
}

/// The moment so far from now, in Unix seconds.
fn moment(from_now: Duration) -> u64 {
    let then = SystemTime::now() + from_now;
    then.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn document(value: &serde_json::Value) -> Answer {
    let body = Full::from(value.to_string()).map_err(TornDown::from);
    typed("application/json", body.boxed_unsync())
}

fn typed(kind: &'static str, body: UnsyncBoxBody<Bytes, TornDown>) -> Answer {
    let mut answer = Answer::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, Value::from_static(kind));
    answer
}
