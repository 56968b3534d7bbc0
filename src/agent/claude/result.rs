//! The last line of a call.

use serde_json::Value;

use super::fields::Fields;

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
            startup_failure: fields.text("startup_failure_reason"),
        }
    }

    /// Takes it from a line that is cut off: whatever it claims, it is not a success.
    pub(super) fn cut_off(fields: &Fields<'_>) -> Self {
        let mut line = Self::of(fields);
        line.is_error = Some(true);
        line.errors
            .push("the client's result line could not be read whole".to_owned());
        line
    }

    /// Returns whether the line claims a success, which needs both fields: every API failure ends with `subtype:
    /// success`, too.
    pub(super) fn claims_success(&self) -> bool {
        self.subtype == "success" && self.is_error == Some(false)
    }
}
