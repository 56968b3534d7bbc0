//! The forms in which a credential may be written: as it is, escaped, percent-encoded, in base64 and in hexadecimal;
//! where an encoding leaves a choice, with as few and with as many letters encoded as it allows.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Credentials shorter than this, in bytes, are never searched for: they would be found in ordinary words.
pub const SHORTEST_SECRET: usize = 8;
/// The characters that stay as they are in a component of a URL (RFC 3986, 2.3).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns every form of a credential.
pub(super) fn of(secret: &str) -> BTreeSet<Vec<u8>> {
    let escaped = json_escaped(secret);
    let encoded = utf8_percent_encode(secret, COMPONENT).to_string();
    let mut forms = BTreeSet::from([secret.to_owned(), json_escaped(&escaped), escaped]);
    forms.insert(encoded.replace("%20", "+"));
    forms.insert(lower_case_codes(&encoded));
    forms.insert(encoded);
    let marks = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    forms.insert(lower_case_codes(&marks));
    forms.insert(marks);
    for before in ["", "%", "\\u00", "\\x"] {
        forms.insert(hexadecimal(secret, before, b"0123456789abcdef"));
        forms.insert(hexadecimal(secret, before, b"0123456789ABCDEF"));
    }
    for before in 0..3 {
        forms.insert(in_base64(&STANDARD_NO_PAD, secret, before));
        forms.insert(in_base64(&URL_SAFE_NO_PAD, secret, before));
    }
    let long_enough = forms.into_iter().filter(|form| form.len() >= SHORTEST_SECRET);
    long_enough.map(String::into_bytes).collect()
}

/// Returns the inside of the string in its form in JSON.
fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns the text with the codes of percent-encoding in lower case.
fn lower_case_codes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        text.push_str(&format!("%{}{rest}", code.to_lowercase()));
    }
    text
}

/// Returns all bytes in hexadecimal, each with the same text before it.
fn hexadecimal(text: &str, before: &str, digits: &[u8; 16]) -> String {
    let digit = |half: u8| char::from(digits[usize::from(half)]);
    let code = |byte: u8| format!("{before}{}{}", digit(byte >> 4), digit(byte & 15));
    text.bytes().map(code).collect()
}

/// Returns the part of the base64 that depends only on the secret, where `before` bytes (modulo 3) precede it, as in
/// `user:secret`: these letters are the same whatever else is encoded with it.
fn in_base64(engine: &impl Engine, secret: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&bytes);
    // Six bits a letter: the first and the last may contain bits of the neighbours.
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded[first..last].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_credential_is_found_whatever_it_is_encoded_with() {
        let secret = "s3cr3t/with+a\"quote";
        let forms = of(secret);
        for user in ["", "u", "us", "use", "user", "user:", "x-access-token:"] {
            for after in ["", "a", "ab", "abc", "\n"] {
                let whole = STANDARD.encode(format!("{user}{secret}{after}"));
                let is_in = |form: &Vec<u8>| whole.contains(std::str::from_utf8(form).unwrap());
                assert!(forms.iter().any(is_in), "{user:?} {after:?}");
            }
        }
        for written in [
            "s3cr3t/with+a\\\"quote",
            "s3cr3t/with+a\\\\\\\"quote",
            "s3cr3t%2Fwith%2Ba%22quote",
            "s3cr3t%2fwith%2ba%22quote",
            "733363723374",
            "\\u0073\\u0033",
            "%73%33%63",
            "\\x73\\x33",
        ] {
            let is_in = |form: &Vec<u8>| std::str::from_utf8(form).unwrap().contains(written);
            assert!(forms.iter().any(is_in), "{written}");
        }
    }
}
