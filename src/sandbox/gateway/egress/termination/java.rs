//! Certificates as Java reads them: a store in the form JKS, as `OpenJDK`'s `sun.security.provider.JavaKeyStore` has it.
//! Numbers are big-endian, and texts have their length before them.

use sha1_smol::Sha1;

/// How a store begins.
const MAGIC: u32 = 0xfeed_feed;
/// The version whose entries name the type of their certificate.
const VERSION: u32 = 2;
/// The tag of an entry that is a certificate to trust.
const TRUSTED: u32 = 2;
/// The password that Java's own store has: the store holds nothing secret, and whoever reads it without one may do so.
const PASSWORD: &str = "changeit";
/// What is hashed beside the password.
const WORDS: &[u8] = b"Mighty Aphrodite";

/// Returns a store that trusts these certificates, each in the form of DER.
pub(super) fn store<'a>(certificates: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let certificates: Vec<_> = certificates.collect();
    let mut bytes = Vec::new();
    let count = u32::try_from(certificates.len()).unwrap_or(u32::MAX);
    for number in [MAGIC, VERSION, count] {
        bytes.extend(number.to_be_bytes());
    }
    for (index, certificate) in certificates.iter().enumerate() {
        bytes.extend(TRUSTED.to_be_bytes());
        text(&mut bytes, &format!("trusted-{index}"));
        // When it was added, in milliseconds since 1970.
        bytes.extend(0_u64.to_be_bytes());
        text(&mut bytes, "X.509");
        bytes.extend(u32::try_from(certificate.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(certificate);
    }
    let mut hash = Sha1::new();
    for unit in PASSWORD.encode_utf16() {
        hash.update(&unit.to_be_bytes());
    }
    hash.update(WORDS);
    hash.update(&bytes);
    bytes.extend(hash.digest().bytes());
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_as_long_as_its_parts() {
        assert_eq!(store([].into_iter()).len(), 12 + 20);
        let one = store([&b"certificate"[..]].into_iter());
        assert_eq!(one.len(), 12 + (4 + 2 + 9 + 8 + 2 + 5 + 4 + 11) + 20);
        assert!(one.starts_with(&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1]));
    }
}
