//! One JSON object of the stream, read leniently: a value that is missing or of another type is `None`.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::json::{self, Node};
use crate::model::Usage;

/// The longest value that is parsed into anything but text, in bytes: a parsed value takes many times its length.
pub(super) const VALUE_LIMIT: usize = 512 << 10;
/// The longest text that is kept of a value, in bytes.
pub(super) const TEXT_LIMIT: usize = 1 << 20;
/// More tokens than any call can use: a count above this is invalid.
const TOKENS_LIMIT: f64 = 1e12;
/// More US dollars than any call can cost: an amount above this is invalid.
const MONEY_LIMIT: f64 = 1e6;
/// A moment with a larger number is in milliseconds: as seconds it would be thousands of years away.
const SECONDS_LIMIT: f64 = 1e11;

/// The fields of an object, each parsed only when it is requested.
#[derive(Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, [u8]>, &'a RawValue)>);

impl<'a> Node<'a> for Fields<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        self.0.push((name, map.next_value()?));
        Ok(())
    }
}

impl<'a> Fields<'a> {
    /// Reads an object; anything else has no fields. `None` for what is not JSON, or too long.
    pub(super) fn parse(json: &'a str) -> Option<Self> {
        let mut fields = Self::default();
        (json.len() <= VALUE_LIMIT && json.starts_with('{')).then_some(())?;
        json::fill(&mut fields, json.as_bytes()).then_some(fields)
    }

    /// Takes a field from `map` if its name is one of `known`, and skips it otherwise.
    pub(super) fn take<A: MapAccess<'a>>(
        &mut self,
        known: &[&'static str],
        name: &[u8],
        map: &mut A,
    ) -> Result<(), A::Error> {
        match known.iter().find(|known| known.as_bytes() == name) {
            Some(known) => self.set(known, map.next_value()?),
            None => return json::skip(map),
        }
        Ok(())
    }

    /// Sets a field in place of one of the same name.
    pub(super) fn set(&mut self, name: &'static str, value: &'a RawValue) {
        match self.0.iter_mut().find(|(other, _)| **other == *name.as_bytes()) {
            Some(field) => field.1 = value,
            None => self.0.push((Cow::Borrowed(name.as_bytes()), value)),
        }
    }

    /// Returns a field as it is written; if a name occurs twice, the last.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let mut fields = self.0.iter().rev();
        let found = fields.find(|(other, _)| **other == *name.as_bytes());
        found.map(|(_, value)| *value)
    }

    /// Returns whether a field exists and is not `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| value.get() != "null")
    }

    /// Returns a field, if it exists, has that type, and is not too long.
    pub(super) fn get<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        let json = self.raw(name)?.get();
        (json.len() <= VALUE_LIMIT).then(|| serde_json::from_str(json).ok())?
    }

    /// Returns a text field; of a very long one, the beginning.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.word(name).map(Cow::into_owned)
    }

    /// Returns a text field, borrowed where it can be; of a very long one, the beginning.
    pub(super) fn word(&self, name: &str) -> Option<Cow<'a, str>> {
        json::text(self.raw(name)?, TEXT_LIMIT)
    }

    /// Returns the texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let values: Vec<&RawValue> = self.get(name).unwrap_or_default();
        let texts = values.into_iter().filter_map(|value| json::text(value, TEXT_LIMIT));
        texts.map(Cow::into_owned).collect()
    }

    /// Returns a count; 0 when it is missing or invalid.
    pub(super) fn count(&self, name: &str) -> u64 {
        let number = self.raw(name).and_then(|value| value.get().parse().ok());
        let number = number.filter(|number| (0.0..=TOKENS_LIMIT).contains(number));
        number.map_or(0, whole)
    }

    /// Returns an amount of money; `None` when it is missing or invalid.
    pub(super) fn money(&self, name: &str) -> Option<f64> {
        self.get(name).filter(|amount| (0.0..=MONEY_LIMIT).contains(amount))
    }

    /// Returns a moment, given in seconds or in milliseconds since 1970, with or without a fraction.
    pub(super) fn moment(&self, name: &str) -> Option<Timestamp> {
        let number: f64 = self.get(name).filter(|number| *number >= 0.0)?;
        let milliseconds = if number < SECONDS_LIMIT {
            number * 1000.0
        } else {
            number
        };
        Timestamp::from_millisecond(i64::try_from(whole(milliseconds)).ok()?).ok()
    }

    /// Returns a field that is an object.
    pub(super) fn object(&self, name: &str) -> Option<Fields<'a>> {
        Fields::parse(self.raw(name)?.get())
    }

    /// Returns the objects among the values of an object.
    pub(super) fn values(&self) -> impl Iterator<Item = Fields<'a>> {
        self.0.iter().filter_map(|(_, value)| Fields::parse(value.get()))
    }

    /// Reads usage as the API counts it (`input_tokens`, `cache_creation_input_tokens`, …).
    pub(super) fn api_usage(&self) -> Usage {
        Usage {
            input: self.count("input_tokens"),
            cache_write: self.count("cache_creation_input_tokens"),
            cache_read: self.count("cache_read_input_tokens"),
            output: self.count("output_tokens"),
            ..Usage::default()
        }
    }

    /// Reads usage as the client counts it for each model (`inputTokens`, `costUSD`, …).
    pub(super) fn model_usage(&self) -> Usage {
        Usage {
            input: self.count("inputTokens"),
            cache_write: self.count("cacheCreationInputTokens"),
            cache_read: self.count("cacheReadInputTokens"),
            output: self.count("outputTokens"),
            cost_usd: self.money("costUSD").unwrap_or(0.0),
            calls: 0,
        }
    }
}

/// Returns the nearest whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and callers check the sign"
)]
pub(super) fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_seconds_and_milliseconds() {
        let cases = [
            ("1795257035", Some("2026-11-21T10:30:35Z")),
            ("1795257035.25", Some("2026-11-21T10:30:35.25Z")),
            ("1795257035000", Some("2026-11-21T10:30:35Z")),
            ("1795257035250.0", Some("2026-11-21T10:30:35.25Z")),
            ("1.795257035e9", Some("2026-11-21T10:30:35Z")),
            ("0", Some("1970-01-01T00:00:00Z")),
            ("-1", None),
            ("1e300", None),
            ("\"1795257035\"", None),
            ("null", None),
        ];
        for (value, expect) in cases {
            let object = format!("{{\"resetsAt\":{value}}}");
            let moment = Fields::parse(&object).unwrap().moment("resetsAt");
            assert_eq!(moment, expect.map(|text| text.parse().unwrap()), "{value}");
        }
    }
}
