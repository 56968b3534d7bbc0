//! The token that identifies a gateway's call.

use std::hint::black_box;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

/// The call's token, which the container has in place of a credential.
pub(super) struct Token(SecretString);

impl Token {
    pub(super) fn new(token: SecretString) -> Self {
        Self(token)
    }

    /// Returns whether a request contains the token, as a key or as a bearer.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let keys = headers.get_all("x-api-key").iter().map(HeaderValue::as_bytes);
        let bearers = headers.get_all(AUTHORIZATION).iter();
        let bearers = bearers.filter_map(|value| bearer(value.as_bytes()));
        keys.chain(bearers).any(|shown| self.is(shown))
    }

    /// Compares in a time that does not depend on the position of a difference.
    fn is(&self, shown: &[u8]) -> bool {
        let own = self.0.expose_secret().as_bytes();
        let pairs = own.iter().zip(shown);
        let differing = pairs.fold(0, |differing, (one, other)| black_box(differing | (one ^ other)));
        differing == 0 && own.len() == shown.len() && !own.is_empty()
    }
}

/// Returns the text after `Bearer`, in letters of either case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    fn check(token: &str, headers: &[(&'static str, &str)], expect: bool) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let token = Token::new(SecretString::from(token.to_owned()));
        assert_eq!(token.is_shown(&headers), expect, "{headers:?}");
    }

    #[test]
    fn the_token_is_a_key_or_a_bearer_and_nothing_else() {
        check("t0ken", &[("x-api-key", "t0ken")], true);
        check("t0ken", &[("authorization", "Bearer t0ken")], true);
        check("t0ken", &[("authorization", "bearer  t0ken ")], true);
        check(
            "t0ken",
            &[("x-api-key", "other"), ("authorization", "Bearer t0ken")],
            true,
        );
        for other in ["", "t0ke", "t0ken0", "T0ken", "t0kem", "t0ken,t0ken", "Bearer t0ken"] {
            check("t0ken", &[("x-api-key", other)], false);
        }
        for other in ["t0ken", "Basic t0ken", "Bearert0ken", "Bearer", "Bearer "] {
            check("t0ken", &[("authorization", other)], false);
        }
        check("t0ken", &[("proxy-authorization", "Bearer t0ken")], false);
        check("", &[("x-api-key", "")], false);
        check("", &[("authorization", "Bearer ")], false);
    }
}
