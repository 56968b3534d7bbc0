//! What the client reads from its standard input where that is a stream: a message of the user's in each line.

use serde_json::json;

/// Has the client read its standard input as such a stream, until that is closed. What it reads while it works it passes to the
/// model with the next result of a tool, or answers once it has answered what came before; then it writes another result.
/// Measured with client 2.1.332.
pub(crate) const STREAMED_INPUT: [&str; 2] = ["--input-format", "stream-json"];

/// Returns the line with which a user says a text.
pub(crate) fn user_message(text: &str) -> Vec<u8> {
    let content = [json!({"type": "text", "text": text})];
    let message = json!({"type": "user", "message": {"role": "user", "content": content}, "parent_tool_use_id": null});
    format!("{message}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_form_is_one_line() {
        let text = "one\ntwo \"three\" \u{202e}\u{0} \r\n";
        let line = String::from_utf8(user_message(text)).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["message"]["content"][0]["text"], text);
        assert_eq!(
            (&read["type"], &read["message"]["role"]),
            (&"user".into(), &"user".into())
        );
    }
}
