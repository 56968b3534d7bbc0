//! The one redactor: credentials in use and well-known forms of tokens are removed from everything recorded or shown.
//!
//! One pass of an automaton finds possible beginnings; only there the rest is checked. A match becomes `[redacted
//! KIND]`. Redacting again changes nothing.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};

mod encodings;
mod escapes;
mod found;
mod json;
mod keys;
mod patterns;
mod tokens;

#[cfg(test)]
mod tests;

pub use self::encodings::SHORTEST_SECRET;
pub use self::found::Found;
use self::found::{IN_USE, marker};
use self::patterns::Patterns;

/// How often the rest is searched again. Text next to a marker may read as a new match, rarely once.
const ROUNDS: usize = 8;

/// Removes credentials from everything recorded or shown. Clones share the known credentials.
#[derive(Clone)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
}

struct Known {
    secrets: Vec<SecretString>,
    patterns: Arc<Patterns>,
}

impl Default for Redactor {
    /// Builds a redactor that knows the forms of tokens, and no credential yet.
    fn default() -> Self {
        Self {
            known: Arc::new(RwLock::new(Known {
                secrets: Vec::new(),
                patterns: Arc::new(Patterns::new(&[])),
            })),
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// Builds a redactor that knows these credentials, too.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let redactor = Self::default();
        for secret in secrets {
            redactor.learn(secret);
        }
        redactor
    }

    /// Searches for a credential from now on, in all clones, and for its usual encodings. One that is shorter than
    /// [`SHORTEST_SECRET`], or a part of the replacement text, is left out.
    pub fn learn(&self, secret: &SecretString) {
        let text = secret.expose_secret().trim();
        if text.len() < SHORTEST_SECRET || patterns::is_in_a_marker(text) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.secrets.iter().all(|one| one.expose_secret() != text) {
            known.secrets.push(SecretString::from(text));
            known.patterns = Arc::new(Patterns::new(&known.secrets));
        }
    }

    /// Returns the places of everything that must not be recorded, from left to right.
    pub fn find(&self, bytes: &[u8]) -> Vec<Found> {
        self.patterns().find(bytes)
    }

    /// Returns whether a text contains a credential in use, whatever else it contains.
    pub(crate) fn has_credential(&self, text: &str) -> bool {
        self.find(text.as_bytes()).iter().any(|found| found.kind == IN_USE)
    }

    /// Redacts bytes of any kind.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let patterns = self.patterns();
        let redacted = repeated(bytes, |bytes| patterns.find(bytes));
        redacted.unwrap_or_else(|| Cow::Owned(marker(IN_USE).into_bytes()))
    }

    /// Redacts bytes except those parts that, by `is_known`, the reader has anyway.
    pub(crate) fn bytes_but<'a>(&self, bytes: &'a [u8], is_known: impl Fn(&[u8]) -> bool) -> Cow<'a, [u8]> {
        let patterns = self.patterns();
        let redacted = repeated(bytes, |bytes| {
            let mut found = patterns.find(bytes);
            found.retain(|found| !is_known(&bytes[found.range.clone()]));
            found
        });
        redacted.unwrap_or_else(|| Cow::Owned(marker(IN_USE).into_bytes()))
    }

    /// Redacts text.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    fn patterns(&self) -> Arc<Patterns> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known.patterns)
    }
}

/// Returns every form in which a credential may be written; none for one that is too short to search for.
pub(crate) fn forms_of(secret: &SecretString) -> Vec<Vec<u8>> {
    encodings::of(secret.expose_secret().trim()).into_iter().collect()
}

/// Replaces what `find` finds until it finds nothing; `None` when that does not end.
fn repeated(bytes: &[u8], find: impl Fn(&[u8]) -> Vec<Found>) -> Option<Cow<'_, [u8]>> {
    let mut redacted = Cow::Borrowed(bytes);
    for _ in 0..ROUNDS {
        let found = find(&redacted);
        if found.is_empty() {
            return Some(redacted);
        }
        redacted = Cow::Owned(replaced(&redacted, &found));
    }
    None
}

/// Replaces matches by markers; no escape sequence is cut in two.
fn replaced(bytes: &[u8], found: &[Found]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for Found { kind, range } in found {
        let whole = escapes::whole(bytes, range);
        if range.end <= done {
            continue;
        }
        let start = whole.start.max(done);
        text.extend_from_slice(&bytes[done..start]);
        text.extend_from_slice(marker(kind).as_bytes());
        done = whole.end;
    }
    text.extend_from_slice(&bytes[done..]);
    text
}
