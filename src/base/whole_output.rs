//! The output of a program, for the record: whole up to a limit, and beyond that its beginning and its end.

use std::borrow::Cow;

use crate::base::lines::{DEFAULT_LINE_LIMIT, Line};
use crate::base::redact::Redactor;
use crate::base::tail::Tail;

/// How much is kept before anything is left out, in bytes (16 MiB).
const BEGINNING: usize = 16 << 20;

/// An output, redacted line by line as it comes. It is held in memory, for a secret may have many lines: only the whole can
/// be searched for those.
#[derive(Clone, Debug)]
pub(crate) struct WholeOutput {
    beginning: Vec<u8>,
    end: Tail,
    /// How many bytes came after the beginning.
    after: usize,
}

impl WholeOutput {
    /// Begins with nothing.
    pub(crate) fn new(redactor: &Redactor) -> Self {
        Self {
            beginning: Vec::new(),
            end: Tail::new(redactor),
            after: 0,
        }
    }

    /// Adds a line, and returns it redacted.
    pub(crate) fn take<'line>(&mut self, line: &'line Line) -> Cow<'line, [u8]> {
        let redacted = self.end.redacted(&line.bytes);
        self.keep(&redacted);
        if line.truncated {
            let note =
                format!("[cordwainer: the line is longer than {DEFAULT_LINE_LIMIT} bytes, its rest is left out]");
            self.end.take(note.as_bytes());
            self.keep(note.as_bytes());
        }
        redacted
    }

    fn keep(&mut self, line: &[u8]) {
        let bytes = line.len() + 1;
        if self.after == 0 && self.beginning.len() + bytes <= BEGINNING {
            self.beginning.extend_from_slice(line);
            self.beginning.push(b'\n');
        } else {
            self.after = self.after.saturating_add(bytes);
        }
    }

    /// Returns the last of it, at most 256 KiB.
    pub(crate) fn end(&self) -> &[u8] {
        self.end.bytes()
    }

    /// Returns all of it, or its beginning and its end with a line between them that says how much is left out.
    pub(crate) fn text(&self) -> Cow<'_, [u8]> {
        let end = self.end.bytes();
        let end = &end[end.len().saturating_sub(self.after)..];
        match self.after - end.len() {
            0 if end.is_empty() => Cow::Borrowed(&self.beginning),
            left_out => {
                let mut text = self.beginning.clone();
                if left_out > 0 {
                    text.extend_from_slice(format!("[cordwainer: {left_out} bytes are left out here]\n").as_bytes());
                }
                text.extend_from_slice(end);
                Cow::Owned(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> Line {
        Line {
            bytes: bytes.to_vec(),
            truncated: false,
        }
    }

    #[test]
    fn an_output_is_whole_up_to_a_limit_and_what_is_left_out_is_said() {
        let mut output = WholeOutput::new(&Redactor::default());
        assert_eq!(output.text().as_ref(), b"");
        let lines = |output: &mut WholeOutput, count: usize| {
            for number in 0..count {
                output.take(&line(format!("{number:0999}").as_bytes()));
            }
        };
        // More than is looked at for the verdict, and all of it is there.
        lines(&mut output, 1000);
        assert_eq!(output.text().len(), 1_000_000);
        lines(&mut output, 15_777);
        let limit = output.text().len();
        assert_eq!(limit, 16_777_000, "one line more would be too much");
        assert!(matches!(output.text(), Cow::Borrowed(_)));
        // The end takes over, without a gap at first.
        lines(&mut output, 10);
        assert_eq!(output.text().len(), limit + 10_000);
        lines(&mut output, 1000);
        let text = String::from_utf8(output.text().into_owned()).unwrap();
        let (beginning, end) = text.split_at(limit);
        assert!(beginning.starts_with("000") && beginning.ends_with("15776\n"));
        let (note, end) = end.split_once('\n').unwrap();
        assert!(end.ends_with("00999\n") && end.as_bytes() == output.end());
        let left_out = 1_010_000 - end.len();
        assert_eq!(note, format!("[cordwainer: {left_out} bytes are left out here]"));
    }

    #[test]
    fn what_is_cut_of_a_line_is_said() {
        let mut output = WholeOutput::new(&Redactor::default());
        let cut = Line {
            bytes: b"long".to_vec(),
            truncated: true,
        };
        assert_eq!(output.take(&cut).as_ref(), b"long");
        let said = String::from_utf8(output.text().into_owned()).unwrap();
        assert!(
            said.starts_with("long\n[cordwainer: the line is longer than 4194304 bytes"),
            "{said}"
        );
        assert_eq!(said.as_bytes(), output.end());
    }

    #[test]
    fn a_secret_is_redacted_wherever_it_stands() {
        let token = format!("sk-ant-oat01-{}", "a".repeat(40));
        let mut output = WholeOutput::new(&Redactor::default());
        output.take(&line(format!("token {token}").as_bytes()));
        let said = String::from_utf8(output.text().into_owned()).unwrap();
        assert!(said.starts_with("token [redacted ") && !said.contains(&token), "{said}");
    }
}
