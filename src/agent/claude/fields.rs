//! One JSON object of the stream, read leniently: what is missing or of another type is `None`.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::agent::Usage;

/// The fields of an object, each parsed only when somebody asks for it, so that the megabytes of a
/// tool's output are skipped over and never built.
pub(super) struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads an object; anything else is `None`.
    pub(super) fn parse(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// A field, if it is there and of that type.
    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// A text field.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)
    }

    /// A count; 0 when it is missing.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.get(name).unwrap_or(0)
    }

    /// An amount of money; 0 when it is missing or nonsense.
    pub(super) fn money(&self, name: &str) -> f64 {
        self.get(name)
            .filter(|amount: &f64| amount.is_finite() && *amount >= 0.0)
            .unwrap_or(0.0)
    }

    /// A moment, given in seconds since 1970.
    pub(super) fn moment(&self, name: &str) -> Option<Timestamp> {
        Timestamp::from_second(self.get(name)?).ok()
    }

    /// A field that is an object.
    pub(super) fn object(&self, name: &str) -> Option<Fields<'a>> {
        Fields::parse(self.0.get(name)?.get())
    }

    /// A field that is a list, reduced to the objects in it.
    pub(super) fn objects(&self, name: &str) -> Vec<Fields<'a>> {
        let items: Option<Vec<&'a RawValue>> = self.0.get(name).and_then(|list| serde_json::from_str(list.get()).ok());
        items
            .unwrap_or_default()
            .into_iter()
            .filter_map(|item| Fields::parse(item.get()))
            .collect()
    }

    /// The values of a field that maps names to objects.
    pub(super) fn values(&self, name: &str) -> Vec<Fields<'a>> {
        let map = self.object(name).map(|object| object.0).unwrap_or_default();
        map.into_values()
            .filter_map(|value| Fields::parse(value.get()))
            .collect()
    }

    /// Usage as the API counts it (`input_tokens`, `cache_creation_input_tokens`, …).
    pub(super) fn api_usage(&self) -> Usage {
        Usage {
            input: self.count("input_tokens"),
            cache_write: self.count("cache_creation_input_tokens"),
            cache_read: self.count("cache_read_input_tokens"),
            output: self.count("output_tokens"),
            ..Usage::default()
        }
    }

    /// Usage as the client counts it for each model (`inputTokens`, `costUSD`, …).
    pub(super) fn model_usage(&self) -> Usage {
        Usage {
            input: self.count("inputTokens"),
            cache_write: self.count("cacheCreationInputTokens"),
            cache_read: self.count("cacheReadInputTokens"),
            output: self.count("outputTokens"),
            cost_usd: self.money("costUSD"),
            calls: 0,
        }
    }
}
