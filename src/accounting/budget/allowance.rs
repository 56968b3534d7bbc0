//! What one call may use.

use super::amount::{Bound, dollars};

/// The most that a call may use; `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Allowance {
    /// US dollars.
    pub usd: Option<f64>,
    /// Tokens, read and written.
    pub tokens: Option<u64>,
}

impl Allowance {
    pub(super) fn from_bound(bound: Bound) -> Self {
        Self {
            usd: bound.usd.map(dollars),
            tokens: bound.tokens,
        }
    }

    pub(super) fn bound(&self) -> Bound {
        Bound::new(self.usd, self.tokens)
    }

    /// Returns the value of `--max-budget-usd`: the client checks its own limit only between two answers of the model,
    /// so it may exceed that by one. The possible cost of an answer is held back, estimated by the highest average turn
    /// so far, but never more than half; a tenth where there is no such turn.
    pub(crate) fn for_client(&self, dearest_turn_usd: f64) -> Option<f64> {
        let usd = dollars(self.bound().usd?);
        let least = if dearest_turn_usd > 0.0 {
            (usd - dearest_turn_usd * 1.5).max(usd / 2.0)
        } else {
            usd * 0.9
        };
        // A person may read it, so it has no more digits than are significant.
        Some((least * 1e6).round() / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_less_than_the_allowance() {
        for (usd, dearest_turn, expect) in [
            (Some(10.0), 0.2, Some(9.7)),
            (Some(10.0), 4.0, Some(5.0)),
            (Some(10.0), f64::INFINITY, Some(5.0)),
            (Some(10.0), 0.0, Some(9.0)),
            (Some(10.0), f64::NAN, Some(9.0)),
            (Some(f64::NAN), 0.1, Some(0.0)),
            (None, 0.1, None),
        ] {
            let allowance = Allowance { usd, tokens: None };
            assert_eq!(allowance.for_client(dearest_turn), expect, "{usd:?} {dearest_turn}");
        }
    }
}
