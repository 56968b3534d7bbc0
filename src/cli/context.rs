//! What every command gets: where it stands, how it talks, what the environment said.

use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::terminal::Screen;
use crate::error::{Context as _, Result};
use crate::generator::Surroundings;
use crate::text::{harmless, harmless_json};

/// The surroundings of one command.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// One JSON document on stdout instead of text.
    pub(crate) json: bool,
    /// Where the command was called, or what `-C` says.
    pub(crate) directory: PathBuf,
    /// `--generation`.
    pub(crate) generation: Option<String>,
    /// Whether tracing writes to stderr.
    pub(crate) verbose: bool,
    /// What is drawn on the terminal.
    pub(crate) screen: Screen,
    /// The machine, and what the environment said of it.
    pub(crate) surroundings: Surroundings,
}

impl Context {
    /// Writes text to stdout, redacted, harmless and with a newline; a reader that went away is no error.
    pub(crate) fn print(&self, text: &str) -> Result<()> {
        Self::write(&harmless(&self.surroundings.redactor.text(text)))
    }

    fn write(text: &str) -> Result<()> {
        match writeln!(anstream::stdout(), "{text}") {
            Err(error) if is_reader_gone(&error) => Ok(()),
            other => other.context("cannot write to stdout"),
        }
    }

    /// Writes one JSON document to stdout.
    pub(crate) fn print_json<T: Serialize>(&self, value: &T) -> Result<()> {
        self.write_json(&serde_json::to_vec_pretty(value).context("cannot write JSON")?)
    }

    /// Writes one JSON document to stdout, in one line.
    pub(crate) fn print_json_line<T: Serialize>(&self, value: &T) -> Result<()> {
        self.write_json(&serde_json::to_vec(value).context("cannot write JSON")?)
    }

    fn write_json(&self, json: &[u8]) -> Result<()> {
        let json = self.surroundings.redactor.own_json(json);
        Self::write(&harmless_json(&String::from_utf8_lossy(&json)))
    }

    /// Says something to the person, on stderr. Talk is not data: a closed stderr is no error.
    pub(crate) fn say(&self, text: &str) {
        let text = harmless(&self.surroundings.redactor.text(text));
        self.screen.above(|| {
            let _ = writeln!(anstream::stderr(), "{text}");
        });
    }
}

/// Whether whoever read is not there any more: the end of a pipe, or a terminal that was closed (EIO, see tty(4)).
fn is_reader_gone(error: &std::io::Error) -> bool {
    let is_gone = [rustix::io::Errno::PIPE, rustix::io::Errno::IO].map(|errno| Some(errno.raw_os_error()));
    is_gone.contains(&error.raw_os_error())
}
