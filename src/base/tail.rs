//! The end of a program's output, where its verdict is: kept in a file, and its last lines shown where it fails.

use std::borrow::Cow;

use crate::base::redact::Redactor;
use crate::base::text::harmless;

/// How much of an output is kept, in bytes.
const KEPT: usize = 256 * 1024;
/// How many of its lines are shown.
const LINES_SHOWN: usize = 10;
/// How much of a line is shown, in characters.
const LINE_SHOWN: usize = 160;

/// The last of an output, redacted as it comes.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
    redactor: Redactor,
}

impl Tail {
    /// Begins with nothing.
    pub(crate) fn new(redactor: &Redactor) -> Self {
        Self {
            bytes: Vec::new(),
            redactor: redactor.clone(),
        }
    }

    /// Adds a line; what is too much is dropped at the beginning.
    pub(crate) fn take(&mut self, line: &[u8]) {
        let _ = self.redacted(line);
    }

    /// Adds a line, and returns it redacted.
    pub(crate) fn redacted<'a>(&mut self, line: &'a [u8]) -> Cow<'a, [u8]> {
        // Before anything is cut: half a credential would not be known for one.
        let line = self.redactor.bytes(line);
        self.bytes.extend_from_slice(&line);
        self.bytes.push(b'\n');
        // Seldom: each time, all that is kept is moved.
        if self.bytes.len() > 2 * KEPT {
            self.bytes.drain(..self.bytes.len() - KEPT);
        }
        line
    }

    /// Returns what is kept.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.bytes.len().saturating_sub(KEPT)..]
    }
}

/// Returns the last lines of an output that hold anything, harmless and cut, oldest first.
pub(crate) fn last_lines(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let lines = text.lines().rev().filter(|line| !line.trim().is_empty());
    let mut shown: Vec<String> = lines.take(LINES_SHOWN).map(shown).collect();
    shown.reverse();
    shown
}

/// How many of the last lines an excerpt has, how many of those before them that name places, and how long a line is.
const EXCERPT_LINES: usize = 60;
const EXCERPT_PLACES: usize = 20;
const EXCERPT_LINE: usize = 400;
/// The most bytes of an excerpt.
const EXCERPT: usize = 8 * 1024;

/// Returns of an output what tells somebody who can act on it why it failed: its last lines, and before them those that
/// name a place or an error, each harmless and cut. `[…]` stands where lines are left out.
pub(crate) fn excerpt(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let (before, last) = lines.split_at(lines.len().saturating_sub(EXCERPT_LINES));
    // The end is the most important, so it is the beginning that has no room.
    let mut room = EXCERPT;
    let mut chosen: Vec<(usize, String)> = Vec::new();
    let mut choose = |number: usize, line: &str| {
        let line = shown_of(line, EXCERPT_LINE);
        let fits = room.checked_sub(line.len() + 1);
        room = fits.unwrap_or(room);
        chosen.extend(fits.map(|_| (number, line)));
        fits.is_some()
    };
    let end = last.iter().enumerate().rev();
    let mut all = true;
    for (number, line) in end {
        all = all && choose(before.len() + number, line);
    }
    let places = before.iter().enumerate().filter(|(_, line)| names_a_place(line));
    for (number, line) in places.take(if all { EXCERPT_PLACES } else { 0 }) {
        choose(number, line);
    }
    chosen.sort_by_key(|(number, _)| *number);
    let mut excerpt = String::new();
    let mut next = 0;
    for (number, line) in chosen {
        if number > next {
            excerpt.push_str("[…]\n");
        }
        excerpt.push_str(&line);
        excerpt.push('\n');
        next = number + 1;
    }
    excerpt
}

/// Returns whether a line names a place in a file, as compilers and test programs do, or that something failed.
fn names_a_place(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let says = [
        "error",
        "failed",
        "failure",
        "panicked at",
        "assert",
        "exception",
        ", line ",
    ];
    says.iter().any(|word| lower.contains(word)) || has_line_number(line)
}

/// Returns whether a line has `name.extension:NUMBER` or `name.extension(NUMBER`.
fn has_line_number(line: &str) -> bool {
    let bytes = line.as_bytes();
    let marks = bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b':' | b'('));
    marks.map(|(at, _)| at).any(|at| {
        let name = line[..at].rsplit(|character: char| !character.is_alphanumeric() && !"._-/".contains(character));
        let is_file = name.map(str::trim).next().is_some_and(|name| {
            name.rsplit_once('.')
                .is_some_and(|(stem, extension)| !stem.is_empty() && extension.starts_with(char::is_alphabetic))
        });
        is_file && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
    })
}

fn shown(line: &str) -> String {
    shown_of(line, LINE_SHOWN)
}

fn shown_of(line: &str, most: usize) -> String {
    let line = last_overwritten(line);
    let line = harmless(&plain(&line.replace('\t', "    ")));
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns what a line was last overwritten with, as progress is: a terminal shows that of it.
pub(crate) fn last_overwritten(line: &str) -> &str {
    line.trim_end().rsplit('\r').next().unwrap_or_default()
}

/// Leaves out the colours that test programs write, which would be shown as escapes.
pub(crate) fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        text.push_str(before);
        let end = after.find(|character: char| !(character.is_ascii_digit() || character == ';'));
        if let Some(end) = end.filter(|end| after[*end..].starts_with('m')) {
            rest = &after[end + 1..];
        } else {
            text.push_str("\u{1b}[");
            rest = after;
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_few_short_and_harmless() {
        let many: Vec<String> = (0..30).map(|number| format!("line {number}\n\n")).collect();
        let many = many.concat();
        let shown = last_lines(many.as_bytes());
        assert_eq!(shown.len(), LINES_SHOWN);
        assert_eq!((shown[0].as_str(), shown[9].as_str()), ("line 20", "line 29"));
        let long = "x".repeat(500);
        assert_eq!(last_lines(long.as_bytes())[0].chars().count(), LINE_SHOWN + 1);
        assert_eq!(last_lines(b""), Vec::<String>::new());
        let odd = b"\x1b[31;1mFAILED\x1b[0m  a\tb\n 10%\r 100%\n\x1b[2J\xff\n";
        assert_eq!(last_lines(odd), ["FAILED  a    b", " 100%", "\\u{1b}[2J\u{fffd}"]);
    }

    #[test]
    fn an_excerpt_has_the_end_and_the_places_before_it() {
        let mut output = String::from("compiling\nsrc/lib.rs:10:5: mismatch\n");
        for number in 0..200 {
            output.push_str(&format!("ok {number}\n"));
        }
        output.push_str("\u{1b}[31mtest result: FAILED\u{1b}[0m\n");
        let text = excerpt(output.as_bytes());
        assert!(
            text.starts_with("[…]\nsrc/lib.rs:10:5: mismatch\n[…]\nok 141\n"),
            "{text}"
        );
        assert!(text.ends_with("ok 199\ntest result: FAILED\n"), "{text}");
        assert_eq!(excerpt(b"a\n\nb\n"), "a\nb\n");
        assert_eq!(excerpt(b""), "");
        let long = vec![b'x'; 300_000];
        assert!(excerpt(&long).len() < 2 * EXCERPT_LINE);
        let many = "y".repeat(300) + "\n";
        let text = excerpt(many.repeat(100).as_bytes());
        assert!(
            text.len() <= EXCERPT + 10 && text.starts_with("[…]\n"),
            "{}",
            text.len()
        );
        for line in [
            "a.py(3): x",
            "  at f (x.js:3:1)",
            "File \"a.py\", line 3",
            "E   assert 1 == 2",
            "main.go:7: no",
        ] {
            assert!(names_a_place(line), "{line}");
        }
        for line in ["at 10:30", "version 1.2:3", "all is well"] {
            assert!(!names_a_place(line), "{line}");
        }
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let redactor = Redactor::default();
        let mut tail = Tail::new(&redactor);
        for _ in 0..10 {
            tail.take(&vec![b'a'; 100 * 1024]);
            assert!(tail.bytes.len() <= 2 * KEPT);
        }
        assert_eq!(tail.bytes().len(), KEPT);
    }
}
