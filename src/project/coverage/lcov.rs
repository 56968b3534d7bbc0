//! lcov's tracefiles (geninfo(1)): records of `SF:`, `DA:` and others, each ended by `end_of_record`.

use super::bad::Bad;
use super::measured::{Measuring, Totals};
use crate::base::text::one_line;

/// A record that has begun.
struct Record<'a> {
    path: &'a str,
    /// Where it began, counted from 0.
    index: usize,
    has_lines: bool,
    /// `LF` and `LH`, of which some programs write nothing else.
    found: u64,
    hit: u64,
}

pub(super) fn read(text: &str, measuring: &mut Measuring<'_>) -> Result<(), Bad> {
    let mut open: Option<Record<'_>> = None;
    let mut count = 0_usize;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "end_of_record" {
            let record = open
                .take()
                .ok_or_else(|| Bad::at(index, "a record ends that has not begun"))?;
            end(&record, measuring).map_err(|why| Bad::at(index, why))?;
            count += 1;
            continue;
        }
        let (key, value) = line
            .split_once(':')
            .filter(|(key, _)| is_key(key))
            .ok_or_else(|| Bad::at(index, format!("`{}` is not a line of lcov", one_line(line, 60))))?;
        match (key, &mut open) {
            ("SF", Some(record)) => {
                let begun = record.index + 1;
                return Err(Bad::at(index, format!("the record of line {begun} has not ended")));
            }
            ("SF", None) => {
                measuring.file(value.trim()).map_err(|why| Bad::at(index, why))?;
                open = Some(Record {
                    path: value.trim(),
                    index,
                    has_lines: false,
                    found: 0,
                    hit: 0,
                });
            }
            ("DA" | "LF" | "LH", None) => return Err(Bad::at(index, format!("`{key}` stands outside of a record"))),
            ("DA", Some(record)) => {
                let (number, is_hit) = data(value).ok_or_else(|| not_data(index, value))?;
                let noted = measuring.line(record.path, number, is_hit);
                noted.map_err(|why| Bad::at(index, why))?;
                record.has_lines = true;
            }
            ("LF", Some(record)) => record.found = value.trim().parse().map_err(|_| not_data(index, value))?,
            ("LH", Some(record)) => record.hit = value.trim().parse().map_err(|_| not_data(index, value))?,
            // Functions, branches, versions, and what newer programs write.
            _ => {}
        }
    }
    match open {
        Some(record) => Err(Bad::at(record.index, "its record does not end: the file is cut off")),
        None if count == 0 => Err(Bad::at(0, "it has no record")),
        None => Ok(()),
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn not_data(index: usize, value: &str) -> Bad {
    Bad::at(index, format!("`{}` is not a line and its count", one_line(value, 60)))
}

/// Reads `line,count[,checksum]`. A count is negative where gcov overflowed, and has an exponent where it is large.
fn data(value: &str) -> Option<(u32, bool)> {
    let mut parts = value.split(',');
    let line = parts.next()?.trim().parse().ok()?;
    let count: f64 = parts.next()?.trim().parse().ok()?;
    (!count.is_nan()).then_some((line, count > 0.0))
}

fn end(record: &Record<'_>, measuring: &mut Measuring<'_>) -> Result<(), String> {
    if record.has_lines || record.found == 0 {
        return Ok(());
    }
    if record.hit > record.found {
        return Err(format!("{} lines are hit of {}", record.hit, record.found));
    }
    let totals = Totals {
        covered: record.hit,
        all: record.found,
    };
    measuring.counted(record.path, totals)
}
