//! How much of an account's windows is used, in the heads of the API's answers.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::limits::PREFIX;

/// The greatest share that is believed: an account can go a little beyond its window, and a share far above 1 is none.
const MOST: f64 = 2.0;
/// How far the clocks of the API and of this machine may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// A time in which an account may use so much and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// Of five hours.
    FiveHour,
    /// Of seven days.
    SevenDay,
}

impl Window {
    const EACH: [Self; 2] = [Self::FiveHour, Self::SevenDay];

    /// Returns its abbreviation in the names of headers, and its name where it is the limit that is nearest.
    fn in_headers(self) -> (&'static str, &'static str) {
        match self {
            Self::FiveHour => ("5h", "five_hour"),
            Self::SevenDay => ("7d", "seven_day"),
        }
    }

    /// Returns how long it lasts.
    fn length(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::FiveHour => 5,
            Self::SevenDay => 7 * 24,
        })
    }

    /// Returns it as a person calls it, such as `5-hour window`.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::FiveHour => "5-hour window",
            Self::SevenDay => "7-day window",
        }
    }
}

/// How much of a window is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowUse {
    /// Which window.
    pub window: Window,
    /// How much is used, in thousandths of what may be: [`Self::ALL`] at most.
    pub used: u16,
    /// When nothing of it is used any more.
    pub resets_at: Timestamp,
}

impl WindowUse {
    /// All of a window, in thousandths.
    pub const ALL: u16 = 1000;

    /// Reads what an answer's headers report, leniently: a window whose share or reset is missing or invalid is left out.
    /// `header` looks one up by its lower-case name.
    pub(crate) fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Vec<Self> {
        let find = |name: &str| header(&format!("{PREFIX}{name}"));
        let moment = |text: &str| Timestamp::from_second(text.parse().ok()?).ok();
        let read = |window: Window| {
            let (abbreviation, claim) = window.in_headers();
            let used = find(&format!("{abbreviation}-utilization")).and_then(share)?;
            let is_nearest = find("representative-claim") == Some(claim);
            let reset = find(&format!("{abbreviation}-reset")).or_else(|| find("reset").filter(|_| is_nearest));
            Some(Self {
                window,
                used,
                resets_at: reset.and_then(moment)?,
            })
        };
        Window::EACH.into_iter().filter_map(read).collect()
    }

    /// Returns whether this holds at a moment: the reset is still to come, and no farther away than the window is long.
    pub fn holds(&self, now: Timestamp) -> bool {
        let left = self.resets_at.duration_since(now);
        left.is_positive() && left <= self.window.length().saturating_add(SKEW)
    }

    /// Returns how much is left, in thousandths.
    pub fn left(&self) -> u16 {
        Self::ALL.saturating_sub(self.used)
    }
}

/// Reads a share of 1 in thousandths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is from 0 to 1000"
)]
fn share(text: &str) -> Option<u16> {
    let share: f64 = text.parse().ok()?;
    let is_believed = (0.0..=MOST).contains(&share);
    is_believed.then(|| (share.min(1.0) * f64::from(WindowUse::ALL)).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_257_035;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn read(headers: &[(&str, &str)]) -> Vec<WindowUse> {
        WindowUse::read(|name| {
            let name = name.strip_prefix(PREFIX)?;
            headers
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| *value)
        })
    }

    fn of(window: Window, used: u16, resets_at: i64) -> WindowUse {
        WindowUse {
            window,
            used,
            resets_at: at(resets_at),
        }
    }

    #[test]
    fn both_windows_are_read_each_with_its_own_reset() {
        let headers = [
            ("status", "allowed"),
            ("representative-claim", "five_hour"),
            ("reset", "1795260000"),
            ("5h-utilization", "0.28"),
            ("5h-reset", "1795260000"),
            ("7d-utilization", "0.905"),
            ("7d-reset", "1795800000"),
        ];
        let (near, far) = (
            of(Window::FiveHour, 280, 1_795_260_000),
            of(Window::SevenDay, 905, 1_795_800_000),
        );
        assert_eq!(read(&headers), [near, far]);
        assert_eq!((near.left(), far.left()), (720, 95));
        // Without resets of their own, that of the nearest limit is known.
        let older: Vec<_> = headers
            .into_iter()
            .filter(|(name, _)| !matches!(*name, "5h-reset" | "7d-reset"))
            .collect();
        assert_eq!(read(&older), [near]);
        assert_eq!(read(&headers[..3]), []);
    }

    #[test]
    fn a_share_or_a_reset_that_is_none_counts_for_nothing() {
        let shares = ["", "lots", "NaN", "inf", "-0.1", "95", "2.001", "0,95", "1e300", "0x1"];
        for share in shares {
            assert_eq!(
                read(&[("5h-utilization", share), ("5h-reset", "1795260000")]),
                [],
                "{share}"
            );
        }
        for reset in [
            "",
            "soon",
            "1795260000.5",
            "99999999999999999999",
            "9e9",
            "-377705116801",
        ] {
            assert_eq!(read(&[("5h-utilization", "0.95"), ("5h-reset", reset)]), [], "{reset}");
        }
        for (share, used) in [
            ("0", 0),
            ("0.9", 900),
            ("0.9995", 1000),
            ("1", WindowUse::ALL),
            ("1.04", WindowUse::ALL),
        ] {
            let seen = read(&[("7d-utilization", share), ("7d-reset", "1795260000")]);
            assert_eq!(seen, [of(Window::SevenDay, used, 1_795_260_000)], "{share}");
        }
    }

    #[test]
    fn a_window_holds_until_its_reset_which_is_no_farther_than_it_is_long() {
        const HOUR: i64 = 3600;
        for (window, reset, holds) in [
            (Window::FiveHour, 1, true),
            (Window::FiveHour, 0, false),
            (Window::FiveHour, -1, false),
            (Window::FiveHour, 5 * HOUR + 900, true),
            (Window::FiveHour, 5 * HOUR + 901, false),
            (Window::SevenDay, 6 * HOUR, true),
            (Window::SevenDay, 7 * 24 * HOUR, true),
            (Window::SevenDay, 8 * 24 * HOUR, false),
        ] {
            assert_eq!(of(window, 950, NOW + reset).holds(at(NOW)), holds, "{window:?} {reset}");
        }
        assert!(!of(Window::FiveHour, 950, 253_402_207_200).holds(Timestamp::MIN));
    }
}
