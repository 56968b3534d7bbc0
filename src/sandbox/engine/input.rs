//! Standard input: written while output is read, so that neither side waits for the other forever.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

/// The writing to a container's standard input; dropping it stops the writing.
#[derive(Debug)]
pub(super) struct InputWriter {
    writing: JoinHandle<()>,
    is_written: Arc<AtomicBool>,
    /// What is written after what it began with; the input is closed once this is gone.
    more: Option<UnboundedSender<Vec<u8>>>,
}

impl InputWriter {
    /// Writes `bytes`, and closes the container's standard input when [`InputWriter::close`] is called; at once, unless it
    /// stays open.
    pub(super) fn spawn(mut input: Pin<Box<dyn AsyncWrite + Send>>, bytes: Vec<u8>, stays_open: bool) -> Self {
        let is_written = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_written);
        let (more, rest) = mpsc::unbounded_channel();
        let writing = tokio::spawn(async move {
            // A program may end without reading its input; its exit shows whether that was right.
            if let Err(error) = write(&mut input, &bytes, &done, rest).await {
                tracing::debug!(%error, "the container did not read all of its standard input");
            }
        });
        Self {
            writing,
            is_written,
            more: stays_open.then_some(more),
        }
    }

    /// Returns whether all that it began with is written.
    pub(super) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Relaxed)
    }

    /// Writes more, behind all that is to be written already. Returns whether the input was open.
    pub(super) fn write(&self, bytes: Vec<u8>) -> bool {
        let more = self.more.as_ref();
        more.is_some_and(|more| more.send(bytes).is_ok())
    }

    /// Closes the input once all is written.
    pub(super) fn close(&mut self) {
        self.more = None;
    }
}

async fn write(
    input: &mut Pin<Box<dyn AsyncWrite + Send>>,
    bytes: &[u8],
    done: &AtomicBool,
    mut more: UnboundedReceiver<Vec<u8>>,
) -> io::Result<()> {
    input.write_all(bytes).await?;
    input.flush().await?;
    done.store(true, Ordering::Relaxed);
    while let Some(bytes) = more.recv().await {
        input.write_all(&bytes).await?;
        input.flush().await?;
    }
    input.shutdown().await
}

impl Drop for InputWriter {
    fn drop(&mut self) {
        self.writing.abort();
    }
}
