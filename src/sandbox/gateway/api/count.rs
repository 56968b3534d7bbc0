//! The API's own count of a request's input, requested where its length alone would exceed the budget.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::model_api::ModelApi;
use super::super::refusal::Refusal;
use super::headers;
use crate::sandbox::credential::Credential;

/// Where the API counts.
const PATH: &str = "/v1/messages/count_tokens";
/// The longest count, in bytes: it is one number.
const COUNT_LIMIT: usize = 64 << 10;
/// How long the body of a count may take to come.
const COUNT_TIMEOUT: Duration = Duration::from_secs(30);
/// The margin on top of a count, which the API calls an estimate: a twentieth of it, and so many tokens.
const MARGIN: u64 = 100;

/// The parts of a request that have input tokens: the API accepts no others for a count.
#[derive(Deserialize, Serialize)]
struct Countable<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(borrow)]
    messages: &'a RawValue,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    system: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    tools: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    output_config: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    output_format: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Count {
    input_tokens: u64,
}

/// Returns the parts of a request that are to be counted.
pub(super) fn countable(body: &Bytes) -> Result<Bytes, Refusal> {
    let wrong = |error| Refusal::invalid(format!("the request cannot be read: {error}"));
    let countable: Countable<'_> = serde_json::from_slice(body).map_err(wrong)?;
    serde_json::to_vec(&countable).map(Bytes::from).map_err(wrong)
}

/// The API's answer to a request for a count.
pub(super) enum Counted {
    /// The most tokens of input that the request can have; `None` where this API, or this model, cannot count.
    Most(Option<u64>),
    /// It refuses, as it would refuse the request: that becomes the request's answer.
    Refused(Response<Incoming>),
}

/// Requests the API's count for `countable` of a request.
pub(super) async fn count(
    api: &ModelApi,
    head: &Parts,
    countable: Bytes,
    credential: Option<&Credential>,
) -> Result<Counted, Refusal> {
    let query = head.uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let wrong = || Refusal::invalid("the path cannot be requested");
    let path: PathAndQuery = format!("{PATH}{query}").parse().map_err(|_| wrong())?;
    let mut request = Request::new(Full::new(countable));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = api.upstream.uri(&path).map_err(|_| wrong())?;
    *request.headers_mut() = headers::of_request(head.headers.clone(), credential)?;
    let answered = api.upstream.send(request).await;
    let answered = answered.map_err(|failed| Refusal::upstream(failed.what()))?;
    match answered.status() {
        status if status.is_success() => read(answered.into_body()).await.map(Counted::Most),
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::UNPROCESSABLE_ENTITY => Ok(Counted::Most(None)),
        _ => Ok(Counted::Refused(answered)),
    }
}

async fn read(body: Incoming) -> Result<Option<u64>, Refusal> {
    let reading = Limited::new(body, COUNT_LIMIT).collect();
    let Ok(Ok(body)) = tokio::time::timeout(COUNT_TIMEOUT, reading).await else {
        return Err(Refusal::upstream("the API's count of the request could not be read"));
    };
    let count = serde_json::from_slice::<Count>(&body.to_bytes());
    Ok(count.ok().map(|count| with_margin(count.input_tokens)))
}

/// Returns a count with the margin that is added to it.
fn with_margin(count: u64) -> u64 {
    count.saturating_add(count / 20).saturating_add(MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_tokens_of_input_is_not_counted() {
        let body = r#"{"max_tokens":9,"model":"m","stream":true,"messages":[ {"role":"user", "content":"1e2"}],"tools":[],
            "metadata":{"messages":1},"system":"\u0041"}"#;
        let expect = r#"{"model":"m","messages":[ {"role":"user", "content":"1e2"}],"system":"\u0041","tools":[]}"#;
        assert_eq!(countable(&Bytes::from_static(body.as_bytes())).unwrap(), expect);
        assert!(countable(&Bytes::from_static(br#"{"model":"m"}"#)).is_err());
    }

    #[test]
    fn a_count_has_a_margin() {
        assert_eq!([0, 19, 1000, u64::MAX].map(with_margin), [100, 119, 1150, u64::MAX]);
    }
}
