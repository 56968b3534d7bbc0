//! Words for people, of the names that programs read.

/// Returns a name of JSON in words: `in progress` of `in_progress`.
pub(crate) fn in_words(name: &str) -> String {
    name.replace('_', " ")
}
