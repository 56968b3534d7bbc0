//! Go's cover profiles: `file:line.column,line.column statements count`, a block a line. With several packages a block comes
//! once for each of them.

use std::collections::BTreeMap;

use super::bad::Bad;
use super::measured::{Measuring, Totals};
use crate::base::text::one_line;

/// How many lines a block may have: no function has more, and a damaged number could ask for any.
const MOST_LINES: u32 = 1_000_000;
/// How many lines all blocks may have together, with repeats.
const MOST_TOGETHER: u64 = 20_000_000;

/// A block of statements.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block<'a> {
    path: &'a str,
    first: (u32, u32),
    last: (u32, u32),
}

/// What is known of a block.
struct Reached {
    statements: u64,
    is_covered: bool,
    /// Where it stands first, counted from 0.
    index: usize,
}

pub(super) fn read(text: &str, measuring: &mut Measuring) -> Result<(), Bad> {
    let mut blocks: BTreeMap<Block<'_>, Reached> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        // Profiles that were joined have several first lines.
        if line.is_empty() || line.starts_with("mode:") {
            continue;
        }
        let refuse = || {
            Bad::at(
                index,
                format!("`{}` is not a block of a cover profile", one_line(line, 80)),
            )
        };
        let (block, statements, count) = block(line).ok_or_else(refuse)?;
        let is_covered = count > 0;
        let known = blocks.entry(block).or_insert(Reached {
            statements,
            is_covered,
            index,
        });
        if known.statements != statements {
            let earlier = known.index + 1;
            return Err(Bad::at(
                index,
                format!("line {earlier} has another number of statements for this block"),
            ));
        }
        known.is_covered |= is_covered;
    }
    let mut together = 0;
    for (block, reached) in &blocks {
        let lines = block.last.0 - block.first.0;
        together += u64::from(lines) + 1;
        if lines > MOST_LINES {
            return Err(Bad::at(
                reached.index,
                format!("a block of more than {MOST_LINES} lines"),
            ));
        }
        if together > MOST_TOGETHER {
            return Err(Bad::at(
                reached.index,
                format!("its blocks have more than {MOST_TOGETHER} lines"),
            ));
        }
    }
    for (block, reached) in &blocks {
        note(block, reached, measuring).map_err(|why| Bad::at(reached.index, why))?;
    }
    Ok(())
}

fn note(block: &Block<'_>, reached: &Reached, measuring: &mut Measuring) -> Result<(), String> {
    let totals = Totals {
        covered: if reached.is_covered { reached.statements } else { 0 },
        all: reached.statements,
    };
    measuring.counted(block.path, totals)?;
    // Without a statement there is nothing to reach.
    if reached.statements == 0 {
        return Ok(());
    }
    (block.first.0..=block.last.0).try_for_each(|line| measuring.line(block.path, line, reached.is_covered))
}

/// Reads `path:4.13,6.2 1 0`. A path may have colons and spaces.
fn block(line: &str) -> Option<(Block<'_>, u64, u64)> {
    let (rest, count) = line.rsplit_once(' ')?;
    let (rest, statements) = rest.rsplit_once(' ')?;
    let (path, span) = rest.rsplit_once(':')?;
    let (first, last) = span.split_once(',')?;
    let place = |text: &str| -> Option<(u32, u32)> {
        let (line, column) = text.split_once('.')?;
        Some((line.parse().ok()?, column.parse().ok()?))
    };
    let block = Block {
        path,
        first: place(first)?,
        last: place(last)?,
    };
    let is_plain = !path.is_empty() && block.first <= block.last;
    let statements: u32 = statements.parse().ok()?;
    is_plain.then_some((block, u64::from(statements), count.parse().ok()?))
}
