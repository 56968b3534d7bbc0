//! What an assertion is in a text, and how much one says.

use std::collections::BTreeSet;
use std::ops::Range;

use regex::Regex;

use super::language::Language;
use super::pattern::pattern;
use super::source::Source;
use super::words::{self, Word};

/// The longest assertion that is read, in bytes.
const LONGEST: usize = 4000;

/// How much an assertion says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// It holds whatever the code does.
    Constant,
    /// Only that something is there.
    Existence,
    /// Something about a value.
    Value,
    /// What a value is.
    Equality,
}

/// One assertion.
#[derive(Clone, Debug)]
pub(super) struct Assertion {
    /// Its text without spaces.
    pub(super) text: String,
    pub(super) words: Vec<Word>,
    pub(super) strength: Strength,
    pub(super) at: usize,
}

/// Finds the assertions in parts of a text; `helpers` are names of functions that assert.
pub(super) fn find(
    source: &Source,
    language: Language,
    parts: &[Range<usize>],
    except: &Range<usize>,
    helpers: &BTreeSet<String>,
) -> Vec<Assertion> {
    let mut found: Vec<Assertion> = Vec::new();
    for part in parts {
        let Some(code) = source.code.get(part.clone()) else {
            continue;
        };
        let own = pattern_of(language).find_iter(code).map(|found| found.range());
        let calls = pattern!(r"\b([A-Za-z_]\w*)[?!]?\s*[(\[{]").captures_iter(code);
        let of_helpers = calls.filter_map(|call| {
            let name = call.get(1)?;
            let is_helper = helpers.contains(name.as_str()) || is_helper_name(name.as_str());
            is_helper.then(|| name.range())
        });
        let mut places: Vec<usize> = own.chain(of_helpers).map(|range| part.start + range.start).collect();
        places.sort_unstable();
        let mut end = 0;
        for place in places.into_iter().filter(|place| !except.contains(place)) {
            if place < end {
                continue;
            }
            let span = statement(source, place, part, language);
            end = span.end;
            found.push(of_span(source, place, &span));
        }
    }
    found
}

/// Returns whether a function of this name checks something, wherever it is defined.
fn is_helper_name(name: &str) -> bool {
    pattern!(r"^_*(?:[cC]heck|[aA]ssert|[eE]xpect|[vV]erify|[eE]nsure|[sS]hould|must|[vV]alidate|[cC]ompare|same)(?:_|[A-Z]|$)").is_match(name)
}

/// Returns what asserts in a language.
pub(super) fn pattern_of(language: Language) -> &'static Regex {
    match language {
        Language::Rust => pattern!(r"\b(?:\w*assert\w*|panic|unreachable)!|\bexpect_that!|\.assert\w*\("),
        Language::JavaScript => pattern!(
            r"\bexpect\w*\s*(?:<[^>()]*>\s*)?[(.]|\bassert\w*\s*[(.]|\.should\b|\b(?:t|tap)\.(?:is|not|true|false|truthy|falsy|deepEqual|equal|ok|notOk|same|throws\w*|rejects|regex|like|snapshot|pass|fail|match)\s*\("
        ),
        Language::Python => pattern!(
            r"(?m)(?:^|;|:)[ \t]*assert\b|\bself\.(?:assert\w+|fail\w*)\s*\(|\bpytest\.(?:raises|warns|fail|deprecated_call)\b|\bassert_\w+\s*\(|\.should\b|\bexpect\s*\("
        ),
        Language::Go => pattern!(
            r"\b\w+\.(?:Errorf?|Fatalf?|Fail|FailNow)\s*\(|\b(?:assert|require|qt)\.[A-Z]\w*\s*\(|\bis\.(?:Equal|True|False|NoErr|Nil|NotNil)\w*\s*\(|\b[cg]\.(?:Assert|Check|Expect|Eventually|Consistently)\w*\s*\(|\bExpect\s*\("
        ),
        Language::Java | Language::Kotlin => pattern!(
            r"\b(?:assert|Assert|expect|verify|should|check)\w*\s*[.(<{]|\bfail\s*\(|\bexpected\s*=|\bshould\w+\b|\.(?:should|expect|andExpect|isEqualTo)\w*\s*\("
        ),
        Language::Cpp => pattern!(
            r"\b(?:EXPECT|ASSERT|CHECK|REQUIRE|STATIC_REQUIRE|BOOST_(?:CHECK|REQUIRE|TEST)|FAIL|ADD_FAILURE|SUCCEED)\w*\s*\(|\bassert\s*\("
        ),
        Language::CSharp => pattern!(r"\bAssert\.\w+|\.Should\w*\(|\bVerify\w*\(|\.Verify\w*\(|\bExpected\w*\("),
        Language::Ruby => pattern!(
            r"\bexpect\w*\b|\bassert\w*\b|\brefute\w*\b|\.should(?:_not)?\b|\.(?:must|wont)_\w+|\bis_expected\b|\bflunk\b"
        ),
        Language::Php => pattern!(r"\b(?:assert|expect)\w*\s*\(|->throws\s*\(|->fail\s*\(|->should\w*\s*\("),
        Language::Elixir => pattern!(r"\bassert\w*\b|\brefute\w*\b|\bflunk\b|\bcheck\s+all\b"),
        Language::Swift => {
            pattern!(r"\bXCT(?:Assert|Fail|Unwrap)\w*\b|#expect\b|#require\b|\bIssue\.record\b|\bexpect\s*\(")
        }
    }
}

/// Returns the statement around a place: its line, and on to where its brackets close.
fn statement(source: &Source, place: usize, part: &Range<usize>, language: Language) -> Range<usize> {
    let code = source.code.as_bytes();
    let line = source.line_start(place).max(part.start);
    let before = code[line..place]
        .iter()
        .rposition(|byte| matches!(byte, b';' | b'{' | b'}'));
    let mut start = before.map_or(line, |offset| line + offset + 1);
    if language == Language::Go {
        start = condition(source, place, start).max(part.start);
    }
    let mut here = place;
    let end = part.end.min(place.saturating_add(LONGEST)).min(code.len());
    while here < end {
        match code[here] {
            b'(' | b'[' | b'{' => here = source.closing(here).unwrap_or(end).min(end),
            b')' | b']' | b'}' | b';' => break,
            b'\n' if !goes_on(source, here) && !is_open(source, line, here) => break,
            _ => {}
        }
        here += 1;
    }
    let mut end = here.min(end);
    while !source.raw.is_char_boundary(end) {
        end -= 1;
    }
    start..end
}

/// Returns whether a line ends with what needs something behind it.
fn is_open(source: &Source, start: usize, line_end: usize) -> bool {
    let start = source.line_start(line_end).max(start);
    let line = source.code[start..line_end].trim_end();
    [" =", "==", "=>", "&&", "||", " and", " or", "|>", "<>", "+", ","]
        .iter()
        .any(|end| line.ends_with(end))
}

/// Returns whether a statement goes on in the next line.
fn goes_on(source: &Source, line_end: usize) -> bool {
    let next = source.after_space(line_end);
    let rest = &source.code[next..];
    [".", "->", "?.", "|>", "&&", "||", "==", "and ", "or "]
        .iter()
        .any(|begin| rest.starts_with(begin))
}

/// Returns where the condition begins under which Go reports an error: in the line above.
fn condition(source: &Source, place: usize, start: usize) -> usize {
    let line = source.line_start(place);
    if line == 0 {
        return start;
    }
    let above = source.line_start(line - 1);
    let text = source.code[above..line].trim();
    let is_alone = source.code[line..place].trim().is_empty();
    if is_alone && text.ends_with('{') && (text.starts_with("if ") || text.starts_with("} else if ")) {
        return above;
    }
    start
}

fn of_span(source: &Source, at: usize, span: &Range<usize>) -> Assertion {
    let whole = &source.text[span.clone()];
    let text: String = whole.chars().filter(|letter| !letter.is_whitespace()).collect();
    // What Go reports says nothing that its condition does not.
    let condition = whole
        .split_once('{')
        .map(|(condition, _)| condition.trim())
        .filter(|text| text.starts_with("if "));
    let words = words::of(condition.unwrap_or(whole));
    Assertion {
        strength: strength(&text, whole),
        text,
        words,
        at,
    }
}

fn strength(text: &str, whole: &str) -> Strength {
    if is_constant(text, whole) {
        return Strength::Constant;
    }
    let exists = pattern!(
        r"toBeDefined|toBeTruthy|toBeUndefined|not\.toBeNull|assertNotNull|assertIsNotNone|IsNotNull|Assert\.NotNull|NotBeNull|Is\.Not\.Null|isNotNull\(|NotNil\(|assert_not_nil|refute_nil|is_some\(\)|is_ok\(\)|XCTAssertNotNil|isnotNone|!==?null|!=nil\b|toBeGreaterThan\(0|>=0\b|be_truthy|\.toexist|to\.exist|to\.be\.ok|assert_kind_of|toBeInstanceOf|assertInstanceOf|assertIsInstance|isinstance\(|be_present|anything\(\)|not_toraise|nottoraise|not\.toThrow|[dD]oesNotThrow|NotThrow|assert_nothing_raised|XCTAssertNoThrow|_NO_THROW"
    );
    if exists.is_match(text) {
        return Strength::Existence;
    }
    let equals = pattern!(
        r"={2,3}|assert_eq|assert_matches|\.toBe\(|toEqual|toStrictEqual|toMatch|toHave|_THAT|[mM]atchObject|toContain|toThrow|[eE]qual|Same|\.eq\(|toeq\b|tomatch\b|tomatch_array|tocontain_exactly|toinclude|\beq\(|\.to\.eq|isEqualTo|contains|EXPECT_EQ|ASSERT_EQ|_EQ\(|shouldBe|must_equal|raises|Throws|assert_raise|!=|=~|\bin\b|\{:|\{.*\}=|Equals|deepEqual|assert_(?:called|any_call|has_calls|all|array|frame|series|awaited)\w*|[cC]loseTo|toHaveBeen"
    );
    if equals.is_match(text) {
        return Strength::Equality;
    }
    // A truth without a comparison: of a value that is there, mostly.
    let is_bare = pattern!(
        r"^\s*(?:assert\s+\S|(?:self\.|\$this->|self::|assert\.|Assert\.|debug_)?(?:assert|assert!|ok|assertTrue|IsTrue|True|XCTAssert|XCTAssertTrue|EXPECT_TRUE|ASSERT_TRUE|CHECK|REQUIRE)\s*\()"
    );
    let compares = pattern!(r"[<>]|\bis_\w+\(|\w+\(\)");
    if is_bare.is_match(whole) && !compares.is_match(text) {
        Strength::Existence
    } else {
        Strength::Value
    }
}

/// Returns whether an assertion holds whatever the code does: it has nothing but constants, or compares a value with
/// itself.
fn is_constant(text: &str, whole: &str) -> bool {
    if pattern!(r"(?:\b|[._])(?:fail|Fail|flunk|panic|unreachable|FAIL|Fatal|Error|record)|raises|[tT]hrows|XCTFail")
        .is_match(text)
    {
        return false;
    }
    let has_value = text.contains('(') || text.to_lowercase().contains("true") || text.contains("==");
    if has_value && words::are_constant(whole) {
        return true;
    }
    compares_with_itself(text)
}

fn compares_with_itself(text: &str) -> bool {
    let chained =
        pattern!(r"^(?:await)?expect\(([^()]+)\)\.(?:to\.)?(?:toBe|toEqual|toStrictEqual|equal|eql|eq)\(([^()]+)\)$");
    if let Some(found) = chained.captures(text) {
        return found[1] == found[2];
    }
    let called = pattern!(r"(?:assert_eq!|[eE]quals?|Same|_EQ|assert_equal)\(?([^(),]+),([^(),]+)[,)]?");
    if let Some(found) = called.captures(text) {
        return found[1] == found[2];
    }
    let bare = pattern!(r"^assert!?\(?([^=!<>(),]+)={2,3}([^=!<>(),]+)\)?$");
    bare.captures(text).is_some_and(|found| found[1] == found[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, raw: &str, expect: &[(&str, Strength)]) {
        let source = Source::new(raw, language);
        let found = find(
            &source,
            language,
            std::slice::from_ref(&(0..raw.len())),
            &(0..0),
            &BTreeSet::new(),
        );
        let found: Vec<_> = found.iter().map(|one| (one.text.as_str(), one.strength)).collect();
        assert_eq!(found, expect, "{raw}");
    }

    #[test]
    fn assertions_are_found_with_what_they_say() {
        use Strength::{Constant, Equality, Existence, Value};
        check(
            Language::Rust,
            "assert!(true); a(); assert_eq!(a(\n 1), 2);",
            &[("assert!(true)", Constant), ("assert_eq!(a(1),2)", Equality)],
        );
        check(
            Language::Rust,
            "assert!(a.is_empty())",
            &[("assert!(a.is_empty())", Value)],
        );
        check(
            Language::JavaScript,
            "expect(a)\n  .toBe(1)\nexpect(a).toBeDefined()\nexpect(1).toBe(1)",
            &[
                ("expect(a).toBe(1)", Equality),
                ("expect(a).toBeDefined()", Existence),
                ("expect(1).toBe(1)", Constant),
            ],
        );
        check(
            Language::Python,
            "assert a == 1\nself.assertTrue(True)\nassert a == a\n",
            &[
                ("asserta==1", Equality),
                ("self.assertTrue(True)", Constant),
                ("asserta==a", Constant),
            ],
        );
        check(
            Language::Go,
            "if a != 1 {\n\tt.Fatal(\"b\")\n}\nt.Logf(\"c\")\n",
            &[("ifa!=1{t.Fatal(\"b\")", Equality)],
        );
        check(
            Language::Java,
            "assertEquals(b, b); fail();",
            &[("assertEquals(b,b)", Constant), ("fail()", Value)],
        );
        check(
            Language::Elixir,
            "assert A.b(1)\nassert {:ok, a} = b()\n",
            &[("assertA.b(1)", Existence), ("assert{:ok,a}=b()", Equality)],
        );
        check(
            Language::Cpp,
            "SUCCEED(); CHECK(a == 1);",
            &[("SUCCEED()", Constant), ("CHECK(a==1)", Equality)],
        );
        check(
            Language::Kotlin,
            "a.b shouldBe true\n",
            &[("a.bshouldBetrue", Equality)],
        );
    }
}
