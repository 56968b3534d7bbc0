//! The last line of a call.

use serde_json::Value;

use super::fields::{Fields, TEXT_LIMIT, VALUE_LIMIT};
use crate::agent::TooLarge;
use crate::base::lines::DEFAULT_LINE_LIMIT;

/// The content of a result line, except its figures.
#[derive(Debug)]
pub(super) struct ResultLine {
    pub(super) subtype: String,
    pub(super) is_error: Option<bool>,
    pub(super) terminal_reason: String,
    pub(super) status: Option<u16>,
    pub(super) usage_limit: bool,
    pub(super) errors: Vec<String>,
    pub(super) text: Option<String>,
    pub(super) structured_output: Option<Value>,
    /// Set where the answer is too large to be read.
    pub(super) too_large: Option<TooLarge>,
    /// Why the client did not start, in its own word.
    pub(super) startup_failure: Option<String>,
}

impl ResultLine {
    /// Takes it from the fields of a whole line.
    pub(super) fn of(fields: &Fields<'_>) -> Self {
        Self {
            subtype: fields.text("subtype").unwrap_or_default(),
            is_error: fields.get("is_error"),
            terminal_reason: fields.text("terminal_reason").unwrap_or_default(),
            status: fields.get("api_error_status"),
            usage_limit: fields.word("api_error").as_deref() == Some("usage_limit_reached"),
            errors: fields.texts("errors"),
            text: fields.text("result"),
            structured_output: fields.get("structured_output").filter(|value: &Value| !value.is_null()),
            too_large: too_large(fields),
            startup_failure: fields.text("startup_failure_reason"),
        }
    }

    /// Takes it from a line that is cut off: whatever it claims, it is not a success.
    pub(super) fn cut_off(fields: &Fields<'_>) -> Self {
        let mut line = Self::of(fields);
        line.is_error = Some(true);
        line.errors.push(format!(
            "the client's result line is longer than {} MiB, so that it could not be read whole",
            DEFAULT_LINE_LIMIT >> 20
        ));
        line
    }

    /// Returns whether the line claims a success, which needs both fields: every API failure ends with `subtype:
    /// success`, too.
    pub(super) fn claims_success(&self) -> bool {
        self.subtype == "success" && self.is_error == Some(false)
    }
}

/// Returns how large an answer is that is too large to be read: the structured output, or where there is none, the text.
fn too_large(fields: &Fields<'_>) -> Option<TooLarge> {
    let (name, limit) = if fields.has("structured_output") {
        ("structured_output", VALUE_LIMIT)
    } else {
        ("result", TEXT_LIMIT)
    };
    let bytes = fields.raw(name)?.get().len();
    (bytes > limit).then_some(TooLarge {
        bytes: bytes as u64,
        limit: limit as u64,
    })
}
