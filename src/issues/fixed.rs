//! What a task has fixed, in its agent's own words, and whether what these name is there.

use serde::Serialize;

use crate::model::{CommitId, IssueId};

/// A task that was fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FixedTask {
    /// Its name.
    pub id: IssueId,
    /// Its title.
    pub title: String,
    /// The commit that fixed it.
    pub commit: CommitId,
    /// What the cause was; `None` where its agent has not said that in the form that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Where it was, as `path:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Named>,
    /// The test that guards it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Named>,
    /// The command that failed before the work, and passed on its result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// Something that an agent names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its words.
    pub text: String,
    /// Whether code has found it in the files.
    pub is_there: bool,
}

/// Returns whether `path:line` names a line of a file, whose text `read` returns.
pub(crate) fn is_place<E>(text: &str, mut read: impl FnMut(&str) -> Result<Option<String>, E>) -> Result<bool, E> {
    for (at, _) in text.match_indices(':') {
        let (path, rest) = (&text[..at], text[at + 1..].trim_start());
        // What comes after the first line is a column, or the last line.
        let end = rest
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(rest.len());
        let Ok(line) = rest[..end].parse::<usize>() else {
            continue;
        };
        if let Some(content) = read(path.trim().trim_matches('`'))? {
            return Ok(line > 0 && content.lines().count() >= line);
        }
    }
    Ok(false)
}

/// Returns whether a text names a test: a file, whose text `read` returns, and a word in it; or a word in one of the texts that
/// `changed` has.
pub(crate) fn is_test<E>(
    text: &str,
    mut read: impl FnMut(&str) -> Result<Option<String>, E>,
    changed: impl FnOnce() -> Result<Vec<String>, E>,
) -> Result<bool, E> {
    let ends = text.match_indices(':').map(|(at, _)| at).chain([text.len()]);
    for end in ends {
        let path = text[..end].trim().trim_matches('`');
        if let Some(content) = read(path)? {
            let rest = text[end..].trim_start_matches([':', ' ']);
            return Ok(rest.is_empty() || has_word(&content, last_name(rest)));
        }
    }
    let name = last_name(text);
    // A word or two that stand in any file name no test.
    let is_name = name.len() >= 4;
    Ok(is_name && changed()?.iter().any(|content| has_word(content, name)))
}

/// Returns the name of a test within the path of names that test programs write: `a::b::name`, `Class > name`, `name[case]`.
fn last_name(text: &str) -> &str {
    let name = text.rsplit("::").next().unwrap_or(text);
    let name = name.rsplit(" > ").next().unwrap_or(name);
    let name = name.split('[').next().unwrap_or(name).trim();
    name.trim_end_matches("()").trim_matches(['`', '"', '\''])
}

fn has_word(content: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    !word.is_empty()
        && content.match_indices(word).any(|(at, _)| {
            let before = content[..at].chars().next_back();
            let after = content[at + word.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what reads files may fail")]
    fn read(path: &str) -> Result<Option<String>, Infallible> {
        let text = match path {
            "src/a.rs" => "one\ntwo\nthree\n",
            "tests/a.rs" => "#[test]\nfn a_half_size() {}\n",
            "test/size.test.js" => "test('keeps half sizes', () => {});\n",
            _ => return Ok(None),
        };
        Ok(Some(text.to_owned()))
    }

    #[test]
    fn a_place_is_a_line_that_is_there() {
        for (text, expect) in [
            ("src/a.rs:1", true),
            ("src/a.rs:3", true),
            ("`src/a.rs`:2", true),
            ("src/a.rs:2-3", true),
            ("src/a.rs:2:17", true),
            ("src/a.rs: 2", true),
            ("src/a.rs:two", false),
            ("src/a.rs:4", false),
            ("src/a.rs:0", false),
            ("src/a.rs", false),
            ("src/b.rs:1", false),
            ("the table", false),
            ("", false),
        ] {
            assert_eq!(is_place(text, read), Ok(expect), "{text}");
        }
    }

    #[test]
    fn a_test_is_one_that_stands_in_a_file() {
        for (text, expect) in [
            ("tests/a.rs: a_half_size", true),
            ("tests/a.rs::a_half_size", true),
            ("tests/a.rs::Sizes::a_half_size[265]", true),
            ("tests/a.rs", true),
            ("tests/a.rs: a_half", false),
            ("tests/b.rs: a_half_size", false),
            ("test/size.test.js: keeps half sizes", true),
            ("test/size.test.js: sizes > keeps half sizes", true),
            ("sizes::tests::a_new_one", true),
            ("an old one", false),
            ("fn", false),
            ("", false),
        ] {
            let changed = || Ok(vec!["fn a_new_one() {} fn x() {}".to_owned()]);
            assert_eq!(is_test(text, read, changed), Ok(expect), "{text}");
        }
    }
}
