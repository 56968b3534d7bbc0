//! The certificate authority of one container: it signs certificates for the hosts whose TLS ends here. Its key is in
//! memory alone and goes with it, and nobody but that container trusts it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::base::error::{Context as _, ErrorKind, Result};
use crate::sandbox::network::Host;

/// The one protocol that is spoken inside (RFC 7301).
pub(super) const HTTP_1: &[u8] = b"http/1.1";
/// How long before now certificates are valid: clocks of hosts and containers are the same, but days begin elsewhere.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// How long they stay valid, which is longer than any call.
const AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The number of hosts that are remembered: below a suffix there are as many as a container invents.
const MOST_HOSTS: usize = 64;

/// Signs certificates for hosts.
pub(super) struct CertificateAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The key of all hosts.
    key: KeyPair,
    validity: (Timestamp, Timestamp),
    servers: Mutex<BTreeMap<String, Arc<ServerConfig>>>,
}

impl CertificateAuthority {
    /// Makes an authority with a key of its own.
    pub(super) fn new(now: Timestamp) -> Result<Self> {
        let failed = "cannot make a certificate authority";
        let validity = (now - BEFORE, now + AFTER);
        let mut params = parameters(Vec::new(), "cordwainer gateway", validity).context(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().context(failed)?;
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, key).context(failed)?,
            key: KeyPair::generate().context(failed)?,
            validity,
            servers: Mutex::default(),
        })
    }

    /// Returns its certificate, for those who are to trust it.
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Returns what a server needs to be this host.
    pub(super) fn server(&self, host: &Host) -> Result<Arc<ServerConfig>> {
        let name = host.to_string();
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = servers.get(&name) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(self.make(&name)?);
        if servers.len() < MOST_HOSTS {
            servers.insert(name, Arc::clone(&made));
        }
        Ok(made)
    }

    fn make(&self, host: &str) -> Result<ServerConfig> {
        let failed = || format!("cannot make a certificate for `{host}`");
        let kind = ErrorKind::Unexpected;
        // An IPv6 address is in brackets in a request, and without them in a certificate.
        let name = host.trim_matches(['[', ']']).to_owned();
        // No two certificates of an authority may have the same number, and these have the same key.
        let number = sha1_smol::Sha1::from(&name).digest().bytes();
        let mut params =
            parameters(vec![name], "cordwainer gateway, host", self.validity).with_context(kind, failed)?;
        params.serial_number = Some(SerialNumber::from_slice(&number[..16]));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let signed = params.signed_by(&self.key, &self.issuer).with_context(kind, failed)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .with_context(kind, failed)?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .with_context(kind, failed)?;
        server.alpn_protocols = vec![HTTP_1.to_vec()];
        Ok(server)
    }
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CertificateAuthority").finish_non_exhaustive()
    }
}

/// Returns the parameters that all certificates have, for these names.
fn parameters(
    names: Vec<String>,
    common_name: &str,
    validity: (Timestamp, Timestamp),
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let day = |moment: Timestamp| {
        let date = moment.to_zoned(TimeZone::UTC).date();
        date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(validity.0);
    params.not_after = day(validity.1);
    Ok(params)
}
