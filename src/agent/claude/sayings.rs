//! What a line of the stream says, for a person who reads along: texts, uses of tools, and their results.

use std::borrow::Cow;

use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::fields::Fields;
use super::json::{self, Fill, Node};
use super::line::{self, Block};
use super::tools;
use crate::agent::AgentEvent;

/// More blocks than any message has: the rest is not shown.
const BLOCKS: usize = 256;
/// How much of a text is kept, in bytes.
const LOOK: usize = 16 << 10;

/// One thing that an agent said or did, or that came of it. Texts are as they were written, and not harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// It said something.
    Text(String),
    /// It used a tool.
    ToolUse {
        /// The tool, in one harmless line.
        name: String,
        /// The file, command or pattern, in one harmless line.
        summary: String,
    },
    /// What a tool answered.
    ToolResult {
        /// The beginning of it.
        text: String,
        /// Whether the client calls it an error.
        is_error: bool,
    },
}

/// Returns what a line of a transcript says; of a line that is broken, the part before that.
pub fn sayings(line: &[u8]) -> Vec<Saying> {
    let bytes = line::trimmed(line);
    let mended = line::mended(bytes);
    let mut said = Said::default();
    json::fill(&mut said, mended.as_ref().map_or(bytes, |text| text.as_bytes()));
    said.finish()
}

/// A line, of which blocks are kept.
#[derive(Default)]
struct Said<'a> {
    fields: Fields<'a>,
    blocks: Blocks,
}

impl Said<'_> {
    /// Returns what it says, if it is of a kind that says anything.
    fn finish(self) -> Vec<Saying> {
        let kind = self.fields.word("type");
        match kind.as_deref() {
            Some("assistant" | "user") => self.blocks.0,
            _ => Vec::new(),
        }
    }
}

impl<'a> Node<'a> for Said<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        if *name == *b"message" {
            return map.next_value_seed(Fill(&mut Content(&mut self.blocks)));
        }
        self.fields.take(&["type"], &name, map)
    }
}

/// A message, of which only the content counts.
struct Content<'b>(&'b mut Blocks);

impl<'a> Node<'a> for Content<'_> {
    fn field<A: MapAccess<'a>>(&mut self, name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        if *name == *b"content" {
            return map.next_value_seed(Fill(&mut *self.0));
        }
        json::skip(map)
    }
}

/// What the blocks of a message say.
#[derive(Default)]
struct Blocks(Vec<Saying>);

impl<'a> Node<'a> for Blocks {
    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let mut block = Block::default();
        let read = list.next_element_seed(Fill(&mut block));
        if self.0.len() < BLOCKS {
            self.0.extend(saying(block));
        }
        Ok(read?.is_some())
    }
}

fn saying(block: Block<'_>) -> Option<Saying> {
    let fields = &block.fields;
    match fields.word("type")?.as_ref() {
        "text" => {
            let text = json::text(fields.raw("text")?, LOOK)?;
            (!text.trim().is_empty()).then(|| Saying::Text(text.into_owned()))
        }
        "tool_result" => Some(Saying::ToolResult {
            text: fields.raw("content").map(result).unwrap_or_default(),
            is_error: fields.get("is_error").unwrap_or(false),
        }),
        "tool_use" => match tools::event(&block.into_tool_use()) {
            AgentEvent::ToolUse { name, summary } => Some(Saying::ToolUse { name, summary }),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the text of a result: a text, or blocks of which some are texts.
fn result(content: &RawValue) -> String {
    if let Some(text) = json::text(content, LOOK) {
        return text.into_owned();
    }
    let mut texts = Texts::default();
    json::fill(&mut texts, content.get().as_bytes());
    texts.0
}

/// The texts of blocks, up to a bound.
#[derive(Default)]
struct Texts(String);

impl<'a> Node<'a> for Texts {
    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let mut block = Block::default();
        let read = list.next_element_seed(Fill(&mut block))?;
        let room = LOOK.saturating_sub(self.0.len());
        if let Some(text) = block.fields.raw("text").filter(|_| room > 0)
            && let Some(text) = json::text(text, room)
        {
            if !self.0.is_empty() {
                self.0.push('\n');
            }
            self.0.push_str(&text);
        }
        Ok(read.is_some())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &str) -> Saying {
        Saying::Text(text.to_owned())
    }

    fn result(text: &str, is_error: bool) -> Saying {
        let text = text.to_owned();
        Saying::ToolResult { text, is_error }
    }

    #[test]
    fn texts_tools_and_results_are_found() {
        let tool = Saying::ToolUse {
            name: "Bash".to_owned(),
            summary: "cargo test".to_owned(),
        };
        let use_of = json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "cargo test"}});
        for (kind, content, expect) in [
            (
                "assistant",
                json!([{"type": "text", "text": "I\nlook."}, use_of]),
                vec![text("I\nlook."), tool],
            ),
            (
                "assistant",
                json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": " "}]),
                vec![],
            ),
            ("assistant", json!("plain"), vec![]),
            (
                "user",
                json!([{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]),
                vec![result("ok", false)],
            ),
            (
                "user",
                json!([{"type": "tool_result", "is_error": true, "content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]}]),
                vec![result("a\nb", true)],
            ),
            (
                "user",
                json!([{"type": "tool_result", "content": {"odd": 1}}, 7]),
                vec![result("", false)],
            ),
            ("result", json!([{"type": "text", "text": "no"}]), vec![]),
        ] {
            // Whichever comes first.
            let one = format!(r#"{{"type":"{kind}","message":{{"content":{content}}}}}"#);
            let other = format!(r#"{{"message":{{"content":{content}}},"type":"{kind}"}}"#);
            assert_eq!(sayings(one.as_bytes()), expect, "{one}");
            assert_eq!(sayings(other.as_bytes()), expect, "{other}");
        }
    }

    #[test]
    fn what_is_huge_broken_or_no_text_is_bounded_and_harms_nobody() {
        let long = "x".repeat(10_000_000);
        let line =
            json!({"type": "user", "message": {"content": [{"type": "tool_result", "content": long}]}}).to_string();
        let [Saying::ToolResult { text: kept, .. }] = &sayings(line.as_bytes())[..] else {
            panic!("one result");
        };
        assert!((1000..=LOOK).contains(&kept.len()), "{}", kept.len());
        let many: Vec<_> = (0..10_000).map(|_| json!({"type": "text", "text": "x"})).collect();
        let line = json!({"type": "assistant", "message": {"content": many}}).to_string();
        assert_eq!(sayings(line.as_bytes()).len(), BLOCKS);
        let torn = br#"{"type":"assistant","message":{"content":[{"type":"text","text":"whole"},{"type":"te"#;
        assert_eq!(sayings(torn), [text("whole")]);
        let invalid = b"{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"a\xff\"}]}}";
        assert_eq!(sayings(invalid), [text("a?")]);
        for line in [&b""[..], b"x", b"[[[[", b"{\"type\":7}", b"\x00\x01"] {
            assert_eq!(sayings(line), []);
        }
    }
}
