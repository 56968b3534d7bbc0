//! The conversion of contents by attributes between a checkout and the store: line endings, and `$Id$`.
//!
//! The rules are those of git's `convert.c`. Programs (`filter`) and other encodings (`working-tree-encoding`) are not
//! included: a repository that requires those is refused.

use git2::Oid;

use super::attributes::{Found, State};
use super::settings::{EndOfLine, Settings};

/// What to do with the contents of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) struct Conversion {
    lines: Lines,
    ident: bool,
}

/// The conversion of line endings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    /// They stay.
    Keep,
    /// They are one byte in the store, and two in the checkout if this is true.
    Text { crlf: bool },
    /// As `Text`, but only where the content looks like text.
    Guess { crlf: bool },
}

impl Conversion {
    /// Returns the conversion by the attributes of a path, under a person's settings.
    pub(in crate::git) fn of(found: &Found, settings: &Settings) -> Self {
        let get = |name: &[u8]| found.get(name);
        let declared = Declared::of(get(b"text")).or_else(|| Declared::of(get(b"crlf")));
        let eol = match get(b"eol") {
            Some(State::Value(value)) if value == b"lf" => Some(false),
            Some(State::Value(value)) if value == b"crlf" => Some(true),
            _ => None,
        };
        let by_settings = settings.text_is_crlf();
        let lines = match (declared, eol) {
            (Some(Declared::Binary), _) => Lines::Keep,
            (Some(Declared::Auto), eol) => Lines::Guess {
                crlf: eol.unwrap_or(by_settings),
            },
            (_, Some(crlf)) => Lines::Text { crlf },
            (Some(Declared::Input), None) => Lines::Text { crlf: false },
            (Some(Declared::Text), None) => Lines::Text { crlf: by_settings },
            (None, None) => match settings.autocrlf {
                None => Lines::Keep,
                Some(EndOfLine::Crlf) => Lines::Guess { crlf: true },
                Some(EndOfLine::Lf) => Lines::Guess { crlf: false },
            },
        };
        Self {
            lines,
            ident: get(b"ident") == Some(&State::Set),
        }
    }

    /// Returns whether no content changes.
    pub(in crate::git) fn is_none(self) -> bool {
        self.lines == Lines::Keep && !self.ident
    }

    /// Returns the content to store, for one of a checkout; `None` where nothing changes. `stored` is the index's
    /// version.
    pub(in crate::git) fn store(self, content: &[u8], stored: Option<&[u8]>) -> Option<Vec<u8>> {
        let lines = self.store_lines(content, stored);
        let ident = self
            .ident
            .then(|| collapse_ident(lines.as_deref().unwrap_or(content)))
            .flatten();
        ident.or(lines)
    }

    /// Returns the content to check out, for a stored one whose id is `id`; `None` where nothing changes.
    pub(in crate::git) fn check_out(self, content: &[u8], id: Oid) -> Option<Vec<u8>> {
        let ident = self.ident.then(|| expand_ident(content, id)).flatten();
        let lines = self.check_out_lines(ident.as_deref().unwrap_or(content));
        lines.or(ident)
    }

    fn store_lines(self, content: &[u8], stored: Option<&[u8]>) -> Option<Vec<u8>> {
        let guess = match self.lines {
            Lines::Keep => return None,
            Lines::Text { .. } => false,
            Lines::Guess { .. } => true,
        };
        let looks = Looks::of(content);
        if looks.pairs == 0 {
            return None;
        }
        // A file that is stored with carriage returns keeps them: that may be intended.
        if guess && (looks.is_binary() || stored.is_some_and(has_pairs)) {
            return None;
        }
        let mut lines = Vec::with_capacity(content.len());
        for (at, byte) in content.iter().enumerate() {
            if *byte != b'\r' || content.get(at + 1) != Some(&b'\n') {
                lines.push(*byte);
            }
        }
        Some(lines)
    }

    fn check_out_lines(self, content: &[u8]) -> Option<Vec<u8>> {
        let guess = match self.lines {
            Lines::Text { crlf: true } => false,
            Lines::Guess { crlf: true } => true,
            _ => return None,
        };
        let looks = Looks::of(content);
        if looks.feeds == 0 || (guess && (looks.pairs > 0 || looks.is_binary())) {
            return None;
        }
        let mut lines = Vec::with_capacity(content.len() + looks.feeds);
        for (at, byte) in content.iter().enumerate() {
            if *byte == b'\n' && (at == 0 || content[at - 1] != b'\r') {
                lines.push(b'\r');
            }
            lines.push(*byte);
        }
        Some(lines)
    }
}

/// The declaration of `text`, or its older name `crlf`.
#[derive(Clone, Copy)]
enum Declared {
    Text,
    Binary,
    Auto,
    Input,
}

impl Declared {
    fn of(state: Option<&State>) -> Option<Self> {
        match state? {
            State::Set => Some(Self::Text),
            State::Unset => Some(Self::Binary),
            State::Value(value) if value == b"auto" => Some(Self::Auto),
            State::Value(value) if value == b"input" => Some(Self::Input),
            State::Value(_) | State::Unspecified => None,
        }
    }
}

/// Git's counts in a content, which determine whether it is text.
#[derive(Default)]
struct Looks {
    /// Carriage returns before a line feed.
    pairs: usize,
    /// Line feeds without one.
    feeds: usize,
    /// Other carriage returns.
    returns: usize,
    nuls: usize,
    printable: usize,
    other: usize,
}

impl Looks {
    fn of(content: &[u8]) -> Self {
        let mut looks = Self::default();
        let mut bytes = content.iter().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\r' if bytes.next_if(|next| **next == b'\n').is_some() => looks.pairs += 1,
                b'\r' => looks.returns += 1,
                b'\n' => looks.feeds += 1,
                0 => {
                    looks.nuls += 1;
                    looks.other += 1;
                }
                8 | b'\t' | 0x1b | 0x0c => looks.printable += 1,
                1..=31 | 127 => looks.other += 1,
                _ => looks.printable += 1,
            }
        }
        // An end-of-file mark of old systems.
        if content.last() == Some(&0x1a) {
            looks.other -= 1;
        }
        looks
    }

    fn is_binary(&self) -> bool {
        self.returns > 0 || self.nuls > 0 || (self.printable >> 7) < self.other
    }
}

fn has_pairs(content: &[u8]) -> bool {
    let looks = Looks::of(content);
    looks.pairs > 0 && !looks.is_binary()
}

/// Returns where the `$Id…$`s are: from their first dollar up to behind their last one. One with text has it between.
fn idents(content: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(dollar) = memchr::memchr(b'$', &content[at..]) {
        let start = at + dollar;
        at = start + 1;
        let rest = &content[at..];
        if rest.starts_with(b"Id$") {
            at += 3;
            found.push(start..at);
        } else if rest.starts_with(b"Id:")
            && let Some(length) = memchr::memchr2(b'$', b'\n', &rest[3..])
        {
            if rest[3 + length] == b'$' {
                at += 3 + length + 1;
                found.push(start..at);
            } else {
                at += 3 + length;
            }
        }
    }
    found
}

/// Replaces some parts of a content by another text; `None` where there are none.
fn replace(content: &[u8], parts: &[std::ops::Range<usize>], new: &[u8]) -> Option<Vec<u8>> {
    let mut replaced = Vec::with_capacity(content.len());
    let mut at = 0;
    for part in parts {
        replaced.extend_from_slice(&content[at..part.start]);
        replaced.extend_from_slice(new);
        at = part.end;
    }
    replaced.extend_from_slice(&content[at..]);
    (!parts.is_empty()).then_some(replaced)
}

fn collapse_ident(content: &[u8]) -> Option<Vec<u8>> {
    replace(content, &idents(content), b"$Id$")
}

fn expand_ident(content: &[u8], id: Oid) -> Option<Vec<u8>> {
    let mut parts = idents(content);
    // A text with blanks in it belongs to another system, and stays.
    parts.retain(|part| {
        let text = &content[part.clone()];
        let inside = text.get(5..text.len() - 1).unwrap_or_default();
        memchr::memchr(b' ', inside).is_none_or(|blank| blank + 1 == inside.len())
    });
    replace(content, &parts, format!("$Id: {id} $").as_bytes())
}
