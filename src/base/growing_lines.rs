//! The lines of a file that may be growing, in bounded memory: what is not yet a whole line waits until it is one, and the end of
//! the file is not the end of the reader.

use std::io::{ErrorKind, Read, Result};
use std::ops::Range;

/// How much is read at once, in bytes.
const CHUNK: usize = 256 << 10;

/// Reads whole lines, however often the end of the file was reached before.
#[derive(Debug)]
pub(crate) struct GrowingLines<R> {
    source: R,
    buffer: Vec<u8>,
    /// The part of the buffer that is not lent yet.
    unread: Range<usize>,
    /// Where that begins in the file.
    offset: u64,
    /// How many lines were found.
    count: u64,
    limit: usize,
    /// Whether the rest of the line is passed over: it is too long.
    skipping: bool,
}

/// A whole line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Where it is in memory until the next is asked for, without its newline: see [`GrowingLines::bytes`].
    Line(Range<usize>),
    /// It is longer than the limit, and not kept.
    TooLong,
}

impl<R: Read> GrowingLines<R> {
    /// Builds a reader of lines that have at most `limit` bytes.
    pub(crate) fn new(source: R, limit: usize) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            unread: 0..0,
            offset: 0,
            count: 0,
            limit,
            skipping: false,
        }
    }

    /// Returns the reader for a source of which so many bytes were read by somebody else, up to the end of a line.
    #[cfg(any(test, feature = "serve"))]
    pub(crate) fn beginning_at(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// Gives back the memory that holds nothing unread, for a reader that may wait for long.
    #[cfg(any(test, feature = "serve"))]
    pub(crate) fn give_back(&mut self) {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        self.buffer.truncate(self.unread.end);
        self.buffer.shrink_to_fit();
    }

    /// Finds the next whole line; `None` where there is no other by now.
    ///
    /// # Errors
    ///
    /// Fails when the source does.
    pub(crate) fn next_line(&mut self) -> Result<Option<Found>> {
        let mut looked = 0;
        loop {
            let unread = &self.buffer[self.unread.clone()];
            if let Some(found) = memchr::memchr(b'\n', &unread[looked..]) {
                let length = looked + found;
                let line = self.unread.start..self.unread.start + length;
                self.unread.start = line.end + 1;
                self.offset += length as u64 + 1;
                self.count += 1;
                let is_kept = !std::mem::take(&mut self.skipping) && length <= self.limit;
                return Ok(Some(if is_kept { Found::Line(line) } else { Found::TooLong }));
            }
            looked = unread.len();
            if self.skipping || looked > self.limit {
                self.skipping = true;
                self.offset += looked as u64;
                self.unread = 0..0;
                looked = 0;
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads more behind what is unread; `false` where there is no more by now.
    fn fill(&mut self) -> Result<bool> {
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let kept = self.unread.end;
        if kept < CHUNK && self.buffer.len() > 4 * CHUNK {
            // After a long line, its room is given back.
            self.buffer.truncate(kept + CHUNK);
            self.buffer.shrink_to_fit();
        }
        if self.buffer.len() < kept + CHUNK {
            self.buffer.resize(kept + CHUNK, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[kept..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.unread.end = kept + count;
                    return Ok(count > 0);
                }
            }
        }
    }
}

impl<R> GrowingLines<R> {
    /// Returns the line that was found last.
    pub(crate) fn bytes(&self, line: Range<usize>) -> &[u8] {
        &self.buffer[line]
    }

    /// Returns where the next line begins in the file, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns how many lines were found: the number of the last one.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns how many bytes were read of a line that is not whole yet.
    pub(crate) fn torn(&self) -> u64 {
        self.unread.len() as u64
    }

    /// Returns the most bytes that a line has.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns what is read.
    pub(crate) fn source(&self) -> &R {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// Reads what is there by now; a line that is too long is `None`.
    fn drain<R: Read>(lines: &mut GrowingLines<R>) -> Vec<Option<Vec<u8>>> {
        let mut seen = Vec::new();
        while let Some(found) = lines.next_line().unwrap() {
            seen.push(match found {
                Found::Line(line) => Some(lines.bytes(line).to_vec()),
                Found::TooLong => None,
            });
        }
        seen
    }

    #[test]
    fn a_file_that_grows_is_read_on_and_a_line_of_any_length_takes_bounded_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut file = std::fs::File::create(&path).unwrap();
        let mut lines = GrowingLines::new(std::fs::File::open(&path).unwrap(), 1 << 10);
        assert_eq!(drain(&mut lines), []);
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(drain(&mut lines), [Some(b"one".to_vec())]);
        assert_eq!((lines.offset(), lines.torn()), (4, 2));
        lines.give_back();
        assert!(lines.buffer.capacity() < 100, "{}", lines.buffer.capacity());
        assert_eq!((lines.offset(), lines.torn()), (4, 2));
        file.write_all(b"o\n").unwrap();
        assert_eq!(drain(&mut lines), [Some(b"two".to_vec())]);
        for _ in 0..100 {
            file.write_all(&[b'x'; 10_000]).unwrap();
            assert_eq!(drain(&mut lines), []);
            assert!(lines.buffer.len() < 4 * CHUNK, "{}", lines.buffer.len());
        }
        file.write_all(b"\nlast\n").unwrap();
        assert_eq!(drain(&mut lines), [None, Some(b"last".to_vec())]);
        assert_eq!((lines.offset(), lines.count()), (file.metadata().unwrap().len(), 4));
        // After a line that is long and within the limit, its room is given back.
        let long = [vec![b'x'; 3 << 20], b"\n".to_vec(), b"y\n".repeat(CHUNK)].concat();
        let mut lines = GrowingLines::new(&long[..], 4 << 20);
        assert_eq!(drain(&mut lines).len(), CHUNK + 1);
        assert!(lines.buffer.capacity() <= 4 * CHUNK, "{}", lines.buffer.capacity());
    }

    /// Gives a few bytes at a time, as a file that grows does.
    struct InPieces<'a>(&'a [u8], usize);

    impl Read for InPieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    proptest! {
        /// However a file is cut, the same lines are found: none is lost or comes twice, and none that is not whole comes at all.
        #[test]
        fn lines_are_the_same_however_they_come(
            content in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400),
            piece in 1_usize..50,
            limit in 0_usize..30,
        ) {
            let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            let expect: Vec<_> = content[..whole]
                .split_inclusive(|byte| *byte == b'\n')
                .map(|line| &line[..line.len() - 1])
                .map(|line| (line.len() <= limit).then(|| line.to_vec()))
                .collect();
            let mut lines = GrowingLines::new(InPieces(&content, piece), limit);
            prop_assert_eq!(drain(&mut lines), expect);
            prop_assert!(lines.offset() >= whole as u64);
            prop_assert_eq!(lines.offset() + lines.torn(), content.len() as u64);
        }
    }
}
