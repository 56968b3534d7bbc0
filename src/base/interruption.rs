//! Interruption: how far a person's request to stop has gone, and what would remain if the process ended now.
//!
//! A run is asked once: then nothing new begins, and work in progress has the configuration's `stop_grace`. Asked
//! again, or when that is over, it suspends its sessions at once. Nothing here handles signals: `signal.rs` does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::registry::{Registered, Registry};

/// A person's request to stop, which a run obeys; clones share it. A [`CancellationToken`] becomes one that can ask
/// only once.
#[derive(Clone, Debug, Default)]
pub struct Interruption {
    asked: CancellationToken,
    /// When it was asked for; the grace is counted from then.
    asked_at: Arc<OnceLock<Instant>>,
    insisted: CancellationToken,
}

impl From<CancellationToken> for Interruption {
    fn from(asked: CancellationToken) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }
}

impl Interruption {
    /// Asks the run to begin nothing new.
    pub fn ask(&self) {
        self.asked_at.get_or_init(Instant::now);
        self.asked.cancel();
    }

    /// Asks it to end work in progress, too, without a grace.
    pub fn insist(&self) {
        self.ask();
        self.insisted.cancel();
    }

    /// Returns whether nothing new may begin.
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until nothing new may begin.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Waits until work in progress must end: `grace` after the run was asked to stop, or when it is asked again. The
    /// grace is counted from the first request, whenever this is called.
    pub(crate) async fn over(&self, grace: Duration) {
        let after_grace = async {
            self.asked.cancelled().await;
            tokio::time::sleep_until(*self.asked_at.get_or_init(Instant::now) + grace).await;
        };
        tokio::select! {
            () = self.insisted.cancelled() => {}
            () = after_grace => {}
        }
    }

    /// Refuses to begin anything once the run was asked to stop.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Interrupted`].
    pub(crate) fn unless_asked(&self) -> Result<()> {
        if self.is_asked() { Err(interrupted()) } else { Ok(()) }
    }

    /// Does work that can be repeated without loss, unless it must end before it is done.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Interrupted`], and those of the work.
    pub(crate) async fn unless_over<T>(&self, grace: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.over(grace) => Err(interrupted()),
        }
    }
}

/// Returns the error that an interrupted run ends with.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the run was interrupted").hint("run `cordwainer resume` to continue")
}

/// What would remain if the process ended now: containers, worktrees, claims. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Leftovers {
    /// What the next run puts right.
    swept: Registry<String>,
    /// What nobody puts right, as sentences.
    stays: Registry<String>,
}

/// One thing that would remain, until this is dropped.
pub(crate) type LeftoverGuard = Registered<String>;

impl Leftovers {
    /// Notes that something exists from now on.
    pub(crate) fn note(&self, name: impl Into<String>) -> LeftoverGuard {
        self.swept.note(name.into())
    }

    /// Notes what a person would have to know if the process ended, in a sentence, because nothing cleans it up.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "commands alone leave such things"))]
    pub(crate) fn note_lasting(&self, sentence: impl Into<String>) -> LeftoverGuard {
        self.stays.note(sentence.into())
    }

    /// Returns the names of all that exist, oldest first.
    pub fn names(&self) -> Vec<String> {
        self.swept.all()
    }

    /// Returns the sentences about what nothing cleans up, oldest first.
    pub fn lasting(&self) -> Vec<String> {
        self.stays.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(20);

    /// Returns how many seconds pass until what is under way must end, where `deed` is done after five of them.
    async fn over_after(interruption: Interruption, deed: impl FnOnce(&Interruption)) -> u64 {
        let begun = Instant::now();
        let waiting = interruption.over(GRACE);
        let doing = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            deed(&interruption);
        };
        tokio::join!(waiting, doing);
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn the_grace_is_counted_from_the_first_word() {
        assert_eq!(over_after(Interruption::default(), Interruption::ask).await, 25);
        assert_eq!(over_after(Interruption::default(), Interruption::insist).await, 5);
        let asked_before = Interruption::default();
        asked_before.ask();
        assert_eq!(over_after(asked_before.clone(), Interruption::ask).await, 20);
        assert_eq!(
            over_after(asked_before, |_| {}).await,
            5,
            "it is over, but for the deed"
        );
        let token = CancellationToken::new();
        let outside = Interruption::from(token.clone());
        assert_eq!(over_after(outside.clone(), |_| token.cancel()).await, 25);
        assert!(outside.is_asked());
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_done_unless_it_is_over() {
        let interruption = Interruption::default();
        let slow = async |seconds| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(seconds)
        };
        assert_eq!(interruption.unless_over(GRACE, slow(100)).await.unwrap(), 100);
        interruption.ask();
        assert_eq!(interruption.unless_over(GRACE, slow(19)).await.unwrap(), 19);
        let error = interruption.unless_over(GRACE, slow(2)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn what_is_left_is_named_until_it_is_gone() {
        let left = Leftovers::default();
        let first = left.note("the container `a`");
        let second = left.clone().note("the worktree `b`");
        assert_eq!(left.names(), ["the container `a`", "the worktree `b`"]);
        drop(first);
        assert_eq!(left.names(), ["the worktree `b`"]);
        drop(second);
        assert_eq!(left.names(), Vec::<String>::new());
    }
}
