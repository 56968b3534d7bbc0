//! The pattern by which merges of generations are tagged: `v1.{date}.{n}`.

use std::fmt;

use serde::{Serialize, Serializer};

use super::generation::git_allows;

const DATE: &str = "{date}";
const NUMBER: &str = "{n}";

/// A pattern of tags: `{date}` stands for the day of the merge, `{n}` for a number that counts from 1 among the tags that are
/// like it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPattern(String);

impl TagPattern {
    /// Reads a pattern; fails with the end of a sentence about it.
    pub(crate) fn new(text: &str) -> Result<Self, &'static str> {
        let bare = text.replace(DATE, "20261130").replacen(NUMBER, "1", 1);
        if bare.contains(['{', '}']) {
            return Err("only `{date}`, and `{n}` once, stand for something in it");
        }
        if !git_allows(&bare) {
            return Err("git does not allow a tag of this name");
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the next tag on a day, written `20261130`, beside those that are taken.
    pub(crate) fn next<'a>(&self, day: &str, taken: impl IntoIterator<Item = &'a str>) -> String {
        let of_day = self.0.replace(DATE, day);
        let Some((before, after)) = of_day.split_once(NUMBER) else {
            return of_day;
        };
        let number = |tag: &str| {
            let digits = tag.strip_prefix(before)?.strip_suffix(after)?;
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<u64>().ok().filter(|_| is_number)
        };
        let last = taken.into_iter().filter_map(number).max().unwrap_or(0);
        format!("{before}{}{after}", last.saturating_add(1))
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for TagPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_among_the_tags_of_its_pattern() {
        let next = |pattern: &str, taken: &[&str]| {
            TagPattern::new(pattern)
                .unwrap()
                .next("20261130", taken.iter().copied())
        };
        assert_eq!(next("v1.{date}.{n}", &[]), "v1.20261130.1");
        let taken = [
            "v1.20261130.2",
            "v1.20261130.10",
            "v1.20261129.30",
            "v1.20261130.x",
            "v1.20261130.+40",
            "v1.20261130.",
        ];
        assert_eq!(next("v1.{date}.{n}", &taken), "v1.20261130.11");
        assert_eq!(next("r{n}-done", &["r1-done", "r7", "r-done"]), "r2-done");
        assert_eq!(next("of-{date}", &["of-20261130"]), "of-20261130");
        assert_eq!(
            next("{n}", &["18446744073709551615", "99999999999999999999"]),
            "18446744073709551615"
        );
    }

    #[test]
    fn what_git_or_nobody_understands_is_refused() {
        for pattern in [
            "",
            "v {n}",
            "v..{n}",
            "-{n}",
            "v{n}.lock",
            "{n}{n}",
            "v{version}",
            "v{date",
            "a~{n}",
            "@",
            "HEAD",
        ] {
            assert!(TagPattern::new(pattern).is_err(), "{pattern}");
        }
        for pattern in ["v1.{date}.{n}", "{date}", "release/{n}", "v1", "{date}{date}"] {
            assert!(TagPattern::new(pattern).is_ok(), "{pattern}");
        }
    }
}
