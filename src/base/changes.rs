//! Waiting until files may have changed, and whether whoever reads our output is still there.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use inotify::{EventStream, Inotify};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self as kernel, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// What is watched for: that something is written to a file, or that a folder has something new.
const WATCHED: WatchFlags = WatchFlags::MODIFY.union(WatchFlags::CREATE).union(WatchFlags::MOVED_TO);
/// How much of the kernel's reports is read at once, in bytes.
const REPORTS: usize = 4096;

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Something has changed.
    Changed,
    /// The time is over, and the kernel has reported nothing: on some file systems it never does.
    Late,
    /// Nobody reads the output any more.
    ReaderGone,
}

/// Files and folders whose changes are waited for.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// `None` where the kernel has no more of them for this user: then every wait takes its whole time.
    inotify: Option<OwnedFd>,
}

impl Changes {
    /// Begins with nothing that is watched.
    pub(crate) fn new() -> Self {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        Self {
            inotify: kernel::init(flags).ok(),
        }
    }

    /// Adds a file or folder; returns whether it is there. One that is watched already is not watched twice.
    pub(crate) fn add(&self, path: &Path) -> bool {
        let Some(inotify) = &self.inotify else {
            return path.exists();
        };
        kernel::add_watch(inotify, path, WATCHED).is_ok()
    }

    /// Waits for a change, at most so long. `reader` is where the output goes, if it matters that this is read.
    ///
    /// # Errors
    ///
    /// Where the system cannot wait.
    pub(crate) fn wait(&self, most: Duration, reader: Option<BorrowedFd<'_>>) -> io::Result<Woken> {
        let mut waited: Vec<PollFd<'_>> = Vec::with_capacity(2);
        waited.extend(self.inotify.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
        // Without events of its own: an error is reported all the same.
        waited.extend(reader.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::empty())));
        let most = Timespec::try_from(most).map_err(io::Error::other)?;
        match poll(&mut waited, Some(&most)) {
            // A signal that is somebody else's: the caller looks, and waits again.
            Err(Errno::INTR) => return Ok(Woken::Late),
            ready => ready?,
        };
        let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        let is_gone = reader.is_some() && waited.last().is_some_and(|fd| fd.revents().intersects(gone));
        let has_changed = self.inotify.is_some() && waited[0].revents().contains(PollFlags::IN);
        drop(waited);
        if is_gone {
            return Ok(Woken::ReaderGone);
        }
        if has_changed {
            self.forget_reports()?;
            return Ok(Woken::Changed);
        }
        Ok(Woken::Late)
    }

    /// Reads what the kernel has reported: that something has changed is all that matters.
    fn forget_reports(&self) -> io::Result<()> {
        let Some(inotify) = &self.inotify else { return Ok(()) };
        let mut reports = [MaybeUninit::<u8>::uninit(); REPORTS];
        loop {
            match rustix::io::read(inotify.as_fd(), &mut reports) {
                Ok(([], _)) | Err(Errno::AGAIN) => return Ok(()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Files whose changes async code waits for.
#[derive(Debug)]
pub(crate) struct AsyncChanges {
    /// `None` where the kernel has no more of them for this user.
    reports: Option<EventStream<Vec<u8>>>,
}

impl AsyncChanges {
    /// Has changes of what is watched wake tasks of the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// Where the runtime cannot wait for one more descriptor.
    pub(crate) fn new(changes: Changes) -> io::Result<Self> {
        let reports = |fd| Inotify::from(fd).into_event_stream(vec![0; REPORTS]);
        Ok(Self {
            reports: changes.inotify.map(reports).transpose()?,
        })
    }

    /// Waits for a change, at most so long: on some file systems the kernel never reports one. `unwatched` is the time where it
    /// cannot report any. Safe to cancel.
    ///
    /// # Errors
    ///
    /// Where the kernel's reports cannot be read.
    pub(crate) async fn wait(&mut self, most: Duration, unwatched: Duration) -> io::Result<()> {
        let Some(reports) = &mut self.reports else {
            tokio::time::sleep(unwatched).await;
            return Ok(());
        };
        // That something has changed is all that matters. Of changes that nobody has waited for the kernel keeps one.
        match tokio::time::timeout(most, reports.next()).await {
            Ok(Some(report)) => report.map(drop),
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_change_ends_a_wait_and_so_does_a_reader_that_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let changes = Changes::new();
        assert!(!changes.add(&path), "it is not there yet");
        assert!(changes.add(folder.path()));
        std::fs::write(&path, "one\n").unwrap();
        let begun = Instant::now();
        assert_eq!(changes.wait(LONG, None).unwrap(), Woken::Changed);
        assert!(changes.add(&path));
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        let writer = std::thread::spawn(move || file.write_all(b"two\n").unwrap());
        assert_eq!(changes.wait(LONG, None).unwrap(), Woken::Changed);
        writer.join().unwrap();
        // What came together ends one wait; of what is over, nothing is left.
        while changes.wait(Duration::ZERO, None).unwrap() == Woken::Changed {}
        assert_eq!(changes.wait(Duration::from_millis(1), None).unwrap(), Woken::Late);

        let (reading, writing) = std::io::pipe().unwrap();
        let here = changes.wait(Duration::from_millis(1), Some(writing.as_fd())).unwrap();
        assert_eq!(here, Woken::Late);
        drop(reading);
        assert_eq!(changes.wait(LONG, Some(writing.as_fd())).unwrap(), Woken::ReaderGone);
        assert!(begun.elapsed() < LONG, "nothing waited to its end");
    }

    #[tokio::test]
    async fn a_change_wakes_async_code_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        std::fs::write(&path, "").unwrap();
        let changes = Changes::new();
        assert!(changes.add(&path));
        let mut changes = AsyncChanges::new(changes).unwrap();
        let begun = Instant::now();
        for text in ["one\n", "two\n"] {
            // What was written before anybody waits is not missed.
            std::fs::write(&path, text).unwrap();
            changes.wait(LONG, Duration::ZERO).await.unwrap();
            let woken = tokio::time::timeout(Duration::from_millis(1), changes.wait(LONG, LONG)).await;
            assert!(woken.is_err(), "nothing is left of it");
        }
        let written = path.clone();
        let writer = tokio::task::spawn_blocking(move || std::fs::write(written, "three\n").unwrap());
        changes.wait(LONG, Duration::ZERO).await.unwrap();
        writer.await.unwrap();
        assert!(begun.elapsed() < LONG, "nothing waited to its end");

        let mut none = AsyncChanges { reports: None };
        none.wait(LONG, Duration::from_millis(1)).await.unwrap();
        assert!(
            begun.elapsed() < LONG,
            "where nothing is reported the other time counts"
        );
    }
}
