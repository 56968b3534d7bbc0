//! How long to wait before calls that met passing failures are made again.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::RetryConfig;

/// Whether failing infrastructure is given some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rest {
    /// It is not: what was called last got through.
    #[default]
    None,
    /// It is: how long is still to be drawn.
    Owed,
    /// It is until then.
    Until(Timestamp),
}

impl Rest {
    /// Returns whether it is given time at this moment.
    pub(crate) fn is_on(self, now: Timestamp) -> bool {
        match self {
            Self::None => false,
            Self::Owed => true,
            Self::Until(until) => until > now,
        }
    }
}

/// Pauses that grow from failure to failure, up to a ceiling, with chance in them: runs that failed together do not
/// come back together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BackOff {
    initial: Duration,
    factor: f64,
    ceiling: Duration,
}

impl BackOff {
    /// Builds the pauses that a configuration asks for. A factor that would shrink them, or is not a number, counts as
    /// 1.
    pub(crate) fn new(config: &RetryConfig) -> Self {
        Self {
            initial: config.initial.min(config.ceiling),
            factor: config.factor.max(1.0),
            ceiling: config.ceiling,
        }
    }

    /// Returns the pause after so many failures in a row, counted from 1: half of [`BackOff::longest`] for certain, and
    /// of the other half the share `random`, a number from 0 to 1. No failure, no pause.
    pub(crate) fn delay(&self, failures_in_a_row: u32, random: f64) -> Duration {
        let longest = self.longest(failures_in_a_row);
        let half = longest / 2;
        let share = if random.is_finite() {
            random.clamp(0.0, 1.0)
        } else {
            1.0
        };
        half + half.mul_f64(share).min(half)
    }

    /// Returns the longest pause after so many failures in a row: it never shrinks as they go on, and never passes the
    /// ceiling.
    pub(crate) fn longest(&self, failures_in_a_row: u32) -> Duration {
        let Some(earlier) = failures_in_a_row.checked_sub(1) else {
            return Duration::ZERO;
        };
        if self.initial.is_zero() {
            return Duration::ZERO;
        }
        // Far enough along, the power is infinite; what no duration can hold is the ceiling.
        let seconds = self.initial.as_secs_f64() * self.factor.powf(f64::from(earlier));
        let grown = Duration::try_from_secs_f64(seconds).unwrap_or(self.ceiling);
        grown.clamp(self.initial, self.ceiling)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    fn back_off(initial: Duration, factor: f64, ceiling: Duration) -> BackOff {
        BackOff::new(&RetryConfig {
            initial,
            factor,
            ceiling,
            ..Config::default().retry
        })
    }

    #[test]
    fn pauses_double_up_to_the_ceiling() {
        let back_off = BackOff::new(&Config::default().retry);
        let cases = [
            (0, 0, 0),
            (1, 2500, 5000),
            (2, 5000, 10_000),
            (3, 10_000, 20_000),
            (6, 80_000, 160_000),
            (7, 150_000, 300_000),
            (u32::MAX, 150_000, 300_000),
        ];
        for (failures, least, most) in cases {
            let milliseconds = |random| back_off.delay(failures, random).as_millis();
            assert_eq!((milliseconds(0.0), milliseconds(1.0)), (least, most), "{failures}");
            assert_eq!(milliseconds(0.5), u128::midpoint(least, most), "{failures}");
        }
    }

    #[test]
    fn odd_configurations_make_pauses_all_the_same() {
        let second = Duration::from_secs(1);
        let cases = [
            (second, 0.5, second * 9, 5, second),
            (second, f64::NAN, second * 9, 5, second),
            (second, f64::NEG_INFINITY, second * 9, 5, second),
            (second, f64::INFINITY, second * 9, 1, second),
            (second, f64::INFINITY, second * 9, 2, second * 9),
            (second * 9, 2.0, second, 1, second),
            (Duration::ZERO, f64::INFINITY, second, 7, Duration::ZERO),
            (Duration::MAX, 2.0, Duration::MAX, 9, Duration::MAX),
        ];
        for (initial, factor, ceiling, failures, expect) in cases {
            let longest = back_off(initial, factor, ceiling).longest(failures);
            assert_eq!(longest, expect, "{initial:?} × {factor}, {failures} failures");
        }
    }

    proptest! {
        #[test]
        fn pauses_are_bounded_and_never_shrink(
            initial in any::<Duration>(),
            factor in any::<f64>(),
            ceiling in any::<Duration>(),
            failures in any::<u32>(),
            random in any::<f64>(),
        ) {
            let back_off = back_off(initial, factor, ceiling);
            let (this, next) = (back_off.longest(failures), back_off.longest(failures.saturating_add(1)));
            prop_assert!(this <= next && next <= ceiling);
            let delay = back_off.delay(failures, random);
            prop_assert!(this / 2 <= delay && delay <= this);
        }

        #[test]
        fn more_chance_is_more_pause(failures in 0_u32..40, one in 0.0..1.0, other in 0.0..1.0) {
            let back_off = BackOff::new(&Config::default().retry);
            let delay = |random: f64| back_off.delay(failures, random);
            prop_assert!(delay(f64::min(one, other)) <= delay(f64::max(one, other)));
        }
    }
}
