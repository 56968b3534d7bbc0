//! Why there is no credential to send.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::secret::Credential;
use crate::base::error::{Error, ErrorKind};

/// Why there is no credential to send. It contains nothing of a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialProblem {
    /// The variable for it is not set.
    NotGiven {
        /// Its name.
        variable: &'static str,
    },
    /// There is no token file.
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The login of the token file has expired.
    Expired {
        /// The file.
        path: PathBuf,
        /// The time at which it expired.
        at: Timestamp,
    },
    /// It exists, and cannot be used.
    Malformed {
        /// The token file; `None` for a credential that was given.
        path: Option<PathBuf>,
        /// What is wrong with it, as part of a sentence.
        what: String,
    },
}

impl CredentialProblem {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotGiven { variable } => format!("set {variable}, or choose another `agent.credentials`"),
            Self::Missing { path } => format!(
                "set CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token` prints a token), or copy the client's own credentials file \
                 to `{}`",
                path.display()
            ),
            Self::Expired { path, .. } => format!(
                "log in again with the client on this machine, and copy its credentials file to `{}`: it is then read again",
                path.display()
            ),
            Self::Malformed { path: Some(path), .. } => format!(
                "put the client's own credentials file at `{}`, as a plain file",
                path.display()
            ),
            Self::Malformed { path: None, .. } => "set the variable to the credential alone".to_owned(),
        }
    }
}

impl fmt::Display for CredentialProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGiven { variable } => write!(formatter, "{variable} is not set"),
            Self::Missing { path } => write!(formatter, "there is no token file `{}`", path.display()),
            Self::Expired { path, at } => {
                write!(formatter, "the login in `{}` has expired ({at})", path.display())
            }
            Self::Malformed { path: Some(path), what } => write!(formatter, "`{}` {what}", path.display()),
            Self::Malformed { path: None, what } => write!(formatter, "the given credential {what}"),
        }
    }
}

impl std::error::Error for CredentialProblem {}

impl From<CredentialProblem> for Error {
    fn from(problem: CredentialProblem) -> Self {
        Self::new(ErrorKind::Precondition, problem.to_string()).hint(problem.hint())
    }
}

pub(super) fn missing(path: &Path) -> CredentialProblem {
    CredentialProblem::Missing { path: path.to_owned() }
}

pub(super) fn malformed(path: &Path, what: impl Into<String>) -> CredentialProblem {
    CredentialProblem::Malformed {
        path: Some(path.to_owned()),
        what: what.into(),
    }
}

/// Returns whether a secret can be sent in a header.
pub(super) fn fits_header(secret: &str) -> bool {
    !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns a credential that was given, if it can be sent.
pub(super) fn usable(credential: &Credential) -> Result<&Credential, CredentialProblem> {
    if fits_header(credential.secret().expose_secret()) {
        return Ok(credential);
    }
    Err(CredentialProblem::Malformed {
        path: None,
        what: "contains characters that no credential contains".to_owned(),
    })
}
