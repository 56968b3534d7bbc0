//! One answer of the model, whole or as a stream of events.

use serde_json::{Value, json};

/// Tokens that each answer counts: read without the cache, written to it, read from it, produced.
const USAGE: [u64; 4] = [120, 30, 900, 40];

/// Tokens read for an answer.
pub(super) const INPUT: u64 = USAGE[0] + USAGE[1] + USAGE[2];
/// Tokens produced for an answer.
pub(super) const OUTPUT: u64 = USAGE[3];

/// An answer of one block.
pub(super) struct Reply {
    /// Its number, from which its id is made.
    pub(super) number: u64,
    /// The model that the request asked for.
    pub(super) model: Value,
    /// A text, or the use of a tool.
    pub(super) block: Block,
}

/// What an answer says.
pub(super) enum Block {
    /// Words; the conversation's turn ends with them.
    Text(String),
    /// A tool is to be used.
    ToolUse {
        /// The tool.
        name: &'static str,
        /// Its input.
        input: Value,
    },
}

impl Reply {
    /// The answer as one document.
    pub(super) fn document(&self) -> Value {
        let mut message = self.message(OUTPUT);
        message["content"] = json!([self.block(true)]);
        message["stop_reason"] = self.stop_reason().into();
        message
    }

    /// The answer as server-sent events.
    pub(super) fn events(&self) -> String {
        let delta = match &self.block {
            Block::Text(text) => json!({"type": "text_delta", "text": text}),
            Block::ToolUse { input, .. } => {
                json!({"type": "input_json_delta", "partial_json": input.to_string()})
            }
        };
        let end = json!({"stop_reason": self.stop_reason(), "stop_sequence": null});
        let events = [
            json!({"type": "message_start", "message": self.message(1)}),
            json!({"type": "content_block_start", "index": 0, "content_block": self.block(false)}),
            json!({"type": "ping"}),
            json!({"type": "content_block_delta", "index": 0, "delta": delta}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": OUTPUT}}),
            json!({"type": "message_stop"}),
        ];
        let lines = events.map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
        lines.concat()
    }

    fn message(&self, output: u64) -> Value {
        let [input, written, read, _] = USAGE;
        json!({"id": format!("msg_{:08}", self.number), "type": "message", "role": "assistant", "model": self.model,
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": input, "cache_creation_input_tokens": written,
                "cache_read_input_tokens": read, "output_tokens": output}})
    }

    fn block(&self, whole: bool) -> Value {
        match &self.block {
            Block::Text(text) => json!({"type": "text", "text": if whole { text } else { "" }}),
            Block::ToolUse { name, input } => {
                let input = if whole { input.clone() } else { json!({}) };
                json!({"type": "tool_use", "id": format!("toolu_{:08}", self.number), "name": name, "input": input})
            }
        }
    }

    fn stop_reason(&self) -> &'static str {
        match self.block {
            Block::Text(_) => "end_turn",
            Block::ToolUse { .. } => "tool_use",
        }
    }
}
