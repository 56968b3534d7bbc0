//! The one dispatch of a gateway: which request goes where.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};

use super::answer::{Answer, whole};
use super::refusal::Refusal;
use super::state::GatewayState;
use super::{api, seal};

/// Answers a request, and reports refusals to the owner.
pub(super) async fn route(request: Request<Incoming>, shared: &Arc<GatewayState>) -> Answer {
    let asked = format!("{} {}", request.method(), request.uri().path());
    dispatch(request, shared).await.unwrap_or_else(|refusal| {
        let (answer, event) = refusal.take(&asked);
        shared.events.report(event);
        answer
    })
}

async fn dispatch(request: Request<Incoming>, shared: &Arc<GatewayState>) -> Result<Answer, Refusal> {
    let is_direct = request.uri().scheme().is_none() && request.method() != Method::CONNECT;
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if is_direct && method == Method::POST && path == seal::PATH {
        return seal::answer(request, &shared.seal, &shared.events).await;
    }
    if !shared.seal.is_open() {
        return Err(Refusal::forbidden("the container is not sealed"));
    }
    if !is_direct {
        let egress = shared.egress.as_ref();
        let egress = egress.ok_or_else(|| Refusal::forbidden("this container reaches no other host"))?;
        let answer = if method == Method::CONNECT {
            egress.connect(request).await
        } else {
            egress.forward(request).await
        };
        return Ok(answer.map(BodyExt::boxed_unsync));
    }
    if method == Method::HEAD && path == "/" {
        return Ok(Response::new(whole("")));
    }
    if path.starts_with("/v1/") {
        return api::answer(request, shared).await;
    }
    Err(Refusal::unknown("there is no such path"))
}
