//! What a line claims, read in another way than the parser reads it.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Whether a line is an object to its end that says all three things of a success of itself. What stands in its other
/// fields is no matter, as long as one sees where they end.
pub(crate) fn success(line: &[u8]) -> bool {
    let text = mended(&String::from_utf8_lossy(line));
    let text = text.trim().trim_start_matches('\u{feff}');
    let Ok(fields) = serde_json::from_str::<HashMap<String, &RawValue>>(text) else {
        return false;
    };
    let word = |name| field::<String>(&fields, name);
    word("type").is_some_and(|kind| kind == "result")
        && word("subtype").is_some_and(|subtype| subtype == "success")
        && field(&fields, "is_error") == Some(false)
}

fn field<T: DeserializeOwned>(fields: &HashMap<String, &RawValue>, name: &str) -> Option<T> {
    serde_json::from_str(fields.get(name)?.get()).ok()
}

/// The text without what strict JSON has not, but a reader may pass over: control characters, and halves of surrogate
/// pairs.
fn mended(text: &str) -> String {
    let spaced = text.replace(|letter: char| letter.is_control(), " ");
    let mut parts = spaced.split("\\u");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mended, part| match part.get(..4) {
        Some(digits) if is_surrogate(digits) => mended + "\\u003f" + &part[4..],
        _ => mended + "\\u" + part,
    })
}

fn is_surrogate(digits: &str) -> bool {
    u16::from_str_radix(digits, 16).is_ok_and(|unit| (0xd800..0xe000).contains(&unit))
}
