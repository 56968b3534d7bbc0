//! What a result measured, file by file, whatever format it came in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many lines a result may name, with repeats: far beyond any real one, and read in seconds.
const MOST_PLACES: usize = 20_000_000;
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

    /// Takes in what another result measured of other files. What both measured stays as it is here.
    pub fn join(&mut self, other: Self) {
        for (path, file) in other.files {
            self.files.entry(path).or_insert(file);
        }
    }

    /// Names files as the repository does, whose files are given: a result has absolute paths, paths from a source folder, or
    /// import paths of Go. Returns what is placed, and the paths that fit no file, or fit several.
    #[must_use]
    pub fn placed<'a>(self, files: impl IntoIterator<Item = &'a str>) -> (Self, Vec<String>) {
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in files {
            by_name.entry(last_part(file)).or_default().push(file);
        }
        let (mut placed, mut lost) = (Self::default(), Vec::new());
        for (path, file) in self.files {
            let plain = path.replace('\\', "/");
            let plain = plain.trim_start_matches("./");
            let candidates = by_name.get(last_part(plain)).map_or(&[][..], Vec::as_slice);
            match place_of(plain, candidates) {
                Some(place) if !placed.files.contains_key(place) => drop(placed.files.insert(place.to_owned(), file)),
                _ => lost.push(path),
            }
        }
        (placed, lost)
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the one file of the repository that a path of a result means.
fn place_of<'a>(path: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if let Some(same) = candidates.iter().find(|candidate| **candidate == path) {
        return Some(same);
    }
    // An absolute or an import path ends with the file's own: the longest of these is meant.
    let ends_with = |long: &str, end: &str| long.strip_suffix(end).is_some_and(|rest| rest.ends_with('/'));
    let own = candidates.iter().filter(|candidate| ends_with(path, candidate));
    if let Some(longest) = own.max_by_key(|candidate| candidate.len()) {
        return Some(longest);
    }
    let mut longer = candidates
        .iter()
        .filter(|candidate| ends_with(candidate, path.trim_start_matches('/')));
    let only = longer.next()?;
    longer.next().is_none().then_some(*only)
}

/// A result while it is read.
#[derive(Debug, Default)]
pub(super) struct Measuring {
    files: BTreeMap<String, Lines>,
    /// How many lines were noted, to keep them in bounds.
    places: usize,
}

/// What is known of a file so far.
#[derive(Debug, Default)]
struct Lines {
    /// Lines, and whether a test reaches them.
    lines: BTreeMap<u32, bool>,
    /// What is counted in another unit than lines.
    counted: Totals,
}

impl Measuring {
    /// Notes a file, of which there may be nothing to cover.
    pub(super) fn file(&mut self, path: &str) -> Result<(), String> {
        if path.is_empty() {
            return Err("it names no file".to_owned());
        }
        if !self.files.contains_key(path) {
            if self.files.len() == MOST_FILES {
                return Err(format!("it names more than {MOST_FILES} files"));
            }
            self.files.insert(path.to_owned(), Lines::default());
        }
        Ok(())
    }

    /// Notes a line of a file. A line that is reached anywhere is reached.
    pub(super) fn line(&mut self, path: &str, line: u32, is_covered: bool) -> Result<(), String> {
        if line == 0 || line > LAST_LINE {
            return Err(format!("there is no line {line}"));
        }
        self.file(path)?;
        self.one_more()?;
        if let Some(file) = self.files.get_mut(path) {
            *file.lines.entry(line).or_default() |= is_covered;
        }
        Ok(())
    }

    /// Adds to what is counted of a file beside its lines; such a file is counted that way alone.
    pub(super) fn counted(&mut self, path: &str, totals: Totals) -> Result<(), String> {
        self.file(path)?;
        if let Some(file) = self.files.get_mut(path) {
            file.counted += totals;
        }
        Ok(())
    }

    fn one_more(&mut self) -> Result<(), String> {
        self.places += 1;
        if self.places > MOST_PLACES {
            return Err(format!("it names more than {MOST_PLACES} lines"));
        }
        Ok(())
    }

    /// Returns the result; fails, with the end of a sentence, where it would be too large to keep.
    pub(super) fn finish(self) -> Result<Coverage, String> {
        let files = self.files.into_iter().map(|(path, file)| {
            let totals = if file.counted == Totals::default() {
                Totals {
                    covered: file.lines.values().filter(|is_covered| **is_covered).count() as u64,
                    all: file.lines.len() as u64,
                }
            } else {
                file.counted
            };
            let uncovered = ranges(&file.lines);
            (path, FileCoverage { totals, uncovered })
        });
        let files: BTreeMap<String, FileCoverage> = files.collect();
        let places: usize = files.values().map(|file| file.uncovered.len()).sum();
        if places > MOST_RANGES {
            return Err(format!("its uncovered lines stand in more than {MOST_RANGES} places"));
        }
        Ok(Coverage { files })
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
