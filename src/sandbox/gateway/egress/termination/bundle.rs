//! The certificates that this machine trusts, for programs in a container.

use std::sync::OnceLock;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::pki_types::CertificateDer;

/// The letters in a line (RFC 7468, 2).
const LINE: usize = 64;

/// They are read once.
static OF_THE_HOST: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();

/// Returns them; empty where the machine trusts none.
pub(super) fn of_the_host() -> &'static [CertificateDer<'static>] {
    let read = || {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "a certificate of this machine cannot be read");
        }
        found.certs
    };
    OF_THE_HOST.get_or_init(read)
}

/// Returns a certificate in the form of PEM.
pub(super) fn pem(certificate: &[u8]) -> String {
    let letters = BASE64_STANDARD.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = letters.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for length in [0, 1, 47, 48, 49, 1000] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let read = CertificateDer::from_pem_slice(pem(&bytes).as_bytes()).unwrap();
            assert_eq!(read.as_ref(), bytes);
        }
    }
}
