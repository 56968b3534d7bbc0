//! Fences around text that others wrote.

use serde_json::Value;

use crate::base::text::one_line;

/// Returns a mark that does not occur in the values of a prompt, and is the same for the same values.
pub(super) fn mark(values: &Value) -> String {
    let text = values.to_string();
    let mut number = fingerprint(&text);
    loop {
        let mark = format!("{number:016x}");
        // JSON escapes no hexadecimal digit: a mark that is not in the JSON is not in the text either.
        if !text.contains(&mark) {
            return mark;
        }
        number = number.wrapping_add(1);
    }
}

/// Puts text between two lines with the mark.
pub(super) fn fenced(mark: &str, text: &str, label: &str) -> String {
    let label = one_line(label, 300);
    let end = if text.ends_with('\n') || text.is_empty() {
        ""
    } else {
        "\n"
    };
    format!("<<<{mark} {label}\n{text}{end}{mark}>>>")
}

/// Computes an FNV-1a hash: stable across builds, unlike the standard hasher.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
