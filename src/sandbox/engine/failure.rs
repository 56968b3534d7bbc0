//! What goes wrong between us and an engine, in plain words: the one place that reads the errors of `bollard` and
//! `hyper`.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use bollard::errors::Error as ApiError;

use crate::base::error::{Cause, IntoCause};
use crate::base::text::one_line;

/// How much of an engine's own words is shown.
const WORDS_SHOWN: usize = 1000;

/// A failure of a call, as a person reads it.
#[derive(Debug)]
pub(super) struct Failure {
    words: String,
    /// What the system reported of the socket, if it was the system.
    of_system: Option<io::ErrorKind>,
}

impl Failure {
    fn of_system(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let kind = error.kind();
        let words = match kind {
            Kind::NotFound => "there is nothing at its socket",
            Kind::ConnectionRefused => "nothing listens at its socket",
            Kind::PermissionDenied => "this user may not open its socket",
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => BROKE_OFF,
            Kind::TimedOut => LATE,
            _ => return Self::words(error.to_string()).with(kind),
        };
        Self::words(words).with(kind)
    }

    fn words(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            of_system: None,
        }
    }

    fn with(self, kind: io::ErrorKind) -> Self {
        Self {
            of_system: Some(kind),
            ..self
        }
    }

    /// Returns whether the system refused to open the socket.
    pub(super) fn is_denied(&self) -> bool {
        self.of_system == Some(io::ErrorKind::PermissionDenied)
    }

    /// Returns whether nobody is at the socket, or no longer.
    pub(super) fn is_away(&self) -> bool {
        self.words == BROKE_OFF || (self.of_system.is_some() && !self.is_denied())
    }

    /// Returns the failure of a client whose errors are nested: what the system reported below them, if it did.
    fn below(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(inner) = cause {
            if let Some(error) = inner.downcast_ref() {
                return Some(Self::of_system(error));
            }
            cause = inner.source();
        }
        None
    }
}

const BROKE_OFF: &str = "the connection broke off";
const LATE: &str = "it did not answer in time";
const NOT_UNDERSTOOD: &str = "its answer is not one that this API has";

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

impl StdError for Failure {}

impl IntoCause for Failure {
    fn into_cause(self) -> Cause {
        self.into()
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::of_system(&error)
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        Self::below(&error).unwrap_or_else(|| {
            Self::words(match () {
                () if error.is_timeout() => LATE,
                () if error.is_parse() => "it does not speak HTTP",
                () => BROKE_OFF,
            })
        })
    }
}

impl From<hyper::http::Error> for Failure {
    fn from(_: hyper::http::Error) -> Self {
        Self::words("the request cannot be put into words of HTTP")
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::DockerResponseServerError { status_code, message } => {
                Self::words(answered(status_code, &message))
            }
            ApiError::DockerStreamError { error } | ApiError::DockerContainerWaitError { error, .. } => {
                Self::words(one_line(&error, WORDS_SHOWN))
            }
            ApiError::IOError { err } => Self::of_system(&err),
            ApiError::HyperResponseError { err } => err.into(),
            ApiError::HyperLegacyError { err } => Self::below(&err).unwrap_or_else(|| Self::words(BROKE_OFF)),
            ApiError::RequestTimeoutError => Self::words(LATE),
            ApiError::SocketNotFoundError(_) => Self::words("there is nothing at its socket"),
            ApiError::JsonDataError { .. }
            | ApiError::JsonSerdeError { .. }
            | ApiError::StrParseError { .. }
            | ApiError::APIVersionParseError {} => Self::words(NOT_UNDERSTOOD),
            other => Self::below(&other).unwrap_or_else(|| Self::words(one_line(&other.to_string(), WORDS_SHOWN))),
        }
    }
}

/// Returns what an engine answered that is not a success: its own words, where it had any.
pub(super) fn answered(status: u16, message: &str) -> String {
    let message = one_line(message.trim(), WORDS_SHOWN);
    if message.is_empty() {
        format!("it answered with status {status}")
    } else {
        format!("it answered: {message} (status {status})")
    }
}

#[cfg(test)]
mod tests {
    use bollard::{API_DEFAULT_VERSION, Docker};

    use super::*;

    /// Returns the words for a call to an engine at a socket.
    async fn called(socket: &std::path::Path) -> String {
        let api = Docker::connect_with_unix(&socket.to_string_lossy(), 5, API_DEFAULT_VERSION);
        let error = match api {
            Err(error) => error,
            Ok(api) => api.version().await.unwrap_err(),
        };
        Failure::from(error).to_string()
    }

    #[tokio::test]
    async fn real_failures_of_the_socket_are_put_into_plain_words() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        assert_eq!(called(&socket).await, "there is nothing at its socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        drop(listener);
        assert_eq!(called(&socket).await, "nothing listens at its socket");
        std::fs::remove_file(&socket).unwrap();
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        // An engine that goes away as soon as it is asked.
        let gone = std::thread::spawn(move || drop(listener.accept().unwrap()));
        assert_eq!(called(&socket).await, "the connection broke off");
        gone.join().unwrap();
    }

    #[test]
    fn an_engines_own_words_stay_and_its_clients_go() {
        let refused = ApiError::DockerResponseServerError {
            status_code: 409,
            message: "name is in use\n".to_owned(),
        };
        assert_eq!(
            Failure::from(refused).to_string(),
            "it answered: name is in use (status 409)"
        );
        let stream = ApiError::DockerStreamError {
            error: "short name did not resolve".to_owned(),
        };
        assert_eq!(Failure::from(stream).to_string(), "short name did not resolve");
        let data = ApiError::from(serde_json::from_str::<u8>("x").unwrap_err());
        assert_eq!(Failure::from(data).to_string(), NOT_UNDERSTOOD);
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(Failure::from(ApiError::IOError { err: denied }).is_denied());
    }
}
