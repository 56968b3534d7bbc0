//! The text of `cargo nextest run`: a line for each test, then a summary, after which the failed ones come again.

use std::collections::BTreeMap;

use super::collected::{MOST_TESTS, Outcome, Results};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Nextest {
    /// How each test ended last: one that is tried again has several lines.
    tests: BTreeMap<String, Outcome>,
    /// Tests that ran, and that passed, in the summary.
    summary: Option<(usize, usize)>,
}

impl Nextest {
    /// Reads a line.
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if self.summary.is_some() {
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix("Summary [") {
            self.summary = summary(rest);
        } else if let Some((status, name)) = line.split_once(" [")
            && let Some(outcome) = outcome(status.trim())
            && let Some(name) = name_after(name)
        {
            if self.tests.len() == MOST_TESTS {
                return Err(format!("more than {MOST_TESTS} tests"));
            }
            self.tests.insert(name.to_owned(), outcome);
        }
        Ok(())
    }

    /// Checks that the run came to its end, and that the lines agree with the summary; returns the results.
    pub(super) fn finish(self) -> Result<Results, String> {
        let Some((ran, passed)) = self.summary else {
            return Err("its output has no summary of `cargo nextest run`".to_owned());
        };
        let count = |of: Outcome| self.tests.values().filter(|outcome| **outcome == of).count();
        let (listed, failed) = (count(Outcome::Passed), count(Outcome::Failed));
        if ran > 0 && self.tests.is_empty() {
            return Err(format!(
                "nextest counts {ran} tests and names none: leave out `--status-level`"
            ));
        }
        if passed > ran || failed != ran - passed || listed > passed {
            return Err(format!(
                "nextest counts {ran} tests of which {passed} passed, and lists {listed} passed and {failed} failed"
            ));
        }
        let mut results = Results::default();
        for (name, outcome) in &self.tests {
            results.add(name, *outcome)?;
        }
        Ok(results)
    }
}

/// Returns what the word before the time means; a test that is tried again has `TRY 1 FAIL`.
fn outcome(status: &str) -> Option<Outcome> {
    let status = match status.strip_prefix("TRY ") {
        Some(rest) => rest.split_once(' ')?.1,
        None => status,
    };
    match status {
        "PASS" | "LEAK" => Some(Outcome::Passed),
        "FAIL" | "ABORT" | "TIMEOUT" | "LEAK-FAIL" | "TMT" | "LKFAIL" => Some(Outcome::Failed),
        "SKIP" => Some(Outcome::Skipped),
        signal if signal.len() > 3 && signal.starts_with("SIG") => Some(Outcome::Failed),
        _ => None,
    }
}

/// Returns the name after `0.005s] ` and, in some versions, `(1/3) `.
fn name_after(rest: &str) -> Option<&str> {
    let (time, name) = rest.split_once(']')?;
    let is_time = time
        .trim()
        .strip_suffix('s')
        .is_none_or(|time| time.parse::<f64>().is_ok());
    let name = name.trim();
    let name = match name.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((position, rest)) if position.contains('/') => rest.trim(),
        _ => name,
    };
    (is_time && !name.is_empty()).then_some(name)
}

/// Reads `0.012s] 3/5 tests run: 2 passed (1 flaky), 1 failed, 0 skipped`.
fn summary(rest: &str) -> Option<(usize, usize)> {
    let (_, counts) = rest.split_once(']')?;
    let (ran, counts) = counts.split_once(" run: ")?;
    let ran = ran.split_whitespace().next()?.split('/').next()?.parse::<u32>().ok()?;
    let passed = counts.split(", ").find_map(|part| {
        let (count, rest) = part.trim().split_once(' ')?;
        rest.starts_with("passed").then(|| count.parse::<u32>().ok()).flatten()
    });
    Some((usize::try_from(ran).ok()?, usize::try_from(passed.unwrap_or(0)).ok()?))
}

#[cfg(test)]
mod tests {
    use crate::config::ResultsFormat;
    use crate::run::gate::results::tests::read;

    const OUTPUT: &str = "    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.02s
────────────
 Nextest run ID 0b8f0c9a with nextest profile: default
    Starting 4 tests across 2 binaries (1 test skipped)
        PASS [   0.005s] one tests::it_works
        SLOW [> 60.000s] one tests::slow
  TRY 1 FAIL [   0.006s] one tests::flaky
  TRY 2 PASS [   0.004s] one tests::flaky
        FAIL [   0.005s] (3/4) one::it it_fails
  stdout ───
    running 1 test
    test it_fails ... FAILED
        PASS [  61.000s] ( 4/4) one tests::slow
────────────
     Summary [   0.012s] 4 tests run: 3 passed (1 slow, 1 flaky), 1 failed, 1 skipped
   FLAKY 2/2 [   0.004s] one tests::flaky
        FAIL [   0.005s] (3/4) one::it it_fails
error: test run failed
";

    #[test]
    fn each_test_is_read_once_and_the_summary_agrees() {
        let of = |output: &str| read(&ResultsFormat::Nextest, output);
        let expect = "one tests::flaky, one tests::it_works, one tests::slow | one::it it_fails | ";
        assert_eq!(of(OUTPUT).unwrap(), expect);
        let killed = OUTPUT.replace("        FAIL [", "     SIGSEGV [");
        assert_eq!(of(&killed).unwrap(), expect);
        for (output, why) in [
            (OUTPUT.split_once("     Summary").unwrap().0.to_owned(), "no summary"),
            (
                OUTPUT.replace("3 passed (", "4 passed ("),
                "of which 4 passed, and lists 3 passed and 1 failed",
            ),
            ("Summary [ 1s] 4 tests run: 4 passed".to_owned(), "names none"),
        ] {
            let said = of(&output).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
