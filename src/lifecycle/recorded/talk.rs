//! What agents said and did, read from the transcripts of a run's calls beside its events: those say in which order calls went on,
//! and transcripts have the texts, and what tools answered.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::agent::{Saying, sayings};
use crate::base::error::{Context as _, ErrorKind, Result};
use crate::base::growing_lines::{Found, GrowingLines};
use crate::base::lines::DEFAULT_LINE_LIMIT;
use crate::base::regular;
use crate::base::text::one_line;
use crate::record::event::{CallName, Event, EventKind};
use crate::record::recorder::{TRANSCRIPT_FILE, call_folder_name};

/// How many uses of tools are remembered that were read before their events: more than a run writes at once.
const AHEAD: usize = 1000;
/// How much of what an event has of a text is compared, in characters.
const COMPARED: usize = 150;

/// Reads the transcripts of a run's calls, each up to where the run's events are.
#[derive(Debug)]
pub struct Talk {
    records: PathBuf,
    calls: HashMap<CallName, Reading>,
    /// The last cycle that a measure began.
    cycle: u32,
}

/// One thing that an agent said or did in a call.
pub type TalkItem<'a> = (&'a CallName, Saying);

/// How far one transcript is read.
#[derive(Debug)]
struct Reading {
    /// `None` where there is no transcript: it was deleted, or moved to the run that went on with the call.
    lines: Option<GrowingLines<File>>,
    /// Whether it was looked for, and was not there. It is looked for again when the events have come to the present.
    is_missing: bool,
    path: PathBuf,
    /// What was told that the events have not come to yet.
    ahead: VecDeque<String>,
}

impl Talk {
    pub(super) fn new(records: PathBuf) -> Self {
        Self {
            records,
            calls: HashMap::new(),
            cycle: 0,
        }
    }

    /// Takes the next event of the run. What agents said and did up to there goes to `tell`; returns whether that tells what the
    /// event does, too.
    ///
    /// # Errors
    ///
    /// Where a transcript cannot be read, and those of `tell`.
    pub fn up_to(&mut self, event: &Event, tell: &mut impl FnMut(TalkItem<'_>) -> Result<()>) -> Result<bool> {
        match &event.kind {
            EventKind::MeasureStarted { cycle, .. } => self.cycle = *cycle,
            EventKind::AgentStarted { call, .. } => {
                self.reading(call);
            }
            EventKind::ToolUsed { call, tool, summary } => {
                let key = || key_of_tool(tool, summary);
                return self.reading(call).up_to(key, call, tell);
            }
            EventKind::AgentSaid { call, text } => {
                let key = || key_of_text(text);
                return self.reading(call).up_to(key, call, tell);
            }
            // Which is told at the end of a call.
            EventKind::MeterDiffered { call, .. } => self.reading(call).rest(call, tell)?,
            EventKind::AgentEnded { call, .. } => {
                self.reading(call).rest(call, tell)?;
                self.calls.remove(call);
            }
            _ => {}
        }
        Ok(false)
    }

    /// Tells what is in the transcripts of all calls that are at work, with the moment of it: the events have come to the
    /// present.
    ///
    /// # Errors
    ///
    /// Those of [`Self::up_to`].
    pub fn up_to_now(&mut self, tell: &mut impl FnMut(Timestamp, TalkItem<'_>) -> Result<()>) -> Result<()> {
        for (call, reading) in &mut self.calls {
            reading.is_missing = false;
            let Some(at) = reading.written_at()? else { continue };
            reading.rest(call, &mut |item| tell(at, item))?;
        }
        Ok(())
    }

    fn reading(&mut self, call: &CallName) -> &mut Reading {
        let (records, cycle) = (&self.records, self.cycle);
        self.calls.entry(call.clone()).or_insert_with(|| Reading {
            lines: None,
            is_missing: false,
            path: folder_of(records, call, cycle).join(TRANSCRIPT_FILE),
            ahead: VecDeque::new(),
        })
    }
}

/// Returns where the records of a call are. Of a call without a task whose cycle no event names, it is the newest that fits.
fn folder_of(records: &Path, call: &CallName, cycle: u32) -> PathBuf {
    let exact = records.join(call_folder_name(call, cycle));
    if call.task.is_some() || exact.is_dir() {
        return exact;
    }
    let name = call_folder_name(call, 0);
    let (begin, end) = name.split_once('0').unwrap_or((&name, ""));
    let entries = fs::read_dir(records).into_iter().flatten().flatten();
    let numbered = entries.filter_map(|entry| {
        let name = entry.file_name();
        let number = name.to_str()?.strip_prefix(begin)?.strip_suffix(end)?;
        Some((number.parse::<u32>().ok()?, entry.path()))
    });
    numbered.max().map_or(exact, |(_, path)| path)
}

impl Reading {
    /// Opens the transcript, if that was not done before; returns whether there is one.
    fn open(&mut self) -> Result<bool> {
        if self.lines.is_none() && !self.is_missing {
            self.lines = match regular::open(&self.path) {
                Ok(file) => Some(GrowingLines::new(file, DEFAULT_LINE_LIMIT)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    self.is_missing = true;
                    None
                }
                Err(error) => return Err(error).with_context(ErrorKind::Unexpected, || cannot_read(&self.path)),
            };
        }
        Ok(self.lines.is_some())
    }

    /// Returns when the transcript was written last, which is what its newest lines have for a time; `None` where there is no
    /// transcript.
    fn written_at(&mut self) -> Result<Option<Timestamp>> {
        self.open()?;
        let Some(lines) = &self.lines else { return Ok(None) };
        let written = lines.source().metadata().and_then(|looks| looks.modified());
        let written = written.with_context(ErrorKind::Unexpected, || cannot_read(&self.path))?;
        // A time that no calendar has is that of no transcript of ours.
        Ok(Some(Timestamp::try_from(written).unwrap_or(Timestamp::UNIX_EPOCH)))
    }

    /// Tells everything up to what this key is of; returns whether that was found.
    fn up_to(
        &mut self,
        key: impl Fn() -> String,
        call: &CallName,
        tell: &mut impl FnMut(TalkItem<'_>) -> Result<()>,
    ) -> Result<bool> {
        if self.is_missing {
            return Ok(false);
        }
        let key = key();
        if let Some(place) = self.ahead.iter().position(|ahead| *ahead == key) {
            self.ahead.drain(..=place);
            return Ok(true);
        }
        self.read(call, tell, |key_of_it| key_of_it == key)
    }

    /// Tells everything that is there by now.
    fn rest(&mut self, call: &CallName, tell: &mut impl FnMut(TalkItem<'_>) -> Result<()>) -> Result<()> {
        self.read(call, tell, |_| false).map(drop)
    }

    /// Tells line after line until one has what is looked for; returns whether one had. What is told before that may have events
    /// that come later.
    fn read(
        &mut self,
        call: &CallName,
        tell: &mut impl FnMut(TalkItem<'_>) -> Result<()>,
        is_it: impl Fn(&str) -> bool,
    ) -> Result<bool> {
        if !self.open()? {
            return Ok(false);
        }
        let Some(lines) = &mut self.lines else { return Ok(false) };
        let failed = || cannot_read(&self.path);
        while let Some(found) = lines.next_line().with_context(ErrorKind::Unexpected, failed)? {
            let Found::Line(line) = found else {
                let text = format!("(a line of more than {} MiB is left out)", DEFAULT_LINE_LIMIT >> 20);
                tell((call, Saying::Text(text)))?;
                continue;
            };
            let mut is_found = false;
            for saying in sayings(lines.bytes(line)) {
                if let Some(key) = key_of(&saying) {
                    if is_it(&key) {
                        is_found = true;
                    } else {
                        self.ahead.push_back(key);
                    }
                }
                tell((call, saying))?;
            }
            let excess = self.ahead.len().saturating_sub(AHEAD);
            self.ahead.drain(..excess);
            if is_found {
                // Whatever comes now comes later than that.
                self.ahead.clear();
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read `{}`", path.display())
}

/// Returns what a saying and the event about it have in common; `None` for one that has no event.
fn key_of(saying: &Saying) -> Option<String> {
    match saying {
        Saying::Text(text) => Some(key_of_text(text)),
        Saying::ToolUse { name, summary } => Some(key_of_tool(name, summary)),
        Saying::ToolResult { .. } => None,
    }
}

fn key_of_tool(tool: &str, summary: &str) -> String {
    format!("tool {tool} {summary}")
}

fn key_of_text(text: &str) -> String {
    let line = one_line(text, 200);
    let begin: String = line.chars().take(COMPARED).collect();
    format!("text {begin}")
}

#[cfg(test)]
mod tests;
