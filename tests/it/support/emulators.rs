//! Two terminals that show the same: one that wraps its lines anew when it is made narrower, as most do, and one that cuts
//! them off, as xterm does.

use std::fmt;
use std::num::NonZeroU16;

/// The terminals, and the beginning of a character that has not come whole.
pub(crate) struct Emulators {
    wrapping: avt::Terminal,
    cutting: vt100::Parser,
    half: Vec<u8>,
}

/// What the two show, without empty rows at the end.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Screens {
    pub(crate) wrapping: Vec<String>,
    pub(crate) cutting: Vec<String>,
}

impl fmt::Debug for Screens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, rows) in [("wrapping", &self.wrapping), ("cutting", &self.cutting)] {
            writeln!(formatter, "{name}:")?;
            rows.iter().try_for_each(|row| writeln!(formatter, "  |{row}"))?;
        }
        Ok(())
    }
}

impl Emulators {
    pub(crate) fn new(rows: u16, columns: u16) -> Self {
        Self {
            wrapping: avt::Terminal::new(columns.into(), rows.into()).unwrap(),
            cutting: vt100::Parser::new(size(rows), size(columns), 0),
            half: Vec::new(),
        }
    }

    /// Shows what a program has written.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.cutting.process(bytes);
        self.half.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.half) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.half.len(),
        };
        let text = String::from_utf8_lossy(&self.half[..whole]).into_owned();
        self.half.drain(..whole);
        self.wrapping.feed([text.as_str()]);
    }

    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        self.wrapping.resize(columns.into(), rows.into());
        self.cutting.screen_mut().set_size(size(rows), size(columns));
    }

    pub(crate) fn screens(&self) -> Screens {
        let columns = self.cutting.screen().size().1;
        Screens {
            wrapping: trimmed(self.wrapping.screen().visible_lines().map(avt::Line::text)),
            cutting: trimmed(self.cutting.screen().rows(0, columns.get())),
        }
    }
}

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap()
}

fn trimmed(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}
