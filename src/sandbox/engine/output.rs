//! What a container writes, line by line: as the attach stream brings it, or as the files show it into which it writes. Of
//! those that have files the attach stream shows the end.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::failure::Failure;
use super::followed::Followed;
use super::stream::Stream;
use crate::base::lines::{Line, LineSplitter};

/// One line that the container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The output it was written to.
    pub stream: Stream,
    /// Its text.
    pub line: Line,
}

type Chunks = Pin<Box<dyn futures_util::Stream<Item = Result<LogOutput, ApiError>> + Send>>;

/// Reads chunks when asked to, never ahead: a slow reader slows the container, and no memory fills.
pub(super) struct OutputReader {
    chunks: Chunks,
    stdout: LineSplitter,
    stderr: LineSplitter,
    waiting: VecDeque<Output>,
    files: Option<Followed>,
    /// Whether the attach stream has ended.
    closed: bool,
    ended: bool,
    broken: Option<String>,
    heard_at: Instant,
    /// Whether what comes first was written before anybody followed the files, so that it says nothing of now.
    catches_up: bool,
}

impl OutputReader {
    pub(super) fn new(chunks: Chunks, limit: usize) -> Self {
        Self {
            chunks,
            stdout: LineSplitter::new(limit),
            stderr: LineSplitter::new(limit),
            waiting: VecDeque::new(),
            files: None,
            closed: false,
            ended: false,
            broken: None,
            heard_at: Instant::now(),
            catches_up: false,
        }
    }

    /// Has what the files hold by now be of the past: it was written so long ago at last.
    pub(super) fn silent_for(self, silent: Duration) -> Self {
        let now = Instant::now();
        Self {
            heard_at: now.checked_sub(silent).unwrap_or(now),
            catches_up: true,
            ..self
        }
    }

    /// Has the lines come from files, too.
    pub(super) fn following(self, files: Option<Followed>) -> Self {
        Self { files, ..self }
    }

    /// Returns the next line; `None` when both outputs are closed, or the stream broke. Safe to cancel.
    pub(super) async fn next(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.waiting.pop_front() {
                return Some(output);
            }
            if self.ended {
                return None;
            }
            if self.read_files() {
                continue;
            }
            if self.closed {
                self.end();
                continue;
            }
            let chunk = tokio::select! {
                chunk = self.chunks.next() => chunk,
                changed = changed(self.files.as_mut()) => {
                    if let Err(error) = changed {
                        self.close(Some(error.to_string()));
                    }
                    continue;
                }
            };
            match chunk {
                Some(Ok(LogOutput::StdOut { message })) => self.take(Stream::Stdout, &message),
                Some(Ok(LogOutput::StdErr { message })) => self.take(Stream::Stderr, &message),
                Some(Ok(LogOutput::StdIn { .. })) => {}
                Some(Ok(LogOutput::Console { .. })) => self.close(Some("a frame of it is cut off".into())),
                Some(Err(error)) => self.close((!is_reset(&error)).then(|| Failure::from(error).to_string())),
                None => self.close(None),
            }
        }
    }

    /// Reads what the files have grown by; returns whether they have.
    fn read_files(&mut self) -> bool {
        let Some(mut files) = self.files.take() else {
            return false;
        };
        let has_grown = match files.read() {
            Ok(Some((stream, chunk))) => {
                self.push(stream, chunk);
                true
            }
            Ok(None) => {
                self.catches_up = false;
                false
            }
            Err(error) => {
                self.close(Some(error.to_string()));
                false
            }
        };
        self.files = Some(files);
        has_grown
    }

    /// Takes in what the attach stream brought. Once the command writes into files, that is none of it.
    fn take(&mut self, stream: Stream, chunk: &[u8]) {
        if !self.files.as_ref().is_some_and(Followed::has_begun) {
            self.push(stream, chunk);
        }
    }

    /// Returns whether a file held more than it may.
    pub(super) fn is_flooded(&self) -> bool {
        self.files.as_ref().is_some_and(Followed::is_flooded)
    }

    /// Returns whether the lines come from files.
    pub(super) fn is_in_files(&self) -> bool {
        self.files.as_ref().is_some_and(Followed::has_begun)
    }

    /// Returns when the container last wrote anything to its standard output, even part of a line; before that, the
    /// time of attaching to it.
    pub(super) fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Returns why the stream ended before the container closed its outputs, if it did.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    fn push(&mut self, stream: Stream, chunk: &[u8]) {
        let splitter = match stream {
            Stream::Stdout => {
                if !self.catches_up {
                    self.heard_at = Instant::now();
                }
                &mut self.stdout
            }
            Stream::Stderr => &mut self.stderr,
        };
        let mut lines = VecDeque::new();
        splitter.push(chunk, &mut lines);
        self.waiting
            .extend(lines.into_iter().map(|line| Output { stream, line }));
    }

    /// Takes in that the attach stream has ended; what the files have by now is still read.
    fn close(&mut self, broken: Option<String>) {
        self.closed = true;
        self.broken = self.broken.take().or(broken);
    }

    fn end(&mut self) {
        self.ended = true;
        for (stream, splitter) in [(Stream::Stdout, &mut self.stdout), (Stream::Stderr, &mut self.stderr)] {
            self.waiting
                .extend(splitter.finish().map(|line| Output { stream, line }));
        }
    }
}

/// Waits until one of the files may have changed; for ever where there are none.
async fn changed(files: Option<&mut Followed>) -> std::io::Result<()> {
    match files {
        Some(files) => files.changed().await,
        None => std::future::pending().await,
    }
}

/// Returns whether the connection was reset. A container that ends without reading all of its input resets it, after
/// all of its output. So does an engine that goes away, which a query for the container's exit then reveals.
fn is_reset(error: &ApiError) -> bool {
    matches!(error, ApiError::IOError { err } if err.kind() == std::io::ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(chunks: Vec<Result<LogOutput, ApiError>>) -> (Vec<(Stream, String)>, bool) {
        let mut reader = OutputReader::new(Box::pin(futures_util::stream::iter(chunks)), 100);
        let mut lines = Vec::new();
        while let Some(output) = reader.next().await {
            let text = String::from_utf8_lossy(&output.line.bytes).into_owned();
            lines.push((output.stream, text));
        }
        (lines, reader.broken().is_some())
    }

    fn out(text: &'static str) -> LogOutput {
        LogOutput::StdOut { message: text.into() }
    }

    #[tokio::test]
    async fn the_two_outputs_do_not_mix_within_a_line() {
        let (lines, broken) = read(vec![
            Ok(out("a")),
            Ok(LogOutput::StdErr { message: "x\n".into() }),
            Ok(out("b\nc")),
        ])
        .await;
        let expect = [
            (Stream::Stderr, "x".into()),
            (Stream::Stdout, "ab".into()),
            (Stream::Stdout, "c".into()),
        ];
        assert_eq!(lines, expect);
        assert!(!broken);
    }

    #[tokio::test]
    async fn a_reset_connection_is_an_end() {
        let err = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let (lines, broken) = read(vec![Ok(out("a\nb")), Err(ApiError::IOError { err })]).await;
        assert_eq!(lines, [(Stream::Stdout, "a".into()), (Stream::Stdout, "b".into())]);
        assert!(!broken);
    }

    #[tokio::test]
    async fn a_broken_stream_yields_what_came_and_says_so() {
        for end in [
            Err(ApiError::RequestTimeoutError),
            Ok(LogOutput::Console { message: "rest".into() }),
        ] {
            let (lines, broken) = read(vec![Ok(out("a\nb")), end, Ok(out("never\n"))]).await;
            assert_eq!(lines, [(Stream::Stdout, "a".into()), (Stream::Stdout, "b".into())]);
            assert!(broken);
        }
    }
}
