//! The live lines at the bottom of a terminal, below whatever lasts.
//!
//! Between drawings the cursor stands where the first live line begins. That place moves with the text when a terminal that
//! was made narrower wraps its lines anew, and stays where it is in one that cuts them off: so what is cleared from there
//! on is all of the live lines and nothing else, whatever became of the terminal's size meanwhile.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use unicode_width::UnicodeWidthChar as _;

use crate::base::clock::Clock;
use crate::base::process::group;

/// How often the lines are drawn anew.
const TICK: Duration = Duration::from_millis(120);
/// The size of a terminal that does not say it.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// How large a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// Returns live lines as they are at a moment, of at most so many rows.
type Draw = Box<dyn Fn(Timestamp, Size) -> Vec<String> + Send>;

/// The live lines at the bottom of the terminal that stderr is; clones share it. By itself it is none, and nothing is drawn.
#[derive(Clone, Default)]
pub(crate) struct Screen(Option<Arc<Shared>>);

impl std::fmt::Debug for Screen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Screen({})", self.0.is_some())
    }
}

#[derive(Default)]
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    /// What is drawn, in the order in which it came, by its number.
    parts: Vec<(u64, Draw)>,
    last: u64,
    is_drawn: bool,
    is_over: bool,
    is_ticking: bool,
}

/// Live lines that are drawn until this is dropped.
pub(crate) struct Part {
    screen: Weak<Shared>,
    number: u64,
}

impl Screen {
    /// Returns the terminal that stderr is, if it is one; `dumb` is one that can do nothing but print.
    pub(crate) fn of_process(dumb: bool) -> Self {
        let is_there = !dumb && std::io::stderr().is_terminal();
        Self(is_there.then(Arc::default))
    }

    /// Draws lines below those that are there, and again as time passes.
    pub(crate) fn show(&self, draw: impl Fn(Timestamp, Size) -> Vec<String> + Send + 'static) -> Part {
        let Some(shared) = &self.0 else {
            return Part {
                screen: Weak::new(),
                number: 0,
            };
        };
        let mut state = shared.lock();
        state.last += 1;
        let number = state.last;
        state.parts.push((number, Box::new(draw)));
        state.draw();
        if !state.is_ticking {
            let weak = Arc::downgrade(shared);
            let ticking = std::thread::Builder::new().name("screen".to_owned());
            // Without a thread, lines are drawn when something happens.
            state.is_ticking = ticking.spawn(move || tick(&weak)).is_ok();
        }
        Part {
            screen: Arc::downgrade(shared),
            number,
        }
    }

    /// Writes something lasting, in whole lines, above the live lines.
    pub(crate) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        let Some(shared) = &self.0 else {
            return write();
        };
        let mut state = shared.lock();
        state.clear();
        let written = write();
        state.draw();
        written
    }

    /// Does something while no live lines are there. They are drawn again as time passes, not at once.
    pub(crate) fn without<T>(&self, action: impl FnOnce() -> T) -> T {
        let Some(shared) = &self.0 else {
            return action();
        };
        let mut state = shared.lock();
        state.clear();
        action()
    }

    /// Takes the live lines away for good, so that the terminal is as it was.
    pub(crate) fn end(&self) {
        if let Some(shared) = &self.0 {
            let mut state = shared.lock();
            state.clear();
            state.is_over = true;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(shared) = self.screen.upgrade() {
            let mut state = shared.lock();
            state.parts.retain(|(number, _)| *number != self.number);
            state.clear();
            state.draw();
        }
    }
}

/// Draws the lines again and again, as long as there are any.
fn tick(screen: &Weak<Shared>) {
    loop {
        std::thread::sleep(TICK);
        let Some(shared) = screen.upgrade() else { return };
        let mut state = shared.lock();
        if state.parts.is_empty() || state.is_over {
            state.is_ticking = false;
            return;
        }
        state.draw();
    }
}

impl State {
    fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            write("\r\u{1b}[J");
        }
    }

    fn draw(&mut self) {
        // The terminal of a command in the background is somebody else's.
        if self.is_over || !is_in_foreground() {
            return;
        }
        let (now, size) = (Clock::machine().now(), size());
        let lines: Vec<String> = self.parts.iter().flat_map(|(_, draw)| draw(now, size)).collect();
        // One row is always left for what lasts, and the last column stays free: some terminals begin a new row behind it.
        let lines = lines.iter().take(size.rows.saturating_sub(1));
        let lines: Vec<String> = lines.map(|line| cut(line, size.columns.saturating_sub(1))).collect();
        if lines.is_empty() {
            self.clear();
            return;
        }
        // A terminal that was made narrower just now must not wrap them.
        let mut text = "\u{1b}[?7l\r".to_owned();
        text.push_str(&lines.join("\u{1b}[K\r\n"));
        text.push_str("\u{1b}[J\r\u{1b}[?7h");
        if lines.len() > 1 {
            text.push_str(&format!("\u{1b}[{}A", lines.len() - 1));
        }
        self.is_drawn = true;
        write(&text);
    }
}

/// Writes on the terminal. It may go away at any moment; the person who would see an error reported sat at it.
fn write(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn size() -> Size {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
            columns: size.ws_col.into(),
            rows: size.ws_row.into(),
        },
        _ => USUAL,
    }
}

fn is_in_foreground() -> bool {
    // One that does not say it has no other group, or is gone.
    rustix::termios::tcgetpgrp(std::io::stderr()).map_or(true, |of_terminal| {
        u64::try_from(of_terminal.as_raw_nonzero().get()).ok() == group::own()
    })
}

/// Returns how many columns a character takes, at most.
fn columns(character: char) -> usize {
    match character {
        // The character before it may be drawn wider for it.
        '\u{fe0f}' => 1,
        _ => character.width().unwrap_or(0),
    }
}

/// Returns how many columns a text takes, at most.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Cuts a line to so many columns.
pub(crate) fn cut(line: &str, most: usize) -> String {
    if width(line) <= most {
        return line.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 0;
    for character in line.chars() {
        taken += columns(character);
        if taken >= most {
            break;
        }
        kept.push(character);
    }
    if most > 0 {
        kept.truncate(kept.trim_end().len());
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_by_the_columns_that_they_take() {
        for (line, most, expect) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("ab cd", 4, "ab…"),
            ("測試測試", 8, "測試測試"),
            ("測試測試", 7, "測試測…"),
            ("測試測試", 6, "測試…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("✔\u{fe0f}✔\u{fe0f}", 3, "✔\u{fe0f}…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(cut(line, most), expect, "{line} at {most}");
            assert!(width(&cut(line, most)) <= most, "{line} at {most}");
        }
    }

    #[test]
    fn without_a_terminal_nothing_is_drawn_and_everything_is_written() {
        let screen = Screen::default();
        let shown = screen.show(|_, _| unreachable!("nobody sees it"));
        assert_eq!(screen.above(|| 1), 1);
        drop(shown);
        screen.end();
    }
}
