//! What keeps a test from running, or its failure from counting, in the words of each convention.

use std::ops::Range;

use regex::Regex;

use super::language::Language;
use super::pattern::pattern;
use super::source::Source;
use super::test_case::Case;

/// How many statements of a file, or of a case, are looked at: each is looked at with what is around it.
const MOST: usize = 200;

/// A mark that leaves tests out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) at: usize,
    /// As it is written.
    pub(super) text: String,
    /// The line that it stands in, without its indentation.
    pub(super) line: String,
}

/// Returns the words of a language that stand before or in the head of a test or a group.
fn fixed_of(language: Language) -> &'static Regex {
    match language {
        Language::Rust => pattern!(
            r"#!?\[\s*(?:cfg_attr\([^\]]*,\s*)?ignore\b[^\]]*\]|#!?\[\s*cfg\s*\(\s*(?:all\s*\(\s*(?:test\s*,\s*)?)?(?:any\s*\(\s*\)|false)[^\]]*\]|#\[\s*should_panic\b"
        ),
        Language::JavaScript => pattern!(
            r"\b(?:it|test|describe|context|suite|specify)(?:\s*\.\s*\w+)*\s*\.\s*(?:skip|todo|failing|fails|only)\b|(?:^|[^.\w$])(?:x(?:it|test|describe|context|specify)|f(?:it|describe|context))\s*[(.]|\b(?:it|test|describe|suite)\s*\(\s*\x22[^\x22\n]*\x22\s*,\s*\{[^{}]*\b(?:skip|todo|only)\s*:\s*(?:true|\x22)"
        ),
        Language::Python => pattern!(
            r"\bmark\.(?:skip|xfail)\b|@(?:unittest\.)?(?:skip|expectedFailure)\b|(?i:skipif|skipunless)\s*\(\s*(?:True|False|1|0|not\s+False)\b|\b__test__\s*=\s*False|\bcollect_ignore(?:_glob)?\b"
        ),
        Language::Go => pattern!(r"(?m)^//go:build\s+(?:ignore|never|disabled|skip|none|todo|broken|false)\b"),
        Language::Java | Language::Kotlin => pattern!(
            r"@(?:[\w.]+\.)?(?:Disabled|Ignore|Ignored)\b|\benabled\s*=\s*false|\bAssum\w*\.assume\w+\s*\(\s*false|\bassumeTrue\s*\(\s*false|\bassumeFalse\s*\(\s*true"
        ),
        Language::Cpp => pattern!(
            r"\bDISABLED_\w+|(?:TEST_CASE|SCENARIO)\w*\s*\([^\n]*\[(?:\.|!hide|\.\w+|!mayfail|!shouldfail)\]|\bdoctest::(?:skip|may_fail|should_fail)\b"
        ),
        Language::CSharp => pattern!(
            r"\b(?:\w*Fact|\w*Theory|InlineData)\s*\([^\n]*\bSkip\s*=|\[[^\]\n]*\b(?:Ignore|Explicit)\b(?:\s*\([^\n]*)?\]|\bIgnore\s*=\s*\x22"
        ),
        Language::Ruby => pattern!(
            r"(?m)^[ \t]*(?:RSpec\.)?(?:x(?:it|describe|context|specify|example|scenario|feature)|f(?:it|describe|context))\b|,\s*(?:skip|pending|focus):\s|,\s*:(?:skip|pending|focus)\b|(?m)^[ \t]*(?:pending|skip)\b[^\n=]*\bdo\b"
        ),
        Language::Php => pattern!(
            r"->(?:skip|todo)\s*\(\s*(?:\)|\x22|true)|->only\s*\(|#\[\s*(?:Skip|Ignore)\b|\b(?:it|test)\s*\([^\n]*\)\s*->\s*todo\b"
        ),
        Language::Elixir => pattern!(r"@(?:tag|moduletag|describetag)\s+(?:\[\s*)?(?::skip\b|skip:)"),
        Language::Swift => pattern!(
            r"\.disabled\s*\(|\bXCTSkip(?:If\s*\(\s*true|Unless\s*\(\s*false)|\bXCTExpectFailure\b|\bwithKnownIssue\b"
        ),
    }
}

/// Returns the words of a language that are statements in a test, and may have a condition.
fn statements_of(language: Language) -> Option<&'static Regex> {
    match language {
        Language::JavaScript => Some(pattern!(
            r"\b(?:this|t|ctx|context|test)\.(?:skip|todo)\s*\(|\bpending\s*\("
        )),
        Language::Python => Some(pattern!(
            r"\bpytest\.(?:skip|xfail)\s*\(|\bself\.skipTest\s*\(|\braise\s+(?:unittest\.)?SkipTest\b"
        )),
        Language::Go => Some(pattern!(
            r"\b(?:t|tb|b|f|s|c)\.(?:Skip|Skipf|SkipNow)\s*\(|\.T\(\)\.Skip\w*\s*\("
        )),
        Language::Cpp => Some(pattern!(r"\bGTEST_SKIP\w*\s*\(|(?m:^\s*SKIP\s*\()")),
        Language::CSharp => Some(pattern!(
            r"\bAssert\.(?:Ignore|Inconclusive|Skip)\s*\(|\bSkip\.(?:If|Always)\s*\(\s*(?:true)?"
        )),
        Language::Ruby => Some(pattern!(r"(?m)^[ \t]*(?:pending|skip)\b[ \t]*(?:\(|\x22|$)[^\n]*")),
        Language::Php => Some(pattern!(r"\bmarkTest(?:Skipped|Incomplete)\s*\(")),
        Language::Swift => Some(pattern!(r"\bthrow\s+XCTSkip\b")),
        Language::Rust | Language::Java | Language::Kotlin | Language::Elixir => None,
    }
}

/// Finds the marks of a file. A statement with a condition is none, unless the condition always holds or asks whether
/// it is in CI.
pub(super) fn find(source: &Source, language: Language, cases: &[Case]) -> Vec<Mark> {
    // Tags are in strings, and Go's constraints in comments.
    let view = match language {
        Language::Cpp => &source.text,
        Language::Go => &source.raw,
        _ => &source.code,
    };
    let mut found: Vec<Mark> = fixed_of(language)
        .find_iter(view)
        .map(|found| mark(source, found.range()))
        .collect();
    for statement in statements_of(language)
        .into_iter()
        .flat_map(|words| words.find_iter(&source.code))
        .take(MOST)
    {
        let at = source.after_space(statement.start());
        if is_unconditional(source, language, cases, at) {
            found.push(mark(source, at..statement.end()));
        }
    }
    if language == Language::Python {
        let in_ci = pattern!(r"\bskip(?:if|If)\s*\([^\n]*\bCI\b").find_iter(&source.text);
        found.extend(
            in_ci
                .filter(|found| !source.code[found.range()].trim().is_empty())
                .map(|found| mark(source, found.range())),
        );
    }
    found.sort_by_key(|mark| mark.at);
    found
}

fn mark(source: &Source, range: Range<usize>) -> Mark {
    let at = source.after_space(range.start).min(range.end);
    let line = source.line_start(at)..source.line_end(at);
    let text = source.raw.get(at..range.end).unwrap_or_default();
    let text = text.trim().trim_end_matches(['(', '.', '{', ',']).trim();
    Mark {
        at,
        text: text.to_owned(),
        line: source.raw.get(line).unwrap_or_default().trim().to_owned(),
    }
}

/// Returns whether a statement is reached whenever its test runs.
fn is_unconditional(source: &Source, language: Language, cases: &[Case], at: usize) -> bool {
    let line = &source.code[source.line_start(at)..source.line_end(at)];
    if language == Language::Ruby && pattern!(r"\b(?:if|unless)\b").is_match(line) {
        return false;
    }
    let within = cases.iter().filter(|case| case.body.contains(&at));
    let Some(case) = within.min_by_key(|case| case.body.len()) else {
        // In a hook or at the level of a module: of all tests there, but for a helper's own conditions.
        return !pattern!(r"\bif\b|\?").is_match(&source.code[line_above(source, at)..source.line_end(at)]);
    };
    match condition_of(source, language, case, at) {
        None => true,
        Some(condition) => always_holds(&condition),
    }
}

fn line_above(source: &Source, at: usize) -> usize {
    match source.line_start(at) {
        0 => 0,
        start => source.line_start(start - 1),
    }
}

/// Returns the line that the statement depends on; `None` where it depends on nothing.
pub(super) fn condition_of(source: &Source, language: Language, case: &Case, at: usize) -> Option<String> {
    let body = case.body.start..at;
    if language.has_braces() {
        let mut open = Vec::new();
        for (offset, byte) in source.code[body.clone()].bytes().enumerate() {
            match byte {
                b'{' => open.push(body.start + offset),
                b'}' => drop(open.pop()),
                _ => {}
            }
        }
        let line = &source.code[source.line_start(at).max(body.start)..at];
        let start = match open.last() {
            Some(brace) => source.line_start(*brace),
            None if pattern!(r"\bif\b").is_match(line) => source.line_start(at),
            None => return None,
        };
        return Some(source.text[start..at].to_owned());
    }
    let indent = |from: usize| {
        source.code[from..]
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count()
    };
    let own = indent(source.line_start(at));
    let mut here = source.line_start(at);
    while here > source.line_end(case.body.start.saturating_sub(1)) + 1 {
        here = source.line_start(here - 1);
        let line = &source.code[here..source.line_end(here)];
        if !line.trim().is_empty() && indent(here) < own {
            let is_head = here <= case.name_at.start;
            return (!is_head).then(|| source.text[here..source.line_end(here)].to_owned());
        }
    }
    None
}

/// Returns whether a condition is one in name only, or asks whether nobody watches.
fn always_holds(condition: &str) -> bool {
    pattern!(r"\bif\s*\(?\s*(?:true|True|1|!false)\b|\bCI\b|GITHUB_ACTIONS|is_ci").is_match(condition)
}

/// Finds the first statement of a test that ends it before something is asserted.
pub(super) fn early_return(source: &Source, language: Language, case: &Case, last_assertion: usize) -> Option<usize> {
    for part in case.own(&case.body) {
        let code = source.code.get(part.clone())?;
        for found in pattern!(r"(?m)^[ \t]*(?:if\b[^\n{:]*[{:]?[ \t]*)?return\b[^\n]{0,40}$")
            .find_iter(code)
            .take(MOST)
        {
            let at = source.after_space(part.start + found.start());
            let ends = super::assertion::pattern_of(language).is_match(found.as_str());
            if at < last_assertion && !ends && is_unconditional(source, language, std::slice::from_ref(case), at) {
                return Some(at);
            }
        }
    }
    None
}

/// Returns whether a test catches what its assertions throw, and does nothing about it but print it.
pub(super) fn swallows(language: Language, body: &str) -> bool {
    catches_assertions(body) || catches_all(language, body)
}

/// Returns whether the failures of assertions are caught by their type, and what follows first neither fails nor throws.
fn catches_assertions(body: &str) -> bool {
    let caught = pattern!(
        r"\b(?:catch|except|rescue)\b[^\n{:]*\b(?:Assert\w*(?:Error|Exception|Failed\w*)|Assertion|ExpectationNotMetError)\b[^\n{]*[\s{]*([^\n;}]*)"
    );
    let acts = pattern!(r"\b(?:throw|raise|fail\w*|flunk|assert\w*|expect\w*|return)\b|[Ff]ail\w*\s*\(");
    caught
        .captures_iter(body)
        .any(|found| !acts.is_match(found.get(1).map_or("", |act| act.as_str())))
}

fn catches_all(language: Language, body: &str) -> bool {
    match language {
        Language::Python => pattern!(
            r"\bexcept\b[^\n:]*:\s*(?:pass|\.\.\.)|\bsuppress\s*\(\s*(?:AssertionError|Exception|BaseException)"
        )
        .is_match(body),
        Language::Ruby => pattern!(r"\brescue\b[^\n]*\n\s*(?:nil\s*\n\s*)?end\b|\brescue\s+nil\b").is_match(body),
        Language::Elixir => pattern!(r"\brescue\s+_\w*\s*->\s*:ok").is_match(body),
        _ => pattern!(
            r"\bcatch\s*(?:\([^)]*\)\s*)?\{\s*(?:(?:console\.\w+|System\.\w+\.\w+|Console\.\w+|print\w*|log\w*\.\w+)\s*\([^{}]*\)\s*;?\s*)?\}|\.catch\s*\(\s*\(\s*\w*\s*\)\s*=>\s*\{\s*\}\s*\)|\bcatch_unwind\b"
        )
        .is_match(body),
    }
}
