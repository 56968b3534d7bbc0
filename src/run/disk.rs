//! `container.disk`: how much an attempt may write where the host's disk keeps it. Engines have no limit for that which
//! holds on every file system, so it is watched, and a container that wrote more is ended.
//!
//! Counting is as dear as there are files. How full the file system is costs nothing to ask: only when it lost so much
//! that the limit may be reached is counted at once, and else now and then.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::disk::{Unreadable, Usage, in_use, usage};
use crate::base::error::{Context as _, Error, ErrorKind, Result};
use crate::config::show::size_text;
use crate::git::nameless_bytes;

/// Between two questions how full the file system is.
const POLL: Duration = Duration::from_millis(250);
/// Between two counts where the file system does not ask for one, at least.
const REST: Duration = Duration::from_secs(10);
/// Counting may take this part of the time between two counts, at most.
const SHARE: u32 = 50;
/// The part where the file system asks for them, since whatever else writes there does that, too, and when a container has
/// ended.
const URGENT_SHARE: u32 = 4;
/// After so many failures in a row it is not known what is written.
const MOST_FAILURES: u32 = 20;

/// What the containers of a slot have written.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskUse(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    /// What was there before anything was written, in bytes.
    before: OnceLock<u64>,
    /// Why a container had to be ended.
    over: OnceLock<String>,
}

impl DiskUse {
    /// Builds that of a slot; `before` is what was there before anything was written, if that is known.
    pub(crate) fn after(before: Option<u64>) -> Self {
        let known = Known::default();
        if let Some(before) = before {
            known.before.get_or_init(|| before);
        }
        Self(Arc::new(known))
    }

    /// Returns what was there before anything was written, in bytes; `None` before the first container.
    pub(crate) fn before(&self) -> Option<u64> {
        self.0.before.get().copied()
    }

    /// Returns whether a container wrote more than it may, so that all of it should go.
    pub(crate) fn is_over(&self) -> bool {
        self.0.over.get().is_some()
    }
}

/// Watches a container. Dropped, it stops.
pub(crate) struct DiskWatch {
    watching: Option<JoinHandle<Result<Option<String>>>>,
    stop: CancellationToken,
}

impl DiskWatch {
    /// Begins to watch a container that is about to be started. It can write to `folders`, the first of which says on which
    /// file system all of them are. Without a limit nothing is done.
    pub(crate) fn begin(folders: Vec<PathBuf>, limit: Option<u64>, written: &DiskUse) -> Self {
        let stop = CancellationToken::new();
        let watching = limit.map(|limit| {
            let watched = Watched {
                folders,
                limit,
                written: written.clone(),
            };
            tokio::spawn(watched.watch(stop.clone()))
        });
        Self { watching, stop }
    }

    /// Waits until the container has written more than it may, perhaps forever; returns that, as the end of a sentence
    /// about it. Safe to cancel.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Unexpected`] where what it writes cannot be counted any more.
    pub(crate) async fn over(&mut self) -> Result<String> {
        if let Some(watching) = &mut self.watching {
            let found = watching.await;
            self.watching = None;
            if let Some(why) = outcome(found)? {
                return Ok(why);
            }
        }
        std::future::pending().await
    }

    /// Looks a last time, at a container that has ended; returns what [`DiskWatch::over`] would have returned.
    ///
    /// # Errors
    ///
    /// Those of [`DiskWatch::over`].
    pub(crate) async fn end(mut self) -> Result<Option<String>> {
        self.stop.cancel();
        match self.watching.take() {
            Some(watching) => outcome(watching.await),
            None => Ok(None),
        }
    }
}

impl Drop for DiskWatch {
    fn drop(&mut self) {
        if let Some(watching) = &self.watching {
            watching.abort();
        }
    }
}

fn outcome(found: Result<Result<Option<String>>, tokio::task::JoinError>) -> Result<Option<String>> {
    found
        .map_err(std::io::Error::other)
        .context("what a container writes is no longer watched")?
}

/// What is watched.
#[derive(Clone)]
struct Watched {
    folders: Vec<PathBuf>,
    limit: u64,
    written: DiskUse,
}

/// What was counted last.
struct Counted {
    /// Bytes beyond what was there before.
    written: u64,
    at: Instant,
    took: Duration,
}

/// How much a file system was filled, in bytes. What somebody else frees meanwhile must not hide what a container writes,
/// so what was written between two looks is added up, and nothing is taken away.
#[derive(Default)]
struct Growth {
    /// What was in use at the last look.
    in_use: Option<u64>,
    since_count: u64,
    in_all: u64,
}

impl Growth {
    /// Takes in what is in use now.
    fn note(&mut self, in_use: u64) {
        let more = in_use.saturating_sub(self.in_use.unwrap_or(in_use));
        self.since_count = self.since_count.saturating_add(more);
        self.in_all = self.in_all.saturating_add(more);
        self.in_use = Some(in_use);
    }
}

impl Watched {
    /// Watches until more is written than may be, which is returned, or until it is to stop.
    async fn watch(self, stop: CancellationToken) -> Result<Option<String>> {
        let mut growth = Growth::default();
        let mut last: Option<Counted> = None;
        let mut failures = 0;
        let mut is_last = false;
        loop {
            match self.look(&mut growth, &mut last, is_last).await {
                Ok(Some(why)) => {
                    let _ = self.written.0.over.set(why.clone());
                    return Ok(Some(why));
                }
                Ok(None) => failures = 0,
                Err(error) => {
                    failures += 1;
                    if failures == MOST_FAILURES || is_last {
                        return Err(
                            Error::new(ErrorKind::Unexpected, "cannot count what a container writes")
                                .because(error)
                                .hint("correct that, or set `container.disk: off`"),
                        );
                    }
                }
            }
            if is_last {
                return Ok(None);
            }
            tokio::select! {
                () = stop.cancelled() => is_last = true,
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Counts, if there is a reason; returns why the container must end, if it must.
    async fn look(
        &self,
        growth: &mut Growth,
        last: &mut Option<Counted>,
        is_last: bool,
    ) -> std::io::Result<Option<String>> {
        growth.note(in_use(&self.folders[0])?);
        if let Some(last) = &*last {
            let may_be_over = growth.since_count >= self.limit.saturating_sub(last.written);
            let rest = match (may_be_over, is_last) {
                (true, true) => Duration::ZERO,
                // Whoever freed the file system meanwhile may hide what was written, and nobody looks after this.
                (true, false) | (false, true) => last.took * URGENT_SHARE,
                (false, false) => REST.max(last.took * SHARE),
            };
            if last.at.elapsed() < rest {
                return Ok(None);
            }
        }
        // What the folders do not show matters once the file system has lost that much.
        let is_suspicious = growth.in_all >= self.limit;
        let (watched, begun) = (self.clone(), Instant::now());
        let counting = tokio::task::spawn_blocking(move || watched.count(is_suspicious));
        let found = counting.await.map_err(std::io::Error::other)??;
        let before = *self.written.0.before.get_or_init(|| found.bytes);
        let written = found.bytes.saturating_sub(before);
        growth.since_count = 0;
        *last = Some(Counted {
            written,
            at: Instant::now(),
            took: begun.elapsed(),
        });
        Ok(self.judged(written, found.too_deep))
    }

    /// Counts what is in the folders; with `all`, what is hidden, too: in folders that may not be read, and in files
    /// without a name.
    fn count(&self, all: bool) -> std::io::Result<Usage> {
        let before = self.written.before();
        let most = before.map_or(u64::MAX, |before| before.saturating_add(self.limit));
        if !all {
            return usage(&self.folders, most, Unreadable::PassOver);
        }
        let mut found = usage(&self.folders, most, Unreadable::Open)?;
        if found.bytes <= most && before.is_some() {
            found.bytes = found.bytes.saturating_add(nameless_bytes(&self.folders[0]));
        }
        Ok(found)
    }

    fn judged(&self, written: u64, too_deep: bool) -> Option<String> {
        let limit = size_text(self.limit);
        if written > self.limit {
            return Some(format!("wrote more than `container.disk` ({limit}) to the disk"));
        }
        too_deep.then(|| "nested folders so deep that `container.disk` cannot count what is in them".to_owned())
    }
}

/// Returns whether what ended a command, as [`DiskWatch`] words it, is that it wrote too much.
pub(crate) fn is_over(how: &str) -> bool {
    how.contains("`container.disk`")
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::path::Path;

    use super::*;

    const SIZE: usize = 8 << 20;
    const LIMIT: u64 = SIZE as u64;

    fn begin(folder: &Path, limit: Option<u64>, written: &DiskUse) -> DiskWatch {
        DiskWatch::begin(vec![folder.to_owned()], limit, written)
    }

    /// Waits until it is known what was there before.
    async fn counted(written: &DiskUse) {
        while written.before().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_writes_more_than_allowed_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("there before"), vec![7; 2 * SIZE]).unwrap();
        let written = DiskUse::default();
        let mut watch = begin(folder.path(), Some(LIMIT), &written);
        counted(&written).await;
        fs::write(folder.path().join("a"), vec![7; SIZE / 2]).unwrap();
        assert!(tokio::time::timeout(2 * POLL, watch.over()).await.is_err());
        fs::write(folder.path().join("b"), vec![7; SIZE]).unwrap();
        // Where others free the file system at the same time, it does not ask for a count, and one is made after a rest.
        let why = tokio::time::timeout(3 * REST, watch.over()).await;
        assert_eq!(
            why.unwrap().unwrap(),
            "wrote more than `container.disk` (8m) to the disk"
        );
        assert!(
            written.is_over()
                && is_over("wrote more than `container.disk` (8m) to the disk")
                && !is_over("exited with 1")
        );
    }

    #[test]
    fn what_others_free_hides_nothing() {
        let mut growth = Growth::default();
        for in_use in [100, 90, 120, 20, 25] {
            growth.note(in_use);
        }
        assert_eq!((growth.since_count, growth.in_all), (35, 35));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_others_freed_hides_nothing_once_the_container_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let watched = Watched {
            folders: vec![folder.path().to_owned()],
            limit: LIMIT,
            written: DiskUse::after(Some(0)),
        };
        fs::write(folder.path().join("a"), vec![7; 2 * SIZE]).unwrap();
        let counted = |ago| Counted {
            written: 0,
            at: Instant::now().checked_sub(Duration::from_secs(ago)).unwrap(),
            took: Duration::from_secs(1),
        };
        // The file system does not seem to be any fuller.
        for (ago, is_last, is_found) in [(9, false, false), (9, true, true), (3, true, false)] {
            let (mut growth, mut last) = (Growth::default(), Some(counted(ago)));
            let found = watched.look(&mut growth, &mut last, is_last).await.unwrap();
            assert_eq!(found.is_some(), is_found, "{ago} s after a count, last: {is_last}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_written_before_a_pause_counts_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let written = DiskUse::default();
        let watch = begin(folder.path(), Some(LIMIT), &written);
        counted(&written).await;
        assert_eq!(watch.end().await.unwrap(), None);
        fs::write(folder.path().join("a"), vec![7; SIZE + 8192]).unwrap();
        let again = DiskUse::after(written.before());
        assert!(begin(folder.path(), Some(LIMIT), &again).end().await.unwrap().is_some());
        assert!(again.is_over() && !written.is_over());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_writes_and_ends_at_once_is_seen_too_and_without_a_limit_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        let written = DiskUse::default();
        let watch = begin(folder.path(), Some(LIMIT), &written);
        let unwatched = begin(folder.path(), None, &DiskUse::default());
        counted(&written).await;
        let mut file = File::create(folder.path().join("a")).unwrap();
        file.write_all(&vec![7; 2 * SIZE]).unwrap();
        assert!(watch.end().await.unwrap().is_some());
        assert_eq!(unwatched.end().await.unwrap(), None);
    }
}
