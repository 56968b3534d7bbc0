//! What tokens cost, where no client has said so.

use super::Usage;

/// US dollars for a million tokens of each kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Tokens read that no cache held.
    pub input: f64,
    /// Tokens written to the cache.
    pub cache_write: f64,
    /// Tokens read from the cache.
    pub cache_read: f64,
    /// Tokens produced.
    pub output: f64,
}

/// The dearest list price of a current family, so that nothing is reckoned too low: Claude Opus 4.1, as Anthropic
/// publishes it. A cache write of five minutes costs 1.25 times the input, a cache read a tenth of it.
impl Default for Rates {
    fn default() -> Self {
        Self {
            input: 15.0,
            cache_write: 18.75,
            cache_read: 1.5,
            output: 75.0,
        }
    }
}

impl Rates {
    /// What the tokens of `usage` cost at these rates, in US dollars; what it says of its cost counts for nothing.
    pub fn cost(&self, usage: &Usage) -> f64 {
        let parts = [
            (usage.input, self.input),
            (usage.cache_write, self.cache_write),
            (usage.cache_read, self.cache_read),
            (usage.output, self.output),
        ];
        parts.into_iter().map(|(count, rate)| float(count) * rate / 1e6).sum()
    }

    /// The default rates, scaled so that they give what `usage` cost; `None` without tokens or without a cost.
    pub fn learned(usage: &Usage) -> Option<Self> {
        let listed = Self::default();
        let scale = usage.cost_usd / listed.cost(usage);
        (scale.is_finite() && scale > 0.0).then_some(Self {
            input: listed.input * scale,
            cache_write: listed.cache_write * scale,
            cache_read: listed.cache_read * scale,
            output: listed.output * scale,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "no call uses 2^53 tokens")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIONS: Usage = Usage {
        input: 1_000_000,
        cache_write: 2_000_000,
        cache_read: 10_000_000,
        output: 1_000_000,
        cost_usd: 0.0,
        calls: 1,
    };

    #[test]
    fn each_kind_of_token_has_its_rate() {
        assert!((Rates::default().cost(&MILLIONS) - (15.0 + 37.5 + 15.0 + 75.0)).abs() < 1e-9);
        assert!(Rates::default().cost(&Usage::default()).abs() < 1e-9);
    }

    #[test]
    fn learned_rates_give_what_was_paid() {
        let paid = Usage {
            cost_usd: 0.5,
            ..MILLIONS
        };
        let rates = Rates::learned(&paid).unwrap();
        assert!((rates.cost(&paid) - 0.5).abs() < 1e-9);
        assert!(rates.output > rates.input && rates.input > rates.cache_read);
    }

    #[test]
    fn nothing_is_learned_from_nothing() {
        let cost = |cost_usd| Usage { cost_usd, ..MILLIONS };
        for usage in [cost(0.0), cost(-1.0), cost(f64::NAN), cost(f64::INFINITY)] {
            assert_eq!(Rates::learned(&usage), None, "{usage:?}");
        }
        let free = Usage {
            cost_usd: 1.0,
            ..Usage::default()
        };
        assert_eq!(Rates::learned(&free), None);
    }
}
