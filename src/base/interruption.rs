//! Interruption: how far a person's request to stop has gone, and what would remain if the process ended now.
//!
//! A run is asked once: then nothing new begins, and work in progress has the configuration's `stop_grace`. Asked
//! again, or when that is over, it suspends its sessions at once. Nothing here handles signals, which `signal.rs` does,
//! or the requests of other processes, which `run/requests.rs` does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::base::error::{Error, ErrorKind, Result};
use crate::base::registry::{Registered, Registry};

/// A person's request to stop, which a run obeys; clones share it, and it belongs to one run: whoever stops that run from
/// elsewhere asks through it, too. A [`CancellationToken`] becomes one that can ask only once, and stays as it is when
/// somebody else asks.
#[derive(Clone, Debug, Default)]
pub struct Interruption {
    asked: CancellationToken,
    /// When it was asked for, and by which way; the grace is counted from then.
    first: Arc<OnceLock<First>>,
    insisted: CancellationToken,
}

/// The first request to stop.
#[derive(Clone, Copy, Debug)]
struct First {
    at: Instant,
    way: Way,
}

/// The way by which a run was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A signal, or the program that began the run.
    Interrupted,
    /// `cordwainer runs stop`.
    Requested,
}

impl First {
    fn now(way: Way) -> Self {
        Self {
            at: Instant::now(),
            way,
        }
    }
}

impl From<CancellationToken> for Interruption {
    fn from(asked: CancellationToken) -> Self {
        Self {
            asked: asked.child_token(),
            ..Self::default()
        }
    }
}

impl Interruption {
    /// Asks the run to begin nothing new.
    pub fn ask(&self) {
        self.ask_by(Way::Interrupted);
    }

    /// Asks for that, and with `now` to end work in progress, too, because another process requested it. Returns whether
    /// that was not asked for before.
    pub(crate) fn request(&self, now: bool) -> bool {
        let is_new = !self.is_asked() || now && !self.insisted.is_cancelled();
        self.ask_by(Way::Requested);
        if now {
            self.insisted.cancel();
        }
        is_new
    }

    fn ask_by(&self, way: Way) {
        // A token of the program's may have asked before, unseen.
        let way = if self.is_asked() { Way::Interrupted } else { way };
        self.first.get_or_init(|| First::now(way));
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
            tokio::time::sleep_until(self.first.get_or_init(|| First::now(Way::Interrupted)).at + grace).await;
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
        if self.is_asked() { Err(self.error()) } else { Ok(()) }
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
            () = self.over(grace) => Err(self.error()),
        }
    }

    /// Returns why a run ends that was asked to, for a person.
    pub(crate) fn why(&self) -> &'static str {
        match self.way() {
            Way::Interrupted => "interrupted",
            Way::Requested => "stopped, as requested by `cordwainer runs stop`",
        }
    }

    /// Returns the error that a run ends with which was asked to.
    pub(crate) fn error(&self) -> Error {
        let error = match self.way() {
            Way::Interrupted => return interrupted(),
            Way::Requested => Error::new(
                ErrorKind::Interrupted,
                "the run was stopped, as requested by `cordwainer runs stop`",
            ),
        };
        error.hint(TO_CONTINUE)
    }

    fn way(&self) -> Way {
        self.first.get().map_or(Way::Interrupted, |first| first.way)
    }
}

/// Returns the error that an interrupted run ends with.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "the run was interrupted").hint(TO_CONTINUE)
}

const TO_CONTINUE: &str = "run `cordwainer resume` to continue";

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

    #[test]
    fn the_first_word_says_why_a_run_ends_and_a_programs_token_is_its_own() {
        let by_signal = Interruption::default();
        by_signal.ask();
        assert!(!by_signal.request(false) && by_signal.request(true) && !by_signal.request(true));
        assert_eq!(by_signal.why(), "interrupted");
        let requested = Interruption::default();
        assert!(requested.request(false) && !requested.request(false));
        requested.insist();
        assert!(!requested.request(true));
        assert_eq!(requested.why(), "stopped, as requested by `cordwainer runs stop`");
        assert_eq!(requested.error().kind(), ErrorKind::Interrupted);
        let token = CancellationToken::new();
        let outside = Interruption::from(token.clone());
        assert!(outside.request(true) && outside.is_asked());
        assert!(!token.is_cancelled());
        let asked_by_token = Interruption::from(token.clone());
        token.cancel();
        assert!(!asked_by_token.request(false));
        assert_eq!(asked_by_token.why(), "interrupted");
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
