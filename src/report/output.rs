//! The outputs for people and programs: text or JSON on stdout, messages on stderr.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::base::error::{Context as _, Result};
use crate::base::redact::Redactor;
use crate::base::text::{harmless, is_ignorable};
use crate::report::csv::{Field, csv};
use crate::report::invocation::Invocation;
use crate::report::screen::Screen;
use crate::report::templates::Rendered;
use crate::report::tone::{Line, Tone};

/// The outputs of one command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// One JSON document on stdout instead of text.
    pub(crate) json: bool,
    /// How much is said of a run.
    pub(crate) detail: Detail,
    /// What is drawn on the terminal.
    pub(crate) screen: Screen,
    /// Redacts everything that is written.
    pub(crate) redactor: Redactor,
    /// How the program was called: texts name its commands that way.
    pub(crate) invocation: Invocation,
    /// The zone that people's times are in.
    pub(crate) zone: Zone,
    /// Where lines have symbols and colours.
    pub(crate) marked: Marked,
    /// Whether whoever read stdout is gone; clones share it.
    pub(crate) reader_gone: Arc<AtomicBool>,
}

/// How much is said of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What failed, what waits for a person, and how it ended: `--quiet`.
    Less,
    /// What was done.
    #[default]
    Usual,
    /// Each step, tool and gate, too: `--verbose`.
    More,
}

/// The zone of the machine; by itself, UTC.
#[derive(Clone, Debug)]
pub(crate) struct Zone(pub(crate) TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

/// Which of the outputs a person reads on a terminal that can show symbols and colours.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marked {
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
}

impl Marked {
    /// Finds that out: `forced` is what `CLICOLOR_FORCE` asks for, `dumb` whether the terminal can do nothing but
    /// print. Whether symbols have their colours is for `anstream` to decide, which knows `NO_COLOR`, too.
    pub(crate) fn of_process(forced: bool, dumb: bool) -> Self {
        let marked = |is_terminal: bool| forced || is_terminal && !dumb;
        Self {
            stdout: marked(std::io::stdout().is_terminal()),
            stderr: marked(std::io::stderr().is_terminal()),
        }
    }
}

impl Output {
    /// Writes text for a person to stdout, redacted, harmless and with a newline; it names commands as they were called.
    /// A reader that went away is not an error.
    pub(crate) fn print(&self, text: &str) -> Result<()> {
        self.write(&self.shown(text))
    }

    /// Writes a document that programs read, too, as [`Self::print`] does; commands keep their names.
    pub(crate) fn print_document(&self, text: &str) -> Result<()> {
        self.write(&harmless(&self.redactor.text(text)))
    }

    /// Writes what a template has made to stdout, as it is but for its last newline: its texts are redacted, harmless and escaped.
    pub(crate) fn print_rendered(&self, text: &Rendered) -> Result<()> {
        self.write(text.as_str().trim_end())
    }

    /// Writes a table as CSV to stdout, its texts redacted and harmless: they are that before they are quoted.
    pub(crate) fn print_csv(&self, header: &[&str], rows: &[Vec<Field>]) -> Result<()> {
        let table = csv(header, rows, |text| harmless(&self.redactor.text(text)))?;
        self.write(&table)
    }

    /// Writes a script of our own to stdout, as it is but for its last newline.
    pub(crate) fn print_script(&self, text: &str) -> Result<()> {
        self.write(text.trim_end())
    }

    /// Writes a line to stdout, with its tone where a person reads it on a terminal.
    pub(crate) fn print_line(&self, line: &Line) -> Result<()> {
        self.write(&self.painted(line, self.marked.stdout))
    }

    /// Returns a text as it may be written, with commands named as they were called.
    fn shown(&self, text: &str) -> String {
        harmless(&self.redactor.text(&self.invocation.rewrite(text)))
    }

    fn painted(&self, line: &Line, marked: bool) -> String {
        let text = self.shown(&line.text);
        match line.tone {
            Some(tone) if marked => tone.paint(&text),
            _ => text,
        }
    }

    fn write(&self, text: &str) -> Result<()> {
        match writeln!(anstream::stdout(), "{text}") {
            Err(error) if is_reader_gone(&error) => {
                self.reader_gone.store(true, Ordering::Relaxed);
                Ok(())
            }
            other => other.context("cannot write to stdout"),
        }
    }

    /// Returns whether whoever read stdout is gone: then what follows is shown to nobody.
    pub(crate) fn is_reader_gone(&self) -> bool {
        self.reader_gone.load(Ordering::Relaxed)
    }

    /// Begins to collect lines that are written together.
    pub(crate) fn page(&self) -> Page<'_> {
        Page {
            output: self,
            text: String::new(),
        }
    }

    /// Writes one JSON document to stdout.
    pub(crate) fn print_json<T: Serialize>(&self, value: &T) -> Result<()> {
        self.write(&self.json_text(value)?)
    }

    /// Returns one JSON document as [`Self::print_json`] writes it: redacted and harmless.
    pub(crate) fn json_text<T: Serialize>(&self, value: &T) -> Result<String> {
        let json = serde_json::to_vec_pretty(value).context("cannot write JSON")?;
        Ok(self.json_line(&json))
    }

    /// Returns JSON that is written already, redacted and harmless.
    pub(crate) fn json_line(&self, json: &[u8]) -> String {
        harmless_json(&self.redactor.own_json(json)).into_owned()
    }

    /// Writes one JSON document to stdout, in one line.
    pub(crate) fn print_json_line<T: Serialize>(&self, value: &T) -> Result<()> {
        self.write(&self.json_line(&serde_json::to_vec(value).context("cannot write JSON")?))
    }

    /// Prints something for the person, on stderr. It is not data, so a closed stderr is not an error.
    pub(crate) fn say(&self, text: &str) {
        let is_warning = ["Warning:", "Note:"].iter().any(|word| text.starts_with(word));
        self.say_line(&Line {
            tone: is_warning.then_some(Tone::Warning),
            text: text.to_owned(),
        });
    }

    /// Prints a line for the person, on stderr, with its tone where that is a terminal.
    pub(crate) fn say_line(&self, line: &Line) {
        let text = self.painted(line, self.marked.stderr);
        self.screen.above(|| {
            let _ = writeln!(anstream::stderr(), "{text}");
        });
    }
}

/// How much is collected before it is written, in bytes.
const PAGE: usize = 64 << 10;

/// Lines for stdout that are written together, since many come at once.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    output: &'a Output,
    text: String,
}

impl Page<'_> {
    /// Adds a line, as [`Output::print_line`] writes it, behind what stands before it.
    pub(crate) fn add_line(&mut self, before: &str, line: &Line) -> Result<()> {
        let painted = self.output.painted(line, self.output.marked.stdout);
        self.add(&[before, &painted])
    }

    /// Adds a document in JSON that is one line.
    pub(crate) fn add_json(&mut self, json: &[u8]) -> Result<()> {
        self.add(&[&self.output.json_line(json)])
    }

    fn add(&mut self, parts: &[&str]) -> Result<()> {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.extend(parts.iter().copied());
        if self.text.len() < PAGE {
            return Ok(());
        }
        self.write()
    }

    /// Writes what was added since the last time.
    pub(crate) fn write(&mut self) -> Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let written = self.output.write(&self.text);
        self.text.clear();
        written
    }
}

/// Returns whether the reader is gone: the end of a pipe, or a terminal that was closed (EIO, see tty(4)).
pub(crate) fn is_reader_gone(error: &std::io::Error) -> bool {
    let is_gone = [rustix::io::Errno::PIPE, rustix::io::Errno::IO].map(|errno| Some(errno.raw_os_error()));
    is_gone.contains(&error.raw_os_error())
}

/// Makes JSON harmless on a terminal without changing its meaning: what [`harmless`] would escape is written as the
/// escapes that JSON has for it. Outside of strings there is nothing of the kind.
fn harmless_json(json: &[u8]) -> Cow<'_, str> {
    let json = String::from_utf8_lossy(json);
    if json.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)) {
        return json;
    }
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || !(character.is_control() || is_ignorable(character)) {
            safe.push(character);
            continue;
        }
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_json_says_the_same() {
        let value = serde_json::json!({ "a\u{9b}": ["\u{1b}[2J\u{202e}\u{e0041}\u{7f}", 1, "é"] });
        let json = serde_json::to_string_pretty(&value).unwrap();
        let safe = harmless_json(json.as_bytes());
        assert!(
            !safe.chars().any(|c| c != '\n' && (c.is_control() || is_ignorable(c))),
            "{safe}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
