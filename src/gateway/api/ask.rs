//! A request for an answer of the model: what it asks for, and the one thing that is changed in it.

use std::ops::Range;

use hyper::body::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::refusal::Refusal;
use crate::budget::Asked;
use crate::metering::Form;

/// The fields of a request that matter. One that stands twice is an error: the API may take the other one.
#[derive(Deserialize)]
struct Fields<'a> {
    model: String,
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    stream: Option<bool>,
    thinking: Option<Thinking>,
    speed: Option<String>,
}

#[derive(Deserialize)]
struct Thinking {
    budget_tokens: Option<u64>,
}

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) asked: Asked,
    /// In which form the answer is to come.
    pub(super) form: Form,
    /// Where the number of `max_tokens` stands; `None` where the request has none.
    max_tokens: Option<Range<usize>>,
}

impl Ask {
    /// Reads a request.
    pub(super) fn read(body: &Bytes) -> Result<Self, Refusal> {
        let wrong = |error| Refusal::invalid(format!("the request cannot be read: {error}"));
        let fields: Fields<'_> = serde_json::from_slice(body).map_err(wrong)?;
        let number = fields.max_tokens.map(|raw| raw.get().parse::<u64>());
        let number = number
            .transpose()
            .map_err(|_| Refusal::invalid("max_tokens: expected a whole number"))?;
        let place = fields.max_tokens.map(|raw| place_in(body, raw.get()));
        // Any way to write `1h` in JSON has one of these; a text that quotes it has its quotation marks escaped.
        let hour = [&b"\"1h\""[..], b"\\u0031", b"\\u0068"];
        Ok(Self {
            asked: Asked {
                model: fields.model,
                bytes: body.len() as u64,
                max_tokens: number.unwrap_or(0),
                thinking: fields.thinking.and_then(|thinking| thinking.budget_tokens).unwrap_or(0),
                hour: hour.iter().any(|word| memmem::find(body, word).is_some()),
                fast: fields.speed.is_some_and(|speed| speed != "standard"),
            },
            form: if fields.stream == Some(true) {
                Form::Events
            } else {
                Form::Document
            },
            max_tokens: place,
        })
    }

    /// Whether the request bounds its answer by nothing.
    pub(super) fn is_unbounded(&self) -> bool {
        self.max_tokens.is_none()
    }

    /// The request with so many tokens at most, and not a byte of it changed beside.
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

/// Where a part of some bytes stands in them.
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
        assert_eq!((ask.asked.max_tokens, ask.asked.bytes), (4096, body.len() as u64));
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
        assert_eq!(ask.form, Form::Events);
        assert!(ask.asked.hour && ask.asked.fast && !ask.is_unbounded());
        assert_eq!((ask.asked.thinking, ask.asked.model.as_str()), (5, "m"));
        let plain = read(
            r#"{"model":"m","max_tokens":9,"speed":"standard","thinking":{"type":"adaptive"},"system":"say \"1h\""}"#,
        );
        let plain = plain.unwrap();
        assert_eq!(plain.form, Form::Document);
        assert!(!plain.asked.hour && !plain.asked.fast && plain.asked.thinking == 0);
        assert!(read(r#"{"model":"m","a":"\u0031h"}"#).unwrap().asked.hour);
        let unbounded = read(r#"{"model":"m"}"#).unwrap();
        assert!(unbounded.is_unbounded());
        assert_eq!(unbounded.lowered(Bytes::from_static(b"{}"), 0), "{}");
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
