//! Texts merged by lines, as git merges them: changes of both sides at one place are a conflict, and so are changes in
//! lines that touch; equal changes of both are not.

use std::ops::Range;

use crate::git::lines::{Hunk, Lines, compare, split};
use crate::git::work::Work;

/// Two conflicts with no more lines than this between them are one in a union, as in git.
const NEAR: usize = 3;

/// What is done with conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlaps {
    /// They make the whole merge a conflict.
    Refuse,
    /// Both sides are taken, ours first.
    TakeBoth,
}

/// Merges the changes of two sides to a text; `None` is a conflict, or a merge that exceeds the rest of the budget.
/// find out.
pub(super) fn merge([was, ours, theirs]: [&[u8]; 3], overlaps: Overlaps, work: &Work) -> Option<Vec<u8>> {
    let [was, ours, theirs] = [was, ours, theirs].map(split);
    let mut lines = Lines::default();
    let numbers = [&was, &ours, &theirs].map(|text| lines.of(text));
    let changes = [
        compare(&numbers[0], &numbers[1], work)?,
        compare(&numbers[0], &numbers[2], work)?,
    ];
    let mut parts = Vec::new();
    for places in places(&changes) {
        let [ours, theirs] = [&numbers[1][places.ours.clone()], &numbers[2][places.theirs.clone()]];
        if places.by != By::Both {
            parts.push(places);
        } else if ours == theirs {
            // For git, equal changes of both sides at one place do not separate conflicts: they count as unchanged
            // lines.
            if !places.is_one_change {
                parts.push(ChangedLines {
                    by: By::One(0),
                    ..places
                });
            }
        } else if overlaps == Overlaps::Refuse {
            return None;
        } else {
            refine(&places, ours, theirs, work, &mut parts)?;
        }
    }
    join_near(&mut parts);
    Some(write(&parts, &was, &ours, &theirs))
}

/// The author of a change of some lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// One side: 0 is ours.
    One(usize),
    /// Both, with different results.
    Both,
}

/// Lines that were changed, as both sides have them.
#[derive(Clone, Debug)]
struct ChangedLines {
    by: By,
    ours: Range<usize>,
    theirs: Range<usize>,
    /// Whether each side made one change there, in the place of the same lines.
    is_one_change: bool,
}

/// Returns the changed places, in their order: changes of the two sides that overlap or touch are one.
fn places(changes: &[Vec<Hunk>; 2]) -> Vec<ChangedLines> {
    let mut left = changes.each_ref().map(|hunks| hunks.iter().peekable());
    // How many lines each side is ahead of the ancestor.
    let mut shifts = [0, 0];
    let mut found = Vec::new();
    loop {
        let starts = [0, 1].map(|side| left[side].peek().map_or(usize::MAX, |hunk| hunk.old.start));
        let start = starts[0].min(starts[1]);
        if start == usize::MAX {
            return found;
        }
        let before = shifts;
        let mut taken = [Vec::new(), Vec::new()];
        let mut end = start;
        let mut side = usize::from(starts[1] < starts[0]);
        // While either side has a change that begins before the end of those taken, or at it.
        while let Some(hunk) = [side, 1 - side]
            .iter()
            .find_map(|side| Some((*side, left[*side].next_if(|hunk| hunk.old.start <= end)?)))
        {
            let (of, hunk) = hunk;
            end = end.max(hunk.old.end);
            shifts[of] += hunk.new.len().cast_signed() - hunk.old.len().cast_signed();
            taken[of].push(hunk);
            side = 1 - of;
        }
        let by = match &taken {
            [_, theirs] if theirs.is_empty() => By::One(0),
            [ours, _] if ours.is_empty() => By::One(1),
            _ => By::Both,
        };
        let is_one_change = matches!(&taken[..], [ours, theirs]
            if matches!((&ours[..], &theirs[..]), ([one], [other]) if one.old == other.old));
        let range = |side: usize| {
            let place = |line: usize, shift: isize| line.saturating_add_signed(shift);
            place(start, before[side])..place(end, shifts[side])
        };
        found.push(ChangedLines {
            by,
            ours: range(0),
            theirs: range(1),
            is_one_change,
        });
    }
}

/// Removes the common lines of both sides from a conflict.
fn refine(
    place: &ChangedLines,
    ours: &[u32],
    theirs: &[u32],
    work: &Work,
    parts: &mut Vec<ChangedLines>,
) -> Option<()> {
    if ours.is_empty() || theirs.is_empty() {
        parts.push(place.clone());
        return Some(());
    }
    let inside = |range: &Range<usize>, start: usize| range.start + start..range.end + start;
    for hunk in compare(ours, theirs, work)? {
        parts.push(ChangedLines {
            by: By::Both,
            ours: inside(&hunk.old, place.ours.start),
            theirs: inside(&hunk.new, place.theirs.start),
            is_one_change: false,
        });
    }
    Some(())
}

/// Joins conflicts that are near each other.
fn join_near(parts: &mut Vec<ChangedLines>) {
    parts.dedup_by(|next, part| {
        let both = part.by == By::Both && next.by == By::Both;
        let is_near = both && next.ours.start - part.ours.end <= NEAR;
        if is_near {
            part.ours.end = next.ours.end;
            part.theirs.end = next.theirs.end;
        }
        is_near
    });
}

/// Writes our text with the changed places.
fn write(parts: &[ChangedLines], was: &[&[u8]], ours: &[&[u8]], theirs: &[&[u8]]) -> Vec<u8> {
    let mut merged = Vec::new();
    let mut at = 0;
    for part in parts {
        take(&mut merged, &ours[at..part.ours.start]);
        at = part.ours.end;
        match part.by {
            By::One(0) => take(&mut merged, &ours[part.ours.clone()]),
            By::One(_) => take(&mut merged, &theirs[part.theirs.clone()]),
            By::Both => {
                let own = &ours[part.ours.clone()];
                take(&mut merged, own);
                if own.last().is_some_and(|line| !line.ends_with(b"\n")) {
                    let sides = [(ours, part.ours.start), (theirs, part.theirs.start), (was, 0)];
                    merged.extend_from_slice(end_of_line(sides));
                }
                take(&mut merged, &theirs[part.theirs.clone()]);
            }
        }
    }
    take(&mut merged, &ours[at..]);
    merged
}

/// Returns the end that a last line without one gets, as git chooses it (`xdiff/xmerge.c`): a CR only where the lines
/// before the places of both sides, and the ancestor's first line, have one or show nothing, the ancestor's own having
/// one.
fn end_of_line(places: [(&[&[u8]], usize); 3]) -> &'static [u8] {
    let mut said = None;
    for (lines, start) in places {
        said = has_return(lines, start.saturating_sub(1));
        if said == Some(false) {
            break;
        }
    }
    if said == Some(true) { b"\r\n" } else { b"\n" }
}

/// Returns whether a line ends in CR and LF; the last one, where it has no end, is judged by the one before. `None`
/// where there is nothing to judge by.
fn has_return(lines: &[&[u8]], at: usize) -> Option<bool> {
    let line = lines.get(at)?;
    let judged = if line.ends_with(b"\n") {
        line
    } else {
        lines.get(at.checked_sub(1)?)?
    };
    Some(judged.ends_with(b"\r\n"))
}

fn take(merged: &mut Vec<u8>, lines: &[&[u8]]) {
    for line in lines {
        merged.extend_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merges texts in which each letter stands for one line.
    fn check(was: &str, ours: &str, theirs: &str, overlaps: Overlaps, expect: Option<&str>) {
        let texts = [was, ours, theirs].map(|text| text.chars().flat_map(|line| [line, '\n']).collect::<String>());
        let merged = merge(texts.each_ref().map(String::as_bytes), overlaps, &Work::new());
        let merged = merged.map(|text| String::from_utf8(text).unwrap().replace('\n', ""));
        assert_eq!(merged.as_deref(), expect, "{was}: {ours} and {theirs}");
    }

    #[test]
    fn what_one_side_changed_is_taken_and_what_touches_is_a_conflict() {
        let refuse = |was, ours, theirs, expect| check(was, ours, theirs, Overlaps::Refuse, expect);
        refuse("abcde", "xbcde", "abcdy", Some("xbcdy"));
        refuse("abcde", "axcde", "axcdy", Some("axcdy"));
        refuse("abcde", "axcde", "aycde", None);
        refuse("abcde", "axcde", "abyde", None);
        refuse("abcde", "acde", "abcd", Some("acd"));
        refuse("abcde", "abcdex", "abcdey", None);
        refuse("", "x", "x", Some("x"));
        refuse("abc", "", "abx", None);
    }

    #[test]
    fn a_union_has_what_both_sides_have() {
        let both = |was, ours, theirs, expect| check(was, ours, theirs, Overlaps::TakeBoth, Some(expect));
        both("abc", "axc", "ayc", "axyc");
        both("a", "ax", "ay", "axy");
        both("", "pxq", "pyq", "pxyq");
        both("", "xklmz", "yklmw", "xklmzyklmw");
        both("", "xklmnz", "yklmnw", "xyklmnzw");
    }

    #[test]
    fn what_both_removed_keeps_no_conflicts_apart() {
        let (was, ours, theirs) = ("422404303", "4204043x", "14224400343");
        check(was, ours, theirs, Overlaps::TakeBoth, Some("14204024400343x"));
    }

    #[test]
    fn a_union_ends_our_last_line() {
        let union = |was: &str, ours: &str, theirs: &str| {
            let texts = [was, ours, theirs].map(str::as_bytes);
            String::from_utf8(merge(texts, Overlaps::TakeBoth, &Work::new()).unwrap()).unwrap()
        };
        assert_eq!(union("k\r\n", "k\r\na", "k\r\nb\r\n"), "k\r\na\r\nb\r\n");
        assert_eq!(union("k\n", "k\na", "k\nb"), "k\na\nb");
        // The ancestor decides where both sides have CR.
        assert_eq!(union("j\n", "k\r\na", "k\r\nb\r\n"), "k\r\na\nb\r\n");
    }

    #[test]
    fn what_takes_longer_than_the_budget_is_a_conflict() {
        let text = |step: usize| {
            (0..1000)
                .map(|line| (line * step % 1009).to_string() + "\n")
                .collect::<String>()
        };
        let texts = [text(1), text(7), text(1) + "z\n"];
        let merged = |work: &Work| merge(texts.each_ref().map(String::as_bytes), Overlaps::TakeBoth, work);
        assert!(merged(&Work::of(10_000)).is_none());
        assert!(merged(&Work::new()).is_some());
    }
}
