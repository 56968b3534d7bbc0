//! A credential of another host as the gateway holds it, and the header in which the host gets it.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use crate::sandbox::network::{Authentication, HostCredential};

/// A credential with its secret.
#[derive(Clone, Debug)]
pub struct HeldCredential {
    /// Where it applies, and how it is shown.
    pub credential: HostCredential,
    /// The secret.
    pub secret: SecretString,
}

impl HeldCredential {
    /// Returns the header by which the host knows who asks.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let secret = self.secret.expose_secret().trim();
        let (name, text) = match &self.credential.authentication {
            Authentication::Header(name) => (name.parse().ok()?, secret.to_owned()),
            Authentication::Bearer | Authentication::Npm => (AUTHORIZATION, format!("Bearer {secret}")),
            // See the registry's web API in the book of cargo: the token itself, without a scheme.
            Authentication::Cargo(_) => (AUTHORIZATION, secret.to_owned()),
            Authentication::Basic(user) | Authentication::Pip(user) => {
                let encoded = BASE64_STANDARD.encode(format!("{user}:{secret}"));
                (AUTHORIZATION, format!("Basic {encoded}"))
            }
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }

    /// Puts the credential into the head of a request, in the place of whatever was there. Returns whether it could:
    /// what cannot stand in a header was refused when it was read.
    pub(in crate::sandbox::gateway::egress) fn add_to(&self, headers: &mut HeaderMap) -> bool {
        let Some((name, value)) = self.header() else {
            return false;
        };
        headers.insert(name, value);
        true
    }
}
