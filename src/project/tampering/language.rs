//! Which language a file is written in, and which files are tests by the convention of their ecosystem.

use super::pattern::pattern;

/// A language with a test convention that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    /// And TypeScript.
    JavaScript,
    Python,
    Go,
    Java,
    Kotlin,
    CSharp,
    Cpp,
    Ruby,
    Php,
    Elixir,
    Swift,
}

impl Language {
    /// Returns the language that a file's name stands for; `None` for any other.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "rs" => Self::Rust,
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" => Self::JavaScript,
            "py" => Self::Python,
            "go" => Self::Go,
            "java" => Self::Java,
            "kt" | "kts" => Self::Kotlin,
            "cs" => Self::CSharp,
            "c" | "cc" | "cpp" | "cxx" | "h" | "hh" | "hpp" | "hxx" => Self::Cpp,
            "rb" => Self::Ruby,
            "php" => Self::Php,
            "ex" | "exs" => Self::Elixir,
            "swift" => Self::Swift,
            _ => return None,
        })
    }

    /// Returns whether a runner of this language looks for tests in such a file. Where an attribute or a macro makes a
    /// test, any file may have some.
    pub(super) fn has_tests(self, path: &str, text: &str) -> bool {
        match self {
            Self::Rust | Self::Java | Self::Kotlin | Self::CSharp | Self::Cpp => true,
            Self::JavaScript => pattern!(
                r"(?:^|[/.\-_])(?:test|tests|spec|specs|e2e|cy|__tests__|__test__)(?:[/.\-_]|$)|(?:Test|Spec)s?\.[cm]?[jt]sx?$"
            )
            .is_match(path),
            Self::Python => {
                pattern!(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests?)\.py$").is_match(path)
                    || (text.contains("TestCase") && pattern!(r"class\s+\w+\([^)]*TestCase").is_match(text))
            }
            Self::Go => path.ends_with("_test.go"),
            Self::Ruby => pattern!(r"(?:_spec|_test|(?:^|/)test_[^/]*)\.rb$").is_match(path),
            Self::Php => pattern!(r"Test\.php$|(?:^|/)[Tt]ests?/").is_match(path),
            Self::Elixir => path.ends_with("_test.exs"),
            Self::Swift => pattern!(r"Tests?\.swift$|(?:^|/)\w*Tests?/").is_match(path),
        }
    }

    /// Returns whether bodies are between braces. In the others they end where the indentation does.
    pub(super) fn has_braces(self) -> bool {
        !matches!(self, Self::Python | Self::Ruby | Self::Elixir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_tests_by_the_convention_of_their_ecosystem() {
        for (path, expect) in [
            ("src/a.test.ts", true),
            ("test/router.js", true),
            ("src/__tests__/a.jsx", true),
            ("src/latest.ts", false),
            ("src/contest.js", false),
            ("test_a.py", true),
            ("tests/a_test.py", true),
            ("shop/tests.py", true),
            ("tests/helpers.py", false),
            ("ring/ring_test.go", true),
            ("ring/testing.go", false),
            ("spec/a_spec.rb", true),
            ("lib/spec.rb", false),
            ("tests/Unit/Cart.php", true),
            ("test/a_test.exs", true),
            ("test/test_helper.exs", false),
            ("Tests/ShopTests/A.swift", true),
            ("Sources/Shop/A.swift", false),
        ] {
            let language = Language::of(path).unwrap();
            assert_eq!(language.has_tests(path, ""), expect, "{path}");
        }
        let class = "class A(unittest.TestCase):\n";
        assert!(Language::Python.has_tests("checks/a.py", class));
        assert_eq!(Language::of("README.md"), None);
    }
}
