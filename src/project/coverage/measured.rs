//! What a result measured, file by file, whatever format it came in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::{Names, Place};
use crate::base::text::one_line;

/// How many lines a result may name, with repeats: far beyond any real one, and read in seconds.
const MOST_NOTED: usize = 20_000_000;
/// How many lines a block of Go may have: no function has more, and a damaged number could ask for any.
const MOST_LINES: u32 = 1_000_000;
/// How many files a result may name.
const MOST_FILES: usize = 200_000;
/// In how many places uncovered lines may stand: results are kept.
const MOST_RANGES: usize = 500_000;
/// The last line that a file may have.
const LAST_LINE: u32 = 10_000_000;

/// What the tests of a repository cover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The measured files, by their paths.
    pub files: BTreeMap<String, FileCoverage>,
    /// What is measured under a name that is the end of several files' paths: which of them is meant is not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ambiguous: BTreeMap<String, FileCoverage>,
}

/// What the tests cover of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCoverage {
    /// How much there is to cover, and how much of that is covered: lines, or statements in Go.
    pub totals: Totals,
    /// The lines that no test reaches, in order. Lines between two of them that nothing was measured for are among them.
    pub uncovered: Vec<LineRange>,
}

/// How much is covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many lines or statements tests reach.
    pub covered: u64,
    /// How many there are.
    pub all: u64,
}

/// Lines from a first to a last one, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineRange {
    /// The first line.
    pub first: u32,
    /// The last line.
    pub last: u32,
}

impl Totals {
    /// Returns how many are not covered.
    pub fn uncovered(self) -> u64 {
        self.all.saturating_sub(self.covered)
    }

    /// Returns the covered part in hundredths of a percent, rounded down; all of nothing is all.
    pub fn basis_points(self) -> u64 {
        if self.all == 0 {
            return 10_000;
        }
        let points = u128::from(self.covered) * 10_000 / u128::from(self.all);
        u64::try_from(points).unwrap_or(10_000)
    }

    /// Returns the covered part for people, such as `81.25 %`.
    pub fn percent(self) -> String {
        let points = self.basis_points();
        format!("{}.{:02} %", points / 100, points % 100)
    }

    /// Returns whether a smaller part is covered than by another result.
    pub fn is_lower_than(self, other: Self) -> bool {
        let product = |covered: u64, all: u64| u128::from(covered) * u128::from(all.max(1));
        // Of nothing, all is covered.
        let part = |totals: Self| {
            if totals.all == 0 {
                Self { covered: 1, all: 1 }
            } else {
                totals
            }
        };
        let (own, other) = (part(self), part(other));
        product(own.covered, other.all) < product(other.covered, own.all)
    }
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.covered = self.covered.saturating_add(other.covered);
        self.all = self.all.saturating_add(other.all);
    }
}

impl Coverage {
    /// Returns how much is covered of all files together.
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        self.files.values().for_each(|file| sum += file.totals);
        sum
    }

    /// Returns what is measured of a file, if anything is: under its name, or under one that is the end of it and that several
    /// files have.
    pub fn of(&self, path: &str) -> Option<&FileCoverage> {
        let ends = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
        let mut ends = ends.filter_map(|at| self.ambiguous.get(&path[at..]));
        self.files.get(path).or_else(|| ends.next())
    }
}

/// A result while it is read.
#[derive(Debug)]
pub(super) struct Measuring<'a> {
    names: &'a Names<'a>,
    /// The files by the names that results have for them: where in `files` they are; `None` where they are not of the
    /// repository.
    known: BTreeMap<String, Option<usize>>,
    places: BTreeMap<Place, usize>,
    files: Vec<Found>,
    /// Go's blocks. Each of several profiles may name a block.
    blocks: BTreeMap<Block, Reached>,
    /// How many lines were noted, to keep them in bounds.
    noted: usize,
}

/// What is known of a file so far.
#[derive(Debug, Default)]
struct Found {
    /// Lines, and whether a test reaches them.
    lines: BTreeMap<u32, bool>,
    /// What is counted of it where its lines are not told.
    counted: Totals,
    /// What is counted in statements.
    statements: Totals,
}

/// A block of statements, from a line and column to another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    file: usize,
    span: Span,
}

/// Where a block of statements begins and ends, each a line and a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) first: (u32, u32),
    pub(super) last: (u32, u32),
}

/// What is known of a block.
#[derive(Debug)]
struct Reached {
    statements: u32,
    is_covered: bool,
}

impl<'a> Measuring<'a> {
    pub(super) fn new(names: &'a Names<'a>) -> Self {
        Self {
            names,
            known: BTreeMap::new(),
            places: BTreeMap::new(),
            files: Vec::new(),
            blocks: BTreeMap::new(),
            noted: 0,
        }
    }

    /// Notes a file, of which there may be nothing to cover.
    pub(super) fn file(&mut self, name: &str) -> Result<(), String> {
        self.index(name).map(drop)
    }

    /// Returns where a file is in `files`; `None` where it is not of the repository.
    fn index(&mut self, name: &str) -> Result<Option<usize>, String> {
        if let Some(index) = self.known.get(name) {
            return Ok(*index);
        }
        if name.is_empty() {
            return Err("it names no file".to_owned());
        }
        if self.known.len() == MOST_FILES {
            return Err(format!("it names more than {MOST_FILES} files"));
        }
        let index = self.names.place(name).map(|place| {
            *self.places.entry(place).or_insert_with(|| {
                self.files.push(Found::default());
                self.files.len() - 1
            })
        });
        self.known.insert(name.to_owned(), index);
        Ok(index)
    }

    /// Notes a line of a file. A line that is reached anywhere is reached.
    pub(super) fn line(&mut self, name: &str, line: u32, is_covered: bool) -> Result<(), String> {
        is_a_line(line)?;
        let index = self.index(name)?;
        self.note(1)?;
        if let Some(index) = index {
            *self.files[index].lines.entry(line).or_default() |= is_covered;
        }
        Ok(())
    }

    /// Notes what is counted of a file whose lines are not told. Which lines they are is not known, so that of several counts
    /// the highest holds.
    pub(super) fn counted(&mut self, name: &str, totals: Totals) -> Result<(), String> {
        if let Some(index) = self.index(name)? {
            let counted = &mut self.files[index].counted;
            *counted = Totals {
                covered: counted.covered.max(totals.covered),
                all: counted.all.max(totals.all),
            };
        }
        Ok(())
    }

    /// Notes a block of statements. One that is reached anywhere is reached.
    pub(super) fn block(&mut self, name: &str, span: Span, statements: u32, is_covered: bool) -> Result<(), String> {
        let lines = span.last.0 - span.first.0;
        if lines > MOST_LINES {
            return Err(format!("a block of more than {MOST_LINES} lines"));
        }
        is_a_line(span.first.0).and_then(|()| is_a_line(span.last.0))?;
        let Some(file) = self.index(name)? else {
            return self.note(1);
        };
        let block = Block { file, span };
        if let Some(known) = self.blocks.get_mut(&block) {
            if known.statements != statements {
                return Err("this block has another number of statements in an earlier line or file".to_owned());
            }
            known.is_covered |= is_covered;
            return Ok(());
        }
        self.note(lines as usize + 1)?;
        let reached = Reached { statements, is_covered };
        self.blocks.insert(block, reached);
        Ok(())
    }

    fn note(&mut self, lines: usize) -> Result<(), String> {
        self.noted += lines;
        if self.noted > MOST_NOTED {
            return Err(format!("it names more than {MOST_NOTED} lines"));
        }
        Ok(())
    }

    /// Returns the result; fails, with the end of a sentence, where none of its files is of the repository, or where it would
    /// be too large to keep.
    pub(super) fn finish(mut self) -> Result<Coverage, String> {
        if let (true, Some(name)) = (self.files.is_empty(), self.known.keys().next()) {
            let name = one_line(name, 200);
            return Err(format!("none of its files is one of the repository, such as `{name}`"));
        }
        for (Block { file, span }, reached) in self.blocks {
            let file = &mut self.files[file];
            let all = u64::from(reached.statements);
            let covered = if reached.is_covered { all } else { 0 };
            file.statements += Totals { covered, all };
            // Without a statement there is nothing to reach.
            let lines = (span.first.0..=span.last.0).filter(|_| all > 0);
            lines.for_each(|line| *file.lines.entry(line).or_default() |= reached.is_covered);
        }
        let mut coverage = Coverage::default();
        let mut ranges = 0;
        for (place, index) in self.places {
            let file = self.files[index].told();
            ranges += file.uncovered.len();
            match place {
                Place::File(path) => coverage.files.insert(path, file),
                Place::OneOf(name) => coverage.ambiguous.insert(name, file),
            };
        }
        if ranges > MOST_RANGES {
            return Err(format!("its uncovered lines stand in more than {MOST_RANGES} places"));
        }
        Ok(coverage)
    }
}

fn is_a_line(line: u32) -> Result<(), String> {
    if line == 0 || line > LAST_LINE {
        return Err(format!("there is no line {line}"));
    }
    Ok(())
}

impl Found {
    fn told(&self) -> FileCoverage {
        let totals = if self.statements.all > 0 {
            self.statements
        } else if self.lines.is_empty() {
            self.counted
        } else {
            Totals {
                covered: self.lines.values().filter(|is_covered| **is_covered).count() as u64,
                all: self.lines.len() as u64,
            }
        };
        let uncovered = ranges(&self.lines);
        FileCoverage { totals, uncovered }
    }
}

fn ranges(lines: &BTreeMap<u32, bool>) -> Vec<LineRange> {
    let mut ranges: Vec<LineRange> = Vec::new();
    let mut goes_on = false;
    for (line, is_covered) in lines {
        match ranges.last_mut() {
            _ if *is_covered => {}
            Some(range) if goes_on => range.last = *line,
            _ => ranges.push(LineRange {
                first: *line,
                last: *line,
            }),
        }
        goes_on = !is_covered;
    }
    ranges
}
