//! Until when an account is not asked: because a usage limit was met, what is left of it is a reserve, or its login has
//! expired.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::base::clock::{later, signed};
use crate::config::LimitWait;

/// How long after a reset calls are made again: the clocks of client and API differ a little.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// The farthest reset that is believed: no limit lasts longer than a month.
const FARTHEST: SignedDuration = SignedDuration::from_hours(32 * 24);

/// What holds an account's calls up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// A usage limit, which is lifted by itself.
    Limit,
    /// A usage limit beyond which paid overage was being used.
    Overage,
    /// A login that has expired: a person logs in again.
    Login,
    /// What is left of a window is to be left.
    Reserve,
}

/// What holds calls up, as a call met it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitMet {
    /// When it is lifted, if that is known.
    pub resets_at: Option<Timestamp>,
    /// What was reported of it.
    pub reason: String,
    /// What it is.
    pub cause: PauseCause,
}

/// A time in which no call of an account is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The account, by the base URL of its API; `None` is the client's default.
    pub account: Option<String>,
    /// When calls are made again.
    pub until: Timestamp,
    /// When the limit is lifted, if anything believable named it.
    pub resets_at: Option<Timestamp>,
    /// What was reported of the limit.
    pub reason: String,
    /// What it is made for.
    pub cause: PauseCause,
    /// When the pause was made.
    pub noted_at: Timestamp,
}

impl Pause {
    /// Builds the pause that a limit calls for.
    ///
    /// It lasts until the reset and [`MARGIN`]. A reset that is past already is believed once: after the margin the
    /// account is asked again. When `earlier_in_a_row` shows that this was tried, when it is not known when the limit
    /// is lifted, or when that is too far away to be true, the pause lasts `default_wait`, and never less than the
    /// margin.
    pub fn new(
        account: Option<String>,
        limit: LimitMet,
        earlier_in_a_row: u32,
        default_wait: Duration,
        now: Timestamp,
    ) -> Self {
        let resets_at = limit.resets_at.filter(|reset| reset.duration_since(now) <= FARTHEST);
        let until = match resets_at {
            Some(reset) if reset > now => later(reset, MARGIN),
            Some(_) if earlier_in_a_row == 0 => later(now, MARGIN),
            _ => later(now, signed(default_wait).max(MARGIN)),
        };
        Self {
            account,
            until,
            resets_at,
            reason: limit.reason,
            cause: limit.cause,
            noted_at: now,
        }
    }

    /// Returns how much of the pause is left; zero when it is over. A clock that was set back does not lengthen it
    /// beyond what it was when it was noted.
    pub fn remaining(&self, now: Timestamp) -> SignedDuration {
        let at_first = self.until.duration_since(self.noted_at);
        let left = self.until.duration_since(now);
        left.min(at_first).max(SignedDuration::ZERO)
    }

    /// Returns whether the configuration waits this out. Overage never is: a person decides about money.
    pub fn is_patient(&self, wait: LimitWait, now: Timestamp) -> bool {
        let patient = match wait {
            LimitWait::Never => false,
            LimitWait::UpTo(most) => self.remaining(now) <= signed(most),
            LimitWait::Always => true,
        };
        patient && self.cause != PauseCause::Overage
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_253_435 + seconds).unwrap()
    }

    fn limit(resets_at: Option<Timestamp>) -> LimitMet {
        LimitMet {
            resets_at,
            reason: "You've hit your limit".into(),
            cause: PauseCause::Limit,
        }
    }

    fn pause(reset: Option<i64>, earlier: u32) -> Pause {
        Pause::new(None, limit(reset.map(at)), earlier, HOUR, at(0))
    }

    #[test]
    fn a_pause_lasts_until_the_reset_and_a_margin() {
        const DAY: i64 = 86_400;
        let cases = [
            (Some(1800), 0, 1860, Some(1800)),
            (Some(1800), 3, 1860, Some(1800)),
            (Some(7 * DAY), 0, 7 * DAY + 60, Some(7 * DAY)),
            (Some(32 * DAY), 0, 32 * DAY + 60, Some(32 * DAY)),
            (Some(32 * DAY + 1), 0, 3600, None),
            (Some(0), 0, 60, Some(0)),
            (Some(-5 * DAY), 0, 60, Some(-5 * DAY)),
            (Some(-5 * DAY), 1, 3600, Some(-5 * DAY)),
            (None, 0, 3600, None),
            (None, 9, 3600, None),
        ];
        for (reset, earlier, until, believed) in cases {
            let pause = pause(reset, earlier);
            assert_eq!(
                (pause.until, pause.resets_at),
                (at(until), believed.map(at)),
                "{reset:?}"
            );
            assert_eq!(pause.noted_at, at(0));
        }
    }

    #[test]
    fn no_wait_is_nothing_and_none_is_endless() {
        let none = Pause::new(None, limit(None), 0, Duration::ZERO, at(0));
        assert_eq!(none.until, at(60));
        let endless = Pause::new(None, limit(None), 0, Duration::MAX, at(0));
        assert_eq!(endless.until, Timestamp::MAX);
        let last = Pause::new(None, limit(Some(Timestamp::MAX)), 0, HOUR, Timestamp::MAX);
        assert_eq!(last.until, Timestamp::MAX);
    }

    #[test]
    fn a_clock_that_was_set_back_lengthens_nothing() {
        let pause = pause(Some(1800), 0);
        let cases = [
            (0, 1860),
            (60, 1800),
            (1859, 1),
            (1860, 0),
            (9999, 0),
            (-60, 1860),
            (-99_999, 1860),
        ];
        for (now, left) in cases {
            assert_eq!(pause.remaining(at(now)), SignedDuration::from_secs(left), "{now}");
        }
    }

    #[test]
    fn patience_is_measured_by_what_is_left() {
        let up_to = |seconds| LimitWait::UpTo(Duration::from_secs(seconds));
        let cases = [
            (LimitWait::Never, 0, false),
            (LimitWait::Always, 0, true),
            (up_to(1859), 0, false),
            (up_to(1860), 0, true),
            (up_to(900), 960, true),
            (up_to(900), -60, false),
            (LimitWait::UpTo(Duration::MAX), 0, true),
        ];
        for (wait, now, patient) in cases {
            let pause = pause(Some(1800), 0);
            assert_eq!(pause.is_patient(wait, at(now)), patient, "{wait:?} {now}");
            let paying = Pause {
                cause: PauseCause::Overage,
                ..pause
            };
            assert!(!paying.is_patient(wait, at(now)), "{wait:?} {now}");
        }
    }

    fn moment() -> impl Strategy<Value = Timestamp> {
        let seconds = Timestamp::MIN.as_second()..Timestamp::MAX.as_second();
        seconds.prop_map(|second| Timestamp::from_second(second).unwrap())
    }

    proptest! {
        #[test]
        fn no_clock_makes_a_pause_empty_or_longer(
            reset in prop::option::of(moment()),
            earlier in any::<u32>(),
            wait in any::<Duration>(),
            now in moment(),
            later in moment(),
        ) {
            let pause = Pause::new(None, limit(reset), earlier, wait, now);
            prop_assert!(pause.until > now);
            prop_assert!(pause.remaining(later) >= SignedDuration::ZERO);
            prop_assert!(pause.remaining(later) <= pause.remaining(now));
        }
    }
}
