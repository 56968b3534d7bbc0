//! The last text of the main thread.

use serde_json::value::RawValue;

use super::json;

/// The longest text that is kept, in bytes.
const LIMIT: usize = 256 << 10;

/// A text that is replaced with every message, and only decoded when it is needed.
#[derive(Debug, Default)]
pub(super) struct LastWords {
    /// As JSON; of a very long one, the beginning.
    json: String,
}

impl LastWords {
    /// Keeps a text in place of the one before.
    pub(super) fn keep(&mut self, text: &RawValue) {
        let json = text.get();
        let mut ends = (0..=json.len().min(LIMIT + 4)).rev();
        let end = ends.find(|end| json.is_char_boundary(*end)).unwrap_or(0);
        self.json.clear();
        self.json.push_str(&json[..end]);
    }

    /// Returns whether a text equals these words, if they were kept.
    pub(super) fn are(&self, text: &str) -> bool {
        let was_cut = self.json.len() > LIMIT;
        match json::text_of(&self.json, LIMIT) {
            Some(words) if was_cut => text.trim_start().starts_with(words.trim_start()),
            Some(words) => text.trim() == words.trim(),
            None => false,
        }
    }

    /// Returns the text, if there was any.
    pub(super) fn text(&self) -> Option<String> {
        Some(json::text_of(&self.json, LIMIT)?.into_owned())
    }
}
