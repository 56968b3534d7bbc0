//! The HTTP side: requests in, answers of the scripted model out.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use super::Served;
use super::reply::{Block, INPUT, OUTPUT, Reply};
use super::script::{Conversation, offered, tool_results};

type Answer = Response<Full<Bytes>>;

/// The model and what became of its script.
pub(super) struct Model {
    script: Vec<Conversation>,
    pub(super) served: Served,
    pub(super) surprises: Vec<String>,
}

impl Model {
    pub(super) fn new(script: Vec<Conversation>) -> Self {
        Self {
            script,
            served: Served::default(),
            surprises: Vec::new(),
        }
    }

    /// Plays the next step of the conversation that a request belongs to.
    fn reply(&mut self, request: &Value) -> Result<Reply, String> {
        let block = self.block(request)?;
        self.served.messages += 1;
        self.served.input += INPUT;
        self.served.output += OUTPUT;
        Ok(Reply {
            number: self.served.messages,
            model: request["model"].clone(),
            block,
        })
    }

    fn block(&self, request: &Value) -> Result<Block, String> {
        let tools = offered(request);
        if tools.is_empty() {
            // What the client asks on the side, such as for a title.
            return Ok(Block::Text("A short answer.".to_owned()));
        }
        let conversation = self.script.iter().find(|one| one.is_meant(request));
        let conversation = conversation.ok_or("no conversation of the script is meant by this prompt")?;
        let Some(step) = conversation.steps.get(tool_results(request)) else {
            return Ok(Block::Text("Done.".to_owned()));
        };
        if !tools.contains(&step.tool) {
            return Err(format!("the script uses `{}`, but offered are {tools:?}", step.tool));
        }
        Ok(Block::ToolUse {
            name: step.tool,
            input: step.input.clone(),
        })
    }
}

/// Serves on a port, until it is dropped.
pub(super) async fn tcp(listener: TcpListener, model: Arc<Mutex<Model>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, Arc::clone(&model));
    }
}

/// Serves on a socket, until it is dropped.
pub(super) async fn unix(listener: UnixListener, model: Arc<Mutex<Model>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, Arc::clone(&model));
    }
}

fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, model: Arc<Mutex<Model>>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&model)));
    tokio::spawn(async move {
        // A client that goes away in the middle is none of the API's business.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    });
}

async fn answer(request: Request<Incoming>, model: Arc<Mutex<Model>>) -> Result<Answer, Infallible> {
    let place = (request.method().clone(), request.uri().path().to_owned());
    let Ok(body) = request.into_body().collect().await else {
        return Ok(refusal(StatusCode::BAD_REQUEST, "the body is cut off"));
    };
    let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    Ok(match (place.0, place.1.as_str()) {
        (Method::HEAD, "/") => Answer::default(),
        (Method::POST, "/v1/messages/count_tokens") => document(&json!({"input_tokens": INPUT})),
        (Method::POST, "/v1/messages") => message(&body, &mut model.lock().unwrap()),
        (method, path) => {
            let surprise = format!("{method} {path} is not part of the script");
            model.lock().unwrap().surprises.push(surprise.clone());
            refusal(StatusCode::NOT_FOUND, &surprise)
        }
    })
}

fn message(body: &Value, model: &mut Model) -> Answer {
    match model.reply(body) {
        Ok(reply) if body["stream"] == true => typed("text/event-stream", reply.events()),
        Ok(reply) => document(&reply.document()),
        Err(surprise) => {
            model.surprises.push(surprise.clone());
            refusal(StatusCode::BAD_REQUEST, &surprise)
        }
    }
}

fn refusal(status: StatusCode, message: &str) -> Answer {
    let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
    let mut answer = document(&error);
    *answer.status_mut() = status;
    answer
}

fn document(value: &Value) -> Answer {
    typed("application/json", value.to_string())
}

fn typed(kind: &'static str, body: String) -> Answer {
    let mut answer = Answer::new(Full::from(body));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
