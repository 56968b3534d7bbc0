//! Which lines of a file are tests: all of those that the convention of its ecosystem, or its folder, makes tests, and of Rust the
//! modules that are compiled for tests alone.

use std::ops::RangeInclusive;

use super::language::Language;
use super::pattern::pattern;
use super::source::Source;

/// The lines of a file that are tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TestLines {
    /// All of them.
    All,
    /// Those in these ranges, counted from 1, in order.
    Within(Vec<RangeInclusive<usize>>),
}

impl TestLines {
    /// Finds them. Takes time in proportion to the text.
    pub(crate) fn of(path: &str, text: &str) -> Self {
        let is_in_folder = pattern!(r"(?i)(?:^|/)(?:[^/]+\.)?(?:tests?|specs?|__tests?__|e2e|testdata|androidtest)/");
        if is_in_folder.is_match(path) {
            return Self::All;
        }
        let nothing = Self::Within(Vec::new());
        let Some(language) = Language::of(path) else {
            return nothing;
        };
        let is_test = match language {
            Language::Rust => pattern!(r"(?:^|[/_])tests?\.rs$").is_match(path),
            Language::Java | Language::Kotlin | Language::CSharp => {
                pattern!(r"(?:(?:Tests?|IT|Spec)|(?:^|/)Test[A-Z]\w*)\.\w+$").is_match(path)
            }
            Language::Cpp => pattern!(r"(?:(?:_(?:unit)?tests?)|(?:^|/)tests?(?:_\w+)?)\.\w+$").is_match(path),
            _ => language.has_tests(path, text),
        };
        match language {
            _ if is_test => Self::All,
            Language::Rust if text.contains("test") => Self::Within(modules(text)),
            _ => nothing,
        }
    }

    /// Returns whether a line is one of them; lines are asked for in order.
    pub(crate) fn has(&self, line: usize) -> bool {
        match self {
            Self::All => true,
            Self::Within(ranges) => {
                let after = ranges.partition_point(|range| *range.start() <= line);
                after > 0 && ranges[after - 1].contains(&line)
            }
        }
    }
}

/// Returns the lines of the modules of a file of Rust that only tests have, outer ones alone.
fn modules(text: &str) -> Vec<RangeInclusive<usize>> {
    let source = Source::new(text, Language::Rust);
    let heads =
        pattern!(r"#\[cfg\((?:all\()?\s*test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?mod\s+\w+\s*(\{)");
    let mut found: Vec<RangeInclusive<usize>> = Vec::new();
    for head in heads.captures_iter(&source.code) {
        let (Some(all), Some(brace)) = (head.get(0), head.get(1)) else {
            continue;
        };
        let end = source.closing(brace.start()).unwrap_or(source.code.len());
        let lines = source.line(all.start())..=source.line(end);
        if found.last().is_none_or(|last| last.end() < lines.start()) {
            found.push(lines);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_tests_by_their_folder_or_their_name() {
        for (path, expect) in [
            ("tests/it/main.rs", true),
            ("src/project/tests.rs", true),
            ("src/parse_test.rs", true),
            ("src/latest.rs", false),
            ("src/attest/a.rs", false),
            ("src/test/java/shop/Cart.java", true),
            ("src/main/java/shop/CartTest.java", true),
            ("src/main/java/shop/Testimony.java", false),
            ("Shop.Tests/Cart.cs", true),
            ("src/cart_test.cc", true),
            ("src/test_cart.c", true),
            ("src/contest.c", false),
            ("src/cart.test.ts", true),
            ("pkg/cart_test.go", true),
            ("test_cart.py", true),
            ("spec/cart.lua", true),
            ("Makefile", false),
        ] {
            assert_eq!(TestLines::of(path, "") == TestLines::All, expect, "{path}");
        }
    }

    #[test]
    fn modules_of_rust_are_tests_from_their_attribute_to_their_brace() {
        let text = "fn a() {}\n// #[cfg(test)] mod no {\n#[cfg(test)]\nmod tests {\n    fn b() { \"}\"; }\n    #[cfg(test)]\n    mod inner {}\n}\nfn c() {}\n\
                    #[cfg(all(test, unix))]\n#[expect(dead_code)]\npub(crate) mod more { }\nfn d() {}\n#[cfg(test)]\nmod apart;\n";
        let lines = TestLines::of("src/a.rs", text);
        assert_eq!(lines, TestLines::Within(vec![3..=8, 10..=12]));
        let tests: Vec<usize> = (1..=15).filter(|line| lines.has(*line)).collect();
        assert_eq!(tests, [3, 4, 5, 6, 7, 8, 10, 11, 12]);
        // One that nothing closes reaches to the end.
        assert_eq!(
            TestLines::of("a.rs", "#[cfg(test)]\nmod t {\n\n"),
            TestLines::Within(vec![1..=4])
        );
        assert_eq!(TestLines::of("a.rs", "fn test() {}\n"), TestLines::Within(Vec::new()));
    }
}
