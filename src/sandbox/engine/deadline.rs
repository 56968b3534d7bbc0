//! A deadline for every call of the engine's API: a socket that does not answer leads to an error, never to a hang.

use std::fmt;
use std::time::Duration;

use bollard::errors::Error as ApiError;

use super::failure::Failure;
use crate::base::error::{Error, ErrorKind, IntoCause};

/// The time limit for the first answer of an engine.
pub(super) const HELLO: Duration = Duration::from_secs(5);
/// The time limit for a call that only reads something.
pub(super) const LOOK: Duration = Duration::from_secs(30);
/// The time limit for a call that changes a container: an engine under load takes its time.
pub(super) const CHANGE: Duration = Duration::from_secs(60);
/// How long a pull, a build or an import may print nothing.
pub(super) const SILENCE: Duration = Duration::from_secs(900);

/// What to do about an engine that is not there any more.
const AWAY: &str = "see whether the engine still runs, and start it again; then repeat the command, or continue a run with \
                    `cordwainer resume`";

/// A failed call: the error to report, and the HTTP status for callers that handle some statuses.
#[derive(Debug)]
pub(super) struct CallError {
    /// The engine's answer, if it gave one.
    pub(super) status: Option<u16>,
    error: Error,
}

impl From<CallError> for Error {
    fn from(failed: CallError) -> Self {
        failed.error
    }
}

impl CallError {
    /// Builds the failure of a call that took longer than `limit`.
    pub(super) fn late(engine: &impl fmt::Display, operation: &str, limit: Duration) -> Self {
        Self {
            status: None,
            error: late(engine, operation, limit),
        }
    }

    /// Returns whether the engine said these words.
    pub(super) fn says(&self, words: &str) -> bool {
        self.error.in_a_line().contains(words)
    }

    /// Turns a failure that leaves the wanted state, by its HTTP status, into success.
    pub(super) fn unless_status(self, harmless: &[u16]) -> Result<(), Self> {
        match self.status {
            Some(status) if harmless.contains(&status) => Ok(()),
            _ => Err(self),
        }
    }
}

/// Waits at most `limit` for one call; `engine` names the engine and its socket in the error.
pub(super) async fn within<T>(
    engine: &impl fmt::Display,
    operation: &str,
    limit: Duration,
    call: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(failed(engine, operation, source)),
        Err(_) => Err(CallError::late(engine, operation, limit)),
    }
}

/// Makes the error of a call that took longer than `limit`.
pub(super) fn late(engine: &impl fmt::Display, operation: &str, limit: Duration) -> Error {
    let seconds = limit.as_secs_f32();
    let message = format!("cannot {operation}: {engine} did not answer within {seconds} s");
    Error::new(ErrorKind::Engine, message).hint("check whether the engine is overloaded or stuck, and try again")
}

/// Makes the error of an answer that is not a success, or of none.
pub(super) fn refused(
    engine: &impl fmt::Display,
    operation: &str,
    status: Option<u16>,
    why: impl IntoCause,
) -> CallError {
    let error = Error::new(ErrorKind::Engine, format!("cannot {operation} with {engine}")).because(why);
    let error = if status.is_none() { error.hint(AWAY) } else { error };
    CallError { status, error }
}

/// Makes the error of a call that the engine refused, or broke off.
pub(super) fn failed(engine: &impl fmt::Display, operation: &str, source: ApiError) -> CallError {
    let status = match &source {
        ApiError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    };
    let hint = hint(&source.to_string());
    let failure = Failure::from(source);
    let hint = hint.or(failure.is_away().then_some(AWAY));
    let error = Error::new(ErrorKind::Engine, format!("cannot {operation} with {engine}")).because(failure);
    CallError {
        status,
        error: match hint {
            Some(hint) => error.hint(hint),
            None => error,
        },
    }
}

/// Returns the fix for failures that are common on some machines, by the engine's own words: its API has no code for
/// them.
fn hint(message: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 7] = [
        (
            "container-init binary",
            "podman needs a small init program: install the package `catatonit`",
        ),
        (
            "no space left",
            "the engine's disk is full: free some space (`cordwainer gc` removes what past runs no longer need, \
             `cordwainer image clean` unused images)",
        ),
        (
            "no subuid ranges",
            "rootless podman needs ranges for your user in /etc/subuid and /etc/subgid",
        ),
        (
            "hybrid mode not supported",
            "crun needs a machine with control groups of version 2 alone: set `container.runtime: runc`",
        ),
        (
            "network enabled in root network namespace",
            "register runsc with `--network=none`, as docs/engines.md has it",
        ),
        (
            "RLIMIT",
            "the engine requests a higher limit than this machine allows: lower `default_ulimits` in its containers.conf",
        ),
        (
            "slirp4netns",
            "an ordinary user's network needs the package `slirp4netns` and permission to use `/dev/net/tun`; \
             `container.network` can be `none` or `host` instead",
        ),
    ];
    KNOWN
        .into_iter()
        .find(|(sign, _)| message.contains(sign))
        .map(|(_, hint)| hint)
}

#[cfg(test)]
mod tests {
    use bollard::{API_DEFAULT_VERSION, Docker};

    use super::*;

    #[tokio::test]
    async fn an_engine_that_is_gone_is_told_with_how_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let api = Docker::connect_with_unix(&socket.to_string_lossy(), 5, API_DEFAULT_VERSION).unwrap();
        drop(listener);
        let asked = within(&"podman", "look", LOOK, api.version()).await;
        let error = Error::from(asked.unwrap_err());
        let hint = error.hint_text().unwrap();
        assert!(
            hint.contains("start it again") && hint.contains("`cordwainer resume`"),
            "{hint}"
        );
        // What an engine answered is not that it is away.
        let refused = ApiError::DockerResponseServerError {
            status_code: 409,
            message: "in use".to_owned(),
        };
        assert_eq!(Error::from(failed(&"podman", "look", refused)).hint_text(), None);
    }
}
