//! Usage as the Messages API counts it, with what its price depends on.

use serde_json::Value;

use crate::agent::Usage;

/// More than any answer can use: a count above this is nonsense.
const MOST: u64 = 1_000_000_000_000;

/// What one answer used, as far as it was told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Tokens; neither money nor calls.
    pub(crate) usage: Usage,
    /// Tokens of `usage.cache_write` that are kept for an hour, which costs more.
    pub(crate) hour_writes: u64,
    /// Searches of the web that the API made by itself.
    pub(crate) searches: u64,
}

impl Counts {
    /// Reads a `usage` object; what is missing or nonsense is 0.
    pub(super) fn read(usage: &Value) -> Self {
        Self {
            usage: Usage {
                input: count(&usage["input_tokens"]),
                cache_write: count(&usage["cache_creation_input_tokens"]),
                cache_read: count(&usage["cache_read_input_tokens"]),
                output: count(&usage["output_tokens"]),
                ..Usage::default()
            },
            hour_writes: count(&usage["cache_creation"]["ephemeral_1h_input_tokens"]),
            searches: count(&usage["server_tool_use"]["web_search_requests"]),
        }
    }

    /// The larger of both, each by itself: figures of a stream are cumulative, and later ones leave some out.
    pub(super) fn or_more(self, other: Self) -> Self {
        let most = |of: fn(&Usage) -> u64| of(&self.usage).max(of(&other.usage));
        Self {
            usage: Usage {
                input: most(|usage| usage.input),
                cache_write: most(|usage| usage.cache_write),
                cache_read: most(|usage| usage.cache_read),
                output: most(|usage| usage.output),
                ..Usage::default()
            },
            hour_writes: self.hour_writes.max(other.hour_writes),
            searches: self.searches.max(other.searches),
        }
    }
}

fn count(value: &Value) -> u64 {
    value.as_u64().filter(|count| *count <= MOST).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_read_leniently() {
        let usage = json!({"input_tokens": 1, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3,
            "output_tokens": 4, "cache_creation": {"ephemeral_1h_input_tokens": 1, "ephemeral_5m_input_tokens": 1},
            "server_tool_use": {"web_search_requests": 5}});
        let read = Counts::read(&usage);
        assert_eq!((read.usage.tokens(), read.hour_writes, read.searches), (10, 1, 5));
        let nonsense = json!({"input_tokens": -1, "output_tokens": "4", "cache_read_input_tokens": 1e300,
            "cache_creation_input_tokens": u64::MAX, "cache_creation": 7, "server_tool_use": null});
        for usage in [nonsense, json!(null), json!([])] {
            assert_eq!(Counts::read(&usage), Counts::default(), "{usage}");
        }
    }
}
