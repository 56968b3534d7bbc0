//! Patterns, each compiled once.

/// Returns a pattern, which is compiled the first time.
macro_rules! pattern {
    ($text:expr) => {{
        static PATTERN: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| regex::Regex::new($text).expect("the patterns of this folder are fixed"));
        &*PATTERN
    }};
}
pub(super) use pattern;
