//! Test cases that are functions, by an attribute or by their names.

use std::ops::Range;

use crate::project::tampering::language::Language;
use crate::project::tampering::pattern::pattern;
use crate::project::tampering::source::Source;
use crate::project::tampering::test_case::Case;

/// How far before a function its attributes are looked for.
const ATTRIBUTES: usize = 4096;

/// The most functions of a file that are looked at.
const MOST_FUNCTIONS: usize = 20_000;

/// Finds the functions that are tests.
pub(super) fn find(source: &Source, language: Language) -> Vec<Case> {
    let heads = match language {
        Language::Rust => pattern!(r"\bfn\s+(?:r#)?(\w+)"),
        Language::Go => pattern!(r"(?m)^func\s+((?:Test|Fuzz|Example)\w*)\s*\("),
        Language::Kotlin => pattern!(r"\bfun\s+(?:<[^>]*>\s*)?(?:`([^`\n]+)`|(\w+))\s*\("),
        Language::Php => pattern!(r"\bfunction\s+(\w+)\s*\("),
        Language::Swift => pattern!(r"\bfunc\s+(?:`([^`\n]+)`|(\w+))\s*\("),
        _ => pattern!(r"[\w>\]?]\s+(\w+)\s*(?:<[^>;{}()]*>\s*)?\("),
    };
    let (mut found, mut last) = (Vec::new(), 0);
    for head in heads.captures_iter(&source.code).take(MOST_FUNCTIONS) {
        let Some(name) = head.get(1).or_else(|| head.get(2)) else {
            continue;
        };
        let Some((body, end)) = body_of(source, name.end(), language) else {
            continue;
        };
        // A body without braces ends in nothing that the next one could be recognized by.
        let start = start_of(source, name.start(), last);
        if end > last && language == Language::Kotlin {
            last = end;
        }
        if !is_test(source, language, name.as_str(), &(start..name.start())) {
            continue;
        }
        found.push(Case {
            name: name.as_str().to_owned(),
            name_at: name.range(),
            region: start..end,
            body,
            nested: Vec::new(),
        });
    }
    found
}

/// Returns where a function begins, with its attributes: behind the statement before it.
fn start_of(source: &Source, name: usize, last: usize) -> usize {
    let code = source.code.as_bytes();
    let (mut depth, mut here) = (0_usize, name);
    let earliest = name.saturating_sub(ATTRIBUTES).max(last.min(name));
    while here > earliest {
        match code[here - 1] {
            b')' | b']' => depth += 1,
            b'(' | b'[' | b'{' | b'}' | b';' if depth == 0 => break,
            b'(' | b'[' => depth -= 1,
            _ => {}
        }
        here -= 1;
    }
    // A window may begin in the middle of a letter.
    while !source.raw.is_char_boundary(here) {
        here += 1;
    }
    source.after_space(here).min(name)
}

fn is_test(source: &Source, language: Language, name: &str, before: &Range<usize>) -> bool {
    let attributes = &source.code[before.clone()];
    match language {
        Language::Rust => pattern!(r"#\[\s*(?:\w+::)*(?:\w*test(?:_case|_matrix)?s?|rstest|quickcheck|apply)\s*[\]({]")
            .is_match(attributes),
        Language::Go => name != "TestMain",
        Language::Java | Language::Kotlin => pattern!(
            r"@(?:[\w.]+\.)?(?:Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|Property|Theory)\b"
        )
        .is_match(attributes),
        Language::CSharp => pattern!(
            r"\[[^\]]*\b(?:\w*Fact|\w*Theory|Test|TestCase|TestCaseSource|TestMethod|DataTestMethod|Property)\b"
        )
        .is_match(attributes),
        Language::Php => {
            name.starts_with("test")
                || pattern!(r"#\[[^\]]*\bTest\b").is_match(attributes)
                || pattern!(r"/\*\*[^/]*@test\b").is_match(&source.raw[before.clone()])
        }
        Language::Swift => name.starts_with("test") || pattern!(r"@Test\b").is_match(attributes),
        _ => false,
    }
}

/// Returns the body of a function whose name ends at `from`, and where the function ends.
fn body_of(source: &Source, from: usize, language: Language) -> Option<(Range<usize>, usize)> {
    let code = source.code.as_bytes();
    let mut here = from;
    while here < code.len() {
        match code[here] {
            b'(' | b'[' => here = source.closing(here)?,
            b'{' => {
                let close = source.closing(here)?;
                return Some((here + 1..close, close + 1));
            }
            b'=' if matches!(language, Language::Kotlin | Language::CSharp) => {
                return Some(expression(source, here, language));
            }
            b';' | b'}' => return None,
            _ => {}
        }
        here += 1;
    }
    None
}

/// Returns the body behind `=` or `=>`: to the end of the statement.
fn expression(source: &Source, at: usize, language: Language) -> (Range<usize>, usize) {
    let code = source.code.as_bytes();
    let start = source.after_space(at + if language == Language::CSharp { 2 } else { 1 });
    let mut here = start;
    while here < code.len() {
        match code[here] {
            b'(' | b'[' | b'{' => here = source.closing(here).unwrap_or(code.len() - 1),
            b';' | b'}' => break,
            b'\n' if language == Language::Kotlin && !source.code[here..].trim_start().starts_with('.') => break,
            _ => {}
        }
        here += 1;
    }
    let end = here.min(code.len());
    (start.min(end)..end, end)
}
