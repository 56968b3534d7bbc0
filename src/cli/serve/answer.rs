//! Answers: what was found, or why not.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::error::{Context as _, Error, ErrorKind, Result, exit};
use crate::report::output::Output;
use crate::report::templates::Rendered;

/// What a request is answered with.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) kind: ContentKind,
    pub(super) body: Vec<u8>,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentKind {
    Json,
    Html,
    Css,
    Script,
    Icon,
    /// Server-sent events.
    Events,
}

impl ContentKind {
    /// Returns the media type.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
            Self::Css => "text/css; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Icon => "image/svg+xml",
            Self::Events => "text/event-stream",
        }
    }
}

impl Answer {
    /// Builds an answer of a kind.
    pub(super) fn new(kind: ContentKind, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: StatusCode::OK,
            kind,
            body: body.into(),
        }
    }

    /// Builds the answer that a command would print with `--json`.
    ///
    /// # Errors
    ///
    /// Where it cannot be written as JSON.
    pub(super) fn json<T: Serialize>(output: &Output, value: &T) -> Result<Self> {
        Ok(Self::new(ContentKind::Json, output.json_text(value)? + "\n"))
    }

    /// Builds an answer with the content of a page: an object of these words, and `html`, which is redacted text by text already.
    ///
    /// # Errors
    ///
    /// Where it cannot be written as JSON.
    pub(super) fn page<T: Serialize>(output: &Output, words: &T, html: &Rendered) -> Result<Self> {
        let mut page: Map<String, Value> =
            serde_json::from_str(&output.json_text(words)?).context("the words of a page are not an object")?;
        page.insert("html".to_owned(), html.as_str().into());
        let page = serde_json::to_string_pretty(&page).context("cannot write JSON")?;
        Ok(Self::new(ContentKind::Json, page + "\n"))
    }

    /// Builds the answer that reports an error.
    pub(super) fn problem(output: &Output, error: &Error) -> Self {
        let problem = Problem::of(error);
        let body = output.json_text(&problem).unwrap_or_else(|_| "{}".to_owned()) + "\n";
        Self {
            status: status(error.kind()),
            ..Self::new(ContentKind::Json, body)
        }
    }

    /// Returns it as it is sent.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let kind = HeaderValue::from_static(self.kind.media_type());
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// An error, as programs read it.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// What failed.
    pub(super) error: String,
    /// What caused it, the nearest first.
    pub(super) causes: Vec<String>,
    /// What to do about it.
    pub(super) hint: Option<String>,
    /// What kind of error it is.
    pub(super) kind: &'static str,
    /// The exit code with which a command ends for it; `None` where the server itself refuses a request.
    pub(super) exit_code: Option<u8>,
}

impl Problem {
    /// Describes why the server itself refuses a request.
    pub(super) fn refused(what: &str) -> Self {
        Self {
            error: what.to_owned(),
            causes: Vec::new(),
            hint: None,
            kind: "refused",
            exit_code: None,
        }
    }

    /// Describes an error.
    pub(super) fn of(error: &Error) -> Self {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            causes.push(inner.to_string());
            cause = inner.source();
        }
        Self {
            error: error.to_string(),
            causes,
            hint: error.hint_text().map(str::to_owned),
            kind: word(error.kind()),
            exit_code: Some(exit::code(error.kind())),
        }
    }
}

/// The kinds of errors, in words, and the status of the answer to each.
pub(super) const KINDS: [(ErrorKind, &str, StatusCode); 11] = [
    (ErrorKind::Unexpected, "unexpected", StatusCode::INTERNAL_SERVER_ERROR),
    (ErrorKind::Usage, "usage", StatusCode::BAD_REQUEST),
    (
        ErrorKind::Configuration,
        "configuration",
        StatusCode::UNPROCESSABLE_ENTITY,
    ),
    (ErrorKind::NothingToDo, "nothing_to_do", StatusCode::NOT_FOUND),
    (ErrorKind::Engine, "engine", StatusCode::SERVICE_UNAVAILABLE),
    (ErrorKind::Image, "image", StatusCode::SERVICE_UNAVAILABLE),
    (ErrorKind::Locked, "locked", StatusCode::LOCKED),
    (ErrorKind::Tasks, "tasks", StatusCode::CONFLICT),
    (ErrorKind::Limit, "limit", StatusCode::CONFLICT),
    (ErrorKind::Precondition, "precondition", StatusCode::CONFLICT),
    (ErrorKind::Interrupted, "interrupted", StatusCode::SERVICE_UNAVAILABLE),
];

fn row(kind: ErrorKind) -> &'static (ErrorKind, &'static str, StatusCode) {
    KINDS.iter().find(|(known, ..)| *known == kind).unwrap_or(&KINDS[0])
}

fn word(kind: ErrorKind) -> &'static str {
    row(kind).1
}

/// Returns the status of the answer that reports an error of a kind.
pub(super) fn status(kind: ErrorKind) -> StatusCode {
    row(kind).2
}
