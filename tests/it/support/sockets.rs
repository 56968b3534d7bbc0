//! Unix sockets that misbehave as an engine's can.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A socket in a folder of its own, served until it is dropped.
pub(crate) struct Socket {
    folder: TempDir,
    server: JoinHandle<()>,
}

impl Socket {
    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Accepts, and never answers.
    pub(crate) fn silent() -> Self {
        Self::serve(|mut stream| async move {
            let mut buffer = [0; 1024];
            while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        })
    }

    /// Answers everything with these bytes.
    pub(crate) fn answering(answer: &'static [u8]) -> Self {
        Self::serve(move |mut stream| async move {
            let mut buffer = [0; 1024];
            // The peer may hang up at any moment; that is its business.
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(answer).await;
        })
    }

    /// Passes everything on to `target`, until the sender says that the line is cut: then every connection ends, and
    /// no new one is let in.
    pub(crate) fn proxy(target: &Path) -> (Self, watch::Sender<bool>) {
        let (cut, is_cut) = watch::channel(false);
        let target = target.to_owned();
        let socket = Self::serve(move |mut near| {
            let (target, mut is_cut) = (target.clone(), is_cut.clone());
            async move {
                if *is_cut.borrow() {
                    return;
                }
                let mut far = UnixStream::connect(&target).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut near, &mut far) => {}
                    _ = is_cut.changed() => {}
                }
            }
        });
        (socket, cut)
    }

    fn serve<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(UnixStream) -> F + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream));
            }
        });
        Self { folder, server }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.server.abort();
    }
}
