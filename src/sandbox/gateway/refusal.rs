//! Refusals in the form of the API's errors, which the client understands.

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::answer::{Answer, whole};
use super::event::GatewayEvent;
use crate::sandbox::credential::CredentialProblem;

/// Why a request is not answered. The text is sent to the container: it contains no secret.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
    /// What is reported to the owner instead of the message.
    event: Option<Box<GatewayEvent>>,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            event: None,
        }
    }

    /// Builds the refusal for a budget that is spent.
    pub(super) fn spent(reason: String) -> Self {
        Self {
            event: Some(Box::new(GatewayEvent::BudgetSpent { reason: reason.clone() })),
            // The client never repeats an invalid request.
            ..Self::invalid(reason)
        }
    }

    /// Builds the refusal for a missing credential. The container learns no more than that.
    pub(super) fn without_login(problem: CredentialProblem) -> Self {
        Self {
            event: Some(Box::new(GatewayEvent::LoginExpired(problem))),
            ..Self::unauthenticated("the login of the model's API has expired, or there is none")
        }
    }

    /// Builds the refusal of an invalid request, or one that may not be made: the client does not repeat it.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// Builds the refusal of a request without the right token.
    pub(super) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", message)
    }

    /// Builds the refusal of a request that this container may not make.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission_error", message)
    }

    /// Builds the refusal of a request for something that does not exist here.
    pub(super) fn unknown(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", message)
    }

    /// Builds the refusal of a request that was made before and may be made only once.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "invalid_request_error", message)
    }

    /// Builds the refusal of a request that is too long.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
    }

    /// Builds the refusal of a request that took too long to arrive.
    pub(super) fn too_slow(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message)
    }

    /// Builds the refusal where the API did not answer, or answered wrongly.
    pub(super) fn upstream(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "api_error", message)
    }

    /// Returns the refusal as an answer, and the report for the owner: the request in `asked`, and the reason.
    pub(super) fn take(self, asked: &str) -> (Answer, GatewayEvent) {
        let answer = self.answer();
        let what = || format!("{asked}: {}", self.message);
        (
            answer,
            self.event
                .map_or_else(|| GatewayEvent::Refused { what: what() }, |event| *event),
        )
    }

    fn answer(&self) -> Answer {
        let message = format!("cordwainer: {}", self.message);
        let error = json!({"type": "error", "error": {"type": self.kind, "message": message}});
        let mut answer = Response::new(whole(error.to_string()));
        *answer.status_mut() = self.status;
        let json = HeaderValue::from_static("application/json");
        answer.headers_mut().insert(CONTENT_TYPE, json);
        answer
    }
}
