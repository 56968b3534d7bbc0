//! The tones of lines on a terminal: the one table of symbols and colours. Where no terminal reads, there is neither.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::issues::attempt::Outcome;

/// What a line is to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It is as it should be, or done.
    Good,
    /// It failed.
    Bad,
    /// It waits for a person.
    Held,
    /// It is odd, and work continues.
    Warning,
    /// It is what to do next.
    Hint,
    /// It ended the command.
    Error,
}

impl From<Outcome> for Tone {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Merged => Self::Good,
            Outcome::Limited | Outcome::BudgetSpent | Outcome::Cancelled | Outcome::Asked => Self::Held,
            _ => Self::Bad,
        }
    }
}

impl Tone {
    /// Returns the symbol that a line of the tone begins with, unless it begins with a word that is coloured instead.
    pub(crate) fn symbol(self) -> Option<&'static str> {
        match self {
            Self::Good => Some("✓"),
            Self::Bad => Some("✗"),
            Self::Held => Some("!"),
            Self::Warning | Self::Hint | Self::Error => None,
        }
    }

    /// Returns how many columns a terminal's line of the tone has more than its text.
    pub(crate) fn columns(self) -> usize {
        self.symbol().map_or(0, |symbol| symbol.width() + 1)
    }

    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Good => color(AnsiColor::Green),
            Self::Bad => color(AnsiColor::Red),
            Self::Held | Self::Warning => color(AnsiColor::Yellow),
            Self::Hint => color(AnsiColor::Cyan),
            Self::Error => color(AnsiColor::Red).bold(),
        }
    }

    /// Marks a text that is harmless already: colours its first word, where that is a symbol or a word such as
    /// `Warning:`; else puts the tone's symbol before it, behind its indentation.
    pub(crate) fn paint(self, text: &str) -> String {
        let rest = text.trim_start();
        let indent = &text[..text.len() - rest.len()];
        let style = self.style();
        let first = rest.split(' ').next().unwrap_or_default();
        let is_mark = ["✓", "✗", "~"].contains(&first);
        if is_mark || self.symbol().is_none() && first.ends_with(':') {
            let after = &rest[first.len()..];
            return format!("{indent}{style}{first}{style:#}{after}");
        }
        match self.symbol() {
            Some(symbol) => format!("{indent}{style}{symbol}{style:#} {rest}"),
            None => text.to_owned(),
        }
    }
}

/// What a line of a diff is, which is shown by a colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiffPart {
    /// It is about a file.
    Heading,
    /// It says where in the file.
    Place,
    /// It was added.
    Added,
    /// It was removed.
    Removed,
}

impl DiffPart {
    /// Colours a text that is harmless already, up to the end of its line.
    pub(crate) fn paint(self, text: &str) -> String {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        let style = match self {
            Self::Heading => Style::new().bold(),
            Self::Place => color(AnsiColor::Cyan),
            Self::Added => color(AnsiColor::Green),
            Self::Removed => color(AnsiColor::Red),
        };
        let line = text.trim_end_matches('\n');
        if line.is_empty() {
            return text.to_owned();
        }
        format!("{style}{line}{style:#}{}", &text[line.len()..])
    }
}

/// A text for people, and its tone on a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) tone: Option<Tone>,
    pub(crate) text: String,
}

impl Line {
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone: Some(tone),
            text: text.into(),
        }
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self { tone: None, text }
    }
}

/// Returns the lines that name what to do next, one for each step.
pub(crate) fn next_steps(steps: &[String]) -> Vec<Line> {
    let line = |step: &String| Line::new(Tone::Hint, format!("Next: {step}."));
    steps.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_or_symbol_of_a_line_is_coloured() {
        for (tone, text, expect) in [
            (Tone::Good, "  cw-1: merged.", "  \u{1b}[32m✓\u{1b}[0m cw-1: merged."),
            (Tone::Bad, "  ✗ image  none", "  \u{1b}[31m✗\u{1b}[0m image  none"),
            (Tone::Held, "cw-1: held.", "\u{1b}[33m!\u{1b}[0m cw-1: held."),
            (Tone::Warning, "Warning: odd.", "\u{1b}[33mWarning:\u{1b}[0m odd."),
            (Tone::Warning, "odd.", "odd."),
            (
                Tone::Hint,
                "Next: `cordwainer run`.\n  more",
                "\u{1b}[36mNext:\u{1b}[0m `cordwainer run`.\n  more",
            ),
            (Tone::Error, "error: no", "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m no"),
        ] {
            assert_eq!(tone.paint(text), expect);
        }
    }
}
