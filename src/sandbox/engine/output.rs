//! What a container writes, line by line, as the attach stream brings it.

use std::collections::VecDeque;
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::failure::Failure;
use crate::base::lines::{Line, LineSplitter};

/// Which of a program's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

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
    ended: bool,
    broken: Option<String>,
    heard_at: Instant,
}

impl OutputReader {
    pub(super) fn new(chunks: Chunks, limit: usize) -> Self {
        Self {
            chunks,
            stdout: LineSplitter::new(limit),
            stderr: LineSplitter::new(limit),
            waiting: VecDeque::new(),
            ended: false,
            broken: None,
            heard_at: Instant::now(),
        }
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
            match self.chunks.next().await {
                Some(Ok(LogOutput::StdOut { message })) => self.push(Stream::Stdout, &message),
                Some(Ok(LogOutput::StdErr { message })) => self.push(Stream::Stderr, &message),
                Some(Ok(LogOutput::StdIn { .. })) => {}
                Some(Ok(LogOutput::Console { .. })) => self.end(Some("a frame of it is cut off".into())),
                Some(Err(error)) => self.end((!is_reset(&error)).then(|| Failure::from(error).to_string())),
                None => self.end(None),
            }
        }
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
                self.heard_at = Instant::now();
                &mut self.stdout
            }
            Stream::Stderr => &mut self.stderr,
        };
        let mut lines = VecDeque::new();
        splitter.push(chunk, &mut lines);
        self.waiting
            .extend(lines.into_iter().map(|line| Output { stream, line }));
    }

    fn end(&mut self, broken: Option<String>) {
        self.ended = true;
        self.broken = broken;
        for (stream, splitter) in [(Stream::Stdout, &mut self.stdout), (Stream::Stderr, &mut self.stderr)] {
            self.waiting
                .extend(splitter.finish().map(|line| Output { stream, line }));
        }
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
