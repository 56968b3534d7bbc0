//! Claude Code's stream-json: lines in, events out, and at the end what the call amounts to.
//!
//! The fields differ between versions of the client: all are optional here, unknown types are
//! skipped and counted, and only the fields of a line itself are read, so that no tool's output can
//! pass for an event.

mod fields;
mod limit;
mod reset;
mod verdict;

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use self::fields::Fields;
use self::limit::Limits;
pub use self::reset::find as reset_time;
use super::{AgentEvent, CallReport, Ending, Usage};
use crate::text::one_line;

/// The longest text of an event, in characters.
const TEXT_WIDTH: usize = 200;
/// The longest summary of a tool's use, in characters.
const SUMMARY_WIDTH: usize = 100;

/// A fold over the lines of one call.
#[derive(Debug, Default)]
pub struct Transcript {
    session_id: Option<String>,
    model: Option<String>,
    client_version: Option<String>,
    api_key_source: Option<String>,
    /// The last snapshot of each message's usage: one message spans several lines.
    messages: HashMap<String, Usage>,
    limits: Limits,
    /// The last refusal that the client wrote down as a message.
    refusal: Option<Refusal>,
    /// The last retry, while no message has followed it.
    retry: Option<Retry>,
    result: Option<ResultLine>,
    skipped_lines: u64,
}

/// A message that the client made up from an API error.
#[derive(Debug)]
struct Refusal {
    word: String,
    text: String,
    /// When the limit is lifted, if the refusal says so.
    resets_at: Option<Timestamp>,
}

/// A request that the client is about to repeat.
#[derive(Debug)]
struct Retry {
    status: Option<u16>,
    word: String,
}

/// The last line of a call.
#[derive(Debug)]
struct ResultLine {
    subtype: String,
    is_error: Option<bool>,
    terminal_reason: String,
    status: Option<u16>,
    usage_limit: bool,
    errors: Vec<String>,
    text: Option<String>,
    structured_output: Option<Value>,
    turns: Option<u32>,
    usage: Usage,
}

impl Transcript {
    /// A transcript without lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one line of stdout, with or without its newline. Any bytes will do.
    pub fn push_line(&mut self, line: &[u8]) -> Option<AgentEvent> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if text.is_empty() {
            return None;
        }
        let kind = Fields::parse(text).and_then(|fields| Some((fields.text("type")?, fields)));
        let Some((kind, fields)) = kind else {
            self.skipped_lines += 1;
            return None;
        };
        match kind.as_str() {
            "system" => self.system(&fields),
            "assistant" => self.assistant(&fields),
            "rate_limit_event" => Some(self.limits.note(&fields.object("rate_limit_info")?)),
            "result" => Some(self.result(&fields)),
            "user" | "stream_event" => None,
            _ => {
                self.skipped_lines += 1;
                None
            }
        }
    }

    /// What the call used so far. Exact once the result line is there; before that, every message's
    /// snapshot once: input is right, output is far too low.
    pub fn usage(&self) -> Usage {
        match &self.result {
            Some(result) if result.usage.tokens() > 0 => result.usage,
            Some(result) => Usage {
                cost_usd: result.usage.cost_usd,
                ..self.snapshots()
            },
            None => self.snapshots(),
        }
    }

    /// Turns so far.
    pub fn turns(&self) -> u32 {
        let counted = self.result.as_ref().and_then(|result| result.turns);
        counted.unwrap_or_else(|| u32::try_from(self.messages.len()).unwrap_or(u32::MAX))
    }

    /// Says what the call amounts to, given how its process ended.
    pub fn finish(mut self, ending: &Ending<'_>) -> CallReport {
        let verdict = verdict::of(&self, ending);
        let usage = Usage {
            calls: 1,
            ..self.usage()
        };
        let turns = self.turns();
        let result = self.result.take();
        let (result, structured_output) = result.map_or((None, None), |line| (line.text, line.structured_output));
        CallReport {
            outcome: verdict.outcome,
            reason: one_line(&verdict.reason, 500),
            session_id: self.session_id,
            model: self.model,
            turns,
            usage,
            estimated: false,
            duration_ms: 0,
            api_ms: 0,
            wait_ms: 0,
            session_lost: false,
            resets_at: verdict.resets_at,
            result,
            structured_output,
            client_version: self.client_version,
            api_key_source: self.api_key_source,
            using_overage: self.limits.overage,
            skipped_lines: self.skipped_lines,
            cut: ending.cut,
        }
    }

    fn snapshots(&self) -> Usage {
        self.messages.values().copied().sum()
    }

    fn system(&mut self, fields: &Fields<'_>) -> Option<AgentEvent> {
        match fields.text("subtype")?.as_str() {
            "init" => Some(self.init(fields)),
            "api_retry" => Some(self.api_retry(fields)),
            _ => None,
        }
    }

    fn init(&mut self, fields: &Fields<'_>) -> AgentEvent {
        let word = |name| fields.text(name).map(|text| one_line(&text, SUMMARY_WIDTH));
        self.session_id = word("session_id");
        self.model = word("model");
        self.client_version = word("claude_code_version");
        self.api_key_source = word("apiKeySource");
        AgentEvent::Started {
            session_id: self.session_id.clone(),
            model: self.model.clone(),
            version: self.client_version.clone(),
            api_key_source: self.api_key_source.clone().filter(|source| source != "none"),
        }
    }

    fn api_retry(&mut self, fields: &Fields<'_>) -> AgentEvent {
        let status = fields.get("error_status");
        let word = fields.text("error");
        self.retry = Some(Retry {
            status,
            word: word.clone().unwrap_or_default(),
        });
        AgentEvent::Retry {
            attempt: fields.get("attempt").unwrap_or(0),
            delay_ms: fields.get::<f64>("retry_delay_ms").map_or(0, milliseconds),
            status,
            error: word.map(|word| one_line(&word, SUMMARY_WIDTH)),
        }
    }

    fn assistant(&mut self, fields: &Fields<'_>) -> Option<AgentEvent> {
        let message = fields.object("message")?;
        let content = message.objects("content");
        self.retry = None;
        self.refusal = fields.text("error").map(|word| refusal(word, fields, &content));
        if message.text("model").as_deref() != Some("<synthetic>") {
            self.meter(&message);
        }
        content
            .iter()
            .find_map(tool_use)
            .or_else(|| content.iter().find_map(text))
            .or_else(|| {
                Some(AgentEvent::Tokens {
                    usage: self.usage(),
                    turns: self.turns(),
                })
            })
    }

    /// Keeps the latest snapshot of a message, whatever number of lines repeats it.
    fn meter(&mut self, message: &Fields<'_>) {
        let id = message.text("id").unwrap_or_default();
        let usage = message.object("usage").map(|usage| usage.api_usage());
        self.messages.insert(id, usage.unwrap_or_default());
    }

    fn result(&mut self, fields: &Fields<'_>) -> AgentEvent {
        if self.session_id.is_none() {
            self.session_id = fields.text("session_id").map(|id| one_line(&id, SUMMARY_WIDTH));
        }
        let line = ResultLine {
            subtype: fields.text("subtype").unwrap_or_default(),
            is_error: fields.get("is_error"),
            terminal_reason: fields.text("terminal_reason").unwrap_or_default(),
            status: fields.get("api_error_status"),
            usage_limit: fields.text("api_error").as_deref() == Some("usage_limit_reached"),
            errors: fields.get("errors").unwrap_or_default(),
            text: fields.text("result"),
            structured_output: fields.get("structured_output").filter(|value: &Value| !value.is_null()),
            turns: fields.get("num_turns"),
            usage: result_usage(fields),
        };
        let success = line.claims_success();
        self.result = Some(line);
        AgentEvent::Finished {
            success,
            turns: self.turns(),
            usage: self.usage(),
        }
    }
}

impl ResultLine {
    /// A success needs both fields: every API failure ends with `subtype: success`, too.
    fn claims_success(&self) -> bool {
        self.subtype == "success" && self.is_error == Some(false)
    }
}

/// The call's own tokens where the client gives them; it gives zeros when a budget ran out, and the
/// sums by model are then the only figures.
fn result_usage(fields: &Fields<'_>) -> Usage {
    let by_model: Usage = fields.values("modelUsage").iter().map(Fields::model_usage).sum();
    let own = fields
        .object("usage")
        .map(|usage| usage.api_usage())
        .unwrap_or_default();
    let tokens = if own.tokens() > 0 { own } else { by_model };
    let total = fields.money("total_cost_usd");
    Usage {
        cost_usd: if total > 0.0 { total } else { by_model.cost_usd },
        ..tokens
    }
}

fn refusal(word: String, fields: &Fields<'_>, content: &[Fields<'_>]) -> Refusal {
    let text = content.iter().find_map(|block| block.text("text")).unwrap_or_default();
    let written_at = fields.text("timestamp").and_then(|text| text.parse::<Timestamp>().ok());
    let resets_at = fields
        .object("api_error_params")
        .and_then(|parameters| parameters.object("rate_limit_info")?.moment("resetsAt"))
        .or_else(|| reset::find(&text, written_at));
    Refusal { word, text, resets_at }
}

fn text(block: &Fields<'_>) -> Option<AgentEvent> {
    let text = one_line(&block.text("text")?, TEXT_WIDTH);
    (!text.is_empty()).then_some(AgentEvent::Text { text })
}

/// The inputs that tell what a tool is used on, the most telling first.
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

fn tool_use(block: &Fields<'_>) -> Option<AgentEvent> {
    if block.text("type")? != "tool_use" {
        return None;
    }
    let input = block.object("input");
    let telling = input.and_then(|input| TELLING.iter().find_map(|name| input.text(name)));
    let summary = telling.unwrap_or_default();
    let summary = summary.strip_prefix("/workspace/").unwrap_or(&summary);
    Some(AgentEvent::ToolUse {
        name: one_line(&block.text("name").unwrap_or_default(), 40),
        summary: one_line(summary, SUMMARY_WIDTH),
    })
}

/// The client gives delays as fractions, too.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and a delay is only shown"
)]
fn milliseconds(delay: f64) -> u64 {
    delay.round() as u64
}

#[cfg(test)]
mod tests;
