//! Usage by the counts of the Messages API, with everything that its price depends on.

use serde_json::Value;

use crate::model::Usage;

/// More than any answer can use: a count above this is invalid.
const MOST: u64 = 1_000_000_000_000;

/// The usage of one answer, where it was reported.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct AnswerCounts {
    /// Tokens; neither money nor calls.
    pub(crate) usage: Usage,
    /// Tokens of `usage.cache_write` that are kept for an hour, which costs more.
    pub(crate) hour_writes: u64,
    /// Searches of the web that the API made by itself.
    pub(crate) searches: u64,
}

impl AnswerCounts {
    /// Reads a `usage` object; a missing or invalid count is 0. Work that the API did by itself, such as shortening the
    /// context or asking another model, is billed and listed only among the `iterations`.
    pub(super) fn read(usage: &Value) -> Self {
        let iterations = usage["iterations"].as_array().into_iter().flatten();
        let sum = iterations.map(Self::of_one).fold(Self::default(), Self::plus);
        Self::of_one(usage).or_more(sum)
    }

    fn of_one(usage: &Value) -> Self {
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

    fn plus(self, other: Self) -> Self {
        let mut usage = self.usage;
        usage += other.usage;
        Self {
            usage,
            hour_writes: self.hour_writes.saturating_add(other.hour_writes),
            searches: self.searches.saturating_add(other.searches),
        }
    }

    /// Returns the larger of both, for each count: figures of a stream are cumulative, and later ones leave some out.
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
    fn what_the_api_did_on_the_way_counts() {
        let usage = json!({"input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": 3, "iterations": [
            {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
            {"type": "message", "input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": 3},
            7]});
        let read = AnswerCounts::read(&usage).usage;
        assert_eq!((read.input, read.output, read.cache_read), (180_010, 3504, 3));
    }

    #[test]
    fn counts_are_read_leniently() {
        let usage = json!({"input_tokens": 1, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3,
            "output_tokens": 4, "cache_creation": {"ephemeral_1h_input_tokens": 1, "ephemeral_5m_input_tokens": 1},
            "server_tool_use": {"web_search_requests": 5}});
        let read = AnswerCounts::read(&usage);
        assert_eq!((read.usage.tokens(), read.hour_writes, read.searches), (10, 1, 5));
        let nonsense = json!({"input_tokens": -1, "output_tokens": "4", "cache_read_input_tokens": 1e300,
            "cache_creation_input_tokens": u64::MAX, "cache_creation": 7, "server_tool_use": null});
        for usage in [nonsense, json!(null), json!([])] {
            assert_eq!(AnswerCounts::read(&usage), AnswerCounts::default(), "{usage}");
        }
    }
}
