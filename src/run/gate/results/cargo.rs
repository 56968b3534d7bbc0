//! The text of `cargo test`, as the test programs of the standard library write it.
//!
//! Each announces how many tests it runs and counts them at its end: a program that ends before that (a test that exits
//! with 0) has no results.

use super::collected::{Outcome, Results};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Cargo {
    results: Results,
    /// The tests that programs announced.
    announced: u64,
    /// What the programs count at their ends.
    counted: Counted,
    /// What was listed by name.
    listed: Counted,
    /// Programs that announced tests.
    programs: u64,
    /// A test whose end is to come in a line of its own.
    open: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    passed: u64,
    failed: u64,
    others: u64,
}

impl Cargo {
    /// Reads a line.
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(count) = announced(line) {
            self.announced += count;
            self.programs += 1;
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            self.count(counts);
        } else if let Some((name, end)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
            match outcome(end.trim()) {
                Some(outcome) => self.list(name, outcome)?,
                // What the test prints may come in between.
                None => self.open = Some(name.to_owned()),
            }
        } else if self.open.is_some()
            && let Some(outcome) = outcome(line.trim())
            && let Some(name) = self.open.take()
        {
            self.list(&name, outcome)?;
        }
        Ok(())
    }

    fn list(&mut self, name: &str, outcome: Outcome) -> Result<(), String> {
        self.open = None;
        match outcome {
            Outcome::Passed => self.listed.passed += 1,
            Outcome::Failed => self.listed.failed += 1,
            Outcome::Skipped => self.listed.others += 1,
        }
        self.results.add(&without_line(name), outcome)
    }

    fn count(&mut self, counts: &str) {
        let counted = &mut self.counted;
        for part in counts.split([';', '.']) {
            let mut words = part.split_whitespace();
            let Some(count) = words.next().and_then(|word| word.parse::<u32>().ok()) else {
                continue;
            };
            match words.next() {
                // Each benchmark is listed like a test that passed.
                Some("passed" | "measured") => counted.passed += u64::from(count),
                Some("failed") => counted.failed += u64::from(count),
                Some("ignored") => counted.others += u64::from(count),
                _ => {}
            }
        }
    }

    /// Checks that the programs ended, and that what they list is what they count; returns their results.
    pub(super) fn finish(self) -> Result<Results, String> {
        if self.programs == 0 {
            return Err("its output has no results of `cargo test`".to_owned());
        }
        let Self {
            results,
            counted,
            listed,
            ..
        } = self;
        let all = counted.passed + counted.failed + counted.others;
        if self.announced != all {
            return Err(format!(
                "its test programs announce {} tests and count {all} at their ends: one has not come to its end",
                self.announced
            ));
        }
        if counted.failed != listed.failed || listed.passed > counted.passed {
            return Err(format!(
                "its test programs count {} passed and {} failed tests, and list {} and {}",
                counted.passed, counted.failed, listed.passed, listed.failed
            ));
        }
        if all > 0 && results.counts().is_empty() {
            return Err(format!(
                "its output counts {all} tests and names none: run them without `--quiet`"
            ));
        }
        Ok(results)
    }
}

/// Returns how many tests a program announces: `running 3 tests`.
fn announced(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("running ")?;
    let count = rest.strip_suffix(" tests").or(rest.strip_suffix(" test"))?;
    count.parse::<u32>().ok().map(u64::from)
}

fn outcome(end: &str) -> Option<Outcome> {
    let is = |word: &str| {
        let rest = end.strip_prefix(word);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ',']))
    };
    if is("ok") || end.starts_with("bench:") {
        Some(Outcome::Passed)
    } else if is("FAILED") {
        Some(Outcome::Failed)
    } else if is("ignored") {
        Some(Outcome::Skipped)
    } else {
        None
    }
}

/// Leaves out the line of a test in documentation, which changes with every line above it.
fn without_line(name: &str) -> String {
    match name.split_once(" (line ") {
        Some((before, after)) => {
            let rest = after.split_once(')').map_or("", |(_, rest)| rest);
            format!("{before}{rest}")
        }
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ResultsFormat;
    use crate::run::gate::results::tests::read;

    const OUTPUT: &str = "   Compiling one v0.1.0 (/workspace)
    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.50s
     Running unittests src/lib.rs (target/debug/deps/one-0123456789abcdef)

running 4 tests
test tests::slow ... ignored, takes an hour
test tests::it_works ... ok
test tests::panics - should panic ... ok
test tests::it_fails ... FAILED

failures:

---- tests::it_fails stdout ----
thread 'tests::it_fails' panicked at src/lib.rs:9:9:
test forged ... passed

failures:
    tests::it_fails

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests one

running 2 tests
test src/lib.rs - double (line 3) ... ok
test src/lib.rs - double (line 9) - compile fail ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.11s
";

    fn of(output: &str) -> Result<String, String> {
        read(&ResultsFormat::Cargo, output)
    }

    #[test]
    fn each_test_of_each_program_is_read() {
        let expect = "src/lib.rs - double, src/lib.rs - double - compile fail, tests::it_works, \
                      tests::panics - should panic | tests::it_fails | tests::slow";
        assert_eq!(of(OUTPUT).unwrap(), expect);
        let coloured = OUTPUT
            .replace(" ok\n", " \x1b[32mok\x1b[m\n")
            .replace("FAILED\n", "\x1b[31mFAILED\x1b[0m\n");
        assert_eq!(of(&coloured).unwrap(), expect);
        // One thread: what a test writes past the capture comes before its end.
        let single = OUTPUT.replace("it_works ... ok", "it_works ... hello\nok");
        assert_eq!(of(&single).unwrap(), expect);
        let timed = OUTPUT.replace(" ok\n", " ok <0.001s>\n");
        assert_eq!(of(&timed).unwrap(), expect);
        let none = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(of(none).unwrap(), " |  | ");
    }

    #[test]
    fn what_does_not_agree_with_itself_is_not_used() {
        let exited = OUTPUT.replace("test result: ok. 2 passed; 0 failed; 0 ignored;", "");
        let quiet: String = OUTPUT
            .lines()
            .filter(|line| !line.starts_with("test "))
            .collect::<Vec<_>>()
            .join("\n");
        let quiet = format!("{quiet}\ntest result: FAILED. 5 passed; 0 failed; 1 ignored\n");
        for (output, expect) in [
            ("", "no results of `cargo test`"),
            ("error: could not compile `one`", "no results of `cargo test`"),
            (exited.as_str(), "announce 6 tests and count 4"),
            (
                &OUTPUT.replace("test tests::it_fails ... FAILED\n", ""),
                "count 4 passed and 1 failed tests, and list 4 and 0",
            ),
            (
                &OUTPUT.replace("test tests::it_fails ... FAILED\n", "test tests::it_fails ... ok\n"),
                "list 5 and 0",
            ),
            (&format!("{OUTPUT}test forged ... ok\n"), "list 5 and 1"),
            (&quiet, "without `--quiet`"),
        ] {
            let why = of(output).unwrap_err();
            assert!(why.contains(expect), "{why}");
        }
    }
}
