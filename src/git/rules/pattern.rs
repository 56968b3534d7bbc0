//! One pattern of a file of rules, with the folder that the file lies in.

use super::wildmatch::Glob;
use crate::git::bytes;
use crate::git::work::Work;

/// A pattern of `.gitignore` or `.gitattributes`.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// A `!` preceded it.
    pub(super) is_negated: bool,
    /// A slash followed it.
    only_folders: bool,
    /// It has no slash: it is compared with the last part of a path.
    only_name: bool,
    /// The part before the first wildcard.
    literal: Vec<u8>,
    /// The rest.
    rest: Rest,
}

#[derive(Clone, Debug)]
enum Rest {
    /// Nothing.
    End,
    /// `*`, and then this text, without any further wildcard.
    AnyThen(Vec<u8>),
    /// Wildcards.
    Glob(Glob),
    /// A part that matches nothing.
    Never,
}

/// The input of a pattern.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'path> {
    /// The path below the folder of the rules.
    pub(super) path: &'path [u8],
    /// Whether it is a folder.
    pub(super) is_folder: bool,
}

impl Pattern {
    /// Parses a pattern, without the line's end and the blanks before that.
    pub(super) fn parse(text: &[u8], fold_case: bool) -> Self {
        let (is_negated, text) = text.strip_prefix(b"!").map_or((false, text), |text| (true, text));
        let (only_folders, text) = text.strip_suffix(b"/").map_or((false, text), |text| (true, text));
        let only_name = !text.contains(&b'/');
        let text = text.strip_prefix(b"/").unwrap_or(text);
        let (literal, rest) = text.split_at(text.iter().position(|byte| is_special(*byte)).unwrap_or(text.len()));
        let rest = match rest {
            [] => Rest::End,
            [b'*', suffix @ ..] if only_name && literal.is_empty() && !suffix.iter().any(|byte| is_special(*byte)) => {
                Rest::AnyThen(lower(suffix, fold_case))
            }
            rest => Glob::parse(rest, fold_case).map_or(Rest::Never, Rest::Glob),
        };
        Self {
            is_negated,
            only_folders,
            only_name,
            literal: lower(literal, fold_case),
            rest,
        }
    }

    /// Returns whether the pattern matches; `false` also when the budget of work is spent.
    pub(super) fn matches(&self, subject: Subject<'_>, fold_case: bool, work: &Work) -> bool {
        if !work.spend(1) || (self.only_folders && !subject.is_folder) {
            return false;
        }
        let text = if self.only_name {
            bytes::split_last(subject.path).1
        } else {
            subject.path
        };
        let Some((literal, text)) = text.split_at_checked(self.literal.len()) else {
            return false;
        };
        let same = |one: &[u8], other: &[u8]| {
            if fold_case {
                one.eq_ignore_ascii_case(other)
            } else {
                one == other
            }
        };
        if !same(literal, &self.literal) {
            return false;
        }
        match &self.rest {
            Rest::End => text.is_empty(),
            Rest::AnyThen(suffix) => text
                .len()
                .checked_sub(suffix.len())
                .is_some_and(|from| same(&text[from..], suffix)),
            Rest::Glob(glob) => work.spend(glob.cost(text.len())) && glob.matches(text),
            Rest::Never => false,
        }
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

fn lower(text: &[u8], fold_case: bool) -> Vec<u8> {
    if fold_case {
        text.to_ascii_lowercase()
    } else {
        text.to_vec()
    }
}

/// Removes the three bytes with which some editors mark UTF-8.
pub(super) fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)
}
