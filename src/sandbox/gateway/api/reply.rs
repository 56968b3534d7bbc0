//! The API's answer: checked by its head, and passed on.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use super::super::answer::{Answer, whole};
use super::super::refusal::Refusal;
use super::super::scrub::{Forms, Scrubbed};
use super::endpoint::Endpoint;
use super::exchange::Exchange;
use super::headers;
use super::passing::Passing;
use crate::accounting::metering::{Form, WindowUse, rate_limit_info};
use crate::sandbox::credential::Credential;

/// The longest error of the API, in bytes.
const ERROR_LIMIT: usize = 1 << 20;
/// How long an error may take to come.
const ERROR_TIMEOUT: Duration = Duration::from_secs(30);

/// Passes an answer on. One that cannot be metered is refused instead.
pub(super) async fn pass(
    response: Response<Incoming>,
    endpoint: Endpoint,
    credential: Option<&Credential>,
    mut exchange: Exchange,
) -> Result<Answer, Refusal> {
    let (mut head, body) = response.into_parts();
    let form = form(&head.headers);
    let is_metered = endpoint == Endpoint::Messages && head.status.is_success();
    // What is refused here is not read: it is counted as it was estimated.
    if is_encoded(&head.headers) {
        return Err(Refusal::upstream("the API's answer is encoded, and cannot be metered"));
    }
    if is_metered && form.is_none() {
        return Err(Refusal::upstream("the API's answer has no form that can be metered"));
    }
    let header = |name: &str| head.headers.get(name)?.to_str().ok();
    let limit = rate_limit_info(header);
    exchange.windows_seen(WindowUse::read(header));
    exchange.answered(head.status.as_u16(), limit, form.filter(|_| is_metered));
    let forms = credential.and_then(|credential| Forms::of(credential.secret()));
    headers::of_answer(&mut head.headers, forms.as_ref());
    let body = if head.status.is_success() {
        let passing = Passing::new(body, exchange);
        match forms {
            Some(forms) => Scrubbed::new(passing, forms).boxed_unsync(),
            None => passing.boxed_unsync(),
        }
    } else if head.status.is_client_error() || head.status.is_server_error() {
        let error = error(body, forms.as_ref()).await?;
        if is_refusal(head.status, &error) {
            exchange.refused();
        }
        if endpoint == Endpoint::Messages && is_of_the_account(head.status, &error) {
            exchange.account_refused();
        }
        whole(error)
    } else {
        return Err(Refusal::upstream("the API's answer is a redirection"));
    };
    Ok(Response::from_parts(head, body))
}

/// Returns whether an error shows by itself that the API did not accept the request. A server between here and there
/// may answer anything after the API has worked, and after a timeout the state is unknown.
fn is_refusal(status: StatusCode, error: &[u8]) -> bool {
    let by_the_api = || serde_json::from_slice::<Value>(error).is_ok_and(|error| error["type"] == "error");
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => false,
        status => status.is_client_error() || by_the_api(),
    }
}

/// Returns whether an error is about the account, or the credential, and would be the answer to any request. No
/// container can provoke one.
fn is_of_the_account(status: StatusCode, error: &[u8]) -> bool {
    let error: Value = serde_json::from_slice(error).unwrap_or_default();
    let kind = error["error"]["type"].as_str().unwrap_or_default();
    let message = error["error"]["message"].as_str().unwrap_or_default().to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED => true,
        StatusCode::FORBIDDEN => says(&["organization", "account"]),
        StatusCode::BAD_REQUEST => {
            kind == "billing_error" || says(&["credit balance is too low", "organization has been"])
        }
        _ => false,
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Returns the form of an answer; `None` for one that the meter does not know.
fn form(headers: &HeaderMap) -> Option<Form> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("text/event-stream") {
        Some(Form::Events)
    } else if kind.eq_ignore_ascii_case("application/json") {
        Some(Form::Document)
    } else {
        None
    }
}

/// Reads an error, and removes the credential from it.
async fn error(body: Incoming, forms: Option<&Forms>) -> Result<Vec<u8>, Refusal> {
    let reading = Limited::new(body, ERROR_LIMIT).collect();
    let read = tokio::time::timeout(ERROR_TIMEOUT, reading).await;
    let Ok(Ok(collected)) = read else {
        return Err(Refusal::upstream("the API's error could not be read"));
    };
    let bytes = collected.to_bytes();
    Ok(forms.map_or_else(|| bytes.to_vec(), |forms| forms.without(&bytes)))
}
