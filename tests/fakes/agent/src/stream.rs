//! The stream as the client writes it, one JSON object a line.

use std::io::{self, Write as _};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::VERSION;
use crate::arguments::Arguments;

/// Tokens and money.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cache_write: u64,
    pub(crate) cache_read: u64,
    pub(crate) output: u64,
    pub(crate) cost: f64,
}

/// What a message uses unless the script says otherwise.
pub(crate) const MESSAGE: Usage = Usage {
    input: 120,
    cache_write: 30,
    cache_read: 900,
    output: 40,
    cost: 0.000_805,
};

impl Usage {
    fn add(&mut self, other: Self) {
        self.input += other.input;
        self.cache_write += other.cache_write;
        self.cache_read += other.cache_read;
        self.output += other.output;
        self.cost += other.cost;
    }

    fn json(&self) -> Value {
        json!({"input_tokens": self.input, "cache_creation_input_tokens": self.cache_write,
            "cache_read_input_tokens": self.cache_read, "output_tokens": self.output})
    }
}

/// How a call ends.
pub(crate) enum End {
    /// It did what was asked.
    Success {
        text: String,
        structured_output: Option<Value>,
    },
    /// `error_…`.
    Error {
        subtype: &'static str,
        terminal_reason: &'static str,
        message: String,
    },
    /// The API refused.
    Api { status: u16, text: String },
}

impl End {
    /// The fields of the result line that tell how the call ended.
    fn fields(&self) -> Value {
        match self {
            Self::Success {
                text,
                structured_output,
            } => {
                let mut fields = json!({"subtype": "success", "is_error": false, "terminal_reason": "completed",
                    "result": text.trim_end()});
                if let Some(answer) = structured_output {
                    fields["structured_output"] = answer.clone();
                }
                fields
            }
            Self::Error {
                subtype,
                terminal_reason,
                message,
            } => {
                let mut fields = json!({"subtype": subtype, "is_error": true, "terminal_reason": terminal_reason,
                    "errors": [message.trim_end()]});
                if *terminal_reason == "budget_exhausted" {
                    fields["usage"] = Usage::default().json();
                }
                fields
            }
            Self::Api { status, text } => json!({"subtype": "success", "is_error": true,
                "terminal_reason": "api_error", "api_error_status": status, "result": text.trim_end()}),
        }
    }
}

/// Where an API key is from, as the real client says it; an empty variable is none to it.
#[expect(clippy::disallowed_methods, reason = "the real client tells of its environment, too")]
fn key_source() -> &'static str {
    let key = std::env::var_os("ANTHROPIC_API_KEY").filter(|key| !key.is_empty());
    key.map_or("none", |_| "ANTHROPIC_API_KEY")
}

/// One call's stream.
pub(crate) struct Stream {
    session_id: String,
    model: String,
    schema: bool,
    /// Where the first event says that the API key is from.
    pub(crate) key_source: String,
    began: SystemTime,
    pub(crate) turns: u32,
    pub(crate) total: Usage,
}

impl Stream {
    /// Makes a stream that has said nothing yet.
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let began = SystemTime::now();
        let session_id = arguments.session_id.clone().unwrap_or_else(|| fresh_id(began));
        Self {
            session_id,
            model: arguments.model.clone().unwrap_or_else(|| "scripted-model".to_owned()),
            schema: arguments.json_schema,
            key_source: key_source().to_owned(),
            began,
            turns: 0,
            total: Usage::default(),
        }
    }

    /// `system/init`.
    pub(crate) fn init(&self) -> io::Result<()> {
        let folder = std::env::current_dir()?;
        let mut tools = vec!["Bash", "Edit", "Read", "Write"];
        tools.extend(self.schema.then_some("StructuredOutput"));
        self.line(
            json!({"type": "system", "subtype": "init", "cwd": folder.to_string_lossy(), "tools": tools,
            "mcp_servers": [], "model": self.model, "permissionMode": "bypassPermissions", "apiKeySource": self.key_source,
            "claude_code_version": VERSION, "output_style": "default"}),
        )
    }

    /// A message in words.
    pub(crate) fn say(&mut self, text: &str, usage: Usage) -> io::Result<()> {
        self.assistant(&json!({"type": "text", "text": text}), usage)
    }

    /// A tool's use; `tool_result` tells how it went.
    pub(crate) fn tool_use(&mut self, name: &str, input: &Value) -> io::Result<()> {
        let id = format!("toolu_{:08}", self.turns + 1);
        self.assistant(
            &json!({"type": "tool_use", "id": id, "name": name, "input": input}),
            MESSAGE,
        )
    }

    /// The result of the last tool use.
    pub(crate) fn tool_result(&self, text: &str, is_error: bool) -> io::Result<()> {
        let id = format!("toolu_{:08}", self.turns);
        let content = json!([{"tool_use_id": id, "type": "tool_result", "content": text, "is_error": is_error}]);
        self.line(json!({"type": "user", "message": {"role": "user", "content": content},
            "parent_tool_use_id": null, "tool_use_result": text}))
    }

    /// A report on the account's limits.
    pub(crate) fn rate_limit(&self, info: &Value) -> io::Result<()> {
        self.line(json!({"type": "rate_limit_event", "rate_limit_info": info}))
    }

    /// A message that the client makes up when the API refuses.
    pub(crate) fn refusal(&self, status: u16, word: &str, text: &str) -> io::Result<()> {
        let content = json!([{"type": "text", "text": text}]);
        let message = json!({"id": fresh_id(SystemTime::now()), "model": "<synthetic>", "role": "assistant",
            "type": "message", "stop_reason": "stop_sequence", "usage": Usage::default().json(), "content": content});
        self.line(
            json!({"type": "assistant", "message": message, "parent_tool_use_id": null, "error": word,
            "is_api_error_message": true, "api_error_status": status}),
        )
    }

    /// The last line. A spent budget reports no usage of its own, as the client does.
    pub(crate) fn result(&self, end: &End) -> io::Result<()> {
        let by_model = json!({self.model.as_str(): {"inputTokens": self.total.input,
            "outputTokens": self.total.output, "cacheReadInputTokens": self.total.cache_read,
            "cacheCreationInputTokens": self.total.cache_write, "costUSD": self.total.cost}});
        let took = self.began.elapsed().unwrap_or_default().as_millis();
        let mut line = json!({"total_cost_usd": self.total.cost, "usage": self.total.json(), "modelUsage": by_model,
            "permission_denials": [], "num_turns": self.turns.max(1), "duration_ms": u64::try_from(took).unwrap_or(0),
            "type": "result"});
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), end.fields()) {
            line.extend(fields);
        }
        self.line(line)
    }

    /// One message of the model; its usage is a snapshot, as the client reports it.
    fn assistant(&mut self, content: &Value, usage: Usage) -> io::Result<()> {
        self.turns += 1;
        self.total.add(usage);
        let snapshot = Usage { output: 1, ..usage };
        let message = json!({"id": format!("msg_{:08}", self.turns), "type": "message", "role": "assistant",
            "model": self.model, "content": [content], "stop_reason": null, "usage": snapshot.json()});
        self.line(json!({"type": "assistant", "message": message, "parent_tool_use_id": null}))
    }

    fn line(&self, mut line: Value) -> io::Result<()> {
        line["session_id"] = self.session_id.as_str().into();
        let mut output = io::stdout().lock();
        writeln!(output, "{line}")?;
        output.flush()
    }
}

/// Writes bytes that are no event.
pub(crate) fn garbage(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.write_all(b"{\"type\":\"assistant\",\"mess\xff\xfe\0\n")?;
    output.flush()
}

/// So many lines of so many bytes that mean nothing.
pub(crate) fn flood(bytes: usize, lines: u64) -> io::Result<()> {
    let line = vec![b'x'; bytes];
    let mut output = io::BufWriter::new(io::stdout().lock());
    for _ in 0..lines {
        output.write_all(&line)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// An id in the form of a UUID: from the time and the process, which is random enough for a fake.
fn fresh_id(at: SystemTime) -> String {
    let nanoseconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let digits = format!("{nanoseconds:024x}{:08x}", std::process::id());
    let part = |from: usize, to: usize| &digits[from..to];
    format!(
        "{}-{}-4{}-8{}-{}",
        part(8, 16),
        part(16, 20),
        part(20, 23),
        part(21, 24),
        part(20, 32)
    )
}
