//! The prices of tokens, where no client has reported the cost.

use std::collections::BTreeMap;

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

/// The highest list price of a current family, so that no estimate is too low: Claude Opus 4.1, as Anthropic publishes
/// it. A cache write of five minutes costs 1.25 times the input, a cache read a tenth of it.
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

/// List prices of families of models: a part of the name, and US dollars for a million tokens read, read from the
/// cache, and produced. The first that fits counts. Those of 5.5 are computed back from the costs that client 2.1.329
/// reports; the others are as Anthropic publishes them.
const LISTED: [(&str, [f64; 3]); 11] = [
    ("opus-5-5", [4.0, 0.2, 20.0]),
    ("sonnet-5-5", [2.0, 0.1, 10.0]),
    ("opus-4-0", [15.0, 1.5, 75.0]),
    ("opus-4-1", [15.0, 1.5, 75.0]),
    ("opus-4-2025", [15.0, 1.5, 75.0]),
    ("3-opus", [15.0, 1.5, 75.0]),
    ("opus-", [5.0, 0.5, 25.0]),
    ("3-5-haiku", [0.8, 0.08, 4.0]),
    ("3-haiku", [0.8, 0.08, 4.0]),
    ("haiku-", [1.0, 0.1, 5.0]),
    ("sonnet", [3.0, 0.3, 15.0]),
];

impl Rates {
    /// Returns the list price of a model by its name, with or without its date and the marks of providers; `None` for
    /// an unknown family.
    pub fn listed(model: &str) -> Option<Self> {
        let name = super::model::plain(model);
        let whole = name
            .strip_suffix("opus-4")
            .map_or(name.clone(), |stem| format!("{stem}opus-4-0"));
        let mut listed = LISTED.iter().filter(|_| whole.starts_with("claude-"));
        let (_, [input, cache_read, output]) = listed.find(|(part, _)| whole.contains(part))?;
        Some(Self {
            input: *input,
            cache_write: input * 1.25,
            cache_read: *cache_read,
            output: *output,
        })
    }

    /// Returns the higher of both for each kind of token.
    pub(crate) fn or_more(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            cache_write: self.cache_write.max(other.cache_write),
            cache_read: self.cache_read.max(other.cache_read),
            output: self.output.max(other.output),
        }
    }

    /// Returns the lower of both for each kind of token.
    fn or_less(self, other: Self) -> Self {
        Self {
            input: self.input.min(other.input),
            cache_write: self.cache_write.min(other.cache_write),
            cache_read: self.cache_read.min(other.cache_read),
            output: self.output.min(other.output),
        }
    }

    fn times(self, times: f64) -> Self {
        Self {
            input: self.input * times,
            cache_write: self.cache_write * times,
            cache_read: self.cache_read * times,
            output: self.output * times,
        }
    }

    /// Returns the trusted part of learned rates where calls are billed: a list price takes precedence, and a model
    /// without one is never cheaper than the default, nor more than twice as expensive. A container can write anything
    /// into its call's report, so that may only raise a price, and not so far that no further work is possible.
    pub(crate) fn believed(learned: BTreeMap<String, Self>) -> BTreeMap<String, Self> {
        let unlisted = learned.into_iter().filter(|(model, _)| Self::listed(model).is_none());
        let (least, most) = (Self::default(), Self::default().times(2.0));
        let raised = unlisted.map(|(model, rates)| (model, rates.or_more(least).or_less(most)));
        raised.collect()
    }

    /// Returns what the tokens of `usage` cost at these rates, in US dollars; the cost in `usage` is ignored.
    pub fn cost(&self, usage: &Usage) -> f64 {
        let parts = [
            (usage.input, self.input),
            (usage.cache_write, self.cache_write),
            (usage.cache_read, self.cache_read),
            (usage.output, self.output),
        ];
        parts.into_iter().map(|(count, rate)| float(count) * rate / 1e6).sum()
    }

    /// Returns the default rates, scaled so that they give what `usage` cost; `None` without tokens or without a cost.
    pub fn learned(usage: &Usage) -> Option<Self> {
        let listed = Self::default();
        let scale = usage.cost_usd / listed.cost(usage);
        (scale.is_finite() && scale > 0.0).then_some(listed.times(scale))
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

    /// Checks the listed rates of a model: input, cache read, output.
    fn check_listed(model: &str, expect: Option<[f64; 3]>) {
        let listed = Rates::listed(model).map(|rates| [rates.input, rates.cache_read, rates.output]);
        assert_eq!(listed, expect, "{model}");
    }

    #[test]
    fn families_have_list_prices() {
        let dearest = Some([15.0, 1.5, 75.0]);
        for model in [
            "claude-opus-4",
            "claude-opus-4-20250514",
            "claude-opus-4-1",
            "us.anthropic.claude-opus-4-1-20250805-v1:0",
            "claude-3-opus-20240229",
        ] {
            check_listed(model, dearest);
        }
        for model in ["claude-opus-4-5-20251101", "claude-opus-4-6[1m]", "claude-opus-6"] {
            check_listed(model, Some([5.0, 0.5, 25.0]));
        }
        check_listed("claude-sonnet-4-5-20250929", Some([3.0, 0.3, 15.0]));
        check_listed("claude-3-7-sonnet-latest", Some([3.0, 0.3, 15.0]));
        check_listed("claude-haiku-4-5", Some([1.0, 0.1, 5.0]));
        check_listed("claude-3-5-haiku-20241022", Some([0.8, 0.08, 4.0]));
        for model in ["", "claude-fable-5-1", "glm-4.6", "my-opus-proxy", "gpt-5-sonnet"] {
            check_listed(model, None);
        }
    }

    #[test]
    fn list_prices_give_what_the_client_tells() {
        let two = Usage {
            input: 240,
            cache_write: 60,
            cache_read: 1800,
            output: 80,
            ..Usage::default()
        };
        for (model, cost) in [("claude-opus-5-5", 0.00322), ("claude-sonnet-5-5", 0.00161)] {
            let reckoned = Rates::listed(model).unwrap().cost(&two);
            assert!((reckoned - cost).abs() < 1e-9, "{model}: {reckoned}");
        }
    }

    #[test]
    fn where_somebody_pays_nothing_learned_makes_a_model_cheap() {
        let rates = |input, output| Rates {
            input,
            output,
            ..Rates::default()
        };
        let learned = [
            ("claude-opus-5-5", rates(1e-6, 1e-6)),
            ("claude-unheard-of", rates(1e-6, 1e-6)),
            ("dearer", rates(20.0, 100.0)),
            ("forged", rates(1e12, 1e12)),
        ];
        let believed = Rates::believed(learned.map(|(name, rates)| (name.to_owned(), rates)).into());
        let expect = [
            ("claude-unheard-of", Rates::default()),
            ("dearer", rates(20.0, 100.0)),
            ("forged", rates(30.0, 150.0)),
        ];
        assert_eq!(believed, expect.map(|(name, rates)| (name.to_owned(), rates)).into());
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
