//! One test case of a text, and what finding one needs.

use std::ops::Range;

use super::pattern::pattern;
use super::source::Source;

/// The most cases of a file that are compared; no person writes that many.
pub(super) const MOST_CASES: usize = 3000;

/// One test case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// Its name, or its title without quotes.
    pub(super) name: String,
    /// Where the name is.
    pub(super) name_at: Range<usize>,
    /// All of it, with the attributes before it and the calls behind it.
    pub(super) region: Range<usize>,
    /// What it does.
    pub(super) body: Range<usize>,
    /// The cases within it.
    pub(super) nested: Vec<Range<usize>>,
}

impl Case {
    /// Returns the parts of a range of this case that belong to no case within it.
    pub(super) fn own(&self, range: &Range<usize>) -> Vec<Range<usize>> {
        let (mut parts, mut from) = (Vec::new(), range.start);
        for nested in self.nested.iter().filter(|nested| nested.start >= range.start) {
            if nested.start > from {
                parts.push(from..nested.start.min(range.end));
            }
            from = from.max(nested.end);
        }
        if from < range.end {
            parts.push(from..range.end);
        }
        parts
    }

    /// Returns a view of its own body, without the cases within it.
    pub(super) fn body_of(&self, view: &str) -> String {
        let parts = self.own(&self.body);
        parts.iter().filter_map(|part| view.get(part.clone())).collect()
    }

    /// Returns its name as other conventions would spell it: `test_adds_tax`, `testAddsTax` and `adds tax` are equal.
    pub(super) fn plain_name(&self) -> String {
        let letters = self.name.chars().filter(|letter| letter.is_alphanumeric());
        let plain: String = letters.flat_map(char::to_lowercase).collect();
        let stem = plain.strip_prefix("test").unwrap_or(&plain);
        if stem.is_empty() { plain } else { stem.to_owned() }
    }
}

/// Returns the first string in a range, without its quotes, and where it is.
pub(super) fn first_string(source: &Source, range: &Range<usize>) -> Option<(String, Range<usize>)> {
    let code = source.code.get(range.clone())?;
    let open = range.start + code.find('"')?;
    let line = source.line_end(open).min(range.end);
    let rest = source.code.get(open + 1..line)?;
    let close = open + 1 + rest.find('"').unwrap_or(rest.len());
    let name = source.text.get(open + 1..close)?;
    Some((name.trim_matches(['"', '\'', '`']).to_owned(), open..close))
}

/// Returns the end of the calls that are chained to what ends at `from`: `.skip()`, `->with([…])`.
pub(super) fn end_of_chain(source: &Source, from: usize) -> usize {
    let mut end = from;
    loop {
        let Some(rest) = source.code.get(end..) else {
            return end;
        };
        let rest = &rest[..rest.len().min(200)];
        let Some(link) = pattern!(r"^\s*(?:\.|->)\s*\w+\s*\(").find(rest) else {
            return end;
        };
        match source.closing(end + link.end() - 1) {
            Some(close) => end = close + 1,
            None => return end,
        }
    }
}
