//! The terminal: how wide it is, tables that fit it, and who may write on it.

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

/// The live lines at the bottom of the terminal, which whatever lasts is written above; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen(MultiProgress);

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

/// The width of the terminal that stdout is, in columns; `None` when stdout goes elsewhere.
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
