//! The patterns, as two automata: one that runs over everything, and one of the credentials alone.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};
use secrecy::{ExposeSecret as _, SecretString};

use super::encodings;
use super::found::{Found, IN_USE, marker};
use super::tokens::{FORMS, Tokens};

/// All patterns.
pub(super) struct Patterns {
    /// The possible beginnings: the credentials, and the beginnings of tokens.
    anything: Option<AhoCorasick>,
    /// The credentials; `None` where there is none.
    secrets: Option<AhoCorasick>,
    /// The longest form of a credential, in bytes.
    longest: usize,
}

impl Patterns {
    pub(super) fn new(secrets: &[SecretString]) -> Self {
        let encoded = secrets.iter().flat_map(|secret| encodings::of(secret.expose_secret()));
        let in_use: Vec<Vec<u8>> = encoded.filter(|form| !is_part_of_a_marker(form)).collect();
        let prefixes = FORMS.iter().map(|form| form.prefix.as_bytes().to_vec());
        let all: Vec<_> = in_use.iter().cloned().chain(prefixes).collect();
        Self {
            anything: automaton(&all, StartKind::Unanchored),
            secrets: automaton(&in_use, StartKind::Both).filter(|_| !in_use.is_empty()),
            longest: in_use.iter().map(Vec::len).max().unwrap_or_default(),
        }
    }

    /// Finds everything, from left to right, in time linear in the text.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<Found> {
        let Some(anything) = &self.anything else {
            return vec![Found {
                kind: IN_USE,
                range: 0..bytes.len(),
            }];
        };
        let mut tokens = Tokens::new(bytes);
        let mut all = Vec::new();
        let mut from = 0;
        while let Some(candidate) = anything.find(Input::new(bytes).span(from..bytes.len())) {
            let at = candidate.start();
            from = at + 1;
            let Some(found) = self.found_at(bytes, at, &mut tokens) else {
                continue;
            };
            from = found.range.end;
            all.push(found);
        }
        all
    }

    /// Returns the match here, if there is one, extended by a credential that begins in it and ends after it.
    fn found_at(&self, bytes: &[u8], at: usize, tokens: &mut Tokens<'_>) -> Option<Found> {
        let secret = self.secret(bytes, at..bytes.len(), Anchored::Yes);
        let token = tokens.at(at);
        let mut found = match (secret, token) {
            (Some(secret), Some((_, token))) => Found {
                kind: IN_USE,
                range: at..secret.end.max(token.end),
            },
            (Some(range), None) => Found { kind: IN_USE, range },
            (None, Some((kind, range))) => Found { kind, range },
            (None, None) => return None,
        };
        let mut from = found.range.start + 1;
        while from < found.range.end
            && let Some(more) = self.secret(
                bytes,
                from..bytes.len().min(found.range.end + self.longest),
                Anchored::No,
            )
            && more.start < found.range.end
        {
            found.range.end = found.range.end.max(more.end);
            from = more.start + 1;
        }
        Some(found)
    }

    fn secret(&self, bytes: &[u8], span: std::ops::Range<usize>, anchored: Anchored) -> Option<std::ops::Range<usize>> {
        let found = self
            .secrets
            .as_ref()?
            .find(Input::new(bytes).span(span).anchored(anchored));
        found.map(|found| found.range())
    }
}

/// Builds an automaton; `None` when there are more patterns than one can have, which no realistic number of credentials
/// reaches.
fn automaton(patterns: &[Vec<u8>], start: StartKind) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .start_kind(start)
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns)
        .ok()
}

/// Returns whether a text is a part of a marker, and so could never be removed.
pub(super) fn is_in_a_marker(text: &str) -> bool {
    is_part_of_a_marker(text.as_bytes())
}

fn is_part_of_a_marker(form: &[u8]) -> bool {
    let kinds = FORMS.iter().map(|form| form.kind).chain([IN_USE]);
    let mut markers = kinds.map(marker);
    markers.any(|marker| memchr::memmem::find(marker.as_bytes(), form).is_some())
}
