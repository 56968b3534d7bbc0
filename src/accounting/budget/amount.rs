//! Money and tokens side by side, as whole numbers: sums are then the same in any order.

use serde::{Deserialize, Serialize};

use crate::model::Usage;

/// Nanodollars in a dollar: the cheapest token costs some tens of them.
const NANODOLLARS: f64 = 1e9;

/// An amount of money, in nanodollars, and one of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pair<T> {
    pub(super) usd: T,
    pub(super) tokens: T,
}

/// What was used.
pub(super) type Amount = Pair<u64>;
/// What may be used at most; `None` means no limit.
pub(super) type Bound = Pair<Option<u64>>;

impl<T> Pair<T> {
    pub(super) fn map<U>(self, change: impl Fn(T) -> U) -> Pair<U> {
        Pair {
            usd: change(self.usd),
            tokens: change(self.tokens),
        }
    }

    pub(super) fn zip<U>(self, other: Pair<U>) -> Pair<(T, U)> {
        Pair {
            usd: (self.usd, other.usd),
            tokens: (self.tokens, other.tokens),
        }
    }
}

impl Amount {
    pub(super) fn of(usage: &Usage) -> Self {
        Self {
            usd: nanodollars(usage.cost_usd, u64::MAX),
            tokens: usage.tokens(),
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        self.zip(other).map(|(one, other)| one.saturating_add(other))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        self.zip(other).map(|(one, other)| one.saturating_sub(other))
    }

    /// Returns the larger of both, of money and of tokens.
    pub(super) fn or_more(self, other: Self) -> Self {
        self.zip(other).map(|(one, other)| one.max(other))
    }

    /// Returns one and a half times as much.
    pub(super) fn and_a_half(self) -> Self {
        self.map(|one| one.saturating_add(one / 2))
    }

    /// Returns whether it is more than `bound` allows, of money or of tokens.
    pub(super) fn passes(self, bound: Bound) -> bool {
        let over = self.zip(bound).map(|(used, most)| most.is_some_and(|most| used > most));
        over.usd || over.tokens
    }
}

impl Bound {
    /// Converts limits of the configuration. One that is not a number allows nothing.
    pub(super) fn new(usd: Option<f64>, tokens: Option<u64>) -> Self {
        Self {
            usd: usd.map(|usd| nanodollars(usd, 0)),
            tokens,
        }
    }
}

/// Converts money to a whole number; `nonsense` is the result for a value that is not a number. Negative money is zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast of a float saturates, as intended"
)]
pub(super) fn nanodollars(usd: f64, nonsense: u64) -> u64 {
    if usd.is_nan() {
        nonsense
    } else {
        (usd * NANODOLLARS).round() as u64
    }
}

/// Converts the whole number back to money in US dollars.
#[expect(clippy::cast_precision_loss, reason = "exact up to nine million dollars")]
pub(super) fn dollars(nanodollars: u64) -> f64 {
    nanodollars as f64 / NANODOLLARS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_reckoned_whole_and_nonsense_on_the_safe_side() {
        for (usd, used, limit) in [
            (0.1 + 0.2, 300_000_000, 300_000_000),
            (0.000_001_61, 1610, 1610),
            (-1.0, 0, 0),
            (f64::INFINITY, u64::MAX, u64::MAX),
            (f64::NEG_INFINITY, 0, 0),
            (f64::NAN, u64::MAX, 0),
        ] {
            let usage = Usage {
                cost_usd: usd,
                ..Usage::default()
            };
            assert_eq!(Amount::of(&usage).usd, used, "{usd}");
            assert_eq!(Bound::new(Some(usd), None).usd, Some(limit), "{usd}");
        }
        assert_eq!(
            Bound::new(None, Some(7)),
            Bound {
                usd: None,
                tokens: Some(7)
            }
        );
    }
}
