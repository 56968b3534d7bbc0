//! How each type of line changes a transcript, and what of it is shown.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use super::fields::{Fields, whole};
use super::figures::Figures;
use super::line::{Line, Message};
use super::result::ResultLine;
use super::tools::{self, SUMMARY_WIDTH};
use super::transcript::{ApiRefusal, Retry, Transcript};
use super::{json, reset_time, verdict};
use crate::agent::{AgentEvent, ServerStatus};
use crate::base::lines::DEFAULT_LINE_LIMIT;
use crate::base::text::one_line;

/// The longest text of an event, in characters.
const TEXT_WIDTH: usize = 200;
/// How many servers are read of the first event.
const SERVERS_LIMIT: usize = 1000;
/// How much of a text is searched, to show it or to find a time in it, in bytes.
const LOOK: usize = 4 * TEXT_WIDTH;

impl Transcript {
    /// Processes a line that is complete.
    pub(super) fn take_in(&mut self, line: &Line<'_>) -> Option<AgentEvent> {
        let Some(kind) = line.kind() else {
            self.skipped_lines += 1;
            return None;
        };
        self.begun = true;
        self.note_place(&line.fields);
        self.work.note(&kind, &line.fields);
        match kind.as_ref() {
            "system" => self.system(&line.fields),
            "assistant" => Some(self.assistant(line)),
            "user" => self.user(line),
            "rate_limit_event" => Some(self.limits.note(&line.fields.object("rate_limit_info")?)),
            "result" => Some(self.result(&line.fields, ResultLine::of(&line.fields))),
            "stream_event" => None,
            _ => {
                self.skipped_lines += 1;
                None
            }
        }
    }

    /// Processes a line that is not complete JSON: too long to be kept whole, cut off, or garbage.
    pub(super) fn take_in_part(&mut self, line: &Line<'_>, length: usize) -> Option<AgentEvent> {
        self.skipped_lines += 1;
        // A shorter one is the last output of a client that died: there is no result then.
        let too_long = length >= DEFAULT_LINE_LIMIT;
        match line.kind().as_deref() {
            Some("assistant") => Some(self.assistant(line)),
            Some("user") => self.user(line),
            Some("result") if too_long => Some(self.result(&line.fields, ResultLine::cut_off(&line.fields))),
            // The type may come last; no other line has the cost of a call.
            None if too_long && line.fields.has("total_cost_usd") => {
                Some(self.result(&line.fields, ResultLine::cut_off(&line.fields)))
            }
            _ => None,
        }
    }

    /// Notes the session of a line, and when the first was written.
    fn note_place(&mut self, fields: &Fields<'_>) {
        if self.session_id.is_none() {
            self.session_id = shown(fields.word("session_id"));
        }
        if self.began_at.is_none() {
            self.began_at = fields.word("timestamp").and_then(|text| text.parse().ok());
        }
    }

    fn system(&mut self, fields: &Fields<'_>) -> Option<AgentEvent> {
        match fields.word("subtype")?.as_ref() {
            "init" => Some(self.init(fields)),
            "api_retry" => Some(self.api_retry(fields)),
            "session_writes_lost" => {
                self.writes_lost = true;
                None
            }
            _ => None,
        }
    }

    fn init(&mut self, fields: &Fields<'_>) -> AgentEvent {
        self.session_id = shown(fields.word("session_id"));
        self.model = shown(fields.word("model"));
        self.client_version = shown(fields.word("claude_code_version"));
        self.api_key_source = shown(fields.word("apiKeySource"));
        AgentEvent::Started {
            session_id: self.session_id.clone(),
            model: self.model.clone(),
            version: self.client_version.clone(),
            api_key_source: self.api_key_source.clone().filter(|source| is_api_key(source)),
            servers: servers(fields),
        }
    }

    fn api_retry(&mut self, fields: &Fields<'_>) -> AgentEvent {
        let status = fields.get("error_status");
        let word = fields.text("error");
        self.retry = Some(Retry {
            status,
            word: word.clone().unwrap_or_default(),
        });
        // The client also writes delays as fractions.
        let delay_ms = fields.get::<f64>("retry_delay_ms").map_or(0, whole);
        self.wait_ms = self.wait_ms.saturating_add(delay_ms);
        AgentEvent::Retry {
            attempt: fields.get("attempt").unwrap_or(0),
            delay_ms,
            status,
            error: word.map(|word| one_line(&word, SUMMARY_WIDTH)),
        }
    }

    fn assistant(&mut self, line: &Line<'_>) -> AgentEvent {
        let message = &line.message;
        self.retry = None;
        self.refusal = line.fields.text("error").map(|word| refusal(word, line));
        if !message.is_synthetic() {
            self.meter_message(message, line.is_main());
        }
        if line.is_main() {
            self.tools.begin(message.id(), &message.content.begun);
            if !message.is_synthetic() {
                self.note_answer(message);
            }
        }
        self.show(message)
    }

    fn note_answer(&mut self, message: &Message<'_>) {
        self.has_spoken = true;
        let model = message.fields.word("model");
        if model.is_some() && model != self.answered.as_deref().map(Cow::Borrowed) {
            self.answered = shown(model);
        }
        if let Some(text) = message.content.last_text {
            self.last_words.keep(text);
        }
    }

    /// Returns the event of a message: the use of a tool, else its first text, else only the new usage.
    fn show(&self, message: &Message<'_>) -> AgentEvent {
        if let Some(tool) = &message.content.tool {
            return tools::event(tool);
        }
        let text = message.content.first_text.and_then(|text| json::text(text, LOOK));
        let text = one_line(&text.unwrap_or_default(), TEXT_WIDTH);
        if !text.is_empty() {
            return AgentEvent::Text { text };
        }
        AgentEvent::Tokens {
            usage: self.usage(),
            turns: self.turns(),
        }
    }

    /// Counts a message of a model, whatever number of lines repeats it.
    fn meter_message(&mut self, message: &Message<'_>, main: bool) {
        self.meter
            .note(message.id(), main, &message.usage(), message.content.written);
    }

    fn user(&mut self, line: &Line<'_>) -> Option<AgentEvent> {
        if line.is_main() {
            self.tools.end(&line.message.content.ended);
        }
        None
    }

    fn result(&mut self, fields: &Fields<'_>, line: ResultLine) -> AgentEvent {
        self.begun = true;
        self.tools.clear();
        self.meter.settle(&Figures::of(fields), fields.get("num_turns"));
        self.duration_ms = self.duration_ms.saturating_add(fields.count("duration_ms"));
        let claims_success = line.claims_success();
        self.result = Some(line);
        AgentEvent::Finished {
            success: claims_success && !verdict::is_limit_in_disguise(self),
            turns: self.turns(),
            usage: self.usage(),
        }
    }
}

/// Returns whether a source of credentials is an API key: `none` and, with older clients, `oauth` are the subscription.
fn is_api_key(source: &str) -> bool {
    !matches!(source, "none" | "oauth")
}

/// Returns the model context servers that the first event names.
fn servers(fields: &Fields<'_>) -> Vec<ServerStatus> {
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(borrow)]
        status: Cow<'a, str>,
    }
    let entries: Vec<Entry<'_>> = fields.get("mcp_servers").unwrap_or_default();
    let shown = |text: &str| one_line(text, SUMMARY_WIDTH);
    let status = |entry: &Entry<'_>| ServerStatus {
        name: shown(&entry.name),
        status: shown(&entry.status),
    };
    entries.iter().take(SERVERS_LIMIT).map(status).collect()
}

/// Returns a short text, harmless and on one line.
fn shown(text: Option<Cow<'_, str>>) -> Option<String> {
    text.map(|text| one_line(&text, SUMMARY_WIDTH))
}

fn refusal(word: String, line: &Line<'_>) -> ApiRefusal {
    let text = line.message.content.first_text;
    let text = text.and_then(|text| json::text(text, LOOK)).unwrap_or_default();
    let written_at = line
        .fields
        .word("timestamp")
        .and_then(|text| text.parse::<Timestamp>().ok());
    let resets_at = line
        .fields
        .object("api_error_params")
        .and_then(|parameters| parameters.object("rate_limit_info")?.moment("resetsAt"))
        .or_else(|| reset_time(&text, written_at));
    ApiRefusal {
        word,
        text: text.into_owned(),
        resets_at,
    }
}
