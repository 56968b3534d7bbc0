//! Standard input: written while output is read, so that neither side waits for the other forever.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;

/// The writing of a prompt to a container; dropping it stops the writing.
#[derive(Debug)]
pub(super) struct InputWriter {
    writing: JoinHandle<()>,
    is_written: Arc<AtomicBool>,
}

impl InputWriter {
    /// Writes `bytes`, then closes the container's standard input.
    pub(super) fn spawn(mut input: Pin<Box<dyn AsyncWrite + Send>>, bytes: Vec<u8>) -> Self {
        let is_written = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_written);
        let writing = tokio::spawn(async move {
            let written = async {
                input.write_all(&bytes).await?;
                input.shutdown().await
            };
            match written.await {
                Ok(()) => done.store(true, Ordering::Relaxed),
                // A program may end without reading its input; its exit shows whether that was right.
                Err(error) => tracing::debug!(%error, "the container did not read all of its standard input"),
            }
        });
        Self { writing, is_written }
    }

    /// Returns whether all of it is written.
    pub(super) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Relaxed)
    }
}

impl Drop for InputWriter {
    fn drop(&mut self) {
        self.writing.abort();
    }
}
