//! One line of the stream, read in one pass: its own fields, and the content of its message.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::de::{MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::fields::Fields;
use super::json::{self, Fill, Node};
use crate::model::Usage;

/// Begins a command to a terminal.
const ESCAPE: u8 = 0x1b;

/// The fields of lines that are used: a field that is not named here is never read.
const LINE: [&str; 33] = [
    "type",
    "subtype",
    "session_id",
    "parent_tool_use_id",
    "timestamp",
    "model",
    "claude_code_version",
    "apiKeySource",
    "mcp_servers",
    "attempt",
    "retry_delay_ms",
    "error_status",
    "error",
    "api_error_params",
    "rate_limit_info",
    "is_error",
    "terminal_reason",
    "api_error_status",
    "api_error",
    "errors",
    "result",
    "structured_output",
    "num_turns",
    "usage",
    "modelUsage",
    "model_usage_since_last_result",
    "total_cost_usd",
    "duration_ms",
    "duration_api_ms",
    "startup_failure_reason",
    "tasks",
    "patch",
    "state",
];
/// The fields of messages.
const MESSAGE: [&str; 2] = ["id", "model"];
/// The counts of a message's usage.
const USAGE: [&str; 4] = [
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
];
/// The fields of a message's blocks.
const BLOCK: [&str; 10] = [
    "type",
    "id",
    "name",
    "text",
    "thinking",
    "signature",
    "data",
    "tool_use_id",
    "content",
    "is_error",
];
/// The inputs that show what a tool is used on, the most informative first.
const TELLING: [&str; 9] = [
    "file_path",
    "notebook_path",
    "command",
    "pattern",
    "path",
    "url",
    "query",
    "description",
    "prompt",
];
/// How much of an input is read, in bytes.
const LOOK: usize = 1024;
/// More tool uses than any message has: the rest is not followed.
const TOOLS_LIMIT: usize = 256;

/// The readable parts of a line.
#[derive(Default)]
pub(super) struct Line<'a> {
    /// Its own fields, those of the client.
    pub(super) fields: Fields<'a>,
    /// The field `message`.
    pub(super) message: Message<'a>,
}

impl<'a> Line<'a> {
    /// Reads a line; also returns whether it was whole.
    pub(super) fn read(bytes: &'a [u8]) -> (Self, bool) {
        let mut line = Self::default();
        let whole = json::fill(&mut line, bytes);
        (line, whole)
    }

    /// Returns the type, if it is a text.
    pub(super) fn kind(&self) -> Option<Cow<'a, str>> {
        self.fields.word("type")
    }

    /// Returns whether it belongs to the main thread, and not to a sub-agent.
    pub(super) fn is_main(&self) -> bool {
        !self.fields.has("parent_tool_use_id")
    }
}

impl<'a> Node<'a> for Line<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        if *name == *b"message" {
            self.message = Message::default();
            return map.next_value_seed(Fill(&mut self.message));
        }
        self.fields.take(&LINE, &name, map)
    }
}

/// Returns the line without the bytes around it: spaces, NULs, a byte order mark, commands to a terminal.
pub(super) fn trimmed(line: &[u8]) -> &[u8] {
    let line = without_padding(line);
    // Bytes after the object are removed if they are nothing else.
    let end = memchr::memrchr(b'}', line).map_or(line.len(), |last| last + 1);
    let (object, rest) = line.split_at(end);
    if without_padding(rest).is_empty() { object } else { line }
}

/// Returns the line from its first meaningful byte on.
fn without_padding(mut line: &[u8]) -> &[u8] {
    loop {
        let shorter = match line {
            [first, rest @ ..] if first.is_ascii_whitespace() || *first == 0 => Some(rest),
            [ESCAPE, b'[', rest @ ..] => after(rest, |byte| matches!(byte, 0x40..=0x7e)),
            // Titles, colours and links end with a bell, or with an escape and a backslash.
            [ESCAPE, b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => after(rest, |byte| matches!(byte, 7 | b'\\')),
            // Two or three bytes, or a byte order mark.
            [ESCAPE, 0x20..=0x2f, _, rest @ ..] | [ESCAPE, 0x30..=0x7e, rest @ ..] | [0xef, 0xbb, 0xbf, rest @ ..] => {
                Some(rest)
            }
            _ => None,
        };
        match shorter {
            Some(rest) => line = rest,
            None => return line,
        }
    }
}

/// Returns what follows the first byte for which this is so.
fn after(text: &[u8], ends: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let end = text.iter().position(|byte| ends(*byte))?;
    Some(&text[end + 1..])
}

/// Returns the objects of a line that is not a single object: several of them, or objects with raw control characters
/// in a text, or with numbers that JSON does not have. `None` where there is nothing to repair, or anything else is
/// between them.
pub(super) fn pieces(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    let mut is_mended = false;
    while !rest.is_empty() {
        let (object, length) = first_object(rest)?;
        is_mended |= object != rest[..length];
        pieces.push(object);
        rest = without_padding(&rest[length..]);
    }
    (is_mended || pieces.len() > 1).then_some(pieces)
}

/// Returns the object at the beginning of a text, repaired, and its length there; `None` where there is none, or it has
/// no end.
fn first_object(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut object = Vec::with_capacity(text.len());
    let (mut depth, mut in_text, mut at) = (0_usize, false, 0);
    while let Some(byte) = text.get(at) {
        let mut length = 1;
        match byte {
            b'\\' if in_text => {
                length = 2.min(text.len() - at);
                object.extend_from_slice(&text[at..at + length]);
            }
            0..=0x1f if in_text => object.push(b' '),
            b'N' | b'I' | b'-' if !in_text && let Some(number) = no_number(&text[at..]) => {
                length = number.len();
                object.extend_from_slice(b"null");
            }
            _ => {
                in_text ^= *byte == b'"';
                object.push(*byte);
                match byte {
                    b'{' if !in_text => depth += 1,
                    b'}' if !in_text => depth = depth.checked_sub(1)?,
                    _ => {}
                }
            }
        }
        at += length;
        if depth == 0 {
            return object.starts_with(b"{").then_some((object, at));
        }
    }
    None
}

/// Returns the words that some programs write for numbers that are not numbers.
fn no_number(text: &[u8]) -> Option<&'static str> {
    let names = ["NaN", "Infinity", "-Infinity"];
    names.into_iter().find(|name| text.starts_with(name.as_bytes()))
}

/// Returns the line with a question mark for everything that is not UTF-8, so that it does not become longer; `None`
/// when it is UTF-8.
pub(super) fn mended(line: &[u8]) -> Option<String> {
    std::str::from_utf8(line).err()?;
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('?');
        }
    }
    Some(text)
}

/// The message of an `assistant` or `user` line.
#[derive(Default)]
pub(super) struct Message<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) content: Content<'a>,
    counts: UsageNode<'a>,
}

impl Message<'_> {
    /// Returns an id of the message, valid for as long as the transcript.
    pub(super) fn id(&self) -> Option<u64> {
        self.fields.raw("id").map(identity)
    }

    /// Returns the API's count for it.
    pub(super) fn usage(&self) -> Usage {
        self.counts.0.api_usage()
    }

    /// Returns whether the client created it: no model wrote it, and it cost nothing.
    pub(super) fn is_synthetic(&self) -> bool {
        self.fields.word("model").as_deref() == Some("<synthetic>")
    }
}

impl<'a> Node<'a> for Message<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        if *name == *b"content" {
            self.content = Content::default();
            return map.next_value_seed(Fill(&mut self.content));
        }
        if *name == *b"usage" {
            self.counts = UsageNode::default();
            return map.next_value_seed(Fill(&mut self.counts));
        }
        self.fields.take(&MESSAGE, &name, map)
    }
}

/// The usage of a message: every line has it, and most of its content is never needed.
#[derive(Default)]
struct UsageNode<'a>(Fields<'a>);

impl<'a> Node<'a> for UsageNode<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        self.0.take(&USAGE, &name, map)
    }
}

/// A summary of the blocks of a message; the blocks are not kept, however many there are.
#[derive(Default)]
pub(super) struct Content<'a> {
    /// The first text.
    pub(super) first_text: Option<&'a RawValue>,
    /// The last text.
    pub(super) last_text: Option<&'a RawValue>,
    /// The first tool use.
    pub(super) tool: Option<ToolUse<'a>>,
    /// The tool uses that it begins.
    pub(super) begun: Vec<u64>,
    /// The tool uses with results in it.
    pub(super) ended: Vec<u64>,
    /// Bytes that the model wrote.
    pub(super) written: u64,
}

impl<'a> Content<'a> {
    fn add(&mut self, block: Block<'a>) {
        self.written = self.written.saturating_add(block.written());
        let id = |name| block.fields.raw(name).map(identity);
        let room = |ids: &[u64]| TOOLS_LIMIT.saturating_sub(ids.len()).min(1);
        match block.fields.word("type").as_deref() {
            Some("tool_use") => {
                self.begun.extend(id("id").into_iter().take(room(&self.begun)));
                self.tool.get_or_insert(block.into_tool_use());
            }
            Some("tool_result") => self.ended.extend(id("tool_use_id").into_iter().take(room(&self.ended))),
            _ => {
                let text = block.fields.raw("text").filter(|text| text.get() != "\"\"");
                self.first_text = self.first_text.or(text);
                self.last_text = text.or(self.last_text);
            }
        }
    }
}

impl<'a> Node<'a> for Content<'a> {
    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let mut block = Block::default();
        let read = list.next_element_seed(Fill(&mut block));
        // A block that is cut off counts with the part that is there.
        self.add(block);
        Ok(read?.is_some())
    }
}

/// The summary of a tool use.
pub(super) struct ToolUse<'a> {
    pub(super) name: Option<&'a RawValue>,
    telling: Fields<'a>,
}

impl<'a> ToolUse<'a> {
    /// Returns the object of the tool use, such as a file or a command.
    pub(super) fn target(&self) -> Option<Cow<'a, str>> {
        TELLING
            .iter()
            .find_map(|name| json::text(self.telling.raw(name)?, LOOK))
    }
}

/// One block of a message.
#[derive(Default)]
pub(super) struct Block<'a> {
    pub(super) fields: Fields<'a>,
    input: Input<'a>,
}

impl<'a> Block<'a> {
    /// Returns the use of a tool that it is.
    pub(super) fn into_tool_use(self) -> ToolUse<'a> {
        ToolUse {
            name: self.fields.raw("name"),
            telling: self.input.telling,
        }
    }

    /// Returns the number of bytes that the model wrote. Thinking that is withheld still has a signature, which is
    /// about as long.
    fn written(&self) -> u64 {
        let length = |name| self.fields.raw(name).map_or(0, length);
        let thinking = match length("thinking") {
            0 => length("signature"),
            shown => shown,
        };
        length("text") + thinking + length("data") + self.input.length
    }
}

impl<'a> Node<'a> for Block<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        if *name == *b"input" {
            return map.next_value_seed(Fill(&mut self.input));
        }
        self.fields.take(&BLOCK, &name, map)
    }
}

/// The input of a tool use.
#[derive(Default)]
struct Input<'a> {
    telling: Fields<'a>,
    length: u64,
}

impl<'a> Node<'a> for Input<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: Cow<'a, [u8]>, map: &mut A) -> Result<(), A::Error> {
        let value: &RawValue = map.next_value()?;
        self.length += name.len() as u64 + length(value);
        if let Some(known) = TELLING.iter().find(|known| known.as_bytes() == &*name) {
            self.telling.set(known, value);
        }
        Ok(())
    }
}

/// Returns the bytes of a value, without the quotes of a string.
fn length(value: &RawValue) -> u64 {
    let json = value.get();
    let quotes = if json.starts_with('"') { 2 } else { 0 };
    (json.len() - quotes) as u64
}

/// Returns a number for an id of any length, so that ids take bounded memory.
fn identity(id: &RawValue) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.get().hash(&mut hasher);
    hasher.finish()
}
