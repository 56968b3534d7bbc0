//! Fuzzes the redactor: what it leaves has nothing to find, and it takes about as long as its input.
//!
//! The input is a text that is recorded. One that holds the credential in some form is found by what is left of it.

#![no_main]

use std::sync::LazyLock;

use cordwainer::redact::Redactor;
use secrecy::SecretString;

/// A credential in use.
const SECRET: &str = "sk-ant-oat01-q7Rk2Vd9sLw3Xn5Tb8Yh1Jf6Gc4Mz0Pe";

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new([&SecretString::from(SECRET)]));

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let redacted = REDACTOR.bytes(input);
    assert_eq!(REDACTOR.bytes(&redacted), redacted, "redacted again it is another");
    let secret = SECRET.as_bytes();
    let has_secret = redacted.windows(secret.len()).any(|part| part == secret);
    assert!(!has_secret, "the credential is left");
    effort::check(input, |long| drop(REDACTOR.bytes(long)));
    effort::check(input, |long| drop(REDACTOR.line(long)));
});
