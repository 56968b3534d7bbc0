//! Bytes into lines: pure, with bounded memory.

use std::collections::VecDeque;

/// How many bytes of one line are kept unless the caller says otherwise (4 MiB).
pub const DEFAULT_LINE_LIMIT: usize = 4 << 20;

/// One line of output, without its newline; a carriage return before it stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes as the program wrote them: any UTF-8, or none.
    pub bytes: Vec<u8>,
    /// Whether the line was longer than the limit, and its rest was skipped.
    pub truncated: bool,
}

/// Cuts a stream of chunks into lines, keeping at most `limit` bytes of a line that has not ended.
#[derive(Debug)]
pub struct LineSplitter {
    limit: usize,
    begun: bool,
    bytes: Vec<u8>,
    truncated: bool,
}

impl LineSplitter {
    /// Makes a splitter that keeps `limit` bytes of a line.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            begun: false,
            bytes: Vec::new(),
            truncated: false,
        }
    }

    /// Takes the next chunk and appends the lines that it completes to `lines`.
    pub fn push(&mut self, chunk: &[u8], lines: &mut VecDeque<Line>) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(&rest[..end]);
            lines.push_back(self.take());
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            self.extend(rest);
        }
    }

    /// Ends the stream: yields the last line if it has no newline.
    pub fn finish(&mut self) -> Option<Line> {
        self.begun.then(|| self.take())
    }

    fn extend(&mut self, part: &[u8]) {
        self.begun = true;
        let room = self.limit - self.bytes.len();
        self.truncated |= part.len() > room;
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn take(&mut self) -> Line {
        self.begun = false;
        Line {
            bytes: std::mem::take(&mut self.bytes),
            truncated: std::mem::take(&mut self.truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(limit: usize, chunks: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut splitter = LineSplitter::new(limit);
        let mut lines = VecDeque::new();
        for chunk in chunks {
            splitter.push(chunk, &mut lines);
        }
        lines.extend(splitter.finish());
        lines.into_iter().map(|line| (line.bytes, line.truncated)).collect()
    }

    fn check(limit: usize, chunks: &[&[u8]], expect: &[(&[u8], bool)]) {
        let expect: Vec<_> = expect.iter().map(|(bytes, cut)| (bytes.to_vec(), *cut)).collect();
        assert_eq!(split(limit, chunks), expect, "limit {limit}, chunks {chunks:?}");
    }

    #[test]
    fn cuts_at_newlines_wherever_chunks_end() {
        check(9, &[], &[]);
        check(9, &[b"a\nb"], &[(b"a", false), (b"b", false)]);
        check(9, &[b"a", b"b", b"\n"], &[(b"ab", false)]);
        check(9, &[b"\n\n"], &[(b"", false), (b"", false)]);
        check(9, &[b"a\r\n", b"\0\xff\n"], &[(b"a\r", false), (b"\0\xff", false)]);
        check(
            9,
            &["gr\u{fc}".as_bytes().split_at(3).0, b"\xbc\n"],
            &[("gr\u{fc}".as_bytes(), false)],
        );
    }

    #[test]
    fn skips_the_rest_of_an_overlong_line_and_goes_on() {
        check(3, &[b"abcd", b"efgh\nxyz\n"], &[(b"abc", true), (b"xyz", false)]);
        check(3, &[b"abc\n"], &[(b"abc", false)]);
        check(3, &[b"abcd"], &[(b"abc", true)]);
        check(0, &[b"a\n\n"], &[(b"", true), (b"", false)]);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_lines_of_the_whole(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200),
            sizes in proptest::collection::vec(1usize..9, 1..40),
            limit in 0usize..20,
        ) {
            let mut rest = text.as_slice();
            let mut chunks = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, after) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            let mut whole: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            if whole.last().is_some_and(|last| last.is_empty()) {
                whole.pop();
            }
            let expect: Vec<_> = whole
                .iter()
                .map(|line| (line[..line.len().min(limit)].to_vec(), line.len() > limit))
                .collect();
            prop_assert_eq!(split(limit, &chunks), expect);
        }
    }
}
