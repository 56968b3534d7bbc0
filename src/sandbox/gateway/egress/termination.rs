//! What ends TLS for one container: an authority that only it trusts, the credentials of hosts, and what must not go
//! elsewhere or come back.

mod authority;
mod bundle;
mod held;
mod java;

use std::sync::Arc;

use hyper::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use rustls::{ClientConfig, ServerConfig};
use secrecy::SecretString;

use self::authority::{CertificateAuthority, HTTP_1};
pub use self::held::HeldCredential;
use super::super::scrub::Forms;
use super::super::upstream;
use crate::base::error::Result;
use crate::sandbox::network::{Host, Target, TrustedCertificates};

/// What is needed to end the TLS of one container.
#[derive(Debug)]
pub struct Termination {
    authority: CertificateAuthority,
    /// TLS with the hosts themselves.
    pub(super) onward: Arc<ClientConfig>,
    credentials: Vec<HeldCredential>,
    /// What must not come back.
    pub(super) secrets: Option<Forms>,
    /// What must not go elsewhere: what the container has in the place of each.
    placeholder: Option<Forms>,
}

impl Termination {
    /// Makes an authority for one container, which gets the use of these credentials, and has `placeholder` in their
    /// place. TLS ends for their hosts and for those in `narrow`, and the authority's certificate is good for these and
    /// what is below them alone. Hosts are verified with the certificates that this machine trusts.
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Precondition`](crate::base::error::ErrorKind::Precondition) where it trusts none.
    pub fn new(
        credentials: Vec<HeldCredential>,
        narrow: &[Host],
        placeholder: &SecretString,
        now: Timestamp,
    ) -> Result<Self> {
        let tls = upstream::trusting_the_host()?;
        Self::trusting(ClientConfig::clone(&tls), credentials, narrow, placeholder, now)
    }

    /// Makes an authority as [`Self::new`] does, with hosts that are verified as `tls` has it.
    ///
    /// # Errors
    /// Where no authority can be made.
    pub fn trusting(
        mut tls: ClientConfig,
        credentials: Vec<HeldCredential>,
        narrow: &[Host],
        placeholder: &SecretString,
        now: Timestamp,
    ) -> Result<Self> {
        let hosts = credentials
            .iter()
            .map(|held| &held.credential.target.host)
            .chain(narrow);
        tls.alpn_protocols = vec![HTTP_1.to_vec()];
        Ok(Self {
            authority: CertificateAuthority::new(hosts, now)?,
            onward: Arc::new(tls),
            secrets: Forms::of_all(credentials.iter().map(|held| &held.secret)),
            placeholder: Forms::of(placeholder),
            credentials,
        })
    }

    /// Returns the certificate that the container is to trust.
    pub fn certificate(&self) -> String {
        self.authority.pem()
    }

    /// Returns the certificates that the container is to trust: those of this machine, and the authority's.
    pub fn trusted(&self) -> TrustedCertificates {
        let own = self.authority.certificate();
        let of_the_host = bundle::of_the_host();
        let mut pem: String = of_the_host.iter().map(|certificate| bundle::pem(certificate)).collect();
        pem.push_str(&self.certificate());
        TrustedCertificates {
            pem,
            java: java::store(of_the_host.iter().map(AsRef::as_ref).chain([own])),
        }
    }

    /// Returns what a server needs to be this host to the container.
    ///
    /// # Errors
    /// Where no certificate can be made for it.
    pub(super) fn server(&self, host: &Host) -> Result<Arc<ServerConfig>> {
        self.authority.server(host)
    }

    /// Returns whether a credential is configured for this host.
    pub(super) fn has_credential_for(&self, target: &Target) -> bool {
        self.credentials.iter().any(|held| held.credential.target == *target)
    }

    /// Returns the credential for a request.
    pub(super) fn covering(&self, target: &Target, method: &Method, path: &str) -> Option<&HeldCredential> {
        let mut all = self.credentials.iter();
        all.find(|held| held.credential.target == *target && held.credential.covers(method, path))
    }

    /// Returns whether the head of a request has the placeholder, in any form.
    pub(super) fn has_placeholder(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(forms) = &self.placeholder else { return false };
        let mut headers = headers.iter();
        forms.are_in(uri.to_string().as_bytes())
            || headers.any(|(name, value)| forms.are_in(name.as_str().as_bytes()) || forms.are_in(value.as_bytes()))
    }
}
