//! The end of a program's output, where its verdict is: kept in a file, and its last lines shown where it fails.

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
    pub(crate) bytes: Vec<u8>,
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
        // Before anything is cut: half a credential would not be known for one.
        self.bytes.extend_from_slice(&self.redactor.bytes(line));
        self.bytes.push(b'\n');
        let excess = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..excess);
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

fn shown(line: &str) -> String {
    // What a progress line was last overwritten with is what a terminal would show of it.
    let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
    let line = harmless(&plain(&line.replace('\t', "    ")));
    match line.char_indices().nth(LINE_SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Leaves out the colours that test programs write, which would be shown as escapes.
fn plain(line: &str) -> String {
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
    fn what_is_kept_has_an_end() {
        let redactor = Redactor::default();
        let mut tail = Tail::new(&redactor);
        for _ in 0..10 {
            tail.take(&vec![b'a'; 100 * 1024]);
        }
        assert_eq!(tail.bytes.len(), KEPT);
    }
}
