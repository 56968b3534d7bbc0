//! Paths and lists of paths, in the text of a hazard.

use crate::base::text;

/// Puts a path on one line, cut where it is long.
pub(super) fn shown(path: &[u8]) -> String {
    text::one_line(&String::from_utf8_lossy(path), 100)
}

/// Returns the first few of a list.
pub(super) fn listed(all: &[String]) -> String {
    const FEW: usize = 5;
    let text = all.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(FEW + 1) {
        Some(beyond) => format!("{text} and {} more", beyond + 1),
        None => text,
    }
}
