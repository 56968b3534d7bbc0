//! The difference between two results of a gate, by the names of its tests.

use super::results::Results;
use crate::base::text::one_line;

/// How many names are told.
const NAMED: usize = 5;
/// How much of a name is told, in characters.
const NAME_WIDTH: usize = 100;

/// What became of tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference<'a> {
    /// Those that fail and did not before.
    pub(super) newly_failing: Vec<&'a str>,
    /// Those that fail as they did before.
    pub(super) still_failing: Vec<&'a str>,
    /// Those that passed and are not there any more, or are skipped.
    pub(super) gone: Vec<&'a str>,
    /// By how many fewer tests pass.
    pub(super) fewer: usize,
}

/// Returns the difference between the results of before and those of now.
pub(super) fn difference<'a>(before: &'a Results, now: &'a Results) -> Difference<'a> {
    let lost = without(names(&before.passed), &now.passed);
    Difference {
        newly_failing: without(names(&now.failed), &before.failed),
        still_failing: {
            let new = without(names(&now.failed), &before.failed);
            without_these(names(&now.failed), new)
        },
        gone: without(lost.into_iter(), &now.failed),
        fewer: before.passed.len().saturating_sub(now.passed.len()),
    }
}

fn names(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

fn without<'a>(from: impl Iterator<Item = &'a str>, these: &'a [String]) -> Vec<&'a str> {
    without_these(from, names(these))
}

/// Returns what is left of sorted names when others, sorted too, are taken away, each as often as it is there.
fn without_these<'a>(from: impl Iterator<Item = &'a str>, these: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut these = these.into_iter().peekable();
    from.filter(|name| {
        while these.next_if(|other| other < name).is_some() {}
        these.next_if(|other| other == name).is_none()
    })
    .collect()
}

/// Writes names as the end of a sentence: a few of them, and how many more there are.
pub(super) fn listed(names: &[&str]) -> String {
    let mut shown: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("`{}`", one_line(name, NAME_WIDTH)))
        .collect();
    if names.len() > NAMED {
        shown.push(format!("and {} more", names.len() - NAMED));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::results::of_names as results;
    use super::*;

    #[test]
    fn the_difference_is_by_name_and_repeats_count() {
        let before = results("a b c c d", "x y y");
        for (now, newly_failing, still_failing, gone, fewer) in [
            (results("a b c c d", "x y y"), "", "x y y", "", 0),
            (results("a b c c d x y", "y"), "", "y", "", 0),
            (results("a b c c d", "x y y y z"), "y z", "x y y", "", 0),
            // What failed before may be gone; what passed and fails now is not gone.
            (results("a c c d", "b"), "b", "", "", 1),
            (results("a c", ""), "", "", "b c d", 3),
            // Renamed: as many pass as before.
            (results("a b c c e", "x"), "", "x", "d", 0),
            (results("", ""), "", "", "a b c c d", 5),
        ] {
            let found = difference(&before, &now);
            let join = |names: &[&str]| names.join(" ");
            assert_eq!(
                (
                    join(&found.newly_failing),
                    join(&found.still_failing),
                    join(&found.gone),
                    found.fewer
                ),
                (
                    newly_failing.to_owned(),
                    still_failing.to_owned(),
                    gone.to_owned(),
                    fewer
                )
            );
        }
    }

    #[test]
    fn a_few_names_are_told() {
        assert_eq!(listed(&["a", "b"]), "`a`, `b`");
        assert_eq!(listed(&["a"; 8]), "`a`, `a`, `a`, `a`, `a`, and 3 more");
    }
}
