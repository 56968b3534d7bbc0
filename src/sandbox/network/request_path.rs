//! Paths of requests, and the patterns that they are compared with. A path that two servers could read as two different
//! ones matches nothing.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::Serialize;

/// A path, or all paths below one: `/index/config.json`, `/crates/*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PathPattern {
    written: String,
}

impl PathPattern {
    /// Returns whether a path, as a request has it, is meant. One that can be read in several ways is not.
    pub fn matches(&self, path: &str) -> bool {
        let Some(path) = plain(path) else { return false };
        match self.written.strip_suffix('*') {
            Some(folder) => path.starts_with(folder),
            None => path == self.written,
        }
    }

    /// Returns whether some path is meant by both.
    pub fn meets(&self, other: &Self) -> bool {
        let folder = |pattern: &'_ Self| pattern.written.strip_suffix('*').map(str::to_owned);
        match (folder(self), folder(other)) {
            (None, _) => other.matches(&self.written),
            (_, None) => self.matches(&other.written),
            (Some(one), Some(two)) => one.starts_with(&two) || two.starts_with(&one),
        }
    }
}

impl FromStr for PathPattern {
    type Err = &'static str;

    fn from_str(written: &str) -> Result<Self, &'static str> {
        if !written.starts_with('/') {
            return Err("a path begins with `/`");
        }
        let path = written
            .strip_suffix("/*")
            .map_or(written, |folder| if folder.is_empty() { "/" } else { folder });
        if path.contains('*') {
            return Err("`*` stands at the end, after a `/`, for everything below");
        }
        if path.contains(['?', '#']) {
            return Err("a path has no query");
        }
        if path.contains('%') || plain(path).is_none() {
            return Err("the path is not in its plain form");
        }
        Ok(Self {
            written: written.to_owned(),
        })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

/// Returns a path as it is meant, with nothing encoded; `None` where servers differ in what they read: in empty
/// segments, dots, what is encoded twice, and parameters behind dots.
fn plain(path: &str) -> Option<String> {
    let decoded = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    let is_odd = |letter: char| letter.is_control() || matches!(letter, '\\' | '%');
    let segments = decoded.strip_prefix('/')?;
    let last = segments.split('/').count() - 1;
    let is_good = |(index, segment): (usize, &str)| {
        let name = segment.split(';').next().unwrap_or_default();
        // A slash at the end is a folder's.
        (!segment.is_empty() || index == last)
            && !matches!(name, "." | "..")
            && !(name.is_empty() && !segment.is_empty())
    };
    (!decoded.contains(is_odd) && segments.split('/').enumerate().all(is_good)).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expect: bool) {
        let pattern: PathPattern = pattern.parse().unwrap();
        assert_eq!(pattern.matches(path), expect, "{pattern} {path}");
    }

    #[test]
    fn a_path_or_all_below_one() {
        check("/index", "/index", true);
        check("/index", "/index/", false);
        check("/index", "/Index", false);
        check("/index/*", "/index/", true);
        check("/index/*", "/index/a/b%20c", true);
        check("/index/*", "/index", false);
        check("/index/*", "/indexed/a", false);
        check("/*", "/", true);
        check("/*", "/a/b", true);
        check("/@scope/*", "/@scope%2fname", true);
        check("/index", "/%69ndex", true);
    }

    #[test]
    fn what_can_be_read_in_two_ways_matches_nothing() {
        for path in [
            "/index/../secret",
            "/index/%2e%2e/secret",
            "/index/.%2E/secret",
            "/index%2f..%2fsecret",
            "/index/..;/secret",
            "/index/..;a=b/secret",
            "/index/./a",
            "/index//a",
            "//index/a",
            "/index/%2Fa",
            "/index/a%252fb",
            "/index/a%00",
            "/index/a\\..\\b",
            "/index/a%5cb",
            "/index/%ff",
            "/index/;/a",
            "*",
            "",
        ] {
            check("/index/*", path, false);
            check("/*", path, false);
        }
    }

    #[test]
    fn patterns_are_plain() {
        for wrong in [
            "", "index", "*", "/a*", "/*/b", "/a/**", "/a//b", "/a/../b", "/a%20b", "/a?b", "/a\\b",
        ] {
            assert!(wrong.parse::<PathPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn patterns_that_meet() {
        let meets = |one: &str, two: &str| {
            let (one, two): (PathPattern, PathPattern) = (one.parse().unwrap(), two.parse().unwrap());
            assert_eq!(one.meets(&two), two.meets(&one));
            one.meets(&two)
        };
        assert!(meets("/*", "/a") && meets("/a/*", "/a/b/*") && meets("/a", "/a"));
        assert!(!meets("/a", "/b") && !meets("/a/*", "/ab/*") && !meets("/a/*", "/a"));
    }
}
