//! The certificate authority of one container: it signs certificates for the hosts whose TLS ends here. Its key is in
//! memory alone and goes with it, and nobody but that container trusts it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, SerialNumber,
    date_time_ymd,
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

/// A name that no host has (RFC 6761).
const NOBODY: &str = "nobody.invalid";

/// Signs certificates for hosts.
pub(super) struct CertificateAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The key of all hosts.
    key: KeyPair,
    validity: (Timestamp, Timestamp),
    servers: Mutex<BTreeMap<String, Arc<ServerConfig>>>,
}

impl CertificateAuthority {
    /// Makes an authority with a key of its own, whose certificate is good for these hosts and what is below them alone.
    pub(super) fn new<'a>(hosts: impl IntoIterator<Item = &'a Host>, now: Timestamp) -> Result<Self> {
        let failed = "cannot make a certificate authority";
        let validity = (now - BEFORE, now + AFTER);
        let mut params = parameters(Vec::new(), "cordwainer gateway", validity).context(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(constraints(hosts));
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

    /// Returns its certificate as DER.
    pub(super) fn certificate(&self) -> &[u8] {
        self.issuer.der()
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

/// Returns what the names in certificates must be below (RFC 5280, 4.2.1.10). A kind of name that is not mentioned would
/// not be limited, so where no host has an address, or none has a name, that kind gets a limit that nothing keeps to.
fn constraints<'a>(hosts: impl IntoIterator<Item = &'a Host>) -> NameConstraints {
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    for host in hosts {
        match host {
            Host::Name(name) => names.push(GeneralSubtree::DnsName(name.clone())),
            Host::Address(address) => {
                let bits = if address.is_ipv4() { 32 } else { 128 };
                addresses.push(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, bits)));
            }
        }
    }
    if names.is_empty() {
        names.push(GeneralSubtree::DnsName(NOBODY.to_owned()));
    }
    let all = [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)];
    let all = all.map(|address| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 0)));
    let excluded_subtrees = if addresses.is_empty() { all.to_vec() } else { Vec::new() };
    names.append(&mut addresses);
    NameConstraints {
        permitted_subtrees: names,
        excluded_subtrees,
    }
}

/// Returns the parameters that all certificates have, for these names.
fn parameters(
    names: Vec<String>,
    organization: &str,
    validity: (Timestamp, Timestamp),
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    // It has no common name: where a certificate is for an address, GnuTLS takes that for the name of a host, which the
    // authority would not be good for.
    params.distinguished_name.push(DnType::OrganizationName, organization);
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

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    use super::*;

    /// Shakes hands with a server that has a certificate for `host`, as a client that trusts the authority.
    fn shake(authority: &CertificateAuthority, host: &str) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
        roots.add(certificate).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        let server = authority.server(&Host::parse(host).unwrap()).unwrap();
        let mut server = ServerConnection::new(server).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            let mut sent = bytes.as_slice();
            while !sent.is_empty() {
                server.read_tls(&mut sent).unwrap();
                server.process_new_packets()?;
            }
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            let mut sent = bytes.as_slice();
            while !sent.is_empty() {
                client.read_tls(&mut sent).unwrap();
                client.process_new_packets()?;
            }
        }
        Ok(())
    }

    fn check(hosts: &[&str], good: &[&str], bad: &[&str]) {
        let hosts: Vec<Host> = hosts.iter().map(|host| Host::parse(host).unwrap()).collect();
        let authority = CertificateAuthority::new(&hosts, Timestamp::now()).unwrap();
        for host in good {
            assert_eq!(shake(&authority, host), Ok(()), "{hosts:?}: {host}");
        }
        for host in bad {
            let found = format!("{:?}", shake(&authority, host));
            assert!(found.contains("NameConstraintViolation"), "{hosts:?}: {host}: {found}");
        }
    }

    #[test]
    fn a_client_trusts_the_authority_for_its_hosts_and_for_no_other() {
        check(
            &["registry.example", "10.0.0.7"],
            &["registry.example", "a.registry.example", "10.0.0.7"],
            &[
                "example",
                "other.example",
                "notregistry.example",
                "10.0.0.8",
                "[fd00::7]",
            ],
        );
        check(&["registry.example"], &["registry.example"], &["10.0.0.7", "[fd00::7]"]);
        check(
            &["[fd00::7]"],
            &["[fd00::7]"],
            &["[fd00::8]", "10.0.0.7", "registry.example"],
        );
    }
}
