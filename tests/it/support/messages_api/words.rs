//! The words of one line of a script.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

/// What is left to read of a line.
pub(super) struct Words(VecDeque<Word>);

/// One word, bare or as JSON.
#[derive(Debug)]
enum Word {
    Bare(String),
    Json(Value),
}

impl Words {
    /// Takes a line apart; a comment ends it.
    pub(super) fn of(line: &str) -> Result<Self, String> {
        let mut words = VecDeque::new();
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next().filter(|first| *first != '#') {
            let end = if "\"{[".contains(first) {
                let mut values = serde_json::Deserializer::from_str(rest).into_iter();
                let value = values.next().transpose().map_err(|error| format!("no JSON: {error}"))?;
                words.extend(value.map(Word::Json));
                values.byte_offset()
            } else {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                words.push_back(Word::Bare(rest[..end].to_owned()));
                end
            };
            rest = rest[end..].trim_start();
        }
        Ok(Self(words))
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next word as a text.
    pub(super) fn text(&mut self, what: &str) -> Result<String, String> {
        match self.0.pop_front() {
            Some(Word::Bare(text) | Word::Json(Value::String(text))) => Ok(text),
            Some(Word::Json(value)) => Err(format!("expected {what}, found {value}")),
            None => Err(format!("expected {what}, found nothing more")),
        }
    }

    /// The next word as a value.
    pub(super) fn json(&mut self) -> Result<Value, String> {
        match self.0.pop_front() {
            Some(Word::Json(value)) => Ok(value),
            Some(Word::Bare(word)) => Err(format!("expected JSON, found `{word}`")),
            None => Err("expected JSON, found nothing more".to_owned()),
        }
    }

    /// The next word as a number.
    pub(super) fn number<N: std::str::FromStr>(&mut self, what: &str) -> Result<N, String> {
        let text = self.text(what)?;
        text.parse().map_err(|_| format!("expected {what}, found `{text}`"))
    }

    /// The next word as a time: `200ms`, `3s`, `2m`, `5h`, `6d`.
    pub(super) fn time(&mut self) -> Result<Duration, String> {
        let text = self.text("a time")?;
        let wrong = || format!("expected a time such as `200ms`, `3s` or `5h`, found `{text}`");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        Ok(Duration::from_millis(number * milliseconds))
    }

    /// Takes the next word if it is this one.
    pub(super) fn take(&mut self, bare: &str) -> bool {
        let is_it = matches!(self.0.front(), Some(Word::Bare(word)) if word == bare);
        if is_it {
            self.0.pop_front();
        }
        is_it
    }

    /// Takes from the end how often something is to happen: once, where nothing says otherwise; `None` is always.
    pub(super) fn times(&mut self) -> Result<Option<u32>, String> {
        match self.0.back() {
            Some(Word::Bare(word)) if word == "always" => {
                self.0.pop_back();
                Ok(None)
            }
            Some(Word::Bare(word)) if word == "twice" => {
                self.0.pop_back();
                Ok(Some(2))
            }
            Some(Word::Bare(word)) if word == "times" => {
                self.0.pop_back();
                match self.0.pop_back() {
                    Some(Word::Bare(number)) => number.parse().map(Some).map_err(|_| format!("`{number} times`")),
                    other => Err(format!("expected a number before `times`, found {other:?}")),
                }
            }
            _ => Ok(Some(1)),
        }
    }

    /// Fails when something is left.
    pub(super) fn end(self) -> Result<(), String> {
        match self.0.front() {
            None => Ok(()),
            Some(Word::Bare(word)) => Err(format!("`{word}` is too much")),
            Some(Word::Json(value)) => Err(format!("`{value}` is too much")),
        }
    }
}
