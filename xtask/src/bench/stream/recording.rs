//! A stream like the recordings, but long: made by fixed rules, so that each run measures the same bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

const SESSION: &str = "9f021a84-abde-4bed-a517-f086772b6e23";
const MODEL: &str = "claude-opus-5-5";
/// The longest result of a tool, in bytes before it is quoted; it stands in its line twice.
const LONGEST_OUTPUT: usize = 1_200_000;
/// A line that is longer than anybody keeps, in bytes.
const OVERLONG: usize = 100_000_000;

/// What tools print, over and over: code, with all that JSON must escape, and words beyond ASCII.
const OUTPUT: &str = "     1\tuse std::collections::HashMap;\n     2\t\n     3\t/// Gr\u{f6}\u{df}en in \"Pariser Stich\": a third of 2 cm.\n\
     4\tpub fn sizes(text: &str) -> HashMap<String, f64> {\n     5\t    text.lines().filter_map(|line| line.split_once('\\t'))\n\
     6\t        .map(|(name, size)| (name.to_owned(), size.parse().unwrap_or(0.0))).collect()\n     7\t}\n\
test sizes::a_table_is_read ... ok\nwarning: unused variable: `count` --> src/lib.rs:42:9 \u{2192} help: prefix it\n";

/// How long a stream is, and of what.
pub(crate) struct Written {
    bytes: u64,
    lines: u64,
    longest: usize,
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, lines, longest } = self;
        write!(formatter, "{bytes} bytes in {lines} lines, the longest {longest}")
    }
}

/// Writes an ordinary stream of about so many bytes, from its init to the result of a success.
pub(crate) fn write_ordinary(path: &Path, bytes: u64) -> Result<Written> {
    let mut stream = Writer::create(path)?;
    stream.line(&init())?;
    let mut number = 0;
    while stream.written.bytes < bytes {
        number += 1;
        stream.turn(number)?;
    }
    stream.line(&result(number))?;
    stream.out.flush()?;
    Ok(stream.written)
}

/// Writes a stream with lines that no client writes: one of 100 MB, one of 100 MB without sense, some of invalid UTF-8.
pub(crate) fn write_hostile(path: &Path) -> Result<()> {
    let mut stream = Writer::create(path)?;
    stream.line(&init())?;
    stream.line(&tool_result(1, &OUTPUT.repeat(OVERLONG / OUTPUT.len() / 2)))?;
    for (length, byte) in [(OVERLONG, b'{'), (3_000_000, 0xff), (3_000_000, 0), (200, 0xfe)] {
        stream
            .out
            .write_all(b"{\"type\":\"assistant\",\"message\":{\"content\":\"")?;
        io::copy(&mut io::Read::take(io::repeat(byte), length as u64), &mut stream.out)?;
        stream.out.write_all(b"\n")?;
        stream.turn(2)?;
    }
    stream.line(&result(2))?;
    Ok(stream.out.flush()?)
}

struct Writer {
    out: BufWriter<File>,
    written: Written,
    /// The state of the generator that says how long outputs are.
    state: u64,
}

impl Writer {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self {
            out: BufWriter::with_capacity(1 << 20, file),
            written: Written {
                bytes: 0,
                lines: 0,
                longest: 0,
            },
            state: 1,
        })
    }

    /// What the agent says, the tool that it uses, and what that prints; now and then what the API says beside it.
    fn turn(&mut self, number: u64) -> Result<()> {
        let said = self.text(200, 3_000);
        self.line(&assistant(number, &json!({"type": "text", "text": said})))?;
        let input = if number.is_multiple_of(3) {
            json!({"file_path": "/workspace/src/sizes.rs", "content": self.text(500, 30_000)})
        } else {
            json!({"command": "cargo test --workspace 2>&1 | tail -n 40", "description": "Run the tests"})
        };
        let name = if number.is_multiple_of(3) { "Write" } else { "Bash" };
        let id = tool_id(number);
        self.line(&assistant(
            number,
            &json!({"type": "tool_use", "id": id, "name": name, "input": input}),
        ))?;
        if number.is_multiple_of(40) {
            self.line(&rate_limit())?;
        }
        if number.is_multiple_of(150) {
            self.line(&api_retry())?;
        }
        let longest = if number.is_multiple_of(100) {
            LONGEST_OUTPUT
        } else {
            100_000
        };
        let output = self.text(20, longest);
        self.line(&tool_result(number, &output))
    }

    fn line(&mut self, value: &Value) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.written.bytes += line.len() as u64;
        self.written.lines += 1;
        self.written.longest = self.written.longest.max(line.len());
        Ok(())
    }

    /// A text between two lengths, in bytes: short ones far more often than long ones.
    fn text(&mut self, least: usize, most: usize) -> String {
        // Knuth's linear congruential generator; its high bits are the good ones.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let doublings = (most / least).ilog2() + 1;
        let high = u32::try_from(self.state >> 40).unwrap_or_default();
        let length = (least << (high % doublings)).min(most);
        let mut text = OUTPUT.repeat(length / OUTPUT.len() + 1);
        let end = (0..=length).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text
    }
}

fn init() -> Value {
    json!({"type": "system", "subtype": "init", "cwd": "/workspace", "session_id": SESSION,
        "tools": ["Bash", "Edit", "Read", "Write"], "mcp_servers": [], "model": MODEL, "apiKeySource": "none",
        "permissionMode": "bypassPermissions", "claude_code_version": "2.1.329", "output_style": "default"})
}

fn assistant(number: u64, content: &Value) -> Value {
    let usage = json!({"input_tokens": 120, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 900,
        "output_tokens": 1});
    json!({"type": "assistant", "message": {"id": format!("msg_{number:08}"), "type": "message", "role": "assistant",
        "model": MODEL, "content": [content], "stop_reason": null, "stop_sequence": null, "usage": usage,
        "context_management": null}, "parent_tool_use_id": null, "session_id": SESSION,
        "uuid": "395fa004-01cf-41c0-b1bc-21cee2ada299", "timestamp": "2026-11-21T09:30:32.762Z", "request_id": "req_1"})
}

fn tool_result(number: u64, output: &str) -> Value {
    let content =
        json!([{"tool_use_id": tool_id(number), "type": "tool_result", "content": output, "is_error": false}]);
    json!({"type": "user", "message": {"role": "user", "content": content}, "parent_tool_use_id": null,
        "session_id": SESSION, "uuid": "70430059-cd93-407a-b7fc-3a709d8fae8e", "timestamp": "2026-11-21T09:30:32.833Z",
        "tool_use_result": {"stdout": output, "stderr": "", "interrupted": false, "isImage": false}})
}

fn rate_limit() -> Value {
    json!({"type": "rate_limit_event", "session_id": SESSION, "uuid": "6efeeeb7-8262-4bd2-b924-14f53d37c40f",
        "rate_limit_info": {"status": "allowed", "resetsAt": 1_900_000_000, "rateLimitType": "five_hour",
            "isUsingOverage": false}})
}

fn api_retry() -> Value {
    json!({"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 10, "retry_delay_ms": 570,
        "error_status": 529, "error": "overloaded", "session_id": SESSION,
        "uuid": "1b8aed01-b1a8-44b4-b8a0-b6fa5ce61e3d"})
}

fn result(turns: u64) -> Value {
    let usage = json!({"input_tokens": 120 * turns, "cache_creation_input_tokens": 30 * turns,
        "cache_read_input_tokens": 900 * turns, "output_tokens": 40 * turns});
    let by_model = json!({MODEL: {"inputTokens": 120 * turns, "outputTokens": 40 * turns,
        "cacheReadInputTokens": 900 * turns, "cacheCreationInputTokens": 30 * turns, "costUSD": 1.5}});
    json!({"type": "result", "subtype": "success", "is_error": false, "num_turns": turns, "result": "Done.",
        "session_id": SESSION, "total_cost_usd": 1.5, "usage": usage, "modelUsage": by_model, "duration_ms": 1000,
        "permission_denials": [], "terminal_reason": "completed", "model_usage_since_last_result": by_model})
}

fn tool_id(number: u64) -> String {
    format!("toolu_{number:08}")
}
