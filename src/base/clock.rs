//! Time, identifiers and random numbers, fixed in tests: no other code of the library reads the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::base::error::{Context as _, Result};
#[cfg(feature = "crash-points")]
use crate::base::testing;

/// The longest sleep before the wall clock is read again.
const LEG: SignedDuration = SignedDuration::from_secs(30);
/// The longest one by a clock that a test sets.
#[cfg(feature = "crash-points")]
const LEG_OF_A_TEST: SignedDuration = SignedDuration::from_millis(100);

/// The source of time, identifiers and random numbers: the machine, or a fixed start that advances by itself.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine,
    Fixed {
        start: Timestamp,
        ticks: Arc<AtomicU64>,
        draws: Arc<AtomicU64>,
    },
}

impl Clock {
    /// Builds the real clock.
    pub fn machine() -> Self {
        Self(Source::Machine)
    }

    /// Builds a clock that begins at `start` and advances one second each time it is asked.
    pub fn fixed(start: Timestamp) -> Self {
        Self(Source::Fixed {
            start,
            ticks: Arc::default(),
            draws: Arc::default(),
        })
    }

    /// Returns the present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Machine => wall(),
            Source::Fixed { start, ticks, .. } => {
                let seconds = ticks.fetch_add(1, Ordering::Relaxed);
                *start + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
            }
        }
    }

    /// Returns the token that identifies a call in its requests: 128 bits from the system's own random source, as 32
    /// hexadecimal digits. A fixed clock counts instead.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Unexpected`](crate::base::error::ErrorKind::Unexpected), where the system provides no
    /// random bytes.
    pub fn token(&self) -> Result<String> {
        Ok(format!("{:032x}", self.bits()?))
    }

    /// Returns 128 bits from the system's own random source, for tokens and ids. A fixed clock counts instead.
    pub(crate) fn bits(&self) -> Result<u128> {
        Ok(match &self.0 {
            Source::Machine => {
                let mut bytes = [0; 16];
                let flags = rustix::rand::GetRandomFlags::empty();
                // So few bytes are returned whole, or not at all.
                rustix::rand::getrandom(&mut bytes, flags).context("the system provides no random bytes")?;
                u128::from_ne_bytes(bytes)
            }
            Source::Fixed { draws, .. } => draws.fetch_add(1, Ordering::Relaxed).into(),
        })
    }

    /// Returns a number from 0 (included) to 1 (excluded), for the jitter of pauses and for nothing secret. A fixed
    /// clock returns the same sequence each time; drawing from it does not move the time.
    pub fn random(&self) -> f64 {
        match &self.0 {
            Source::Machine => fastrand::f64(),
            Source::Fixed { draws, .. } => {
                // Steps of the golden ratio never repeat and spread evenly.
                let draw = u32::try_from(draws.fetch_add(1, Ordering::Relaxed) % 1_000_000).unwrap_or(0);
                (f64::from(draw) * 0.618_033_988_749_895).fract()
            }
        }
    }

    /// Waits until `until`; a fixed clock does not wait, it jumps there.
    ///
    /// A wall clock that is set back meanwhile does not make the wait longer than it was at the beginning, except for a
    /// second and a thousandth.
    pub async fn sleep_until(&self, until: Timestamp) {
        match &self.0 {
            Source::Machine => sleep_in_legs(until, leg(), wall).await,
            Source::Fixed { start, ticks, .. } => {
                let seconds = until.duration_since(*start).as_secs();
                ticks.fetch_max(u64::try_from(seconds).unwrap_or(0), Ordering::Relaxed);
            }
        }
    }
}

/// Reads the machine's wall clock.
#[cfg(not(feature = "crash-points"))]
fn wall() -> Timestamp {
    Timestamp::now()
}

/// Reads the machine's wall clock, as a test has set it.
#[cfg(feature = "crash-points")]
fn wall() -> Timestamp {
    later(Timestamp::now(), SignedDuration::from_secs(testing::clock_is_off()))
}

/// Returns the longest sleep before the wall clock is read again.
#[cfg(not(feature = "crash-points"))]
fn leg() -> SignedDuration {
    LEG
}

/// Returns the longest sleep before the wall clock is read again, which a test may have set.
#[cfg(feature = "crash-points")]
fn leg() -> SignedDuration {
    if testing::sets_the_clock() { LEG_OF_A_TEST } else { LEG }
}

/// Returns for how long the machine is up, its sleep included: setting its clock does not change that.
pub(crate) fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Sleeps until the wall clock reads `until`, or until the monotonic clock shows that as much time has passed as was
/// left at the beginning. Only the wall clock counts the time that a machine is suspended, and only the monotonic one
/// cannot be set back: so both are read after each short sleep.
async fn sleep_in_legs(until: Timestamp, leg: SignedDuration, wall: impl Fn() -> Timestamp) {
    let begun = Instant::now();
    let left_at_first = until.duration_since(wall());
    let longest = left_at_first
        .saturating_add(left_at_first / 1000)
        .saturating_add(SignedDuration::from_secs(1));
    loop {
        let passed = signed(begun.elapsed());
        let left = until.duration_since(wall()).min(longest.saturating_sub(passed));
        if left <= SignedDuration::ZERO {
            return;
        }
        tokio::time::sleep(left.min(leg).unsigned_abs()).await;
    }
}

/// Returns the moment so much later; the end of time if there is none.
pub(crate) fn later(moment: Timestamp, wait: SignedDuration) -> Timestamp {
    moment.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// Converts a duration to jiff's type; the longest possible one if it is longer.
pub(crate) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "2026-11-21T09:30:00Z";

    fn start() -> Timestamp {
        START.parse().unwrap()
    }

    /// Waits for an hour by a wall clock that is `wrong` by so many seconds from ten minutes on; returns how many
    /// seconds really passed.
    async fn really_waited(wrong: i64) -> u64 {
        let begun = Instant::now();
        let wall = || {
            let passed = begun.elapsed();
            let jump = if passed < Duration::from_secs(600) { 0 } else { wrong };
            start() + SignedDuration::try_from(passed).unwrap() + SignedDuration::from_secs(jump)
        };
        sleep_in_legs(start() + SignedDuration::from_hours(1), LEG, wall).await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_jumps_makes_no_wait_longer() {
        let cases = [(0, 3600), (1800, 1800), (86_400, 600), (-1800, 3604), (-86_400, 3604)];
        for (wrong, expect) in cases {
            let waited = really_waited(wrong).await;
            assert!(waited.abs_diff(expect) <= 1, "{wrong}: {waited}, not {expect}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_past_is_not_waited_for() {
        let begun = Instant::now();
        sleep_in_legs(Timestamp::MIN, LEG, start).await;
        sleep_in_legs(start(), LEG, start).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[test]
    fn chance_is_even_and_leaves_a_fixed_clock_alone() {
        for clock in [Clock::machine(), Clock::fixed(start())] {
            let drawn: Vec<f64> = (0..1000).map(|_| clock.random()).collect();
            assert!(drawn.iter().all(|number| (0.0..1.0).contains(number)));
            let lower = drawn.iter().filter(|number| **number < 0.5).count();
            assert!((400..600).contains(&lower), "{lower} of 1000 are below a half");
        }
        let (one, other) = (Clock::fixed(start()), Clock::fixed(start()));
        assert_eq!(one.random().to_bits(), other.random().to_bits());
        assert_ne!(one.random().to_bits(), one.random().to_bits());
        assert_eq!(one.now(), start());
    }
}
