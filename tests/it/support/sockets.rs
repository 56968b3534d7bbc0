//! Unix sockets that misbehave as an engine's can.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends before it.
    Cut,
    /// The connection ends after its first bytes.
    Truncated,
    /// It comes in small pieces, with a pause after each.
    Slow,
    /// All of it comes twice.
    Duplicated,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [Self::Cut, Self::Truncated, Self::Slow, Self::Duplicated];

    /// Passes on what `near` asks, and what `far` answers with this fault.
    async fn pass(self, near: UnixStream, far: UnixStream) -> io::Result<()> {
        let (mut asked, mut answered) = near.into_split();
        let (mut answers, mut asks) = far.into_split();
        let asking = tokio::spawn(async move { copy(&mut asked, &mut asks).await });
        let mut buffer = [0; 4096];
        loop {
            let count = answers.read(&mut buffer).await?;
            let piece = &buffer[..count];
            match self {
                _ if count == 0 => break,
                Self::Cut => break,
                Self::Truncated => {
                    answered.write_all(&piece[..count.min(20)]).await?;
                    break;
                }
                Self::Slow => {
                    for part in piece.chunks(100) {
                        answered.write_all(part).await?;
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                Self::Duplicated => {
                    answered.write_all(piece).await?;
                    answered.write_all(piece).await?;
                }
            }
        }
        asking.abort();
        Ok(())
    }
}

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

    /// Passes everything on to `target`, with a fault in the answer on one connection: that of this number, counted from 1.
    /// Tells how many connections there have been.
    pub(crate) fn faulty(target: &Path, fault: Fault, at: usize) -> (Self, Arc<AtomicUsize>) {
        let made = Arc::new(AtomicUsize::new(0));
        let (target, count) = (target.to_owned(), Arc::clone(&made));
        let socket = Self::serve(move |mut near| {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let target = target.clone();
            async move {
                let mut far = UnixStream::connect(&target).await.unwrap();
                // Either side may hang up at any moment; that is its business.
                let _ = if number == at {
                    fault.pass(near, far).await
                } else {
                    copy_bidirectional(&mut near, &mut far).await.map(drop)
                };
            }
        });
        (socket, made)
    }

    /// Passes everything on to `target`, and tells the most containers that were being started at the same time: from when one is
    /// to be created until it has started.
    pub(crate) fn counting_starts(target: &Path) -> (Self, Arc<AtomicUsize>) {
        let most = Arc::new(AtomicUsize::new(0));
        let (target, told, now) = (target.to_owned(), Arc::clone(&most), Arc::new(AtomicUsize::new(0)));
        let socket = Self::serve(move |mut near| {
            let (target, told, now) = (target.clone(), Arc::clone(&told), Arc::clone(&now));
            async move {
                let mut far = UnixStream::connect(&target).await.unwrap();
                let mut buffer = [0; 4096];
                let count = near.read(&mut buffer).await.unwrap();
                let asked = String::from_utf8_lossy(&buffer[..count])
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                if asked.contains("/containers/create") {
                    told.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                }
                far.write_all(&buffer[..count]).await.unwrap();
                if asked.starts_with("POST ") && asked.contains("/start") {
                    let count = far.read(&mut buffer).await.unwrap();
                    now.fetch_sub(1, Ordering::SeqCst);
                    near.write_all(&buffer[..count]).await.unwrap();
                }
                // Either side may hang up at any moment; that is its business.
                let _ = copy_bidirectional(&mut near, &mut far).await;
            }
        });
        (socket, most)
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
