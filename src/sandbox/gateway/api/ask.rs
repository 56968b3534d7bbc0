//! A request for an answer of the model: what it asks for, and the one change to it.

use std::ops::Range;

use hyper::body::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::refusal::Refusal;
use super::reach;
use crate::accounting::budget::{AskedAnswer, KnownBy};

/// The fields of a request that are needed. A duplicate is an error: the API may read the other one.
#[derive(Deserialize)]
struct Fields<'a> {
    model: String,
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    thinking: Option<Thinking>,
    speed: Option<String>,
    inference_geo: Option<String>,
    tools: Option<Vec<IgnoredAny>>,
    fallbacks: Option<Vec<IgnoredAny>>,
}

/// How many tokens the API itself adds to a request at most: it explains to the model how tools are used, and in which
/// form it must answer.
const ADDED: u64 = 1000;
/// How many tokens the API adds to the definition of a tool at most.
const AROUND_A_TOOL: u64 = 50;

#[derive(Deserialize)]
struct Thinking {
    budget_tokens: Option<u64>,
}

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) asked: AskedAnswer,
    /// The place of the number of `max_tokens`; `None` where the request has none.
    max_tokens: Option<Range<usize>>,
}

impl Ask {
    /// Reads a request.
    pub(super) fn read(body: &Bytes) -> Result<Self, Refusal> {
        let is_opaque = reach::check(body)?;
        let wrong = |error| Refusal::invalid(format!("the request cannot be read: {error}"));
        let fields: Fields<'_> = serde_json::from_slice(body).map_err(wrong)?;
        let number = fields.max_tokens.map(|raw| raw.get().parse::<u64>());
        let number = number
            .transpose()
            .map_err(|_| Refusal::invalid("max_tokens: expected a whole number"))?;
        let place = fields.max_tokens.map(|raw| place_in(body, raw.get()));
        // Any way to write `1h` in JSON contains one of these; a text that quotes it has its quotation marks escaped.
        let hour = [&b"\"1h\""[..], b"\\u0031", b"\\u0068"];
        Ok(Self {
            asked: AskedAnswer {
                model: fields.model,
                input: most_input(body.len(), fields.tools.map_or(0, |tools| tools.len())),
                max_tokens: number.unwrap_or(0),
                thinking: fields.thinking.and_then(|thinking| thinking.budget_tokens).unwrap_or(0),
                hour: hour.iter().any(|word| memmem::find(body, word).is_some()),
                fast: fields.speed.is_some_and(|speed| speed != "standard"),
                regional: fields.inference_geo.is_some_and(|place| place != "global"),
                fallbacks: fields.fallbacks.map_or(0, |models| models.len() as u64),
                known_by: if is_opaque { KnownBy::Nothing } else { KnownBy::Length },
            },
            max_tokens: place,
        })
    }

    /// Notes the most input that the request can have by the API's count, or `None` where there is no count: then its
    /// length is used, if that is a limit.
    pub(super) fn counted(&mut self, most: Option<u64>) -> Result<(), Refusal> {
        let asked = &mut self.asked;
        asked.input = match (most, asked.known_by) {
            (Some(most), KnownBy::Nothing) => most,
            (Some(most), _) => most.min(asked.input),
            (None, KnownBy::Nothing) => {
                let why = "it has documents, images or tools whose tokens the API does not count beforehand";
                return Err(Refusal::invalid(format!(
                    "the request cannot be held to a budget: {why}"
                )));
            }
            (None, _) => asked.input,
        };
        asked.known_by = KnownBy::Count;
        Ok(())
    }

    /// Returns whether the request sets no limit to its answer.
    pub(super) fn is_unbounded(&self) -> bool {
        self.max_tokens.is_none()
    }

    /// Returns the request with at most so many tokens, and otherwise unchanged to the byte.
    pub(super) fn lowered(&self, body: Bytes, max_tokens: u64) -> Bytes {
        let Some(place) = self.max_tokens.clone().filter(|_| max_tokens < self.asked.max_tokens) else {
            return body;
        };
        let number = max_tokens.to_string();
        [&body[..place.start], number.as_bytes(), &body[place.end..]]
            .concat()
            .into()
    }
}

/// Returns the most tokens that a request of this length can have: in the worst case each byte is a token.
fn most_input(bytes: usize, tools: usize) -> u64 {
    let around = AROUND_A_TOOL.saturating_mul(tools as u64);
    (bytes as u64).saturating_add(ADDED).saturating_add(around)
}

/// Returns the place of a part of some bytes in them.
fn place_in(bytes: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Result<Ask, Refusal> {
        Ask::read(&Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn only_the_number_is_changed() {
        let body =
            "{\"model\":\"m\", \"metadata\":{\"max_tokens\":9},\"max\\u005ftokens\" :  4096 ,\n\"zeta\":1.0,\"a\":1e2}";
        let ask = read(body).unwrap();
        assert_eq!(
            (ask.asked.max_tokens, ask.asked.input),
            (4096, body.len() as u64 + ADDED)
        );
        let lowered = |most| ask.lowered(Bytes::from_static(body.as_bytes()), most);
        assert_eq!(lowered(17), body.replace("4096", "17"));
        for most in [4096, 5000] {
            assert_eq!(lowered(most), body);
        }
    }

    #[test]
    fn what_matters_is_read() {
        let ask = read(
            r#"{"model":"m","max_tokens":9,"stream":true,"speed":"fast","thinking":{"type":"enabled","budget_tokens":5},
            "system":[{"cache_control":{"type":"ephemeral","ttl":"1h"}}]}"#,
        )
        .unwrap();
        assert!(ask.asked.hour && ask.asked.fast && !ask.is_unbounded());
        assert_eq!((ask.asked.thinking, ask.asked.model.as_str()), (5, "m"));
        let plain = read(
            r#"{"model":"m","max_tokens":9,"speed":"standard","thinking":{"type":"adaptive"},"system":"say \"1h\""}"#,
        );
        let plain = plain.unwrap();
        assert!(!plain.asked.hour && !plain.asked.fast && plain.asked.thinking == 0);
        assert!(read(r#"{"model":"m","a":"\u0031h"}"#).unwrap().asked.hour);
        let unbounded = read(r#"{"model":"m"}"#).unwrap();
        assert!(unbounded.is_unbounded());
        assert_eq!(unbounded.lowered(Bytes::from_static(b"{}"), 0), "{}");
    }

    #[test]
    fn tools_other_models_and_places_are_seen() {
        let plain = read(r#"{"model":"m","max_tokens":9,"inference_geo":"global"}"#)
            .unwrap()
            .asked;
        assert!(!plain.regional && plain.fallbacks == 0);
        let body = r#"{"model":"m","max_tokens":9,"inference_geo":"us","fallbacks":[{"model":"n"},{"model":"o"}],
            "tools":[{"name":"a"},{"type":"custom","name":"b"}]}"#;
        let asked = read(body).unwrap().asked;
        assert!(asked.regional && asked.fallbacks == 2 && asked.known_by == KnownBy::Length);
        assert_eq!(asked.input, body.len() as u64 + ADDED + 2 * AROUND_A_TOOL);
    }

    #[test]
    fn a_count_bounds_what_length_does_not() {
        let mut plain = read(r#"{"model":"m","max_tokens":9}"#).unwrap();
        let by_length = plain.asked.input;
        for (count, expect) in [(None, by_length), (Some(99_999), by_length), (Some(7), 7)] {
            plain.counted(count).unwrap();
            assert_eq!((plain.asked.input, plain.asked.known_by), (expect, KnownBy::Count));
            plain.asked.input = by_length;
        }
        let mut opaque = read(r#"{"model":"m","max_tokens":9,"messages":[{"source":{"type":"base64"}}]}"#).unwrap();
        assert!(opaque.counted(None).is_err());
        opaque.counted(Some(99_999)).unwrap();
        assert_eq!(opaque.asked.input, 99_999);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"model":"m","max_tokens":1,"max_tokens":99}"#,
            r#"{"model":"m","max_tokens":1,"max\u005ftokens":99}"#,
            r#"{"model":"m","model":"n"}"#,
            r#"{"model":"m","max_tokens":1.5}"#,
            r#"{"model":"m","max_tokens":-1}"#,
            r#"{"model":"m","max_tokens":"9"}"#,
            r#"{"model":"m","thinking":{"budget_tokens":1,"budget_tokens":2}}"#,
            r#"{"model":"m"} {"model":"n"}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
