//! Go's cover profiles: `file:line.column,line.column statements count`, a block a line. With several packages a block comes
//! once for each of them.

use super::bad::Bad;
use super::measured::{Measuring, Span};
use crate::base::text::one_line;

pub(super) fn read(text: &str, measuring: &mut Measuring<'_>) -> Result<(), Bad> {
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
        let (path, span, statements, count) = block(line).ok_or_else(refuse)?;
        let noted = measuring.block(path, span, statements, count > 0);
        noted.map_err(|why| Bad::at(index, why))?;
    }
    Ok(())
}

/// Reads `path:4.13,6.2 1 0`. A path may have colons and spaces.
fn block(line: &str) -> Option<(&str, Span, u32, u64)> {
    let (rest, count) = line.rsplit_once(' ')?;
    let (rest, statements) = rest.rsplit_once(' ')?;
    let (path, span) = rest.rsplit_once(':')?;
    let (first, last) = span.split_once(',')?;
    let place = |text: &str| -> Option<(u32, u32)> {
        let (line, column) = text.split_once('.')?;
        Some((line.parse().ok()?, column.parse().ok()?))
    };
    let span = Span {
        first: place(first)?,
        last: place(last)?,
    };
    let is_plain = !path.is_empty() && span.first <= span.last;
    is_plain.then_some((path, span, statements.parse().ok()?, count.parse().ok()?))
}
