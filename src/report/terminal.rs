//! The terminal: how wide it is, tables that fit it, and who may write on it.

use std::io;

use comfy_table::{ContentArrangement, Table, presets};
use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, TermLike};

/// How often live lines are drawn, per second.
const REFRESH_RATE: u8 = 20;

/// The live lines at the bottom of the terminal, which whatever lasts is written above; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Screen(MultiProgress);

impl Default for Screen {
    fn default() -> Self {
        // A terminal that has no commands (`TERM=dumb`) cannot be drawn on, either.
        let stderr = ProgressDrawTarget::stderr();
        let target = if stderr.is_hidden() {
            stderr
        } else {
            let terminal = Forgiving(Term::buffered_stderr());
            ProgressDrawTarget::term_like_with_hz(Box::new(terminal), REFRESH_RATE)
        };
        Self(MultiProgress::with_draw_target(target))
    }
}

/// A terminal that may go away at any moment; what cannot be drawn then is skipped. Errors of drawing would end the
/// program, since indicatif takes some of them for impossible.
#[derive(Debug)]
struct Forgiving(Term);

impl TermLike for Forgiving {
    fn width(&self) -> u16 {
        TermLike::width(&self.0)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    fn move_cursor_up(&self, count: usize) -> io::Result<()> {
        forgive(self.0.move_cursor_up(count))
    }

    fn move_cursor_down(&self, count: usize) -> io::Result<()> {
        forgive(self.0.move_cursor_down(count))
    }

    fn move_cursor_right(&self, count: usize) -> io::Result<()> {
        forgive(self.0.move_cursor_right(count))
    }

    fn move_cursor_left(&self, count: usize) -> io::Result<()> {
        forgive(self.0.move_cursor_left(count))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        forgive(self.0.write_line(text))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        forgive(self.0.write_str(text))
    }

    fn clear_line(&self) -> io::Result<()> {
        forgive(self.0.clear_line())
    }

    fn flush(&self) -> io::Result<()> {
        forgive(self.0.flush())
    }
}

/// Treats an error of drawing as success: the person who would see it reported sat at this terminal.
fn forgive(drawn: io::Result<()>) -> io::Result<()> {
    drawn.or(Ok(()))
}

impl Screen {
    /// Adds a live line.
    pub(crate) fn add(&self, line: ProgressBar) -> ProgressBar {
        self.0.add(line)
    }

    /// Writes something lasting above the live lines.
    pub(crate) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    /// Takes the live lines away for good, so that the terminal is as it was.
    pub(crate) fn end(&self) {
        // A terminal that is gone has nothing to clear.
        let _ = self.0.clear();
        self.0.set_draw_target(ProgressDrawTarget::hidden());
    }
}

/// Returns the width of the terminal that stdout is, in columns; `None` when stdout goes elsewhere.
pub(crate) fn width() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

/// Lays out a table without lines: wrapped to `width` columns, or one line a row when there is none.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>, width: Option<u16>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(header.to_vec())
        .add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}
