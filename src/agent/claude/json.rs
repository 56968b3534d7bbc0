//! JSON read in one pass over the bytes, and leniently.
//!
//! Values that nobody needs are skipped in place, so that the megabytes of a tool's output are neither built nor
//! checked; a value of another type than expected is skipped, too; if a field occurs twice, the last counts. When an
//! object ends too soon, the part before that is kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::serialization::pass_over_scalars;

/// Something to be filled from an object or a list.
pub(super) trait Node<'a> {
    /// Takes the value of a field from `map`.
    fn field<A: MapAccess<'a>>(&mut self, _name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        skip(map)
    }

    /// Takes the next item of a list; `false` at its end.
    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        Ok(list.next_element::<IgnoredAny>()?.is_some())
    }
}

/// Skips the value of a field.
pub(super) fn skip<'a, A: MapAccess<'a>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// Fills a node from the one value in `bytes`; `false` when they are not JSON, or incomplete.
pub(super) fn fill<'a>(node: &mut impl Node<'a>, bytes: &'a [u8]) -> bool {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Fill(node).deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
}

/// Fills a node from a value of any type.
pub(super) struct Fill<'n, N>(pub(super) &'n mut N);

impl<'a, N: Node<'a>> DeserializeSeed<'a> for Fill<'_, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, N: Node<'a>> Visitor<'a> for Fill<'_, N> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Bytes(name)) = map.next_key()? {
            self.0.field(name, &mut map)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while self.0.item(&mut list)? {}
        Ok(())
    }

    pass_over_scalars!();

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A string as bytes: JSON may escape half of a surrogate pair, and JavaScript does where it cuts a text in two.
struct Bytes<'a>(Cow<'a, [u8]>);

impl<'a> serde::Deserialize<'a> for Bytes<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'a> Visitor<'a> for BytesVisitor {
    type Value = Bytes<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'a [u8]) -> Result<Bytes<'a>, E> {
        Ok(Bytes(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes<'a>, E> {
        Ok(Bytes(Cow::Owned(bytes.to_vec())))
    }
}

/// Returns the text of a value, cut after about `limit` bytes; `None` when it is not a string.
pub(super) fn text(value: &RawValue, limit: usize) -> Option<Cow<'_, str>> {
    text_of(value.get(), limit)
}

/// Returns the text of a value in JSON that may lack the part beyond the limit.
pub(super) fn text_of(json: &str, limit: usize) -> Option<Cow<'_, str>> {
    if json.len() <= limit {
        return decoded(json);
    }
    // The cut must not go through an escape: the longest has twelve bytes.
    let cuts = (limit.saturating_sub(12)..=limit).rev();
    let mut cuts = cuts.filter(|at| json.is_char_boundary(*at));
    cuts.find_map(|at| Some(Cow::Owned(decoded(&format!("{}\"", &json[..at]))?.into_owned())))
}

fn decoded(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    let Bytes(bytes) = serde_json::from_str(json).ok()?;
    Some(match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
    })
}
