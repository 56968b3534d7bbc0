//! A gate's exit, its results and its coverage: they must agree, and the worst of them counts.

use super::cause::Missing;
use super::ran::Ran;
use super::results::Results;
use crate::project::coverage::Coverage;

/// What is known of the results of a gate: why they cannot be used, as the end of a sentence, where they cannot.
pub(super) type Read = Result<Results, String>;

/// Returns how a gate ended by its exit and its results together, and the results where they can be compared by name.
pub(super) fn of(exit: Ran, read: Option<Read>) -> (Ran, Option<Results>) {
    let Some(read) = read else { return (exit, None) };
    match (exit, read) {
        (Ran::Passed, Ok(results)) if results.failed.is_empty() => (Ran::Passed, Some(results)),
        (Ran::Passed, Ok(results)) => {
            let how = format!("exited with 0, although tests failed ({})", results.counts());
            (Ran::Red(how), Some(results))
        }
        (Ran::Passed, Err(why)) => (Ran::CannotRun("exited with 0".to_owned(), Missing::Results(why)), None),
        (Ran::Red(how), Ok(results)) if results.failed.is_empty() => {
            let how = format!("{how}, although no test failed ({})", results.counts());
            (Ran::Red(how), None)
        }
        (Ran::Red(how), Ok(results)) => (Ran::Red(format!("{how} ({})", results.counts())), Some(results)),
        (Ran::Red(how), Err(why)) => (Ran::Red(format!("{how}, and its results cannot be used: {why}")), None),
        (other, _) => (other, None),
    }
}

/// Returns how a gate ended by that and what it covers.
pub(super) fn with_coverage(ran: Ran, read: Result<Coverage, String>) -> (Ran, Option<Coverage>) {
    match (ran, read) {
        (Ran::Passed, Err(why)) => (Ran::CannotRun("exited with 0".to_owned(), Missing::Coverage(why)), None),
        (ran @ (Ran::Passed | Ran::Red(_)), read) => (ran, read.ok()),
        (ran @ (Ran::CannotRun(..) | Ran::Cancelled), _) => (ran, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::Outcome;
    use super::*;
    use crate::project::coverage::{Names, read_all};

    fn results(failed: usize) -> Results {
        let mut results = Results::default();
        results.add("a", Outcome::Passed).unwrap();
        (0..failed).for_each(|_| results.add("b", Outcome::Failed).unwrap());
        results
    }

    #[test]
    fn coverage_that_cannot_be_used_is_no_pass() {
        let red = || Ran::Red("exited with 1".to_owned());
        let results = |text: &str| {
            read_all(
                [("x", text.as_bytes())],
                &Names::new("/workspace", ["a.rs", "src/a.rs"]),
            )
        };
        let of = |path: &str| results(&format!("SF:{path}\nDA:1,1\nend_of_record\n"));
        for (exit, told, expect, is_known) in [
            (Ran::Passed, of("/workspace/src/a.rs"), "passed", true),
            (red(), of("/workspace/src/a.rs"), "exited with 1", true),
            (
                Ran::Passed,
                of("/lib/b.rs"),
                "exited with 0: its coverage cannot be used: none of its files is one of the repository, such as `/lib/b.rs`",
                false,
            ),
            (red(), of("/lib/b.rs"), "exited with 1", false),
            (
                Ran::Passed,
                results("<!DOCTYPE coverage [<!ENTITY a 'b'>]><coverage/>"),
                "exited with 0: its coverage cannot be used: cannot read coverage from `x`",
                false,
            ),
        ] {
            let told = told.map_err(|error| error.in_a_line());
            let (ran, coverage) = with_coverage(exit, told);
            assert!(ran.how().starts_with(expect), "{ran:?}");
            assert_eq!(coverage.is_some(), is_known);
        }
    }

    #[test]
    fn the_worse_of_exit_and_results_counts() {
        let red = || Ran::Red("exited with 1".to_owned());
        let unread = || Err("it wrote none".to_owned());
        for (exit, read, expect, can_be_compared) in [
            (Ran::Passed, None, "passed", false),
            (Ran::Passed, Some(Ok(results(0))), "passed", true),
            (
                Ran::Passed,
                Some(Ok(results(2))),
                "exited with 0, although tests failed (1 passed, 2 failed)",
                true,
            ),
            (
                Ran::Passed,
                Some(unread()),
                "exited with 0: its results cannot be used: it wrote none",
                false,
            ),
            (
                red(),
                Some(Ok(results(0))),
                "exited with 1, although no test failed (1 passed)",
                false,
            ),
            (red(), Some(Ok(results(1))), "exited with 1 (1 passed, 1 failed)", true),
            (
                red(),
                Some(unread()),
                "exited with 1, and its results cannot be used: it wrote none",
                false,
            ),
            (Ran::Cancelled, Some(Ok(results(0))), "was not run to its end", false),
        ] {
            let (ran, results) = of(exit, read);
            assert_eq!((ran.how().as_str(), results.is_some()), (expect, can_be_compared));
        }
    }
}
