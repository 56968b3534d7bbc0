//! What the scripted model does.

use serde_json::{Value, json};

/// One use of a tool.
#[derive(Clone)]
pub(crate) struct Step {
    /// The tool, by the client's name for it.
    pub(super) tool: &'static str,
    /// Its input.
    pub(super) input: Value,
}

impl Step {
    /// Reads a file.
    pub(crate) fn read(path: &str) -> Self {
        Self::tool("Read", json!({"file_path": path}))
    }

    /// Replaces a piece of a file that was read before.
    pub(crate) fn edit(path: &str, old: &str, new: &str) -> Self {
        Self::tool("Edit", json!({"file_path": path, "old_string": old, "new_string": new}))
    }

    /// Writes a new file.
    pub(crate) fn write(path: &str, text: &str) -> Self {
        Self::tool("Write", json!({"file_path": path, "content": text}))
    }

    /// Runs a command.
    pub(crate) fn bash(command: &str) -> Self {
        Self::tool("Bash", json!({"command": command, "description": "Runs a command"}))
    }

    /// Gives the answer to `--json-schema`.
    pub(crate) fn structured(answer: Value) -> Self {
        Self::tool("StructuredOutput", answer)
    }

    /// Uses any tool.
    pub(crate) fn tool(tool: &'static str, input: Value) -> Self {
        Self { tool, input }
    }
}

/// The script of the conversations that begin in one way.
pub(crate) struct Conversation {
    mark: String,
    pub(super) steps: Vec<Step>,
}

impl Conversation {
    /// Plays `steps` where the first message has `mark` in it.
    pub(crate) fn about(mark: &str, steps: Vec<Step>) -> Self {
        Self {
            mark: mark.to_owned(),
            steps,
        }
    }

    /// Whether a request belongs to this conversation.
    pub(super) fn is_meant(&self, request: &Value) -> bool {
        texts(&request["messages"][0]["content"]).any(|text| text.contains(&self.mark))
    }
}

/// The texts of a message's content, which is one text or a list of blocks.
fn texts(content: &Value) -> impl Iterator<Item = &str> {
    let blocks = content.as_array().into_iter().flatten();
    let in_blocks = blocks.filter_map(|block| block["text"].as_str());
    content.as_str().into_iter().chain(in_blocks)
}

/// How many tools have been used in a request's conversation.
pub(super) fn tool_results(request: &Value) -> usize {
    let messages = request["messages"].as_array().into_iter().flatten();
    let blocks = messages.flat_map(|message| message["content"].as_array().into_iter().flatten());
    blocks.filter(|block| block["type"] == "tool_result").count()
}

/// The tools that a request offers.
pub(super) fn offered(request: &Value) -> Vec<&str> {
    let tools = request["tools"].as_array().into_iter().flatten();
    tools.filter_map(|tool| tool["name"].as_str()).collect()
}
