//! What a gate reports of its tests: each by name, and how it ended. Read from the gate's output, or from JUnit files that
//! it wrote, within bounds.
//!
//! A name may come several times, for each program has its own `tests::it_works`: results are sorted lists with repeats.

use crate::base::tail::{last_overwritten, plain};
use crate::base::text::one_line;
use crate::config::ResultsFormat;

mod cargo;
mod collected;
mod go;
mod junit;
mod nextest;
mod tap;

#[cfg(test)]
use self::collected::{MOST_TESTS, NAME_WIDTH};
pub(crate) use self::collected::{Outcome, Results};

/// Results in a gate's output, read while it comes.
#[derive(Debug)]
pub(crate) struct OutputReader {
    format: Format,
    /// Why nothing more is read.
    failed: Option<String>,
}

#[derive(Debug)]
enum Format {
    Cargo(cargo::Cargo),
    Nextest(nextest::Nextest),
    Go(go::Go),
    Tap(tap::Tap),
}

impl OutputReader {
    /// Begins to read; `None` for a format that is not read from the output.
    pub(crate) fn new(format: &ResultsFormat) -> Option<Self> {
        let format = match format {
            ResultsFormat::Cargo => Format::Cargo(cargo::Cargo::default()),
            ResultsFormat::Nextest => Format::Nextest(nextest::Nextest::default()),
            ResultsFormat::Go => Format::Go(go::Go::default()),
            ResultsFormat::Tap => Format::Tap(tap::Tap::default()),
            ResultsFormat::Junit(_) => return None,
        };
        Some(Self { format, failed: None })
    }

    /// Reads a line of the output.
    pub(crate) fn line(&mut self, line: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let line = String::from_utf8_lossy(line);
        let line = plain(last_overwritten(&line));
        let read = match &mut self.format {
            Format::Cargo(cargo) => cargo.line(&line),
            Format::Nextest(nextest) => nextest.line(&line),
            Format::Go(go) => go.line(&line),
            Format::Tap(tap) => tap.line(&line),
        };
        self.failed = read.err();
    }

    /// Returns the results, once the output has ended; else why they cannot be used, as the end of a sentence.
    pub(crate) fn finish(self) -> Result<Results, String> {
        if let Some(why) = self.failed {
            return Err(why);
        }
        let results = match self.format {
            Format::Cargo(cargo) => cargo.finish(),
            Format::Nextest(nextest) => nextest.finish(),
            Format::Go(go) => go.finish(),
            Format::Tap(tap) => tap.finish(),
        };
        results.map(Results::sorted)
    }
}

/// Reads the JUnit files of a gate, each a path and its content; else returns why they cannot be used, as the end of a
/// sentence.
pub(crate) fn of_junit<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Results, String> {
    let mut results = Results::default();
    for (path, content) in files {
        let read = match std::str::from_utf8(content) {
            Ok(text) => junit::read(text, &mut results),
            Err(_) => Err("it is not UTF-8".to_owned()),
        };
        read.map_err(|why| format!("`{}`: {why}", one_line(path, 200)))?;
    }
    Ok(results.sorted())
}

/// Returns results of tests with these names, separated by spaces.
#[cfg(test)]
pub(super) fn of_names(passed: &str, failed: &str) -> Results {
    let mut results = Results::default();
    for (names, outcome) in [(passed, Outcome::Passed), (failed, Outcome::Failed)] {
        for name in names.split_whitespace() {
            results.add(name, outcome).unwrap();
        }
    }
    results.sorted()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the results in an output, as `passed | failed | skipped`.
    pub(super) fn read(format: &ResultsFormat, output: &str) -> Result<String, String> {
        let mut reader = OutputReader::new(format).unwrap();
        output.lines().for_each(|line| reader.line(line.as_bytes()));
        reader.finish().map(|results| shown(&results))
    }

    pub(super) fn shown(results: &Results) -> String {
        let names = [&results.passed, &results.failed, &results.skipped].map(|names| names.join(", "));
        names.join(" | ")
    }

    #[test]
    fn results_have_an_end() {
        let mut results = Results::default();
        for _ in 0..MOST_TESTS {
            results.add("x", Outcome::Passed).unwrap();
        }
        assert!(results.add("x", Outcome::Failed).unwrap_err().contains("200000 tests"));
        let long = "x y ".repeat(1000);
        let mut results = Results::default();
        results.add(&long, Outcome::Passed).unwrap();
        assert_eq!(results.passed[0].chars().count(), NAME_WIDTH);
        // Once it is too much, nothing more is read.
        let mut reader = OutputReader::new(&ResultsFormat::Tap).unwrap();
        (0..=MOST_TESTS).for_each(|_| reader.line(b"ok 1 - x"));
        reader.line(b"1..200001");
        assert!(reader.finish().unwrap_err().contains("more than"));
    }

    #[test]
    fn names_are_harmless_and_sorted_and_repeats_stay() {
        let read = read(&ResultsFormat::Tap, "1..3\nok 1 - b\nok 2 - a\x1b[2J\nok 3 - b\n");
        assert_eq!(read.unwrap(), "a\\u{1b}[2J, b, b |  | ");
    }
}
