//! Serialization of values in a form other than serde's own.

use serde::{Serialize, Serializer};

/// Writes a value, or `off` where there is none.
#[expect(clippy::ref_option, reason = "serde hands a field over by reference, whatever it is")]
pub(crate) fn or_off<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_str("off"),
    }
}
