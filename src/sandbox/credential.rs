//! The credential of the model's API: it stays on the host, where the gateway alone adds it to requests.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use secrecy::SecretString;

use crate::base::redact::Redactor;

mod choice;
mod file;
mod problem;
mod secret;

pub use choice::Credentials;
pub use problem::CredentialProblem;
pub use secret::Credential;

use file::{Stamp, TokenFile};

/// Where the credential comes from; copies share what they have read.
#[derive(Clone, Debug)]
pub struct CredentialSource(Arc<Source>);

#[derive(Debug)]
enum Source {
    /// A given credential, which never changes.
    Given(Credential),
    /// Expected in a variable of this name, which is not set.
    NotGiven(&'static str),
    /// In a token file, which somebody may renew.
    File {
        path: PathBuf,
        read: Mutex<Option<Read>>,
        /// Is given each token before any caller gets it.
        redactor: Redactor,
    },
}

/// The content of a file with this stamp.
#[derive(Debug)]
struct Read {
    stamp: Stamp,
    held: Result<TokenFile, CredentialProblem>,
}

impl CredentialSource {
    /// Chooses the source that the configuration requires: the key, or the token, or else the token file. `None` where
    /// no credential is required. Every secret that it returns is given to `redactor`.
    pub fn choose(
        credentials: Credentials,
        api_key: Option<SecretString>,
        oauth_token: Option<SecretString>,
        token_file: &Path,
        redactor: &Redactor,
    ) -> Option<Self> {
        for given in [&api_key, &oauth_token].into_iter().flatten() {
            redactor.learn(given);
        }
        match (credentials, oauth_token) {
            (Credentials::None, _) => None,
            (Credentials::ApiKey, _) => Some(api_key.map_or_else(Self::without_key, Self::api_key)),
            (Credentials::Subscription, Some(token)) => Some(Self::oauth_token(token)),
            (Credentials::Subscription, None) => Some(Self::file(token_file.to_owned(), redactor.clone())),
        }
    }

    /// Builds the source of an API key.
    pub fn api_key(key: SecretString) -> Self {
        Self(Arc::new(Source::Given(Credential::ApiKey(key))))
    }

    /// Builds the source of a subscription's token that does not expire while a run uses it.
    pub fn oauth_token(token: SecretString) -> Self {
        Self(Arc::new(Source::Given(Credential::OAuth(token))))
    }

    /// Builds the source of a token file in the form that Claude Code writes: `{"claudeAiOauth": {"accessToken": …,
    /// "expiresAt": …}}`, the latter in milliseconds since 1970. It is read again whenever it changes.
    pub fn token_file(path: PathBuf) -> Self {
        Self::file(path, Redactor::default())
    }

    fn file(path: PathBuf, redactor: Redactor) -> Self {
        let read = Mutex::default();
        Self(Arc::new(Source::File { path, read, redactor }))
    }

    fn without_key() -> Self {
        Self(Arc::new(Source::NotGiven("ANTHROPIC_API_KEY")))
    }

    /// Returns the credential as it is now, or why there is none.
    pub fn current(&self, now: Timestamp) -> Result<Credential, CredentialProblem> {
        let (path, read, redactor) = match &*self.0 {
            Source::Given(credential) => return problem::usable(credential).cloned(),
            Source::NotGiven(variable) => return Err(CredentialProblem::NotGiven { variable }),
            Source::File { path, read, redactor } => (path, read, redactor),
        };
        let (file, stamp) = file::open(path)?;
        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.as_ref().is_none_or(|read| read.stamp != stamp) {
            let held = file::read(path, file);
            if let Ok(TokenFile {
                token, refresh_token, ..
            }) = &held
            {
                redactor.learn(token);
                if let Some(token) = refresh_token {
                    redactor.learn(token);
                }
            }
            *read = Some(Read { stamp, held });
        }
        let held = read
            .as_ref()
            .map_or_else(|| Err(problem::missing(path)), |read| read.held.clone())?;
        match held.expires_at {
            Some(at) if at <= now => Err(CredentialProblem::Expired { path: path.clone(), at }),
            _ => Ok(Credential::OAuth(held.token)),
        }
    }

    /// Returns a warning about a token file that can be used: others may read it.
    pub fn warning(&self) -> Option<String> {
        let Source::File { path, .. } = &*self.0 else {
            return None;
        };
        let (_, stamp) = file::open(path).ok()?;
        stamp.others_may_read().then(|| {
            format!(
                "`{}` can be read by every user of this machine: restrict it to its owner (`chmod 600`)",
                path.display()
            )
        })
    }
}

#[cfg(test)]
mod tests;
