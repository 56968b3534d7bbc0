//! Removes credentials from answers, should who got them repeat them: in every form that the redactor knows, and however
//! the bytes are cut into pieces.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aho_corasick::{AhoCorasick, MatchKind};
use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Frame};
use secrecy::SecretString;

use super::answer::BodyError;
use crate::base::redact;

/// The replacement of a credential.
const REMOVED: &[u8] = b"[removed]";
/// How many bytes of a form at the very end of an answer are a part of the credential rather than a coincidence.
const TELLING: usize = redact::SHORTEST_SECRET;

/// The forms of credentials.
#[derive(Clone, Debug)]
pub(super) struct Forms {
    all: Vec<Vec<u8>>,
    finder: AhoCorasick,
    longest: usize,
}

impl Forms {
    /// Returns all forms of a credential; `None` for one that is too short to search for.
    pub(super) fn of(secret: &SecretString) -> Option<Self> {
        Self::of_all([secret])
    }

    /// Returns all forms of several credentials; `None` where none is long enough to search for.
    pub(super) fn of_all<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Option<Self> {
        let forms: Vec<Vec<u8>> = secrets.into_iter().flat_map(redact::forms_of).collect();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms);
        Some(Self {
            // It fails when memory has no room for the forms.
            finder: finder.ok()?,
            longest: forms.iter().map(Vec::len).max()?,
            all: forms,
        })
    }

    /// Returns whether the bytes have one of them.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        self.finder.is_match(bytes)
    }

    /// Returns the bytes without the credential.
    pub(super) fn without(&self, bytes: &[u8]) -> Vec<u8> {
        let mut scrubber = Scrubber::new(self.clone());
        let mut clean = scrubber.pass(bytes);
        clean.extend(scrubber.finish());
        clean
    }

    /// Removes every header with the credential in its name or value.
    pub(super) fn strip(&self, headers: &mut HeaderMap) {
        let has = |bytes: &[u8]| self.are_in(bytes);
        let met = headers
            .iter()
            .filter(|(name, value)| has(name.as_str().as_bytes()) || has(value.as_bytes()));
        let met: Vec<_> = met.map(|(name, _)| name.clone()).collect();
        for name in met {
            headers.remove(name);
        }
    }

    /// Returns how many bytes at the end may be the beginning of a form.
    fn open_end(&self, bytes: &[u8]) -> usize {
        let most = bytes.len().min(self.longest - 1);
        let begins = |length: &usize| {
            let end = &bytes[bytes.len() - length..];
            self.all
                .iter()
                .any(|form| form.len() > *length && form.starts_with(end))
        };
        (1..=most).rev().find(begins).unwrap_or_default()
    }
}

/// Scrubs an answer that arrives in pieces. A possible beginning of the credential is held back until more follows.
#[derive(Debug)]
pub(super) struct Scrubber {
    forms: Forms,
    waiting: Vec<u8>,
}

impl Scrubber {
    pub(super) fn new(forms: Forms) -> Self {
        Self {
            forms,
            waiting: Vec::new(),
        }
    }

    /// Takes the next piece; returns what can be passed on.
    pub(super) fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut whole = std::mem::take(&mut self.waiting);
        whole.extend_from_slice(piece);
        let mut clean = Vec::with_capacity(whole.len());
        let mut done = 0;
        for found in self.forms.finder.find_iter(&whole) {
            clean.extend_from_slice(&whole[done..found.start()]);
            clean.extend_from_slice(REMOVED);
            done = found.end();
        }
        let rest = &whole[done..];
        let (passes, waits) = rest.split_at(rest.len() - self.forms.open_end(rest));
        clean.extend_from_slice(passes);
        self.waiting = waits.to_vec();
        clean
    }

    /// Returns the rest at the end of the answer.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.len() < TELLING {
            return waiting;
        }
        REMOVED.to_vec()
    }

    /// Returns whether nothing is held back.
    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// A body without the credential, and without trailers.
pub(super) struct Scrubbed<B> {
    /// `None` once it has ended.
    body: Option<B>,
    scrubber: Scrubber,
}

impl<B> Scrubbed<B> {
    pub(super) fn new(body: B, forms: Forms) -> Self {
        Self {
            body: Some(body),
            scrubber: Scrubber::new(forms),
        }
    }
}

impl<B: Body<Data = Bytes, Error = BodyError> + Unpin> Body for Scrubbed<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        while let Some(body) = &mut this.body {
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Trailers end the body, and nobody needs them.
                    let Ok(piece) = frame.into_data() else { continue };
                    let clean = this.scrubber.pass(&piece);
                    if !clean.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(clean.into()))));
                    }
                }
                // If an answer breaks off, the bytes that are held back are not passed on.
                Some(Err(error)) => {
                    this.body = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.body = None;
                    let rest = this.scrubber.finish();
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest.into()))));
                    }
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream) && self.scrubber.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const SECRET: &str = "sk-ant-real/one+two-0123456789";

    fn forms() -> Forms {
        Forms::of(&SecretString::from(SECRET)).unwrap()
    }

    fn check(written: &str) {
        let text = format!("before {written} after sk-ant- and s");
        for size in 1..text.len() {
            let mut scrubber = Scrubber::new(forms());
            let mut clean = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                clean.extend(scrubber.pass(piece));
            }
            clean.extend(scrubber.finish());
            let clean = String::from_utf8(clean).unwrap();
            assert!(
                clean.starts_with("before ") && clean.contains("[removed]"),
                "{size}: {clean}"
            );
            assert!(clean.ends_with(" after sk-ant- and s"), "{size}: {clean}");
            assert!(!clean.contains(written), "{size}: {clean}");
        }
    }

    #[test]
    fn every_form_goes_wherever_the_pieces_are_cut() {
        check(SECRET);
        check(&STANDARD.encode(SECRET));
        check(&SECRET.replace('/', "%2F").replace('+', "%2B"));
        let hexadecimal = SECRET
            .bytes()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        check(&hexadecimal);
    }

    #[test]
    fn what_is_no_credential_passes_at_once() {
        let mut scrubber = Scrubber::new(forms());
        assert_eq!(
            scrubber.pass(b"data: {\"type\":\"ping\"}\n\n"),
            b"data: {\"type\":\"ping\"}\n\n"
        );
        assert!(scrubber.is_empty());
    }

    #[test]
    fn a_credential_cut_off_at_the_end_is_one() {
        let mut scrubber = Scrubber::new(forms());
        assert_eq!(scrubber.pass(&SECRET.as_bytes()[..SECRET.len() - 1]), b"");
        assert_eq!(scrubber.finish(), REMOVED);
    }

    #[test]
    fn headers_that_repeat_it_go() {
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", format!("key={SECRET}").parse().unwrap());
        headers.insert("x-base", STANDARD.encode(format!("Bearer {SECRET}")).parse().unwrap());
        headers.insert("x-other", "sk-ant-".parse().unwrap());
        forms().strip(&mut headers);
        assert_eq!(
            headers
                .keys()
                .map(hyper::header::HeaderName::as_str)
                .collect::<Vec<_>>(),
            ["x-other"]
        );
    }
}
