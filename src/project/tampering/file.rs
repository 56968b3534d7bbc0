//! One side of a changed file, read: its cases with what each asserts, its marks, and what it defines.

use std::collections::BTreeSet;
use std::ops::Range;

use super::assertion::{self, Assertion, Strength};
use super::case;
use super::language::Language;
use super::mark::{self, Mark};
use super::pattern::pattern;
use super::source::Source;
use super::test_case::Case;
use super::words::{self, Word};

/// The most definitions of a file that are looked at.
const MOST_DEFINITIONS: usize = 20_000;

/// A test case with what is in it.
pub(super) struct ReadCase {
    pub(super) case: Case,
    /// What it asserts that its code can fail.
    pub(super) asserts: Vec<Assertion>,
    /// What it asserts that cannot fail.
    pub(super) constants: Vec<Assertion>,
    pub(super) marks: Vec<Mark>,
    pub(super) words: Vec<Word>,
    pub(super) is_empty: bool,
    pub(super) line: usize,
    /// Whether it is a script as a whole.
    pub(super) is_file: bool,
}

/// One side of a changed file.
pub(super) struct ReadFile {
    pub(super) path: String,
    pub(super) language: Language,
    pub(super) source: Source,
    pub(super) cases: Vec<ReadCase>,
    /// The marks that belong to no case: those of groups and of the file.
    pub(super) marks: Vec<Mark>,
    /// The functions and types that it defines outside of its tests.
    pub(super) defined: BTreeSet<String>,
    /// The fields, parameters and options that it has.
    pub(super) members: BTreeSet<String>,
}

impl ReadFile {
    /// Reads a file; `None` where its language is not known.
    pub(super) fn new(path: &str, text: &str) -> Option<Self> {
        let language = Language::of(path)?;
        let source = Source::new(text, language);
        let has_tests = language.has_tests(path, text);
        let mut cases = if has_tests {
            case::find(&source, language)
        } else {
            Vec::new()
        };
        let is_script =
            has_tests && cases.is_empty() && !matches!(language, Language::Rust | Language::Java | Language::Kotlin);
        let is_script = is_script && assertion::pattern_of(language).is_match(&source.code) && is_run(language, path);
        if is_script {
            cases.push(case::of_file(&source));
        }
        let marks = if has_tests || path.ends_with("conftest.py") {
            mark::find(&source, language, &cases)
        } else {
            Vec::new()
        };
        let helpers = helpers(&source, language, &cases);
        let defined = defined(&source, &cases);
        let (of_cases, rest) = shared(marks, &cases);
        let read = cases.into_iter().zip(of_cases);
        let cases = read.map(|(case, marks)| ReadCase {
            marks,
            is_file: is_script,
            ..read_case(&source, language, case, &helpers)
        });
        Some(Self {
            cases: cases.collect(),
            path: path.to_owned(),
            language,
            marks: rest,
            defined,
            members: members(&source),
            source,
        })
    }

    /// Returns where functions and types are defined outside of its cases, by name, in order.
    pub(super) fn definitions(&self) -> Vec<(String, Range<usize>)> {
        let is_outside = |at: &Range<usize>| self.outside_of_cases(at).first() == Some(at);
        let all = definitions(&self.source).take(MOST_DEFINITIONS);
        all.filter(|(_, at)| is_outside(at)).collect()
    }

    /// Returns the parts of a range that belong to no case.
    pub(super) fn outside_of_cases(&self, range: &Range<usize>) -> Vec<Range<usize>> {
        let (mut parts, mut from) = (Vec::new(), range.start);
        let first = self.cases.partition_point(|read| read.case.region.start < range.start);
        // The one before may reach into the range.
        for read in &self.cases[first.saturating_sub(1)..] {
            let region = &read.case.region;
            if region.start >= range.end {
                break;
            }
            if region.start > from {
                parts.push(from..region.start);
            }
            from = from.max(region.end);
        }
        if from < range.end {
            parts.push(from..range.end);
        }
        parts
    }
}

/// The fields, parameters with a name and options that a file has, where they are written in the usual ways.
fn members(source: &Source) -> BTreeSet<String> {
    let fields = pattern!(
        r"(?:self|this)\.(\w+)\s*=[^=]|@(\w+)\s*=[^=]|(?m)^[ \t]*(?:(?:pub(?:\([^)]*\))?|public|private|protected|readonly|static|final)\s+)*(\w+)\??\s*:\s*[\w<\[(&]|[(,]\s*(\w+)\s*=[^=>]"
    );
    let fields = fields
        .captures_iter(&source.code)
        .filter_map(|found| (1..=4).find_map(|group| found.get(group)));
    let options = pattern!(r"--[a-z][\w-]+").find_iter(&source.text);
    let all = fields
        .map(|name| name.as_str())
        .chain(options.map(|option| option.as_str()));
    all.filter(|name| name.len() > 3).map(str::to_owned).collect()
}

/// Returns whether a file with assertions and without cases is run as a test: a script of JavaScript by its name.
fn is_run(language: Language, path: &str) -> bool {
    language == Language::JavaScript
        && pattern!(r"[.\-_](?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)test-[^/]*$|(?:^|/)test\.[cm]?js$").is_match(path)
}

/// Gives each mark to the innermost case that it stands in; the others are returned beside them.
fn shared(marks: Vec<Mark>, cases: &[Case]) -> (Vec<Vec<Mark>>, Vec<Mark>) {
    let (mut of_cases, mut rest) = (vec![Vec::new(); cases.len()], Vec::new());
    for mark in marks {
        // Cases are in order, and an inner one begins behind its outer one.
        let before = cases.partition_point(|case| case.region.start <= mark.at);
        let within = (0..before)
            .rev()
            .take(200)
            .find(|index| cases[*index].region.contains(&mark.at));
        match within {
            Some(index) => of_cases[index].push(mark),
            None => rest.push(mark),
        }
    }
    (of_cases, rest)
}

/// Reads a case, but for its marks.
fn read_case(source: &Source, language: Language, case: Case, helpers: &BTreeSet<String>) -> ReadCase {
    // What a test asserts has no word of its name, though both are in one line.
    let parts: Vec<Range<usize>> = case
        .own(&case.region)
        .into_iter()
        .flat_map(|part| {
            let at = case.body.start.clamp(part.start, part.end);
            [part.start..at, at..part.end]
        })
        .collect();
    let found = assertion::find(source, language, &parts, &case.name_at, helpers);
    let (constants, asserts) = found.into_iter().partition(|one| one.strength == Strength::Constant);
    let body = case.body_of(&source.code);
    ReadCase {
        line: source.line(case.name_at.start.max(case.region.start)),
        words: words::of(&case.body_of(&source.text)),
        is_empty: is_empty(&body, language) && case.nested.is_empty(),
        asserts,
        constants,
        marks: Vec::new(),
        case,
        is_file: false,
    }
}

fn is_empty(body: &str, language: Language) -> bool {
    let body = body.trim().trim_matches(';').trim();
    match language {
        Language::Python => body.lines().all(|line| {
            let line = line.trim();
            matches!(line, "" | "pass" | "..." | "return" | "return None") || line.starts_with('"')
        }),
        _ => matches!(
            body,
            "" | "return" | "()" | "null" | "nil" | "Ok(())" | "{}" | "undefined"
        ),
    }
}

/// Returns where functions and types are defined, by name.
fn definitions(source: &Source) -> impl Iterator<Item = (String, Range<usize>)> {
    let found = pattern!(
        r"\b(?:fn|def|defp|defmacro|func|fun|function\*?|class|struct|enum|trait|interface|module|defmodule|type|record|object)\s+(?:\([^)\n]*\)\s*)?(?:self\.)?(?:\w+[.:]+)*([A-Za-z_]\w*)|\b(?:const|let|var|exports\.|module\.exports\.)\s*(\w+)\s*=\s*(?:async\s*)?(?:function\b|\([^()\n]*\)\s*(?::[^=\n]+)?=>|\w+\s*=>)|\b([A-Za-z_]\w*)\s*\([^;{}()]*\)\s*(?:const\s*|throws\s+[\w.,\s]+|noexcept\s*|:\s*\w+\s*)?\{"
    )
    .captures_iter(&source.code);
    found.filter_map(|found| {
        let name = (1..=3).find_map(|group| found.get(group))?;
        let is_word = matches!(
            name.as_str(),
            "if" | "for" | "while" | "switch" | "catch" | "match" | "function" | "with" | "func"
        );
        (!is_word).then(|| (name.as_str().to_owned(), name.range()))
    })
}

/// Returns the functions of a file that assert something: a test that calls one asserts, too.
fn helpers(source: &Source, language: Language, cases: &[Case]) -> BTreeSet<String> {
    let heads: BTreeSet<usize> = cases
        .iter()
        .flat_map(|case| [case.region.start, case.name_at.start])
        .collect();
    let all: Vec<_> = definitions(source).take(MOST_DEFINITIONS).collect();
    let asserts = assertion::pattern_of(language);
    let mut helpers = BTreeSet::new();
    for (index, (name, at)) in all.iter().enumerate() {
        // A type ends where its first function begins, and what a function asserts is in its body alone.
        let next = all.get(index + 1).map_or(source.code.len(), |(_, next)| next.start);
        let end = match function_end(source, language, at) {
            Some(end) if is_function(source, at.start) => end,
            Some(end) => end.min(next),
            None => continue,
        };
        let body = source.code.get(at.end..end);
        if !heads.contains(&at.start) && body.is_some_and(|body| asserts.is_match(body)) {
            helpers.insert(name.clone());
        }
    }
    helpers
}

/// Returns whether what is defined at an offset is a function, and no type or module.
fn is_function(source: &Source, at: usize) -> bool {
    let before = &source.code[source.line_start(at)..at];
    !pattern!(r"\b(?:class|struct|enum|trait|interface|module|defmodule|type|record|object)\s+(?:\w+[.:]+)*$")
        .is_match(before)
}

/// Returns where a definition ends whose name is at a place: with its braces, or where its indentation does.
fn function_end(source: &Source, language: Language, at: &Range<usize>) -> Option<usize> {
    let code = source.code.as_bytes();
    if language.has_braces() {
        let mut here = at.end;
        while here < code.len() {
            match code[here] {
                b'{' => return source.closing(here),
                b'(' | b'[' => here = source.closing(here)?,
                // Without braces it is an expression, in one line or so.
                b'=' if matches!(language, Language::Kotlin | Language::CSharp | Language::JavaScript) => {
                    let brace = source.code[here..source.line_end(here)].find('{');
                    let Some(brace) = brace else {
                        return Some(source.line_end(here));
                    };
                    return source.closing(here + brace);
                }
                b';' | b'}' => return None,
                _ => {}
            }
            here += 1;
        }
        return None;
    }
    let indent = |from: usize| {
        source.code[from..]
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count()
    };
    let own = indent(source.line_start(at.start));
    let mut here = source.line_end(at.start) + 1;
    while here < code.len() {
        let line = source.code[here..source.line_end(here)].trim();
        if !line.is_empty() && indent(here) <= own && !line.starts_with(')') {
            return Some(here);
        }
        here = source.line_end(here) + 1;
    }
    Some(code.len())
}

fn defined(source: &Source, cases: &[Case]) -> BTreeSet<String> {
    let names: BTreeSet<usize> = cases.iter().map(|case| case.name_at.start).collect();
    let outside = definitions(source).filter(|(_, at)| {
        let before = cases.partition_point(|case| case.region.start <= at.start);
        let is_within = before > 0 && cases[before - 1].region.contains(&at.start);
        !is_within && !names.contains(&at.start)
    });
    outside.map(|(name, _)| name).filter(|name| name.len() > 2).collect()
}
