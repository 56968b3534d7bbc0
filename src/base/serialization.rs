//! Forms of values other than serde's own, and visitors that look at a part of a document.

use serde::{Serialize, Serializer};

/// Writes a value, or `off` where there is none.
#[expect(clippy::ref_option, reason = "serde hands a field over by reference, whatever it is")]
pub(crate) fn or_off<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_str("off"),
    }
}

/// Returns whether a number is zero, and need not be written.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Writes the methods with which a [`Visitor`](serde::de::Visitor) of type `()` passes over what has no parts and is not
/// text.
macro_rules! pass_over_scalars {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }

        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }

        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }

        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }

        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
    };
}
pub(crate) use pass_over_scalars;
