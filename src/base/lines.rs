//! Bytes into lines, with bounded memory: however long a line is, no more than a limit of it is kept.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Result};

/// How many bytes of one line are kept unless the caller says otherwise (4 MiB).
pub const DEFAULT_LINE_LIMIT: usize = 4 << 20;

/// How many bytes a [`LineReader`] reads at once.
const CHUNK: usize = 64 << 10;

/// One line of output, without its newline; a carriage return before that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes as the program wrote them, UTF-8 or not.
    pub bytes: Vec<u8>,
    /// Whether the line was longer than the limit, and its rest was skipped.
    pub truncated: bool,
}

/// Cuts a stream of chunks into lines, keeping at most `limit` bytes of a line that has not ended.
#[derive(Debug)]
pub struct LineSplitter {
    pending: Pending,
}

impl LineSplitter {
    /// Builds a splitter that keeps `limit` bytes of a line.
    pub fn new(limit: usize) -> Self {
        Self {
            pending: Pending::new(limit),
        }
    }

    /// Takes the next chunk and appends the lines that it completes to `lines`.
    pub fn push(&mut self, chunk: &[u8], lines: &mut VecDeque<Line>) {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.pending.extend(&rest[..end]);
            lines.push_back(self.take());
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            self.pending.extend(rest);
        }
    }

    /// Ends the stream: yields the last line if it has no newline.
    pub fn finish(&mut self) -> Option<Line> {
        self.pending.begun.then(|| self.take())
    }

    /// Copies the line, so that the buffer is available for the next one.
    fn take(&mut self) -> Line {
        let line = Line {
            bytes: self.pending.bytes.clone(),
            truncated: self.pending.truncated,
        };
        self.pending.clear();
        line
    }
}

/// Reads lines from a source, one at a time; each is lent until the next is requested.
#[derive(Debug)]
pub struct LineReader<R> {
    source: R,
    chunk: Box<[u8]>,
    /// The unread part of the chunk.
    unread: std::ops::Range<usize>,
    pending: Pending,
}

impl<R: Read> LineReader<R> {
    /// Builds a reader that lends at most `limit` bytes of a line; the rest of a longer one is skipped.
    pub fn new(source: R, limit: usize) -> Self {
        Self {
            source,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            unread: 0..0,
            pending: Pending::new(limit),
        }
    }

    /// Lends the next line without its newline; `None` at the end. A last line needs no newline.
    ///
    /// # Errors
    ///
    /// Fails when the source does.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>> {
        self.pending.clear();
        loop {
            if self.unread.is_empty() && !self.fill()? {
                return Ok(self.pending.begun.then_some(self.pending.bytes.as_slice()));
            }
            let begin = self.unread.start;
            let found = memchr::memchr(b'\n', &self.chunk[self.unread.clone()]);
            let end = found.map_or(self.unread.end, |length| begin + length);
            self.unread.start = end + usize::from(found.is_some());
            if found.is_some() && !self.pending.begun {
                let kept = end.min(begin.saturating_add(self.pending.limit));
                return Ok(Some(&self.chunk[begin..kept]));
            }
            self.pending.extend(&self.chunk[begin..end]);
            if found.is_some() {
                return Ok(Some(&self.pending.bytes));
            }
        }
    }

    /// Reads the next chunk; `false` at the end of the source.
    fn fill(&mut self) -> Result<bool> {
        loop {
            match self.source.read(&mut self.chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.unread = 0..count;
                    return Ok(count > 0);
                }
            }
        }
    }
}

/// The kept part of a line that has not ended. Its buffer is used for one line after another.
#[derive(Debug)]
struct Pending {
    limit: usize,
    begun: bool,
    bytes: Vec<u8>,
    truncated: bool,
}

impl Pending {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            begun: false,
            bytes: Vec::new(),
            truncated: false,
        }
    }

    fn extend(&mut self, part: &[u8]) {
        self.begun = true;
        let room = self.limit - self.bytes.len();
        self.truncated |= part.len() > room;
        let kept = &part[..part.len().min(room)];
        self.reserve(kept.len());
        self.bytes.extend_from_slice(kept);
    }

    /// Doubles the buffer like `Vec` does, but never past the limit.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let doubled = self.bytes.capacity().saturating_mul(2).min(self.limit);
            self.bytes.reserve_exact(needed.max(doubled) - self.bytes.len());
        }
    }

    fn clear(&mut self) {
        self.begun = false;
        self.bytes.clear();
        self.truncated = false;
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

    /// Gives one chunk for each call, as a pipe may.
    struct Chunks<'a>(VecDeque<&'a [u8]>);

    impl Read for Chunks<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let chunk = self.0.pop_front().unwrap_or_default();
            buffer[..chunk.len()].copy_from_slice(chunk);
            Ok(chunk.len())
        }
    }

    fn read(limit: usize, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut reader = LineReader::new(Chunks(chunks.iter().copied().collect()), limit);
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            lines.push(line.to_vec());
        }
        lines
    }

    fn check(limit: usize, chunks: &[&[u8]], expect: &[(&[u8], bool)]) {
        let expect: Vec<_> = expect.iter().map(|(bytes, cut)| (bytes.to_vec(), *cut)).collect();
        assert_eq!(split(limit, chunks), expect, "limit {limit}, chunks {chunks:?}");
        let bytes: Vec<_> = expect.into_iter().map(|(bytes, _)| bytes).collect();
        assert_eq!(read(limit, chunks), bytes, "limit {limit}, chunks {chunks:?}");
    }

    #[test]
    fn the_buffer_of_an_endless_line_stays_within_the_limit() {
        let limit = 3 * CHUNK;
        let mut reader = LineReader::new(std::io::repeat(b'x').take(50 * CHUNK as u64), limit);
        assert_eq!(reader.next_line().unwrap().map(<[u8]>::len), Some(limit));
        assert!(reader.pending.bytes.capacity() <= limit);
        assert_eq!(reader.next_line().unwrap(), None);
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
            prop_assert_eq!(split(limit, &chunks), expect.clone());
            let bytes: Vec<_> = expect.into_iter().map(|(bytes, _)| bytes).collect();
            prop_assert_eq!(read(limit, &chunks), bytes);
        }
    }
}
