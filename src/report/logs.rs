//! `runs logs` for people: the lines of a run with their times, and between them what its agents said and did.

use jiff::Timestamp;
use jiff::civil::Date;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::agent::{Role, Saying};
use crate::base::tail::plain;
use crate::base::text::{harmless, one_line};
use crate::record::event::{CallName, Event, EventKind};
use crate::report::lines::Lines;
use crate::report::output::Zone;
use crate::report::tone::{Line, Tone};

/// How wide the column of times is.
const TIME: usize = 10;
/// The widest that lines are made, in characters.
const WIDEST: usize = 120;
/// The narrowest.
const NARROWEST: usize = 40;
/// How wide lines are where no terminal shows them.
const WITHOUT_TERMINAL: usize = 100;
/// How many columns a character takes at most.
const WIDEST_CHARACTER: usize = 2;
/// How many lines are shown of what an agent said.
const SAID_LINES: usize = 40;
/// How many lines are shown of what a tool answered.
const ANSWER_LINES: usize = 6;

/// Which lines are shown; each level has those before it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Level {
    /// What failed
    Error,
    /// What waits for a person, or is odd
    Warning,
    /// What the terminal of the run shows
    Step,
    /// What agents say and do
    Agent,
    /// Every event
    All,
}

/// A line of a log, and what stands before it: the time, or the room that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    pub(crate) time: String,
    pub(crate) line: Line,
}

/// Makes the lines of a run's log.
pub(crate) struct LogLines {
    lines: Lines,
    zone: Zone,
    width: usize,
    level: Level,
    day: Option<Date>,
}

impl LogLines {
    /// Begins a log for a terminal of this width.
    pub(crate) fn new(zone: &Zone, width: Option<u16>, level: Level) -> Self {
        let width = width.map_or(WITHOUT_TERMINAL, |width| usize::from(width).clamp(NARROWEST, WIDEST));
        Self {
            lines: Lines::new(zone.clone()),
            zone: zone.clone(),
            width,
            level,
            day: None,
        }
    }

    /// Returns the lines of an event, of which its agent's words may be `told` already. Each event is to be handed over, in
    /// order, also one that is not `wanted`: it has its effect on those that follow.
    pub(crate) fn of_event(&mut self, event: &Event, told: bool, wanted: bool) -> Vec<LogLine> {
        let mut lines = self.lines.of(event);
        let is_agents = matches!(event.kind, EventKind::AgentSaid { .. } | EventKind::ToolUsed { .. });
        if is_agents {
            lines = if told { Vec::new() } else { agents(&event.kind) };
        }
        let level = match &event.kind {
            _ if is_agents => Level::Agent,
            _ if lines.is_empty() => Level::All,
            _ => level(&lines),
        };
        if !wanted || level > self.level || is_agents && told {
            return Vec::new();
        }
        if lines.is_empty() {
            lines.push(Line::from(in_short(event)));
        }
        self.timed(event.at, lines)
    }

    /// Returns the lines of what an agent said or did, or of what came of that.
    pub(crate) fn of_saying(&mut self, at: Timestamp, call: &CallName, saying: &Saying) -> Vec<LogLine> {
        if self.level < Level::Agent {
            return Vec::new();
        }
        let whose = whose(call);
        let text = match saying {
            // No line of an agent's looks like one of the run.
            Saying::Text(text) => format!("  {whose}: {}", self.cut(text, SAID_LINES).replace('\n', "\n    : ")),
            Saying::ToolUse { name, summary } => format!("  {whose} > {name} {summary}"),
            Saying::ToolResult { text, is_error } => {
                let text = self.cut(text, ANSWER_LINES);
                let failed = if *is_error { "failed: " } else { "" };
                let lines: Vec<String> = format!("{failed}{text}")
                    .lines()
                    .map(|line| format!("    | {}", one_line_kept(line, self.width.saturating_sub(TIME + 6))))
                    .collect();
                lines.join("\n")
            }
        };
        self.timed(at, vec![Line::from(text)])
    }

    /// Returns the line that tells of something that is not an event, without a time; `None` where the level leaves it out.
    pub(crate) fn note(&self, text: &str) -> Option<LogLine> {
        (self.level >= Level::Warning).then(|| LogLine {
            time: " ".repeat(TIME),
            line: self.in_rows(Line::new(Tone::Warning, one_line(text, 500))),
        })
    }

    /// Returns a text in harmless lines, and how many more there are.
    fn cut(&self, text: &str, most: usize) -> String {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let mut kept: Vec<String> = Vec::new();
        let mut more = 0;
        for line in lines {
            if kept.len() < most {
                // Of a line without an end, no more is made harmless than is shown.
                let line: String = line.chars().take(most * self.width).collect();
                kept.push(harmless(&plain(&line.replace('\t', "    "))));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            kept.push(format!("… {more} more lines"));
        }
        kept.join("\n")
    }

    /// Returns lines with the time before the first, and none wider than the log.
    fn timed(&mut self, at: Timestamp, lines: Vec<Line>) -> Vec<LogLine> {
        let at = at.to_zoned(self.zone.0.clone());
        let mut timed = Vec::with_capacity(lines.len() + 1);
        if self.day != Some(at.date()) {
            self.day = Some(at.date());
            timed.push(LogLine {
                time: String::new(),
                line: Line::from(format!("{}:", at.date())),
            });
        }
        let clock = at.time();
        let clock = format!("{:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second());
        let mut time = format!("{clock:TIME$}");
        for line in lines {
            let time = std::mem::replace(&mut time, " ".repeat(TIME));
            let line = self.in_rows(line);
            timed.push(LogLine { time, line });
        }
        timed
    }

    /// Returns a line in rows none of which is wider than the log, each but the first below the column of texts.
    fn in_rows(&self, line: Line) -> Line {
        let Line { tone, text } = line;
        let width = self.width - TIME;
        let mut symbol = tone.map_or(0, Tone::columns);
        // No character takes more columns than bytes.
        if symbol + text.len() <= width && !text.contains(['\n', '\r']) {
            return Line { tone, text };
        }
        let rows = text
            .lines()
            .flat_map(|line| wrapped(line, width, std::mem::take(&mut symbol)));
        let text = rows.collect::<Vec<String>>().join(&format!("\n{:TIME$}", ""));
        Line { tone, text }
    }
}

/// Returns the level of lines that a terminal of the run shows.
fn level(lines: &[Line]) -> Level {
    let of = |line: &Line| match line.tone {
        Some(Tone::Bad | Tone::Error) => Level::Error,
        Some(Tone::Held | Tone::Warning) => Level::Warning,
        Some(Tone::Good | Tone::Hint) | None => Level::Step,
    };
    lines.iter().map(of).min().unwrap_or(Level::Step)
}

/// Returns the line of what an agent said or did, as its event has it.
fn agents(event: &EventKind) -> Vec<Line> {
    let text = match event {
        EventKind::AgentSaid { call, text } => format!("  {}: {}", whose(call), one_line(text, 500)),
        EventKind::ToolUsed { call, tool, summary } => {
            format!("  {} > {}", whose(call), one_line(&format!("{tool} {summary}"), 500))
        }
        _ => return Vec::new(),
    };
    vec![Line::from(text)]
}

/// Returns an event that has no line of its own.
fn in_short(event: &Event) -> String {
    let json = serde_json::to_string(&event.kind).unwrap_or_default();
    format!("  {}", one_line(&json, 300))
}

/// Names a call in the beginning of a line.
fn whose(call: &CallName) -> String {
    match (call.role, call.round) {
        (role @ (Role::Review | Role::Stage(_)), number) => format!("{call}, {role} {number}"),
        (_, 0) => call.to_string(),
        (_, round) => format!("{call}, fix round {round}"),
    }
}

/// Returns a line that keeps its spaces, cut to so many characters.
fn one_line_kept(line: &str, width: usize) -> String {
    match line.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.trim_end().to_owned(),
    }
}

/// Returns a line in rows of at most so many columns, the further ones indented as the first is, and by two more. The first one
/// leaves room for a symbol of so many columns.
fn wrapped(line: &str, width: usize, symbol: usize) -> Vec<String> {
    if symbol + line.width() <= width {
        return vec![line.to_owned()];
    }
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    let begin = format!("{indent}  ");
    let mut rows = Vec::new();
    let mut row = indent.to_owned();
    let mut room = width - symbol;
    let mut is_empty = true;
    for word in text.split(' ') {
        // One that no row has room for is broken anyway, and begins on the row that it comes to.
        let is_broken = begin.width() + word.width() > width;
        let needed = if is_broken { WIDEST_CHARACTER } else { word.width() };
        if !is_empty && row.width() + 1 + needed > room {
            rows.push(std::mem::replace(&mut row, begin.clone()));
            (room, is_empty) = (width, true);
        }
        if !is_empty {
            row.push(' ');
        }
        for character in word.chars() {
            if row.width() + character.width().unwrap_or_default() > room {
                rows.push(std::mem::replace(&mut row, begin.clone()));
                room = width;
            }
            row.push(character);
        }
        is_empty = false;
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests;
