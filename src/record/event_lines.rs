//! Reads `events.jsonl` line by line, in bounded memory: the one reader of what runs record.
//!
//! A file may be at work: what is not yet a whole line waits until it is one, and the end of the file is not the end of the
//! reader. Of a file that nobody writes any more, that is what a crash cut short.

use std::fs::File;
use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::base::growing_lines::{Found, GrowingLines};
use crate::base::lines::DEFAULT_LINE_LIMIT;
use crate::base::regular;
use crate::base::text::one_line;
use crate::record::event::Event;

/// The format of `events.jsonl`: what its first line names. Files of versions before there was a format have no such
/// line.
pub const FORMAT: u32 = 11;

/// The first line of `events.jsonl`. A newer version may say more in it: what this one reads of it is the format.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The format of all lines after it.
    pub(crate) format: u32,
}

/// How the lines of this version begin; a moment follows.
const BEGIN: &[u8] = br#"{"at":""#;
/// What stands between the moment and the type of an event.
const TYPE: &[u8] = br#"","event":{"type":""#;
/// The longest moment, in bytes.
const LONGEST_MOMENT: usize = 40;

/// Reads the events of one run, and where each stands in the file.
#[derive(Debug)]
pub struct EventLines<R = File> {
    lines: GrowingLines<R>,
    path: PathBuf,
    /// The moment of the last event that nobody wanted.
    passed_over: Option<Moment>,
}

/// What one line has.
#[derive(Debug)]
pub enum EventLine<'a> {
    /// An event, and the line itself.
    Event(Box<Event>, &'a [u8]),
    /// Nothing that can be read.
    Unreadable(UnreadLine),
}

/// A line that could not be read, and was left out.
#[derive(Debug)]
pub struct UnreadLine {
    /// Its number, counted from 1.
    pub line: u64,
    /// Why, as the end of a sentence about it.
    pub why: String,
}

/// A moment as it stands in a line.
#[derive(Clone, Copy, Debug)]
struct Moment {
    bytes: [u8; LONGEST_MOMENT],
    length: usize,
}

impl EventLines<File> {
    /// Opens the events of a run; `None` where it has none.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Unexpected`] where the file cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>> {
        match regular::open(path) {
            Ok(file) => Ok(Some(Self::new(file, path, DEFAULT_LINE_LIMIT))),
            Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => Ok(None),
            Err(error) => Err(error).with_context(ErrorKind::Unexpected, || cannot_read(path)),
        }
    }

    /// Opens the events of a run to go on where somebody has read so far, by [`Self::offset`]; `None` where it has none.
    ///
    /// # Errors
    ///
    /// Those of [`Self::open`] and [`Self::next_event`], and of kind [`ErrorKind::Usage`] where no line begins there.
    #[cfg(any(test, feature = "serve"))]
    pub(crate) fn open_at(path: &Path, offset: u64) -> Result<Option<Self>> {
        use std::io::{Seek as _, SeekFrom};
        let Some(mut begin) = Self::open(path)? else {
            return Ok(None);
        };
        if offset == 0 {
            return Ok(Some(begin));
        }
        // Which refuses a newer format.
        let _ = begin.next_event()?;
        let failed = || cannot_read(path);
        let mut file = regular::open(path).with_context(ErrorKind::Unexpected, failed)?;
        let mut before = [0];
        let sought = file.seek(SeekFrom::Start(offset - 1));
        let read = sought.and_then(|_| file.read(&mut before));
        if read.with_context(ErrorKind::Unexpected, failed)? != 1 || before != *b"\n" {
            let message = format!("no line of `{}` begins at {offset}", path.display());
            return Err(Error::new(ErrorKind::Usage, message).hint("begin at 0, or where the events said"));
        }
        let mut lines = Self::new(file, path, DEFAULT_LINE_LIMIT);
        lines.lines = lines.lines.beginning_at(offset);
        Ok(Some(lines))
    }

    /// Returns how long the file is by now, in bytes; 0 where that cannot be known.
    pub(crate) fn length(&self) -> u64 {
        self.lines.source().metadata().map_or(0, |looks| looks.len())
    }

    /// Gives back the memory that is not needed until more is read.
    #[cfg(feature = "serve")]
    pub(crate) fn give_back(&mut self) {
        self.lines.give_back();
    }

    /// Returns the inode of the file, by which another one of its name is told apart; `None` where that cannot be known.
    #[cfg(feature = "serve")]
    pub(crate) fn inode(&self) -> Option<u64> {
        use std::os::unix::fs::MetadataExt as _;
        self.lines.source().metadata().ok().map(|looks| looks.ino())
    }
}

impl<R: Read> EventLines<R> {
    /// Builds a reader of lines that have at most `limit` bytes; `path` is what errors name.
    fn new(source: R, path: &Path, limit: usize) -> Self {
        Self {
            lines: GrowingLines::new(source, limit),
            path: path.to_owned(),
            passed_over: None,
        }
    }

    /// Returns the next event, or the next line that is none; `None` where there is no other whole line by now. Called again
    /// once the file has grown, it goes on there.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Precondition`] where a newer version of cordwainer wrote the file, and of kind
    /// [`ErrorKind::Unexpected`] where it cannot be read.
    pub fn next_event(&mut self) -> Result<Option<EventLine<'_>>> {
        self.next_wanted(|_| true)
    }

    /// Returns the next event as [`Self::next_event`] does, and passes over those of types that are not wanted: reading these
    /// takes a fraction of the time. Events that an older version wrote may come although they are not wanted.
    ///
    /// # Errors
    ///
    /// Those of [`Self::next_event`].
    pub(crate) fn next_wanted(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Result<Option<EventLine<'_>>> {
        let line = loop {
            let found = self.lines.next_line();
            let Some(found) = found.with_context(ErrorKind::Unexpected, || cannot_read(&self.path))? else {
                return Ok(None);
            };
            let Found::Line(line) = found else {
                let why = format!("has more than {} MiB", self.lines.limit() >> 20);
                return Ok(Some(self.unreadable(why)));
            };
            let bytes = self.lines.bytes(line.clone());
            if self.lines.count() == 1 && self.is_header(bytes)? {
                continue;
            }
            if let Some((moment, kind)) = parts(bytes)
                && !is_wanted(kind)
            {
                self.passed_over = Moment::of(moment);
                continue;
            }
            break line;
        };
        let bytes = self.lines.bytes(line);
        Ok(Some(match serde_json::from_slice::<Event>(bytes) {
            Ok(event) => {
                self.passed_over = None;
                EventLine::Event(Box::new(event), bytes)
            }
            // Of a type that is not known, it lists all that are.
            Err(error) => self.unreadable(format!("is not an event: {}", one_line(&error.to_string(), 100))),
        }))
    }

    fn unreadable(&self, why: String) -> EventLine<'static> {
        let line = self.lines.count();
        EventLine::Unreadable(UnreadLine { line, why })
    }

    /// Returns where the next line begins, in bytes from the beginning of the file: by it, somebody who has read so far can go on.
    pub fn offset(&self) -> u64 {
        self.lines.offset()
    }

    /// Returns how many bytes there are of a line that is not whole yet.
    pub(crate) fn torn(&self) -> u64 {
        self.lines.torn()
    }

    /// Returns the moment of the last event that was passed over, where no other came after it.
    pub(crate) fn passed_over_at(&self) -> Option<Timestamp> {
        self.passed_over.as_ref()?.parse()
    }

    fn is_header(&self, line: &[u8]) -> Result<bool> {
        let Ok(Header { format }) = serde_json::from_slice(line) else {
            return Ok(false);
        };
        if format <= FORMAT {
            return Ok(true);
        }
        let path = self.path.display();
        let message = format!("`{path}` has format {format}, and this version reads {FORMAT}");
        Err(Error::new(ErrorKind::Precondition, message)
            .hint("a newer version of cordwainer wrote it: use that version"))
    }
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read `{}`", path.display())
}

/// Returns the moment and the type of an event, where its line is as this version writes it.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(BEGIN)?;
    let end = memchr::memchr(b'"', rest)?;
    let (moment, rest) = rest.split_at(end);
    let rest = rest.strip_prefix(TYPE)?;
    let end = memchr::memchr(b'"', rest)?;
    Some((moment, &rest[..end]))
}

impl Moment {
    fn of(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST_MOMENT];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        let length = text.len();
        Some(Self { bytes, length })
    }

    fn parse(&self) -> Option<Timestamp> {
        std::str::from_utf8(&self.bytes[..self.length]).ok()?.parse().ok()
    }
}

impl UnreadLine {
    /// Returns the sentence that tells of it.
    pub fn in_words(&self) -> String {
        format!("line {} of the events {}; it is left out", self.line, self.why)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::record::event::EventKind;

    /// A line that warns of something.
    fn line(what: &str) -> String {
        let kind = EventKind::Warned { what: what.to_owned() };
        let at = "2026-11-27T12:00:00.5Z".parse().unwrap();
        serde_json::to_string(&Event { at, kind }).unwrap() + "\n"
    }

    /// Reads what is there by now: what each warns of, or why a line is none; and where the next begins.
    fn drain<R: Read>(lines: &mut EventLines<R>) -> (Vec<String>, u64) {
        let mut seen = Vec::new();
        while let Some(found) = lines.next_event().unwrap() {
            seen.push(match found {
                EventLine::Event(event, _) => match event.kind {
                    EventKind::Warned { what } => what,
                    kind => format!("{kind:?}"),
                },
                EventLine::Unreadable(unread) => unread.in_words(),
            });
        }
        (seen, lines.offset())
    }

    fn read(content: &[u8], limit: usize) -> Vec<String> {
        drain(&mut EventLines::new(content, Path::new("x"), limit)).0
    }

    #[test]
    fn lines_that_are_torn_broken_or_too_long_are_told_and_left_out() {
        let long = "x".repeat(2 << 20);
        for (content, expect) in [
            (String::new(), vec![]),
            ("{\"format\":1}\n".to_owned(), vec![]),
            (format!("{}{}", line("a"), line("b")), vec!["a", "b"]),
            (format!("{{\"format\":10,\"more\":1}}\n{}", line("a")), vec!["a"]),
            (format!("{}{}", line("a"), &line("b")[..20]), vec!["a"]),
            (
                format!("{}\n{}", line("a"), line("b")),
                vec![
                    "a",
                    "line 2 of the events is not an event: EOF while parsing a value at line 1 column 0; it is left out",
                    "b",
                ],
            ),
            (
                format!("{}{}{}", line("a"), line(&long), line("b")),
                vec!["a", "line 2 of the events has more than 1 MiB; it is left out", "b"],
            ),
            (
                format!(
                    "{}{{\"at\":\"2026-11-27T12:00:00Z\",\"event\":{{\"type\":\"sung\"}}}}\n",
                    line("a")
                ),
                vec!["a", "line 2 of the events is not an event: unknown variant `sung`"],
            ),
        ] {
            let found = read(content.as_bytes(), 1 << 20);
            assert_eq!(found.len(), expect.len(), "{found:?}");
            for (found, expect) in found.iter().zip(expect) {
                assert!(found.starts_with(expect), "{found}");
            }
        }
        let bytes = [line("a").as_bytes(), b"\xff\xfe\n", line("b").as_bytes()].concat();
        assert_eq!(read(&bytes, 1 << 20).len(), 3, "bytes that are no text");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let newer = format!("{{\"format\":{}}}\n{}", FORMAT + 1, line("a"));
        let mut lines = EventLines::new(newer.as_bytes(), Path::new("x"), 1 << 20);
        let error = lines.next_event().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Precondition);
        assert!(error.to_string().starts_with("`x` has format "), "{error}");
    }

    #[test]
    fn a_file_that_grows_is_read_on_and_what_is_not_whole_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        assert!(EventLines::open(&path).unwrap().is_none());
        let mut file = std::fs::File::create(&path).unwrap();
        let mut lines = EventLines::open(&path).unwrap().unwrap();
        assert_eq!(drain(&mut lines), (vec![], 0));
        let (one, two) = (line("one"), line("two"));
        let (begin, end) = two.split_at(30);
        file.write_all(format!("{one}{begin}").as_bytes()).unwrap();
        let after_one = one.len() as u64;
        assert_eq!(drain(&mut lines), (vec!["one".to_owned()], after_one));
        assert_eq!(lines.length(), after_one + 30);
        file.write_all(end.as_bytes()).unwrap();
        let after_two = after_one + two.len() as u64;
        assert_eq!(drain(&mut lines), (vec!["two".to_owned()], after_two));
    }

    #[test]
    fn whoever_has_read_so_far_goes_on_at_each_line_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let content = ["{\"format\":11}\n".to_owned(), line("a"), line("b"), line("c")].concat();
        std::fs::write(&path, &content).unwrap();
        let (all, end) = drain(&mut EventLines::open(&path).unwrap().unwrap());
        assert_eq!((all.len(), end), (3, content.len() as u64));
        let mut begins = 0;
        for offset in 0..=content.len() as u64 + 2 {
            let at = usize::try_from(offset).unwrap();
            let is_begin = at == 0 || content.as_bytes().get(at - 1) == Some(&b'\n');
            match EventLines::open_at(&path, offset) {
                Ok(lines) => {
                    assert!(is_begin, "{offset}");
                    let left = content[at..].lines().filter(|line| !line.contains("format")).count();
                    let (found, read) = drain(&mut lines.unwrap());
                    assert_eq!((&found[..], read), (&all[3 - left..], end), "{offset}");
                    begins += 1;
                }
                Err(error) => {
                    assert!(!is_begin, "{offset}");
                    assert_eq!(error.kind(), ErrorKind::Usage);
                }
            }
        }
        assert_eq!(begins, 5);
        std::fs::write(&path, format!("{{\"format\":{}}}\nx\n", FORMAT + 1)).unwrap();
        assert_eq!(
            EventLines::open_at(&path, 16).unwrap_err().kind(),
            ErrorKind::Precondition
        );
    }

    #[test]
    fn what_is_not_wanted_is_passed_over_and_its_moment_is_known() {
        let content = [line("a"), line("b")].concat();
        let mut lines = EventLines::new(content.as_bytes(), Path::new("x"), 1 << 20);
        assert!(lines.next_wanted(|kind| kind != b"warned").unwrap().is_none());
        assert_eq!(lines.offset(), content.len() as u64);
        assert_eq!(lines.passed_over_at(), Some("2026-11-27T12:00:00.5Z".parse().unwrap()));
    }
}
