//! The credential itself, whichever kind it is.

use secrecy::SecretString;

/// The credential that the API recognizes an account by. Its debug form shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// A key, sent as `x-api-key`.
    ApiKey(SecretString),
    /// A subscription's token, sent as a bearer.
    OAuth(SecretString),
}

impl Credential {
    /// Returns the secret itself, of either kind.
    pub(crate) fn secret(&self) -> &SecretString {
        match self {
            Self::ApiKey(secret) | Self::OAuth(secret) => secret,
        }
    }
}
