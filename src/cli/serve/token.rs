//! The token that lets in whoever was handed it: made at each start, and kept nowhere.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::base::clock::Clock;
use crate::base::error::Result;

/// 256 bits from the system's own random source, as hexadecimal digits.
#[derive(Clone)]
pub(super) struct Token(String);

/// What stands before a token in the header `Authorization` (RFC 6750).
const SCHEME: &str = "Bearer ";

impl Token {
    /// Draws a token.
    ///
    /// # Errors
    ///
    /// Where the system provides no random bytes.
    pub(super) fn draw(clock: &Clock) -> Result<Self> {
        Ok(Self(format!("{}{}", clock.token()?, clock.token()?)))
    }

    /// Returns whether the value of a header `Authorization` has this token. How long that takes does not depend on how much
    /// of it is right.
    pub(super) fn is_in(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked(SCHEME.len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && bool::from(token.ct_eq(self.0.as_bytes()))
    }

    /// Returns the token itself, for the one line that hands it over.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_has_a_token_of_256_bits_and_nothing_else_is_taken_for_it() {
        let clock = Clock::machine();
        let [token, other] = [(); 2].map(|()| Token::draw(&clock).unwrap());
        assert_eq!(token.reveal().len(), 64);
        assert_ne!(token.reveal(), other.reveal());
        let header = |text: &str| token.is_in(text.as_bytes());
        assert!(header(&format!("Bearer {}", token.reveal())));
        assert!(header(&format!("bearer {}", token.reveal())));
        let (begin, _) = token.reveal().split_at(63);
        for wrong in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            token.reveal().to_owned(),
            format!("Basic {}", token.reveal()),
            format!("Bearer {}", other.reveal()),
            format!("Bearer {begin}"),
            format!("Bearer {}0", token.reveal()),
        ] {
            assert!(!header(&wrong), "{wrong}");
        }
        assert!(!format!("{token:?}").contains(begin));
    }
}
