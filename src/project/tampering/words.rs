//! The words of a text: names, numbers and strings, without what every text of a language has.

use std::collections::{BTreeMap, BTreeSet};

use super::pattern::pattern;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Word {
    Name(String),
    /// A number or what a string contains.
    Literal(String),
}

impl Word {
    /// Returns the word as it is written.
    pub(super) fn text(&self) -> &str {
        let (Self::Name(text) | Self::Literal(text)) = self;
        text
    }
}

/// Words that say nothing about what is tested.
const COMMON: [&str; 62] = [
    "and", "as", "async", "await", "auto", "bool", "const", "def", "do", "done", "else", "end", "err", "error",
    "final", "fn", "for", "fun", "func", "function", "if", "in", "int", "is", "it", "let", "map", "match", "mut",
    "new", "not", "null", "None", "nil", "of", "or", "public", "pub", "require", "return", "self", "static", "string",
    "test", "then", "this", "throws", "to", "true", "True", "try", "use", "val", "var", "void", "want", "got", "while",
    "with", "false", "False", "import",
];

/// Returns whether a name belongs to the words in which things are asserted.
pub(super) fn is_assertion_word(name: &str) -> bool {
    pattern!(
        r"^(?:(?:debug_)?assert\w*|Assert\w*|ASSERT\w*|expect\w*|EXPECT\w*|CHECK\w*|REQUIRE\w*|XCT\w+|SUCCEED|Pass|refute\w*|should\w*|Should\w*|must\w*|wont\w*|to[A-Z]\w*|be|be_\w+|have|eq|eql|ok|equal\w*|Equal\w*|Are[A-Z]\w*|Is\w*|That|strictEqual|deepEqual|deepStrictEqual|Errorf?|Fatalf?|t|raises|resolves|rejects|expectNotToPerformAssertions|addToAssertionCount|Boolean|exist|prop_assert\w*)$"
    )
    .is_match(name)
}

/// Returns whether a text names nothing but constants and the words in which things are asserted.
pub(super) fn are_constant(text: &str) -> bool {
    // A matcher of one's own looks at more than its argument, and a variable may have the name of one.
    if pattern!(
        r"\.(?:not\.)?toHave(?:Been|Warn|Error|Log)\w*\(|\b(?:expect|assert|must|should)[A-Z_]\w*\s*[,;)]|\bt\s*\("
    )
    .is_match(text)
    {
        return false;
    }
    let found = pattern!(r#""[^"\n]*"|'[^'\n]*'|`[^`\n]*`|([A-Za-z_]\w*[?!]?)"#).captures_iter(text);
    let mut names = found
        .filter_map(|found| found.get(1))
        .map(|name| name.as_str().trim_end_matches(['?', '!']));
    names.all(|name| {
        is_assertion_word(name)
            || matches!(
                name,
                "true"
                    | "false"
                    | "True"
                    | "False"
                    | "null"
                    | "nil"
                    | "None"
                    | "is"
                    | "not"
                    | "self"
                    | "this"
                    | "to"
                    | "await"
            )
    })
}

/// Returns the words of a text, in order.
pub(super) fn of(text: &str) -> Vec<Word> {
    let found = pattern!(r#""([^"\n]*)"|'([^'\n]*)'|`([^`\n]*)`|([A-Za-z_]\w*[?!]?)|(\d[\w.]*)|::|:([a-z_]\w*)"#)
        .captures_iter(text);
    let word = |found: regex::Captures<'_>| {
        if let Some(name) = found.get(4) {
            let name = name.as_str().trim_end_matches(['?', '!']);
            return (!COMMON.contains(&name)).then(|| Word::Name(name.to_owned()));
        }
        if let Some(number) = found.get(5) {
            return Some(Word::Literal(number_of(number.as_str())));
        }
        let text = [1, 2, 3, 6].into_iter().find_map(|group| found.get(group))?;
        Some(Word::Literal(text.as_str().to_owned()))
    };
    found.filter_map(word).collect()
}

/// Returns a number without what marks its type: `1_000`, `119m` and `1u` are 1000, 119 and 1.
fn number_of(text: &str) -> String {
    let plain: String = text.chars().filter(|letter| *letter != '_').collect();
    if plain.starts_with("0x") {
        return plain;
    }
    let digits = plain.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '.');
    digits.split(['u', 'i', 'f']).next().unwrap_or_default().to_owned()
}

/// Returns the words within a string: a row of a table may be one.
fn within(text: &str) -> impl Iterator<Item = Word> {
    let parts = text
        .split([',', ';', '|', '\t'])
        .map(|part| part.trim().trim_matches(['\'', '"']));
    parts.map(|part| Word::Literal(part.to_owned()))
}

/// Returns the words of a text, and those within its strings.
pub(super) fn of_tables(text: &str) -> Vec<Word> {
    let mut all = of(text);
    let strings: Vec<Word> = all
        .iter()
        .flat_map(|word| match word {
            Word::Literal(text) => within(text).collect(),
            Word::Name(_) => Vec::new(),
        })
        .collect();
    all.extend(strings);
    all
}

/// Returns how much two texts have in common, from 0 to 1.
pub(super) fn likeness(one: &[Word], other: &[Word]) -> f64 {
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    let mut counts: BTreeMap<&Word, usize> = BTreeMap::new();
    for word in one {
        *counts.entry(word).or_default() += 1;
    }
    let mut common = 0_u32;
    for word in other {
        if let Some(count @ 1..) = counts.get_mut(word) {
            *count -= 1;
            common += 1;
        }
    }
    let both = u32::try_from(one.len() + other.len()).unwrap_or(u32::MAX);
    2.0 * f64::from(common) / f64::from(both)
}

/// Returns whether what was asserted by these words can be asserted by those that are there now: every literal is, and
/// nearly every name. Too few words are no sign.
pub(super) fn are_in(words: &[Word], pool: &BTreeSet<Word>) -> bool {
    are_among(words, |word| pool.contains(word))
}

/// Returns the same of words that are there by `has`.
pub(super) fn are_among(words: &[Word], has: impl Fn(&Word) -> bool) -> bool {
    let own: BTreeSet<&Word> = words
        .iter()
        .filter(|word| !matches!(word, Word::Name(name) if is_assertion_word(name)))
        .collect();
    let is_there = |word: &&&Word| has(word);
    let (literals, names): (Vec<_>, Vec<_>) = own.iter().partition(|word| matches!(word, Word::Literal(_)));
    let there = names.iter().filter(is_there).count();
    own.len() >= 2 && literals.iter().all(|word| is_there(&word)) && there * 5 >= names.len() * 4
}

/// Returns whether every name of what was asserted is there now, whatever the values.
pub(super) fn names_are_in(words: &[Word], pool: &BTreeSet<Word>) -> bool {
    let mut names = words
        .iter()
        .filter(|word| matches!(word, Word::Name(name) if !is_assertion_word(name)))
        .peekable();
    names.peek().is_some() && names.all(|name| pool.contains(name))
}

/// Words that say how something is read, and not what.
const READING: [&str; 16] = [
    "to", "string", "contains", "get", "is", "has", "message", "text", "value", "first", "last", "at", "item", "items",
    "body", "data",
];

/// Returns whether what was asserted and what is asserted now name a part of a word in common, however it is spelled: `Empty`
/// and `"is empty"`, `LineTooLong` and `line_too_long`.
pub(super) fn share_parts(one: &[Word], other: &BTreeSet<&Word>) -> bool {
    let own: BTreeSet<String> = one
        .iter()
        .filter(|word| !is_of_asserting(word))
        .flat_map(parts)
        .collect();
    let there: BTreeSet<String> = other
        .iter()
        .filter(|word| !is_of_asserting(word))
        .flat_map(|word| parts(word))
        .collect();
    own.intersection(&there).any(|part| !READING.contains(&part.as_str()))
}

/// Returns how much two names have in common, from 0 to 1, however they are spelled.
pub(super) fn likeness_of_names(one: &str, other: &str) -> f64 {
    let words = |name: &str| {
        let parts = parts(&Word::Name(name.to_owned())).into_iter();
        parts.filter(|part| part != "test").map(Word::Name).collect::<Vec<_>>()
    };
    likeness(&words(one), &words(other))
}

fn is_of_asserting(word: &Word) -> bool {
    matches!(word, Word::Name(name) if is_assertion_word(name))
}

/// Returns the parts of a name or of a text, in small letters.
fn parts(word: &Word) -> Vec<String> {
    let found = pattern!(r"[A-Z]?[a-z]+|[A-Z]+|\d+").find_iter(word.text());
    found.map(|part| part.as_str().to_lowercase()).collect()
}
