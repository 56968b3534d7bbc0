//! Counts the lines of a text by what they hold. Pure.
//!
//! How a language names its files, and how it writes comments and strings, is the table of `tokei`. Its counter is not used: it
//! takes time in proportion to the square of white space (5 s for 100 kB of it in a comment), and where one language stands in
//! another, what it counts is not the number of lines. Here every line counts once, and each byte is looked at once.

use std::path::Path;

use tokei::{Config, LanguageType};

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// Code, whatever else is in it.
    Code,
    /// A comment alone, or a blank line within one. Of prose, such as Markdown, every line that is not blank.
    Comment,
    /// White space, outside of comments and strings.
    Blank,
}

/// A language whose files are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Language(LanguageType);

impl Language {
    /// Returns the language of a file, by its name, or by its first line where the name says nothing.
    pub(crate) fn of(path: &Path, text: &str) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy();
        // Of a name without an ending the table would read the file, below the folder of this process. No file has a NUL in
        // its path, so there is none to read.
        let nowhere = format!("\0/{name}");
        let by_name = LanguageType::from_path(nowhere, &Config::default());
        by_name.or_else(|| of_first_line(text)).map(Self)
    }

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }
}

/// Returns the language of a script by the program that its first line names.
fn of_first_line(text: &str) -> Option<LanguageType> {
    let mut words = text.lines().next()?.strip_prefix("#!")?.split_whitespace();
    let last_part = |word: &'static str| word.rsplit('/').next().unwrap_or(word);
    let mut program = words.next()?.rsplit('/').next()?;
    if program == "env" {
        program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    }
    // `python3.11` is `python`.
    let program = program.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
    if matches!(program, "node" | "deno" | "bun") {
        return Some(LanguageType::JavaScript);
    }
    let named = LanguageType::list().iter().map(|(language, _)| *language);
    let mut named = named.filter(|language| language.shebangs().iter().any(|line| last_part(line) == program));
    named.next().or_else(|| program.parse().ok())
}

/// Calls `each` with what every line of a text holds, in order. The last one may have no end.
pub(crate) fn each_line(text: &str, language: Language, mut each: impl FnMut(LineKind)) {
    let syntax = Syntax::of(language.0);
    let mut place = Place::Code;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        each(syntax.kind(&rest[..end], &mut place));
        rest = &rest[(end + 1).min(rest.len())..];
    }
}

/// Where a text is between two bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Code,
    /// In a string, which ends so; `true` where a backslash in it is a character like others.
    Text(&'static [u8], bool),
    /// In a comment that began in an earlier line or in this one, with the ends of those around it, the innermost last.
    Comment(Vec<&'static [u8]>),
}

/// How a language writes comments and strings.
struct Syntax {
    is_prose: bool,
    to_line_end: Vec<&'static [u8]>,
    comments: Vec<Delimited>,
    texts: Vec<Delimited>,
    /// The bytes with which any of these begins.
    begins: [bool; 256],
    /// Whether a letter or an asterisk makes a comment of a line in its first column alone, as in FORTRAN.
    in_first_column: bool,
}

/// What stands between a beginning and an end.
struct Delimited {
    begin: &'static [u8],
    end: &'static [u8],
    /// Of a comment: whether it contains others of its kind. Of a string: whether it has no escapes.
    is_special: bool,
}

impl Syntax {
    fn of(language: LanguageType) -> Self {
        let delimited = |pairs: &'static [(&str, &str)], is_special: bool| {
            pairs.iter().map(move |(begin, end)| Delimited {
                begin: begin.as_bytes(),
                end: end.as_bytes(),
                is_special,
            })
        };
        let comments = delimited(language.multi_line_comments(), language.allows_nested());
        let texts = delimited(language.doc_quotes(), false).chain(delimited(language.verbatim_quotes(), true));
        let mut syntax = Self {
            is_prose: language.is_literate(),
            to_line_end: language.line_comments().iter().map(|text| text.as_bytes()).collect(),
            comments: comments.chain(delimited(language.nested_comments(), true)).collect(),
            texts: texts.chain(delimited(language.quotes(), false)).collect(),
            begins: [false; 256],
            in_first_column: language == LanguageType::FortranLegacy,
        };
        let all = syntax.comments.iter().chain(&syntax.texts).map(|one| one.begin);
        for first in all.chain(syntax.to_line_end.iter().copied()).filter_map(<[u8]>::first) {
            syntax.begins[usize::from(*first)] = true;
        }
        syntax.begins[usize::from(b'\\')] = true;
        syntax.begins[usize::from(b'\'')] = true;
        syntax
    }

    /// Returns what a line holds, without its end, and follows where the text is at its end.
    fn kind(&self, line: &[u8], place: &mut Place) -> LineKind {
        let is_blank = line.iter().all(|byte| is_space(*byte));
        match place {
            Place::Code if is_blank => return LineKind::Blank,
            Place::Code | Place::Comment(_) if self.is_prose => return LineKind::Comment,
            _ => {}
        }
        // A blank line in a string is a part of it.
        let (mut at, mut has_code) = (0, is_blank && matches!(place, Place::Text(..)));
        while at < line.len() {
            if is_space(line[at]) {
                at += 1;
                continue;
            }
            let rest = &line[at..];
            at += match place {
                Place::Text(end, is_raw) => {
                    has_code = true;
                    let (end, is_raw) = (*end, *is_raw);
                    if rest.starts_with(end) {
                        *place = Place::Code;
                        end.len()
                    } else if !is_raw && rest[0] == b'\\' {
                        2
                    } else {
                        1
                    }
                }
                Place::Comment(ends) => self.in_comment(rest, ends).unwrap_or_else(|length| {
                    *place = Place::Code;
                    length
                }),
                Place::Code => match self.in_code(line, at, has_code) {
                    Found::LineComment => break,
                    Found::Comment(one) => {
                        *place = Place::Comment(vec![one.end]);
                        one.begin.len()
                    }
                    Found::Text(one) => {
                        has_code = true;
                        *place = Place::Text(one.end, one.is_special);
                        one.begin.len()
                    }
                    Found::Code(length) => {
                        has_code = true;
                        length
                    }
                },
            };
        }
        if has_code { LineKind::Code } else { LineKind::Comment }
    }

    /// Goes on in a comment: returns how many bytes further, as an error where the outermost one ends with these.
    fn in_comment(&self, rest: &[u8], ends: &mut Vec<&'static [u8]>) -> Result<usize, usize> {
        let Some(end) = ends.last().copied() else {
            return Err(0);
        };
        if rest.starts_with(end) {
            ends.pop();
            let length = end.len().max(1);
            return if ends.is_empty() { Err(length) } else { Ok(length) };
        }
        let inner = self
            .comments
            .iter()
            .find(|one| one.is_special && rest.starts_with(one.begin));
        let Some(inner) = inner else { return Ok(1) };
        // Memory stays in bounds: deeper ones are not followed.
        if ends.len() < DEEPEST {
            ends.push(inner.end);
        }
        Ok(inner.begin.len().max(1))
    }

    /// Finds what begins at a place in code.
    fn in_code(&self, line: &[u8], at: usize, has_code: bool) -> Found<'_> {
        let rest = &line[at..];
        if !self.begins[usize::from(rest[0])] {
            return Found::Code(1);
        }
        let begins = |one: &&Delimited| !one.begin.is_empty() && rest.starts_with(one.begin);
        let text = self.texts.iter().find(begins).map(Found::Text);
        let comment = self.comments.iter().find(begins).map(Found::Comment);
        let line_comment = || {
            let mut begins = self.to_line_end.iter();
            let found = begins.any(|begin| self.is_line_comment(line, (at, *begin), has_code));
            found.then_some(Found::LineComment)
        };
        // What begins a line is a comment where it may be one: in Vim's scripts a string begins in the same way.
        let found = if has_code {
            text.or(comment).or_else(line_comment)
        } else {
            comment.or_else(line_comment).or(text)
        };
        if let Some(found) = found {
            return found;
        }
        // A quote that is escaped, or a character of its own, as in `'"'`, opens nothing.
        let opens = |from: usize| {
            self.texts
                .iter()
                .any(|text| rest.get(from..).is_some_and(|rest| rest.starts_with(text.begin)))
        };
        match rest {
            [b'\\', b'\\', ..] => Found::Code(2),
            [b'\\', ..] if opens(1) => Found::Code(2),
            [b'\'', _, b'\'', ..] if opens(1) => Found::Code(3),
            _ => Found::Code(1),
        }
    }

    /// Returns whether a comment to the end of the line begins at a place. One that begins with a letter is a word, and stands
    /// before any code.
    fn is_line_comment(&self, line: &[u8], (at, begin): (usize, &[u8]), has_code: bool) -> bool {
        let Some(first) = begin.first() else { return false };
        if !line[at..].starts_with(begin) {
            return false;
        }
        let is_word = first.is_ascii_alphabetic();
        if self.in_first_column && (is_word || *first == b'*') {
            return at == 0;
        }
        let goes_on = line
            .get(at + begin.len())
            .is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_');
        !is_word || !has_code && !goes_on
    }
}

/// How deep comments that stand in each other are followed.
const DEEPEST: usize = 1000;

/// What begins at a place in code.
enum Found<'syntax> {
    Comment(&'syntax Delimited),
    LineComment,
    Text(&'syntax Delimited),
    /// So many bytes of code.
    Code(usize),
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}

#[cfg(test)]
mod tests;
