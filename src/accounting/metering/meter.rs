//! The meter of one answer: it reads the bytes as they pass, in bounded memory.

use memchr::memmem;
use serde_json::Value;

use super::AnswerCounts;

/// The longest line of a stream that is kept, in bytes: those with usage in them have less than a thousand.
const LINE_LIMIT: usize = 256 << 10;
/// The longest document that is kept, in bytes: the longest answers of a model have a few million.
const DOCUMENT_LIMIT: usize = 16 << 20;
/// The beginning of nearly all events of a stream.
const TEXT_EVENT: &[u8] = b"{\"type\":\"content_block_delta\"";
/// The longest name of a model that is kept, in bytes.
const NAME_LIMIT: usize = 200;

/// The form in which an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As server-sent events.
    Events,
    /// As one JSON document.
    Document,
}

/// The report of an answer about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AnswerReading {
    /// The model that answered.
    pub(crate) model: Option<String>,
    /// The usage, where it was reported.
    pub(crate) counts: AnswerCounts,
    /// Whether the answer reported all of it.
    pub(crate) complete: bool,
    /// Whether it reported at least its input.
    pub(crate) begun: bool,
}

/// Reads an answer as it passes.
#[derive(Debug)]
pub(crate) struct Meter {
    form: Form,
    /// A line that has not ended, or the document so far.
    pending: Vec<u8>,
    /// Whether the pending part was longer than the limit.
    overlong: bool,
    reading: AnswerReading,
}

impl Meter {
    /// Builds a meter for an answer in this form.
    pub(crate) fn new(form: Form) -> Self {
        Self {
            form,
            pending: Vec::new(),
            overlong: false,
            reading: AnswerReading::default(),
        }
    }

    /// Processes the next bytes of the answer.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        match self.form {
            Form::Document => self.keep(chunk, DOCUMENT_LIMIT),
            Form::Events => self.push_lines(chunk),
        }
    }

    /// Returns the answer's report on its usage, by the part that has passed.
    pub(crate) fn finish(mut self) -> AnswerReading {
        match self.form {
            Form::Document if !self.overlong => self.note_document(),
            Form::Document => {}
            Form::Events => self.end_line(&[]),
        }
        self.reading
    }

    fn push_lines(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.end_line(&rest[..end]);
            rest = &rest[end + 1..];
        }
        self.keep(rest, LINE_LIMIT);
    }

    /// Keeps bytes of a part that has not ended, as many as the limit allows.
    fn keep(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.pending.len());
        self.overlong |= bytes.len() > room;
        self.pending.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Processes a line, given its end; its earlier part is pending.
    fn end_line(&mut self, end: &[u8]) {
        if self.pending.is_empty() {
            self.note_line(end);
            return;
        }
        self.keep(end, LINE_LIMIT);
        let mut line = std::mem::take(&mut self.pending);
        // Only what a model writes is ever too long.
        if !std::mem::take(&mut self.overlong) {
            self.note_line(&line);
        }
        line.clear();
        self.pending = line;
    }

    fn note_line(&mut self, line: &[u8]) {
        let Some(data) = line.strip_prefix(b"data:") else {
            return;
        };
        // Searching takes longer than all other parts of the metering.
        if data.trim_ascii_start().starts_with(TEXT_EVENT) {
            return;
        }
        // A quotation mark within a text of JSON is escaped: these are found only as values or names.
        let has = |name: &[u8]| memmem::find(data, name).is_some();
        if has(b"\"message_start\"") || has(b"\"message_delta\"") {
            self.note_event(data);
        }
    }

    fn note_event(&mut self, data: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Value>(data) else {
            return;
        };
        match event["type"].as_str() {
            Some("message_start") => {
                let message = &event["message"];
                self.name(&message["model"]);
                self.count(&message["usage"]);
            }
            Some("message_delta") => {
                self.count(&event["usage"]);
                self.reading.complete = self.reading.begun && event["usage"]["output_tokens"].is_u64();
            }
            _ => {}
        }
    }

    fn note_document(&mut self) {
        let document: Document = serde_json::from_slice(&self.pending).unwrap_or_default();
        self.name(&document.model);
        self.count(&document.usage);
        self.reading.complete = self.reading.begun && document.usage["output_tokens"].is_u64();
    }

    fn name(&mut self, model: &Value) {
        let name = model.as_str().filter(|name| name.len() <= NAME_LIMIT);
        self.reading.model = name.map(str::to_owned);
    }

    fn count(&mut self, usage: &Value) {
        self.reading.begun |= usage["input_tokens"].is_u64();
        self.reading.counts = self.reading.counts.or_more(AnswerCounts::read(usage));
    }
}

/// The part of an answer that is read in one piece.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Document {
    model: Value,
    usage: Value,
}

#[cfg(test)]
mod tests;
