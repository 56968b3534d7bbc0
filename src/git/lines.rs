//! Compares the lines of two texts: the shortest edit script, by Myers' algorithm in linear space; if there are
//! several, the one that git's `myers` finds, and if a group of changed lines can be at several places, the lowest.
//!
//! The author of the texts may have chosen them so that comparing takes the product of their lengths. The steps are
//! counted, and beyond the budget there is no result. Hashes of lines have a random key, so that nobody can construct
//! collisions.

use std::collections::HashMap;
use std::ops::Range;

use super::work::Work;

/// Git looks for a NUL in so many bytes to recognize binary content (`buffer_is_binary` of its xdiff-interface.c).
const LOOKED_THROUGH: usize = 8000;
/// The longest content of which lines are compared, in bytes.
pub(in crate::git) const MOST_BYTES: usize = 16 << 20;
/// The most lines that are compared: the data about each takes far more memory than an empty line.
const MOST_LINES: usize = 200_000;

/// Returns whether git considers a content binary.
pub(in crate::git) fn is_binary(content: &[u8]) -> bool {
    memchr::memchr(0, &content[..content.len().min(LOOKED_THROUGH)]).is_some()
}

/// Returns whether a content is short enough for its lines to be compared.
pub(in crate::git) fn is_comparable(content: &[u8]) -> bool {
    content.len() <= MOST_BYTES && memchr::memchr_iter(b'\n', content).count() <= MOST_LINES
}

/// Lines of several texts as numbers: equal lines have equal ones.
#[derive(Default)]
pub(in crate::git) struct Lines<'text> {
    numbers: HashMap<&'text [u8], u32>,
}

impl<'text> Lines<'text> {
    /// Returns the numbers of a text's lines. A line has its end in it; the last one may have none.
    pub(in crate::git) fn of(&mut self, text: &[&'text [u8]]) -> Vec<u32> {
        let number = |line: &&'text [u8]| {
            let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            *self.numbers.entry(line).or_insert(next)
        };
        text.iter().map(number).collect()
    }
}

/// Cuts a text into its lines.
pub(in crate::git) fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Lines of one text that are replaced in another text. Between two hunks at least one line stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) struct Hunk {
    pub(in crate::git) old: Range<usize>,
    pub(in crate::git) new: Range<usize>,
}

/// Compares two texts, given as numbers of lines; `None` if that exceeds the rest of the budget.
pub(in crate::git) fn compare(old: &[u32], new: &[u32], work: &Work) -> Option<Vec<Hunk>> {
    if !work.spend((old.len() + new.len()) as u64) {
        return None;
    }
    let mut sides = [Side::new(old), Side::new(new)];
    let search = Search::new(&mut sides);
    search.run(&mut sides, work)?;
    for (side, other) in [(0, 1), (1, 0)] {
        Slide::new(&mut sides, side, other).run(work)?;
    }
    Some(hunks(&sides))
}

/// One text, and its changed lines.
struct Side<'lines> {
    lines: &'lines [u32],
    changed: Vec<bool>,
}

impl<'lines> Side<'lines> {
    fn new(lines: &'lines [u32]) -> Self {
        Self {
            lines,
            changed: vec![false; lines.len()],
        }
    }
}

/// The lines that are compared: without those that the other text does not have at all, which are changed in any case.
struct Search {
    /// The place of each in its text.
    places: [Vec<usize>; 2],
    lines: [Vec<u32>; 2],
    /// The furthest points reached by each diagonal, forward and backward.
    reached: [Vec<isize>; 2],
    /// Where diagonal 0 is in them.
    middle: isize,
}

/// A part of both texts.
#[derive(Clone)]
struct Part {
    old: Range<usize>,
    new: Range<usize>,
}

impl Search {
    fn new(sides: &mut [Side<'_>; 2]) -> Self {
        let known = sides.each_ref().map(|side| {
            let most = side.lines.iter().max().map_or(0, |most| *most as usize + 1);
            let mut known = vec![false; most];
            for line in side.lines {
                known[*line as usize] = true;
            }
            known
        });
        let (prefix, suffix) = common_ends(sides[0].lines, sides[1].lines);
        let mut places = [Vec::new(), Vec::new()];
        for (side, others) in [(0, 1), (1, 0)] {
            let Side { lines, changed } = &mut sides[side];
            for place in prefix..lines.len() - suffix {
                if known[others].get(lines[place] as usize) == Some(&true) {
                    places[side].push(place);
                } else {
                    changed[place] = true;
                }
            }
        }
        let lines = [0, 1].map(|side| places[side].iter().map(|place| sides[side].lines[*place]).collect());
        let diagonals = places[0].len() + places[1].len() + 3;
        Self {
            lines,
            reached: [vec![0; diagonals], vec![0; diagonals]],
            middle: places[1].len().cast_signed() + 1,
            places,
        }
    }

    /// Marks the changed lines.
    fn run(mut self, sides: &mut [Side<'_>; 2], work: &Work) -> Option<()> {
        let [old, new] = [0..self.lines[0].len(), 0..self.lines[1].len()];
        let mut left = vec![Part { old, new }];
        while let Some(mut part) = left.pop() {
            let (old, new) = (&self.lines[0][part.old.clone()], &self.lines[1][part.new.clone()]);
            let (prefix, suffix) = common_ends(old, new);
            if !work.spend((prefix + suffix + 1) as u64) {
                return None;
            }
            part.old = part.old.start + prefix..part.old.end - suffix;
            part.new = part.new.start + prefix..part.new.end - suffix;
            if part.old.is_empty() || part.new.is_empty() {
                for (side, range) in [part.old, part.new].into_iter().enumerate() {
                    for place in &self.places[side][range] {
                        sides[side].changed[*place] = true;
                    }
                }
                continue;
            }
            let (old, new) = self.split(&part, work)?;
            left.push(Part {
                old: old..part.old.end,
                new: new..part.new.end,
            });
            left.push(Part {
                old: part.old.start..old,
                new: part.new.start..new,
            });
        }
        Some(())
    }

    /// Returns a point in the middle of a shortest path through a part: paths from both ends are followed until they
    /// meet.
    fn split(&mut self, part: &Part, work: &Work) -> Option<(usize, usize)> {
        let signed = |range: &Range<usize>| (range.start.cast_signed(), range.end.cast_signed());
        let ((old_start, old_end), (new_start, new_end)) = (signed(&part.old), signed(&part.new));
        let (least, most) = (old_start - new_end, old_end - new_start);
        let begins = [old_start - new_start, old_end - new_end];
        let is_odd = (begins[0] - begins[1]) % 2 != 0;
        let [old, new] = &self.lines;
        let [forward, backward] = &mut self.reached;
        let middle = self.middle;
        let at = |diagonal: isize| (diagonal + middle).cast_unsigned();
        let same = |x: isize, diagonal: isize| old[x.cast_unsigned()] == new[(x - diagonal).cast_unsigned()];
        let point = |x: isize, diagonal: isize| (x.cast_unsigned(), (x - diagonal).cast_unsigned());
        let (mut ahead, mut behind) = ((begins[0], begins[0]), (begins[1], begins[1]));
        forward[at(begins[0])] = old_start;
        backward[at(begins[1])] = old_end;
        loop {
            widen(&mut ahead, (least, most), |diagonal| forward[at(diagonal)] = isize::MIN);
            let mut steps = 0;
            for diagonal in (ahead.0..=ahead.1).rev().step_by(2) {
                let (left, right) = (forward[at(diagonal - 1)], forward[at(diagonal + 1)]);
                let mut x = if left >= right { left + 1 } else { right };
                let from = x;
                while x < old_end && x - diagonal < new_end && same(x, diagonal) {
                    x += 1;
                }
                steps += (x - from + 1).unsigned_abs() as u64;
                forward[at(diagonal)] = x;
                let meets = is_odd && (behind.0..=behind.1).contains(&diagonal) && backward[at(diagonal)] <= x;
                if meets {
                    return Some(point(x, diagonal));
                }
            }
            widen(&mut behind, (least, most), |diagonal| {
                backward[at(diagonal)] = isize::MAX;
            });
            for diagonal in (behind.0..=behind.1).rev().step_by(2) {
                let (left, right) = (backward[at(diagonal - 1)], backward[at(diagonal + 1)]);
                let mut x = if left < right { left } else { right - 1 };
                let from = x;
                while x > old_start && x - diagonal > new_start && same(x - 1, diagonal) {
                    x -= 1;
                }
                steps += (from - x + 1).unsigned_abs() as u64;
                backward[at(diagonal)] = x;
                let meets = !is_odd && (ahead.0..=ahead.1).contains(&diagonal) && x <= forward[at(diagonal)];
                if meets {
                    return Some(point(x, diagonal));
                }
            }
            if !work.spend(steps) {
                return None;
            }
        }
    }
}

/// Takes one more diagonal on each side, where there is one; `open` marks the next one as leading nowhere.
fn widen(diagonals: &mut (isize, isize), (least, most): (isize, isize), mut open: impl FnMut(isize)) {
    if diagonals.0 > least {
        diagonals.0 -= 1;
        open(diagonals.0 - 1);
    } else {
        diagonals.0 += 1;
    }
    if diagonals.1 < most {
        diagonals.1 += 1;
        open(diagonals.1 + 1);
    } else {
        diagonals.1 -= 1;
    }
}

/// Returns how many lines two texts have in common at their beginning, and then at their end.
fn common_ends(old: &[u32], new: &[u32]) -> (usize, usize) {
    let same = |(one, other): &(&u32, &u32)| one == other;
    let prefix = old.iter().zip(new).take_while(same).count();
    let suffix = old[prefix..].iter().rev().zip(new[prefix..].iter().rev());
    (prefix, suffix.take_while(same).count())
}

/// Moves the groups of changed lines in one text to where git places them.
struct Slide<'sides, 'lines> {
    sides: &'sides mut [Side<'lines>; 2],
    side: usize,
    other: usize,
    /// The present group, which may be empty.
    group: Range<usize>,
    /// The group of the other text at the same place between the unchanged lines.
    across: Range<usize>,
}

impl<'sides, 'lines> Slide<'sides, 'lines> {
    fn new(sides: &'sides mut [Side<'lines>; 2], side: usize, other: usize) -> Self {
        let mut new = Self {
            sides,
            side,
            other,
            group: 0..0,
            across: 0..0,
        };
        new.group = new.group_at(side, 0);
        new.across = new.group_at(other, 0);
        new
    }

    fn run(mut self, work: &Work) -> Option<()> {
        loop {
            self.pay(work)?;
            if !self.group.is_empty() {
                self.settle(work)?;
            }
            let is_last = self.group.end == self.sides[self.side].lines.len();
            if is_last {
                return Some(());
            }
            self.group = self.group_at(self.side, self.group.end + 1);
            self.across = self.group_at(self.other, self.across.end + 1);
        }
    }

    /// Moves the group as far up as possible, then as far down, which joins it with others that it meets, and at last
    /// up again to where the other text has changed lines, too.
    fn settle(&mut self, work: &Work) -> Option<()> {
        let mut length;
        let mut highest_end;
        let mut end_across;
        loop {
            length = self.group.len();
            end_across = None;
            while self.up() {
                self.pay(work)?;
            }
            highest_end = self.group.end;
            if !self.across.is_empty() {
                end_across = Some(self.group.end);
            }
            while self.down() {
                self.pay(work)?;
                if !self.across.is_empty() {
                    end_across = Some(self.group.end);
                }
            }
            if self.group.len() == length {
                break;
            }
        }
        if self.group.end != highest_end && end_across.is_some() {
            while self.across.is_empty() && self.up() {
                self.pay(work)?;
            }
        }
        Some(())
    }

    /// Counts a move by a line.
    fn pay(&self, work: &Work) -> Option<()> {
        work.spend(1 + self.across.len() as u64).then_some(())
    }

    /// Moves the group up by a line, and includes the group that it then meets.
    fn up(&mut self) -> bool {
        let Side { lines, changed } = &mut self.sides[self.side];
        let Range { start, end } = self.group;
        if start == 0 || lines[start - 1] != lines[end - 1] {
            return false;
        }
        (changed[start - 1], changed[end - 1]) = (true, false);
        self.group = self.group_ending(self.side, start - 1).start..end - 1;
        self.across = self.group_ending(self.other, self.across.start - 1);
        true
    }

    /// Moves the group down by a line, and includes the group that it then meets.
    fn down(&mut self) -> bool {
        let Side { lines, changed } = &mut self.sides[self.side];
        let Range { start, end } = self.group;
        if end == lines.len() || lines[start] != lines[end] {
            return false;
        }
        (changed[start], changed[end]) = (false, true);
        self.group = start + 1..self.group_at(self.side, end + 1).end;
        self.across = self.group_at(self.other, self.across.end + 1);
        true
    }

    /// Returns the changed lines of a text from `start` on.
    fn group_at(&self, side: usize, start: usize) -> Range<usize> {
        let changed = self.sides[side].changed[start..].iter();
        start..start + changed.take_while(|changed| **changed).count()
    }

    /// Returns the changed lines of a text up to `end`.
    fn group_ending(&self, side: usize, end: usize) -> Range<usize> {
        let changed = self.sides[side].changed[..end].iter().rev();
        end - changed.take_while(|changed| **changed).count()..end
    }
}

/// Returns the changed lines of both texts, side by side.
fn hunks(sides: &[Side<'_>; 2]) -> Vec<Hunk> {
    let [old, new] = sides.each_ref().map(|side| side.changed.as_slice());
    let end = |changed: &[bool], start: usize| start + changed[start..].iter().take_while(|changed| **changed).count();
    let (mut found, mut at) = (Vec::new(), (0, 0));
    loop {
        let ends = (end(old, at.0), end(new, at.1));
        if ends != at {
            found.push(Hunk {
                old: at.0..ends.0,
                new: at.1..ends.1,
            });
        }
        if ends.0 == old.len() {
            return found;
        }
        at = (ends.0 + 1, ends.1 + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(old: &str, new: &str, work: &Work) -> Option<Vec<Hunk>> {
        let (old, new) = (split(old.as_bytes()), split(new.as_bytes()));
        let mut lines = Lines::default();
        compare(&lines.of(&old), &lines.of(&new), work)
    }

    /// Compares two texts in which each letter stands for one line.
    fn check(old: &str, new: &str, expect: &str) {
        let lines = |text: &str| text.chars().flat_map(|line| [line, '\n']).collect::<String>();
        let hunks = compared(&lines(old), &lines(new), &Work::new()).unwrap();
        let shown: Vec<_> = hunks
            .into_iter()
            .map(|Hunk { old: was, new: is }| format!("{}:{}>{}", was.start, &old[was.clone()], &new[is]))
            .collect();
        assert_eq!(shown.join(" "), expect, "{old} {new}");
    }

    #[test]
    fn the_fewest_lines_are_changed() {
        check("", "", "");
        check("abc", "abc", "");
        check("", "abc", "0:>abc");
        check("abc", "", "0:abc>");
        check("abcdef", "abxdyf", "2:c>x 4:e>y");
        check("0110101", "011001101", "4:>01");
        check("0110101", "10100111", "0:01> 6:>011");
        check("abcabba", "cbabac", "0:ab> 3:a> 5:>a 7:>c");
    }

    #[test]
    fn groups_that_can_stand_at_several_places_stand_low_and_together() {
        check("xaby", "xababy", "3:>ab");
        check("aax", "aaax", "2:>a");
        check("a}b}", "a}c}b}", "2:>c}");
    }

    #[test]
    fn a_last_line_without_an_end_is_another_line() {
        let hunks = compared("a\nb", "a\nb\n", &Work::new()).unwrap();
        assert_eq!(hunks, [Hunk { old: 1..2, new: 1..2 }]);
    }

    #[test]
    fn what_takes_longer_than_the_budget_has_no_answer() {
        let text = |step: usize| {
            (0..1000)
                .map(|line| (line * step % 1009).to_string() + "\n")
                .collect::<String>()
        };
        assert_eq!(compared(&text(1), &text(7), &Work::of(10_000)), None);
        assert!(compared(&text(1), &text(7), &Work::new()).is_some());
    }
}
