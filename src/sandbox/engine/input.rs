//! Standard input: written while output is read, so that neither side waits for the other forever.

use std::pin::Pin;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;

/// The writing of a prompt to a container; dropping it stops the writing.
#[derive(Debug)]
pub(super) struct InputWriter(JoinHandle<()>);

impl InputWriter {
    /// Writes `bytes`, then closes the container's standard input.
    pub(super) fn spawn(mut input: Pin<Box<dyn AsyncWrite + Send>>, bytes: Vec<u8>) -> Self {
        Self(tokio::spawn(async move {
            let written = async {
                input.write_all(&bytes).await?;
                input.shutdown().await
            };
            if let Err(error) = written.await {
                // A program may end without reading its input; its exit shows whether that was right.
                tracing::debug!(%error, "the container did not read all of its standard input");
            }
        }))
    }
}

impl Drop for InputWriter {
    fn drop(&mut self) {
        self.0.abort();
    }
}
