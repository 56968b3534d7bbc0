//! Paths of requests, in the one form in which they are compared, and the patterns of an entry's `paths`.
//!
//! Servers disagree about paths: whether an encoded slash separates, what `..` and `\` mean, how often to decode. A path
//! that some server could read as another one is refused, so that a pattern means the same wherever it is used.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::base::text;

/// The longest path of a request that is compared, in bytes.
const LONGEST: usize = 8 << 10;

/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 1 << 10;

/// The headers by which some servers take another method or path for the one of the request line. Where requests are
/// checked, they are not passed on.
pub const OVERRIDES: [&str; 7] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-uri",
    "x-rewrite-url",
];

/// What is wrong with the path of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("it does not begin with `/`")]
    Relative,
    /// More than 8 KiB.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// `.` or `..` as a whole segment, encoded or with parameters behind a semicolon.
    #[error("it has a segment `.` or `..`")]
    DotSegment,
    /// A `%` without two hexadecimal digits, or one that is there after decoding.
    #[error("its percent-encoding is malformed, or doubled")]
    Encoding,
    /// Control characters, `\`, `#`, or bytes that are not UTF-8.
    #[error("it has a character that servers read in different ways")]
    Character,
}

/// The path of a request, decoded once, without its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestPath {
    /// The segments in each way in which a server may read the path: with an encoded slash as a character, and as a
    /// separator.
    readings: Vec<Vec<String>>,
}

impl RequestPath {
    /// Reads the path of a request target such as `/a/b?c=d`.
    ///
    /// # Errors
    /// Fails on everything that two servers could read in two ways, except for encoded slashes.
    pub(super) fn read(path_and_query: &str) -> Result<Self, PathError> {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let below = path.strip_prefix('/').ok_or(PathError::Relative)?;
        if path.len() > LONGEST {
            return Err(PathError::TooLong);
        }
        let whole: Vec<String> = below.split('/').map(decode).collect::<Result<_, _>>()?;
        let parted: Vec<String> = whole
            .iter()
            .flat_map(|segment| segment.split('/'))
            .map(str::to_owned)
            .collect();
        parted.iter().try_for_each(|segment| check_segment(segment))?;
        let readings = if parted == whole {
            vec![whole]
        } else {
            vec![whole, parted]
        };
        Ok(Self { readings })
    }

    /// Returns the pattern that fits this path alone; `None` where there is none, or where it would be hard to read.
    pub(super) fn exactly(&self) -> Option<PathPattern> {
        let [segments] = self.readings.as_slice() else {
            return None;
        };
        let path = format!("/{}", segments.join("/"));
        let is_plain = |letter: char| (letter.is_ascii_graphic() || letter == ' ') && letter != '*';
        path.chars().all(is_plain).then(|| path.parse().ok()).flatten()
    }

    /// Returns whether one of the patterns fits, in whichever way a server reads the path.
    pub(super) fn fits_one_of(&self, patterns: &[PathPattern]) -> bool {
        let fits = |segments: &Vec<String>| patterns.iter().any(|pattern| pattern.fits(segments));
        self.readings.iter().all(fits)
    }
}

fn decode(segment: &str) -> Result<String, PathError> {
    if has_malformed_percent(segment) {
        return Err(PathError::Encoding);
    }
    let decoded = percent_decode_str(segment).decode_utf8();
    Ok(decoded.map_err(|_| PathError::Character)?.into_owned())
}

fn has_malformed_percent(segment: &str) -> bool {
    let mut parts = segment.split('%');
    parts.next();
    parts.any(|part| !begins_with_hexadecimal(part))
}

fn begins_with_hexadecimal(text: &str) -> bool {
    text.len() >= 2 && text.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
}

/// Checks a decoded segment.
fn check_segment(segment: &str) -> Result<(), PathError> {
    if matches!(segment.split(';').next(), Some("." | "..")) {
        return Err(PathError::DotSegment);
    }
    if segment.contains(|letter: char| letter.is_control() || matches!(letter, '\\' | '#')) {
        return Err(PathError::Character);
    }
    if segment.split('%').skip(1).any(begins_with_hexadecimal) {
        return Err(PathError::Encoding);
    }
    Ok(())
}

/// A pattern of an entry: an absolute path in which `*` is any text within a segment, and `**` any number of segments.
///
/// A `*` that is a whole segment fits no empty one. `/a/**` has everything below `/a/`, and not `/a` itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    written: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`: any number of segments.
    Segments,
    /// Any one segment; even an empty one at the end of a path.
    Segment,
    /// One segment, in which `*` stands for any text.
    Text(Vec<char>),
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not begin with a slash.
    #[error("expected a path that begins with `/`, such as `/index/**`, found `{0}`")]
    Relative(String),
    /// Longer than 1 KiB.
    #[error("a path is longer than {LONGEST_PATTERN} bytes")]
    TooLong,
    /// `**` beside other characters in a segment.
    #[error("`**` stands for whole segments: expected `/**/` or `/**` at the end, found `{0}`")]
    DoubleStar(String),
    /// A query or fragment.
    #[error("the query is not compared: expected a path without `?` and `#`, found `{0}`")]
    Query(String),
    /// A percent sign.
    #[error("paths are compared decoded: write the character itself in place of `%…` in `{0}`")]
    Percent(String),
    /// A segment that no request can have.
    #[error("no request is let through with an empty segment, `.`, `..`, `\\` or a control character: `{0}`")]
    Unreachable(String),
}

impl PathPattern {
    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Returns whether there is a path that fits both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let is_gap = |part: &Part| *part == Part::Segments;
        meet_with_gaps(&self.parts, &other.parts, is_gap, |one, other| match (one, other) {
            (Part::Text(one), Part::Text(other)) => {
                meet_with_gaps(one, other, |letter| *letter == '*', |letter, other| letter == other)
            }
            _ => true,
        })
    }

    fn fits(&self, segments: &[String]) -> bool {
        let is_gap = |part: &Part| *part == Part::Segments;
        fits_with_gaps(&self.parts, segments, is_gap, |part, segment| match part {
            Part::Segments => false,
            Part::Segment => true,
            Part::Text(text) => fits_segment(text, segment),
        })
    }
}

fn fits_segment(pattern: &[char], segment: &str) -> bool {
    if pattern == ['*'] {
        return !segment.is_empty();
    }
    let letters: Vec<char> = segment.chars().collect();
    fits_with_gaps(
        pattern,
        &letters,
        |letter| *letter == '*',
        |letter, other| letter == other,
    )
}

/// Returns whether items fit a pattern in which some parts are gaps, each for any number of items. Takes at most the
/// product of both lengths: it goes back to the last gap alone.
fn fits_with_gaps<P, T>(
    pattern: &[P],
    items: &[T],
    is_gap: impl Fn(&P) -> bool,
    fits: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut item) = (0, 0);
    let mut gap: Option<(usize, usize)> = None;
    while item < items.len() {
        match pattern.get(at) {
            Some(part) if is_gap(part) => {
                gap = Some((at, item));
                at += 1;
            }
            Some(part) if fits(part, &items[item]) => {
                at += 1;
                item += 1;
            }
            _ => {
                let Some((gap_at, begun)) = gap else { return false };
                gap = Some((gap_at, begun + 1));
                at = gap_at + 1;
                item = begun + 1;
            }
        }
    }
    pattern[at..].iter().all(is_gap)
}

/// Returns whether some items fit two patterns in which some parts are gaps. Takes the product of both lengths.
fn meet_with_gaps<P>(one: &[P], other: &[P], is_gap: impl Fn(&P) -> bool, meet: impl Fn(&P, &P) -> bool) -> bool {
    // What is left of one pattern, in rows, and of the other, in columns.
    let mut common = vec![vec![false; other.len() + 1]; one.len() + 1];
    for row in (0..=one.len()).rev() {
        for column in (0..=other.len()).rev() {
            let (first, second) = (one.get(row), other.get(column));
            common[row][column] = match (first, second) {
                (None, None) => true,
                (Some(part), _) if is_gap(part) => {
                    common[row + 1][column] || second.is_some() && common[row][column + 1]
                }
                (_, Some(part)) if is_gap(part) => {
                    common[row][column + 1] || first.is_some() && common[row + 1][column]
                }
                (Some(part), Some(other)) => common[row + 1][column + 1] && meet(part, other),
                _ => false,
            };
        }
    }
    common[0][0]
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(written: &str) -> Result<Self, PatternError> {
        let shown = || text::one_line(written, 60);
        let below = written
            .strip_prefix('/')
            .ok_or_else(|| PatternError::Relative(shown()))?;
        if written.len() > LONGEST_PATTERN {
            return Err(PatternError::TooLong);
        }
        if written.contains(['?', '#']) {
            return Err(PatternError::Query(shown()));
        }
        if written.contains('%') {
            return Err(PatternError::Percent(shown()));
        }
        let segments: Vec<&str> = below.split('/').collect();
        let mut parts = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            let is_last = index + 1 == segments.len();
            match *segment {
                "**" if is_last => parts.extend([Part::Segments, Part::Segment]),
                "**" => parts.push(Part::Segments),
                _ if segment.contains("**") => return Err(PatternError::DoubleStar(shown())),
                "" if !is_last => return Err(PatternError::Unreachable(shown())),
                _ if check_segment(segment).is_err() => return Err(PatternError::Unreachable(shown())),
                _ => parts.push(Part::Text(segment.chars().collect())),
            }
        }
        Ok(Self {
            written: written.to_owned(),
            parts,
        })
    }
}

#[cfg(test)]
mod tests;
