//! Tokens and money, for one message, one call, one session.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Tokens and money.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cache_write: u64,
    pub(crate) cache_read: u64,
    pub(crate) output: u64,
    pub(crate) cost: f64,
}

/// What a message uses unless the script says otherwise.
pub(crate) const MESSAGE: Usage = Usage {
    input: 120,
    cache_write: 30,
    cache_read: 900,
    output: 40,
    cost: 0.000_805,
};

impl Usage {
    pub(crate) fn add(&mut self, other: Self) {
        self.input += other.input;
        self.cache_write += other.cache_write;
        self.cache_read += other.cache_read;
        self.output += other.output;
        self.cost += other.cost;
    }

    /// As the API counts it.
    pub(crate) fn json(&self) -> Value {
        json!({"input_tokens": self.input, "cache_creation_input_tokens": self.cache_write,
            "cache_read_input_tokens": self.cache_read, "output_tokens": self.output})
    }

    /// As the client counts it for each model.
    fn model_json(&self) -> Value {
        json!({"inputTokens": self.input, "outputTokens": self.output, "cacheReadInputTokens": self.cache_read,
            "cacheCreationInputTokens": self.cache_write, "costUSD": self.cost})
    }

    fn of_model_json(value: &Value) -> Self {
        let count = |name: &str| value[name].as_u64().unwrap_or_default();
        Self {
            input: count("inputTokens"),
            cache_write: count("cacheCreationInputTokens"),
            cache_read: count("cacheReadInputTokens"),
            output: count("outputTokens"),
            cost: value["costUSD"].as_f64().unwrap_or_default(),
        }
    }
}

/// What each model used.
#[derive(Clone, Default)]
pub(crate) struct ByModel(BTreeMap<String, Usage>);

impl ByModel {
    /// Reads what [`ByModel::json`] wrote.
    pub(crate) fn of_json(value: &Value) -> Self {
        let models = value.as_object().into_iter().flatten();
        Self(
            models
                .map(|(name, usage)| (name.clone(), Usage::of_model_json(usage)))
                .collect(),
        )
    }

    pub(crate) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|(name, usage)| (name.clone(), usage.model_json()))
            .collect()
    }

    pub(crate) fn add(&mut self, model: &str, usage: Usage) {
        self.0.entry(model.to_owned()).or_default().add(usage);
    }

    /// These and those together.
    pub(crate) fn and(&self, others: &Self) -> Self {
        let mut sum = self.clone();
        for (name, usage) in &others.0 {
            sum.add(name, *usage);
        }
        sum
    }

    /// US dollars.
    pub(crate) fn cost(&self) -> f64 {
        self.0.values().map(|usage| usage.cost).sum()
    }
}
