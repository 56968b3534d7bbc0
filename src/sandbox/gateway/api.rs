//! The model's API behind the gateway: the call's token is removed, its budget is enforced, the credential is added,
//! and the answer is metered as it passes.
//!
//! A request is read whole before it is sent, because its length limits its cost, and its `max_tokens` may have to be
//! lowered. Answers are passed on as they arrive.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};

use super::answer::Answer;
use super::body;
use super::model_api::{ModelApi, REQUEST_LIMIT};
use super::refusal::Refusal;
use super::state::GatewayState;
use super::upstream::Unanswered;
use crate::sandbox::credential::Credential;

mod ask;
mod count;
mod endpoint;
mod exchange;
mod headers;
mod passing;
mod reach;
mod reply;

use ask::Ask;
use count::Counted;
use endpoint::Endpoint;
use exchange::Exchange;

/// The length from which reading a request takes some time, in bytes.
const LONG: usize = 1 << 20;

/// Answers a request to the model's API.
pub(super) async fn answer(request: Request<Incoming>, shared: &Arc<GatewayState>) -> Result<Answer, Refusal> {
    let endpoint = Endpoint::of(request.method(), request.uri().path())?;
    if !shared.token.is_shown(request.headers()) {
        return Err(Refusal::unauthenticated("this is not the token of this container"));
    }
    let none = || Refusal::forbidden("this container has no model's API");
    let api = shared.api.as_ref().ok_or_else(none)?;
    let credential = credential(api, shared)?;
    let room = api.room_for(request.body()).await?;
    let (head, body) = request.into_parts();
    let body = body::read(body, REQUEST_LIMIT).await?;
    let mut exchange = Exchange::new(Arc::clone(shared), head.uri.path());
    let body = match endpoint {
        Endpoint::Messages => match set_aside(api, &head, body, credential.as_ref(), &mut exchange).await? {
            Prepared::Ready(body) => body,
            Prepared::Refused(response) => {
                return reply::pass(response, Endpoint::Free, credential.as_ref(), exchange).await;
            }
        },
        Endpoint::Free if head.method == Method::POST => {
            apart(&body, |body| reach::check(body)).await?;
            body
        }
        // A request that only looks something up is sent without a body of the container.
        Endpoint::Free => Bytes::new(),
    };
    let response = send(api, head, body, credential.as_ref(), &mut exchange).await?;
    drop(room);
    reply::pass(response, endpoint, credential.as_ref(), exchange).await
}

/// Returns the credential to add, if any.
fn credential(api: &ModelApi, shared: &GatewayState) -> Result<Option<Credential>, Refusal> {
    let Some(source) = &api.credential else {
        return Ok(None);
    };
    let credential = source.current(shared.clock.now()).map_err(Refusal::without_login)?;
    shared.events.login_works();
    Ok(Some(credential))
}

/// Reads a request, a long one outside of the threads that serve: others wait for those.
async fn apart<T: Send + 'static>(body: &Bytes, read: fn(&Bytes) -> Result<T, Refusal>) -> Result<T, Refusal> {
    if body.len() < LONG {
        return read(body);
    }
    let body = body.clone();
    let reading = tokio::task::spawn_blocking(move || read(&body));
    reading
        .await
        .map_err(|_| Refusal::invalid("the request cannot be read"))?
}

/// What became of a request before it is sent.
enum Prepared {
    /// It is to be sent.
    Ready(Bytes),
    /// The API refused to count it.
    Refused(Response<Incoming>),
}

/// Reserves what a request may use, and lowers it to what is left. Where the worst case would not fit, or its length
/// does not show its tokens, the API counts its input first.
async fn set_aside(
    api: &ModelApi,
    head: &Parts,
    body: Bytes,
    credential: Option<&Credential>,
    exchange: &mut Exchange,
) -> Result<Prepared, Refusal> {
    let mut ask = apart(&body, Ask::read).await?;
    if ask.is_unbounded() && api.call_budget().is_limited() {
        return Err(Refusal::invalid("max_tokens: field required"));
    }
    let hold = loop {
        if let Some(hold) = api.reserve(&ask.asked).await? {
            break hold;
        }
        let countable = apart(&body, count::countable).await?;
        match count::count(api, head, countable, credential).await? {
            Counted::Most(most) => ask.counted(most)?,
            Counted::Refused(response) => return Ok(Prepared::Refused(response)),
        }
    };
    let body = ask.lowered(body, hold.max_tokens);
    exchange.hold(hold);
    Ok(Prepared::Ready(body))
}

/// Sends a request on, with the credential in place of the token.
async fn send(
    api: &ModelApi,
    head: Parts,
    body: Bytes,
    credential: Option<&Credential>,
    exchange: &mut Exchange,
) -> Result<Response<Incoming>, Refusal> {
    let path = head.uri.path_and_query().cloned();
    let path = path.ok_or_else(|| Refusal::unknown("there is no such path"))?;
    let wrong = |_| Refusal::invalid("the path cannot be requested");
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = head.method;
    *request.uri_mut() = api.upstream.uri(&path).map_err(wrong)?;
    *request.headers_mut() = headers::of_request(head.headers, credential)?;
    exchange.sent()?;
    let answered = api.upstream.send(request).await;
    answered.map_err(|failed| {
        if let Unanswered::Unsent(_) = failed {
            exchange.unsent();
        }
        Refusal::upstream(failed.what())
    })
}
