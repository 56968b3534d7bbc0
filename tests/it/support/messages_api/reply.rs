//! One answer of the model, whole or as a stream of events.

use serde_json::{Value, json};

use super::model::Served;
use super::script::{Answer, Block, Tokens};

/// An answer of one block.
pub(super) struct Reply {
    /// Its number, from which its ids are made.
    number: u64,
    model: Value,
    block: Block,
    tokens: Tokens,
}

/// One event of a stream, and what it counts.
pub(super) struct Event {
    pub(super) text: String,
    pub(super) counts: Served,
}

impl Reply {
    /// The answer with this number to a request.
    pub(super) fn new(number: u64, request: &Value, answer: &Answer) -> Self {
        let asked_for = || request["model"].clone();
        Self {
            number,
            model: answer.settings.model.clone().map_or_else(asked_for, Value::String),
            block: answer.block.clone(),
            tokens: answer.settings.tokens,
        }
    }

    /// The answer as one document, and what it counts.
    pub(super) fn document(&self) -> (Value, Served) {
        let mut message = self.message(self.tokens.output);
        message["content"] = json!([self.block(true)]);
        message["stop_reason"] = self.stop_reason().into();
        let mut counts = self.tokens.at_the_beginning();
        counts += self.tokens.at_the_end();
        (message, counts)
    }

    /// The answer as server-sent events.
    pub(super) fn events(&self) -> Vec<Event> {
        let mut events = self.beginning();
        let end = json!({"stop_reason": self.stop_reason(), "stop_sequence": null});
        let usage = json!({"output_tokens": self.tokens.output});
        events.extend([
            event(&json!({"type": "content_block_stop", "index": 0}), Served::default()),
            event(
                &json!({"type": "message_delta", "delta": end, "usage": usage}),
                self.tokens.at_the_end(),
            ),
            event(&json!({"type": "message_stop"}), Served::default()),
        ]);
        events
    }

    /// The events before its block ends.
    pub(super) fn beginning(&self) -> Vec<Event> {
        let delta = match &self.block {
            Block::Text(text) => json!({"type": "text_delta", "text": text}),
            Block::ToolUse { input, .. } => json!({"type": "input_json_delta", "partial_json": input.to_string()}),
        };
        let started = json!({"type": "message_start", "message": self.message(1)});
        vec![
            event(&started, self.tokens.at_the_beginning()),
            event(
                &json!({"type": "content_block_start", "index": 0, "content_block": self.block(false)}),
                Served::default(),
            ),
            event(&json!({"type": "ping"}), Served::default()),
            event(
                &json!({"type": "content_block_delta", "index": 0, "delta": delta}),
                Served::default(),
            ),
        ]
    }

    fn message(&self, output: u64) -> Value {
        let Tokens {
            input,
            cache_write,
            cache_read,
            ..
        } = self.tokens;
        json!({"id": format!("msg_{:08}", self.number), "type": "message", "role": "assistant", "model": self.model,
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": input, "cache_creation_input_tokens": cache_write,
                "cache_read_input_tokens": cache_read, "output_tokens": output}})
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

fn event(data: &Value, counts: Served) -> Event {
    let kind = data["type"].as_str().unwrap();
    Event {
        text: format!("event: {kind}\ndata: {data}\n\n"),
        counts,
    }
}
