//! The steps of the gateway: bodies of requests, and answers as they pass.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use cordwainer::budget::Allowance;

use super::{Round, Step, timed};
use crate::bench::scripted_api::{Reply, Scene, serve};

/// What comes before the part of a request that is repeated, and after it.
const REQUEST: [&str; 2] = [
    r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"#,
    "}]}",
];
/// What the API answers where that is not what is measured.
const ANSWER: &str = "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n";

/// All of them.
pub(super) fn steps() -> Result<Vec<Step>> {
    let answer = Arc::new(Mutex::new(String::new()));
    let answers = Arc::clone(&answer);
    let port = serve(move |_, _| Reply {
        content_type: "text/event-stream",
        body: answers.lock().unwrap_or_else(PoisonError::into_inner).clone(),
    })?;
    let scene = Rc::new(Scene::open(port, Allowance::default())?);
    let step = |name, exchange: Box<dyn Fn(usize) -> (String, String)>| {
        let (scene, answer) = (Rc::clone(&scene), Arc::clone(&answer));
        let prepare = move |size| -> Result<Round> {
            let (body, reply) = exchange(size);
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = reply;
            let scene = Rc::clone(&scene);
            Ok(Box::new(move || timed(|| scene.ask(&body).map(drop))))
        };
        Step {
            name,
            unit: "bytes",
            smallest: 64 << 10,
            prepare: Box::new(prepare),
        }
    };
    let request = |content: &str| [REQUEST[0], content, REQUEST[1]].concat();
    let body = |name, content: fn(usize) -> String| {
        step(name, Box::new(move |size| (request(&content(size)), ANSWER.to_owned())))
    };
    let answered =
        |name, events: fn(usize) -> String| step(name, Box::new(move |size| (request("\"\""), events(size))));
    Ok(vec![
        body("gateway: a body of brackets", |size| "[".repeat(size)),
        body("gateway: a body of escapes", |size| {
            format!("\"{}\"", "\\u0031h\\\"".repeat(size / 9))
        }),
        body("gateway: a body of tools", |size| {
            let tools = vec![r#"{"name":"a","type":"b","source":{"type":"base64"}}"#; size / 50];
            format!("[{}]", tools.join(","))
        }),
        answered("gateway: an answer of short lines", |size| "\n".repeat(size)),
        answered("gateway: an answer of one line", |size| "data: ".repeat(size / 6)),
        answered("gateway: an answer that says its use often", |size| {
            let event = r#"data: {"type":"message_delta","usage":{"output_tokens":9}}"#;
            format!("{event}\n\n").repeat(size / 60)
        }),
        answered("gateway: an answer of tokens' beginnings", |size| {
            "sk-cio".repeat(size / 6)
        }),
    ])
}
