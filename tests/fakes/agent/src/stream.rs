//! The stream as the client writes it, one JSON object a line.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::end::End;
use crate::session::Session;
use crate::settings::Settings;
use crate::usage::{ByModel, MESSAGE, Usage};
use crate::{OLD_VERSION, VERSION};

/// The model of sub-agents: another one than the agent's, as it often is with the client.
const SUBAGENT_MODEL: &str = "scripted-subagent-model";
/// How many bytes of a flood go out at once.
const FLOOD_PIECE: usize = 64 << 10;

/// One call's stream. Its copies are the same stream.
#[derive(Clone)]
pub(crate) struct Stream {
    head: Arc<Head>,
    tally: Arc<Mutex<Tally>>,
}

/// What does not change while the stream is written.
struct Head {
    session_id: String,
    model: String,
    schema: bool,
    api_key: bool,
    per_call_cost: bool,
    /// What the session used before this call.
    before: ByModel,
    began: SystemTime,
}

/// What the call has come to.
#[derive(Default)]
struct Tally {
    turns: u32,
    retries: u32,
    /// Messages of the whole session.
    messages: u32,
    /// What the agent itself used.
    own: Usage,
    /// What it and its sub-agents used.
    used: ByModel,
    /// The part of that since the last result.
    since: ByModel,
    /// Whether the result line is written.
    over: bool,
}

impl Stream {
    /// Makes a stream that has said nothing yet.
    pub(crate) fn new(arguments: &Arguments, id: String, settings: &Settings, session: &Session) -> Self {
        let asked = settings.model.as_ref().or(arguments.model.as_ref());
        let head = Head {
            session_id: id,
            model: asked.cloned().unwrap_or_else(|| "scripted-model".to_owned()),
            schema: arguments.json_schema,
            api_key: settings.client.api_key,
            per_call_cost: settings.client.per_call_cost,
            before: session.used.clone(),
            began: SystemTime::now(),
        };
        let tally = Tally {
            messages: session.messages,
            ..Tally::default()
        };
        Self {
            head: Arc::new(head),
            tally: Arc::new(Mutex::new(tally)),
        }
    }

    /// Turns of this call.
    pub(crate) fn turns(&self) -> u32 {
        self.tally().turns
    }

    /// US dollars that this call has cost.
    pub(crate) fn cost(&self) -> f64 {
        self.tally().used.cost()
    }

    /// Keeps the session with what was used so far.
    pub(crate) fn keep(&self, session: &mut Session, path: &Path) -> io::Result<()> {
        self.head.keep(&self.tally(), session, path)
    }

    /// `system/init`.
    pub(crate) fn init(&self) -> io::Result<()> {
        let folder = std::env::current_dir()?;
        let key = if self.head.api_key || key_is_set() {
            "ANTHROPIC_API_KEY"
        } else {
            "none"
        };
        let version = if self.head.per_call_cost { OLD_VERSION } else { VERSION };
        let mut tools = vec!["Bash", "Edit", "Read", "Write"];
        tools.extend(self.head.schema.then_some("StructuredOutput"));
        self.line(
            json!({"type": "system", "subtype": "init", "cwd": folder.to_string_lossy(), "tools": tools,
            "mcp_servers": [], "model": self.head.model, "permissionMode": "bypassPermissions", "apiKeySource": key,
            "claude_code_version": version, "output_style": "default"}),
        )
    }

    /// A message in words.
    pub(crate) fn say(&self, text: &str, usage: Usage) -> io::Result<()> {
        self.assistant(&json!({"type": "text", "text": text}), usage)
    }

    /// A tool's use; `tool_result` tells how it went.
    pub(crate) fn tool_use(&self, name: &str, input: &Value) -> io::Result<()> {
        let id = tool_id(self.tally().messages + 1);
        let content = json!({"type": "tool_use", "id": id, "name": name, "input": input});
        self.assistant(&content, MESSAGE)
    }

    /// The result of the last tool use.
    pub(crate) fn tool_result(&self, text: &str, is_error: bool) -> io::Result<()> {
        let id = tool_id(self.tally().messages);
        let content = json!([{"tool_use_id": id, "type": "tool_result", "content": text, "is_error": is_error}]);
        self.line(json!({"type": "user", "message": {"role": "user", "content": content},
            "parent_tool_use_id": null, "tool_use_result": text}))
    }

    /// A message of a sub-agent: it counts in the money and by model, not in the call's own usage.
    pub(crate) fn subagent(&self, usage: Usage) -> io::Result<()> {
        let (message, parent) = {
            let mut tally = self.tally();
            tally.messages += 1;
            tally.used.add(SUBAGENT_MODEL, usage);
            tally.since.add(SUBAGENT_MODEL, usage);
            (tally.messages, tool_id(tally.messages - 1))
        };
        let content = json!({"type": "text", "text": "A part is done."});
        let message = message_json(message, SUBAGENT_MODEL, &content, usage);
        self.line(json!({"type": "assistant", "message": message, "parent_tool_use_id": parent}))
    }

    /// A report on the account's limits.
    pub(crate) fn rate_limit(&self, info: &Value) -> io::Result<()> {
        self.line(json!({"type": "rate_limit_event", "rate_limit_info": info}))
    }

    /// A request that is going to be repeated; without a status the API was out of reach.
    pub(crate) fn retry(&self, delay_ms: u64, status: Option<u16>, word: &str) -> io::Result<()> {
        let attempt = {
            let mut tally = self.tally();
            tally.retries += 1;
            tally.retries
        };
        self.line(
            json!({"type": "system", "subtype": "api_retry", "attempt": attempt, "max_retries": 10,
            "retry_delay_ms": delay_ms, "error_status": status, "error": word}),
        )
    }

    /// A message that the client makes up when the API refuses; old clients say no more than the words.
    pub(crate) fn refusal(&self, reason: Option<(u16, &str)>, text: &str) -> io::Result<()> {
        let content = json!([{"type": "text", "text": text}]);
        let message = json!({"id": fresh_id(), "model": "<synthetic>", "role": "assistant",
            "type": "message", "stop_reason": "stop_sequence", "usage": Usage::default().json(), "content": content});
        let mut line = json!({"type": "assistant", "message": message, "parent_tool_use_id": null});
        if let Some((status, word)) = reason {
            line["error"] = word.into();
            line["is_api_error_message"] = true.into();
            line["api_error_status"] = status.into();
        }
        self.line(line)
    }

    /// The last line, unless more is said to it.
    pub(crate) fn result(&self, end: &End) -> io::Result<()> {
        let mut tally = self.tally();
        tally.over = true;
        self.line(self.head.result(&tally, end))?;
        // Turns and the agent's own use are those since the last result; what it cost is that of the session.
        (tally.turns, tally.own, tally.since) = Default::default();
        Ok(())
    }

    /// Writes the result line of a call that SIGINT ended, unless there is one, keeps what was used, and ends the
    /// process.
    #[expect(
        clippy::disallowed_methods,
        reason = "no other thread of this program may say another word"
    )]
    pub(crate) fn abort(&self, path: Option<&Path>, code: i32) -> ! {
        let tally = self.tally();
        let _last_word = io::stdout().lock();
        if !tally.over {
            // Nobody is left to hear that stdout is closed; the code tells how this ended.
            let _ = self.line(self.head.result(&tally, &End::Aborted));
        }
        if let Some((path, mut session)) = path.and_then(|path| Some((path, Session::load(path)?))) {
            // It was kept before: what fails now loses the last message's figures and nothing else.
            let _ = self.head.keep(&tally, &mut session, path);
        }
        std::process::exit(code)
    }

    /// One message of the model.
    fn assistant(&self, content: &Value, usage: Usage) -> io::Result<()> {
        let number = {
            let mut tally = self.tally();
            tally.turns += 1;
            tally.messages += 1;
            tally.own.add(usage);
            tally.used.add(&self.head.model, usage);
            tally.since.add(&self.head.model, usage);
            tally.messages
        };
        let message = message_json(number, &self.head.model, content, usage);
        self.line(json!({"type": "assistant", "message": message, "parent_tool_use_id": null}))
    }

    fn line(&self, mut line: Value) -> io::Result<()> {
        line["session_id"] = self.head.session_id.as_str().into();
        let mut output = io::stdout().lock();
        writeln!(output, "{line}")?;
        output.flush()
    }

    /// What the call has come to; numbers are whole even if a thread died over them.
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Head {
    fn keep(&self, tally: &Tally, session: &mut Session, path: &Path) -> io::Result<()> {
        session.messages = tally.messages;
        session.used = self.before.and(&tally.used);
        session.save(path)
    }

    /// The result line. Since 2.1.329 cost and tokens by model are those of the session; before, those of the call.
    fn result(&self, tally: &Tally, end: &End) -> Value {
        let told = if self.per_call_cost {
            tally.used.clone()
        } else {
            self.before.and(&tally.used)
        };
        let took = self.began.elapsed().unwrap_or_default().as_millis();
        let took = u64::try_from(took).unwrap_or_default();
        let mut line = json!({"total_cost_usd": told.cost(), "usage": tally.own.json(), "modelUsage": told.json(),
            "permission_denials": [], "num_turns": tally.turns.max(1), "duration_ms": took, "duration_api_ms": took,
            "type": "result"});
        if !self.per_call_cost {
            line["model_usage_since_last_result"] = tally.since.json();
        }
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), end.fields()) {
            line.extend(fields);
        }
        line
    }
}

/// Says that there is no session to resume, as the client does.
pub(crate) fn unknown_session(id: &str) -> io::Result<()> {
    let nothing = Usage::default().json();
    let line = json!({"type": "result", "subtype": "error_during_execution", "duration_ms": 0, "duration_api_ms": 0,
        "is_error": true, "num_turns": 0, "stop_reason": null, "session_id": id, "total_cost_usd": 0, "usage": nothing,
        "modelUsage": {}, "permission_denials": [], "errors": [unknown_words(id)], "result_index": 0});
    writeln!(io::stdout(), "{line}")
}

/// What the client says of a session that is not there.
pub(crate) fn unknown_words(id: &str) -> String {
    format!("No conversation found with session ID: {id}")
}

/// Writes bytes that are no event.
pub(crate) fn garbage(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.write_all(b"{\"type\":\"assistant\",\"mess\xff\xfe\0\n")?;
    output.flush()
}

/// So many lines of so many bytes that mean nothing, in pieces of whole lines: another thread may have the last word.
pub(crate) fn flood(bytes: usize, lines: u64) -> io::Result<()> {
    let mut line = vec![b'x'; bytes];
    line.push(b'\n');
    let at_once = u64::try_from((FLOOD_PIECE / line.len()).max(1)).unwrap_or(1);
    let mut left = lines;
    while left > 0 {
        let now = left.min(at_once);
        io::stdout().write_all(&line.repeat(usize::try_from(now).unwrap_or(1)))?;
        left -= now;
    }
    io::stdout().flush()
}

/// A message; its usage is a snapshot, as the client reports it.
fn message_json(number: u32, model: &str, content: &Value, usage: Usage) -> Value {
    let snapshot = Usage { output: 1, ..usage };
    json!({"id": format!("msg_{number:08}"), "type": "message", "role": "assistant", "model": model,
        "content": [content], "stop_reason": null, "usage": snapshot.json()})
}

fn tool_id(message: u32) -> String {
    format!("toolu_{message:08}")
}

fn key_is_set() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "the real client tells of its environment here, too"
    )]
    std::env::var_os("ANTHROPIC_API_KEY").is_some_and(|key| !key.is_empty())
}

/// An id in the form of a UUID: from the time and the process, which is random enough for a fake.
pub(crate) fn fresh_id() -> String {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let digits = format!("{:024x}{:08x}", since.as_nanos(), std::process::id());
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
